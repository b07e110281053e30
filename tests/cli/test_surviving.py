"""What outlives `up`: services, their output, what was wished of them; and what does not."""

import json
import os
import signal
import subprocess
import sys

import pytest

from dumb_actors.process import procfs
from tests.cli.program import MARK, end_pid, find_marked, service
from tests.faults.world import wait_for_end

COUNTING = "echo up; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"


def pids_of(shell):
    return {one["process_name"]: one["pid"] for one in shell.run("status", "--json").json["services"]}


def keeper_of(shell):
    return json.loads((shell.root / "run/keeper.json").read_text())["pid"]


def kill(up):
    up.process.kill()
    up.wait()


@pytest.fixture
def everything_ends(shell):
    """Services outlive their supervisor here: the last one of a test ends them."""
    yield
    for pid, _ in find_marked(shell.mark):
        end_pid(pid)
    if (shell.root / "run/keeper.json").exists():
        assert wait_for_end(keeper_of(shell))


pytestmark = pytest.mark.usefixtures("everything_ends")


def test_killed_and_taken_over(shell):
    up = shell.up({"a": service("a", COUNTING), "b": service("b", depends_on=["a"])})
    up.read_until("b +ready")
    before = pids_of(shell)
    kill(up)
    assert {pid for pid, _ in find_marked(shell.mark)} >= set(before.values())

    again = shell.up()
    assert again.read_until("took over 2 services that an earlier supervisor left running: a, b")
    assert pids_of(shell) == before
    status = {one["process_name"]: one for one in shell.run("status", "--json").json["services"]}
    assert [status[name]["phase"] for name in ("a", "b")] == ["ready", "ready"]
    assert [status[name]["generation"] for name in ("a", "b")] == [1, 1]

    # An exit is noticed at once, and healed.
    os.kill(before["b"], signal.SIGKILL)
    again.read_until("b +backoff")
    again.read_until("b +ready")
    ended = shell.run("down")
    assert ended.code == 0
    assert again.wait().code == 0
    assert find_marked(shell.mark) == []
    lines = (shell.root / "log/a.log").read_text().splitlines()
    assert lines == ["up", *(f"line {n}" for n in range(1, len(lines)))]


def test_keep_leaves_them_to_the_next(shell):
    up = shell.up({"a": service("a", COUNTING)})
    up.read_until("a +ready")
    before = pids_of(shell)
    ended = shell.run("down", "--keep")
    assert (ended.code, ended.out) == (0, "the supervisor has ended, its services go on\n")
    told = up.wait()
    assert told.code == 0
    assert "1 services go on without a supervisor" in told.out
    shell.up().read_until("took over 1 services")
    assert pids_of(shell) == before
    assert shell.run("down").code == 0
    assert find_marked(shell.mark) == []


def test_keep_is_meant_whatever_orphans_says(shell):
    up = shell.up({"dumb": {"orphans": "stop"}, "a": service("a")})
    up.read_until("a +ready")
    before = pids_of(shell)
    assert shell.run("down", "--keep").code == 0
    up.wait()
    again = shell.up()
    again.read_until("took over 1 services")
    assert pids_of(shell) == before
    kill(again)
    assert wait_for_end(before["a"])


def test_wishes_survive(shell):
    config = {
        "a": service("a"),
        "b": service("b"),
        "off": service("off", enabled=False),
        "edited": service("edited", enabled=False),
    }
    up = shell.up(config)
    up.read_until("b +ready")
    assert shell.run("stop", "a").code == 0
    assert shell.run("start", "off", "edited").code == 0
    kill(up)
    for pid, _ in find_marked(shell.mark):
        end_pid(pid)  # as a reboot would

    # A later edit of `enabled` counts more than a wish.
    config["edited"]["enabled"] = True
    config["a"]["enabled"] = True
    again = shell.up(config)
    again.read_until("off +ready")
    again.read_until("b +ready")
    status = {one["process_name"]: one["phase"] for one in shell.run("status", "--json").json["services"]}
    assert status["a"] == "stopped"
    assert status["off"] == "ready"
    # Also over an orderly end.
    assert shell.run("down").code == 0
    again.wait()
    third = shell.up()
    third.read_until("off +ready")
    status = {one["process_name"]: one["phase"] for one in shell.run("status", "--json").json["services"]}
    assert status["a"] == "stopped"


def test_what_left_the_configuration_is_stopped_as_it_was_configured(shell):
    script = "trap 'echo told; exit 0' USR1; echo up; while :; do sleep 0.05; done"
    up = shell.up({"a": service("a"), "gone": service("gone", script, stop=[{"signal": "SIGUSR1", "wait": 20}])})
    up.read_until("gone +ready")
    pid = pids_of(shell)["gone"]
    kill(up)
    again = shell.up({"a": service("a")})
    again.read_until("gone.*was left by an earlier supervisor and is stopped")
    assert wait_for_end(pid)
    assert (shell.root / "log/gone.log").read_text().endswith("\ntold\n")


