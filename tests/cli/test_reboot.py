"""The machine was started anew: what is recorded of processes is void, what was wished is not."""

import json
import uuid

import pytest

from dumb_actors.process import procfs
from tests.cli.program import end_pid, find_marked, service


def states(shell):
    return {one["process_name"]: one for one in shell.run("status", "--json").json["services"]}


def replace_boot(path, boot_id):
    """Let a file in ROOT/run say that it is of another boot; return whether it spoke of ours."""
    content = path.read_text()
    path.write_text(content.replace(procfs.boot_id(), boot_id))
    return procfs.boot_id() in content


@pytest.fixture
def strangers(shell):
    """Who lives under a number that the records speak of; each is ended in the end."""
    yield
    for pid, _ in find_marked(shell.mark):
        end_pid(pid)


@pytest.mark.usefixtures("strangers")
def test_after_a_reboot_everything_begins_anew_and_wishes_stay(shell):
    # It notes each signal that it gets, by its pid; under the same pids there may be anybody now.
    note = f"echo $s >> {shell.root}/signals.$$"
    listening = f"for s in TERM HUP INT CONT USR1; do trap '{note}' $s; done; echo up; while :; do sleep 0.05; done"
    quick = {"stop": [{"signal": "SIGTERM", "wait": 0.1}]}
    config = {
        "dumb": {"orphans": "adopt"},
        "a": service("a", listening, **quick),
        "b": service("b", listening, depends_on=["a"], **quick),
        "by_hand": service("by_hand"),
        "off": service("off", enabled=False),
        "setup": {"process_name": "setup", "command": ["sh", "-c", "echo worked"], "oneshot": True},
    }
    up = shell.up(config)
    up.read_until("b +ready")
    up.read_until("setup +completed")
    assert shell.run("stop", "by_hand").code == 0
    assert shell.run("start", "off").code == 0
    before = states(shell)
    keeper = json.loads((shell.root / "run/keeper.json").read_text())["pid"]
    up.process.kill()
    up.wait()
    end_pid(keeper)
    strangers = {before[name]["pid"] for name in ("a", "b", "off")}

    other = str(uuid.uuid4())
    records = [*(shell.root / "run/services").glob("*.json")]
    assert len(records) == 5
    assert all(replace_boot(path, other) for path in records)
    assert replace_boot(shell.root / "run/keeper.json", other)

    again = shell.up()
    for name in ("a", "b", "off"):
        again.read_until(f"{name} +ready")
    again.read_until("setup +completed")
    told = [*again.out, *again.err]
    assert not [line for line in told if "took over" in line or "left" in line or "has ended" in line]
    after = states(shell)
    for name in ("a", "b", "off"):
        assert after[name]["pid"] not in strangers
        assert (after[name]["phase"], after[name]["generation"]) == ("ready", before[name]["generation"] + 1)
    assert (after["setup"]["phase"], after["setup"]["generation"]) == ("completed", 2)
    assert (shell.root / "log/setup.log").read_text() == "worked\nworked\n"
    assert after["by_hand"]["phase"] == "stopped"
    assert shell.run("down").code == 0
    assert again.wait().code == 0
    assert all(procfs.read_stat(pid) is not None for pid in strangers)
    assert {int(path.suffix[1:]) for path in shell.root.glob("signals.*")} == {after["a"]["pid"], after["b"]["pid"]}
    assert {pid for pid, _ in find_marked(shell.mark)} >= strangers