def test_a_changed_service_goes_on_and_says_that_it_needs_a_restart(shell):
    up = shell.up({"a": service("a")})
    up.read_until("a +ready")
    before = pids_of(shell)
    kill(up)
    again = shell.up({"a": service("a", "echo new; echo up; exec sleep 1000")})
    again.read_until("a runs as it was configured before")
    assert pids_of(shell) == before
    assert "needs a restart" in shell.run("status", "a").out
    assert shell.run("restart", "a").code == 0
    assert pids_of(shell) != before
    assert "new" in (shell.root / "log/a.log").read_text()


def test_orphans_stop_ends_every_tree(shell):
    tree = "setsid sleep 1000 & (setsid setsid sleep 1000 &); echo up; exec sleep 1000"
    up = shell.up({"dumb": {"orphans": "stop"}, "a": service("a", tree), "b": service("b", "trap '' TERM; " + tree)})
    up.read_until("a +ready")
    up.read_until("b +ready")
    pids = [pid for pid, _ in find_marked(shell.mark) if pid != up.pid]
    assert len(pids) == 6
    pids.append(keeper_of(shell))
    kill(up)
    assert all(wait_for_end(pid) for pid in pids)
    assert find_marked(shell.mark) == []


def test_the_keeper_is_replaced_and_nothing_is_lost(shell):
    up = shell.up({"a": service("a", COUNTING)})
    up.read_until("a +ready")
    first = keeper_of(shell)
    os.kill(first, signal.SIGKILL)
    up.read_until("keeper.ended")
    assert shell.run("stop", "a").code == 0
    lines = (shell.root / "log/a.log").read_text().splitlines()
    assert lines == ["up", *(f"line {n}" for n in range(1, len(lines)))]
    assert keeper_of(shell) != first


def test_a_second_supervisor_is_refused_and_told_who_is_first(shell):
    up = shell.up({"a": service("a")})
    second = shell.run("up", "--bind", "127.0.0.1:0")
    assert second.code == 1
    assert f"pid {up.pid}" in second.err


def test_a_forged_record_has_nobody_signalled(shell):
    """Numbers come round again: a stranger that has the pid of a recorded child is left alone."""
    up = shell.up({"a": service("a")})
    up.read_until("a +ready")
    pid = pids_of(shell)["a"]
    kill(up)
    end_pid(pid)
    stranger = subprocess.Popen(["sleep", "1000"], env={MARK: shell.mark}, start_new_session=True)
    try:
        path = shell.root / "run/services/a.json"
        last = path.read_text().splitlines()[-1]
        forged = json.loads(last) | {"pid": stranger.pid}
        assert forged["start_ticks"] != procfs.read_stat(stranger.pid).start_ticks
        path.write_text(json.dumps(forged) + "\n")
        again = shell.up()
        again.read_until("a +ready")
        assert pids_of(shell)["a"] != stranger.pid
        assert shell.run("down").code == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


# --- SIGHUP -----------------------------------------------------------------------------------------------------------


def test_hangup_reloads(shell):
    up = shell.up({"a": service("a"), "b": service("b")})
    up.read_until("b +ready")
    before = pids_of(shell)
    shell.write_config({"a": service("a"), "c": service("c")})
    up.send(signal.SIGHUP)
    up.read_until(r"the configuration was reloaded: 1 new \(c\), 1 removed \(b\)")
    up.read_until("c +ready")
    after = pids_of(shell)
    assert after["a"] == before["a"]
    assert set(after) >= {"a", "c"}
    assert "b" not in after


def test_hangup_with_a_faulty_file_changes_nothing(shell):
    up = shell.up({"a": service("a")})
    up.read_until("a +ready")
    before = pids_of(shell)
    shell.write_config('{"a": {"process_name": "a", "depends_on": ["nobody"]}')
    up.send(signal.SIGHUP)
    up.read_until("the configuration has faults; everything goes on as it was")
    assert pids_of(shell) == before
    shell.write_config({"a": service("a")})
    up.send(signal.SIGHUP)
    up.read_until("the configuration was reloaded: nothing differs")
    assert pids_of(shell) == before


def test_a_terminal_that_hangs_up_ends_it_in_order(shell):
    """SIGHUP reloads; but when the terminal is gone, which sends it too, everything is stopped."""
    shell.write_config({"a": service("a")})
    master, slave = os.openpty()
    command = ["setsid", "--ctty", sys.executable, "-m", "dumb_actors", "up", "--bind", "127.0.0.1:0"]
    up = subprocess.Popen(command, env=shell.env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    heard = b""
    while b"ready" not in heard or b"listening on" not in heard:
        heard += os.read(master, 4096)
    pids = [pid for pid, _ in find_marked(shell.mark)]
    os.close(master)
    assert all(wait_for_end(pid) for pid in pids)
    up.wait(20)
    assert find_marked(shell.mark) == []
