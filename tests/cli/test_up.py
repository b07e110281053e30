"""`up`: how it begins, how it ends, and what it says when it cannot begin."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.cli.program import find_marked, service


def test_up_prints_where_it_listens_and_leaves_nothing(shell):
    up = shell.up({"db": service("db"), "web": service("web", depends_on=["db"])})
    up.read_until("web +ready")
    api = json.loads((shell.root / "run/api.json").read_text())
    assert api["pid"] == up.pid
    assert api["url"].startswith("http://127.0.0.1:")
    assert f"listening on {api['url']}" in up.out
    assert len(find_marked(shell.mark)) == 3

    up.send(signal.SIGTERM)
    ended = up.wait()

    assert ended.code == 0
    assert ended.err == ""
    stopped = [line.split()[1] for line in ended.out.splitlines() if " stopped " in line]
    assert stopped == ["web", "db"]
    assert find_marked(shell.mark) == []
    assert not (shell.root / "run/api.json").exists()
    assert "\x1b" not in ended.out


def test_sigint_ends_it_just_as_well(shell):
    up = shell.up({"a": service("a")})
    up.send(signal.SIGINT)
    assert up.wait().code == 0


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_signals_end_it_also_as_a_background_job_of_a_script(shell, name):
    """A shell without job control starts `command &` with SIGINT ignored."""
    shell.write_config({"a": service("a")})
    command = f"{sys.executable} -m dumb_actors up --bind 127.0.0.1:0 & echo $!; wait $!; echo code $?"
    with subprocess.Popen(["sh", "-c", command], env=shell.env, stdout=subprocess.PIPE, text=True) as script:
        pid = int(script.stdout.readline())
        assert any(line.startswith("listening on") for line in script.stdout)
        os.kill(pid, signal.Signals[name])
        assert script.stdout.read().splitlines()[-1] == "code 0"


def test_hangup_is_ignored_under_nohup(shell):
    shell.write_config({"a": service("a")})
    command = ["nohup", sys.executable, "-m", "dumb_actors", "up", "--bind", "127.0.0.1:0"]
    with subprocess.Popen(
        command, env=shell.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as up:
        assert any(line.startswith("listening on") for line in up.stdout)
        up.send_signal(signal.SIGHUP)
        assert shell.run("status").code == 0
        assert shell.run("down").code == 0
        assert up.wait(20) == 0


def test_api_answers_while_everything_is_stopped(shell):
    script = "trap 'echo told' TERM; echo up; while :; do sleep 1000 & wait; done"
    up = shell.up(
        {"slow": service("slow", script, stop=[{"signal": "SIGTERM", "wait": 60}]), "other": service("other")}
    )
    up.read_until("slow +ready")
    up.read_until("slow +stopping") if up.send(signal.SIGTERM) else None
    up.read_until("other +stopped")

    assert shell.run("status", "--json", "slow").json["services"][0]["phase"] == "stopping"
    refused = shell.run("start", "other")
    assert refused.code == 1
    assert "shutting down" in refused.err

    up.send(signal.SIGTERM)
    assert up.wait().code == 0


def test_second_signal_hastens(shell):
    up = shell.up(
        {
            "stubborn": service(
                "stubborn", "trap '' TERM; echo up; sleep 1000", stop=[{"signal": "SIGTERM", "wait": 600}]
            )
        }
    )
    up.read_until("stubborn +ready")
    up.send(signal.SIGTERM)
    up.read_until("stubborn +stopping")
    up.send(signal.SIGTERM)
    ended = up.wait()
    assert ended.code == 0
    assert "killing what is left" in ended.out
    assert find_marked(shell.mark) == []


def test_reader_that_goes_away_ends_nothing(shell):
    """As in `dumb-actors up | head -1`."""
    shell.write_config({"a": service("a")})
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "dumb_actors", "up", "--bind", f"unix:{shell.root / 's'}"]
    with subprocess.Popen(command, env=shell.env, cwd=shell.root, stdout=writing, stderr=subprocess.PIPE) as up:
        os.close(writing)
        with os.fdopen(reading) as lines:
            assert any("listening" in line for line in lines)
        assert shell.run("restart", "a").code == 0
        assert shell.run("down").code == 0
        assert up.communicate(timeout=20)[1] == b""
    assert up.returncode == 0


def test_reader_that_stands_still_holds_nothing_up(shell):
    """As in `dumb-actors up | less`: its pipe is full, and nobody reads."""
    shell.write_config({"a": service("a")})
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4096))
    os.set_blocking(writing, True)
    command = [sys.executable, "-m", "dumb_actors", "up", "--bind", "127.0.0.1:0"]
    with subprocess.Popen(command, env=shell.env, cwd=shell.root, stdout=writing) as up:
        os.close(writing)
        deadline = time.monotonic() + 20
        while shell.run("status").code == 3:  # nothing of it can be read: ask until it answers
            assert time.monotonic() < deadline
        assert shell.run("restart", "a").code == 0
        assert shell.run("down").code == 0
        assert up.wait(20) == 0
    os.close(reading)


def test_config_faults_start_nothing(shell):
    shell.write_config({"a": service("a", port="80"), "b": service("b", depends_on=["c"]), "d": {"process_name": "d"}})
    ended = shell.run("up", "--bind", "127.0.0.1:0")
    assert ended.code == 2
    assert "3 faults" in ended.err
    for place in ("$.a.port", "$.b.depends_on[0]", "$.d.command"):
        assert place in ended.err
    assert "nothing was started" in ended.err
    assert ended.out == ""
    assert not (shell.root / "log").exists()


def test_broken_json_names_line_and_column(shell):
    shell.write_config('{\n  "a": {},\n  "b" 1\n}')
    ended = shell.run("up")
    assert ended.code == 2
    assert "line 3, column 7" in ended.err


def test_missing_config_says_so_and_makes_no_root(shell, tmp_path):
    ended = shell.run("up", "--root", str(tmp_path / "elsewhere"))
    assert ended.code == 2
    assert str(tmp_path / "elsewhere/config/dumb_config.json") in ended.err
    assert not (tmp_path / "elsewhere").exists()


def test_port_in_use_is_one_line(shell):
    shell.write_config({"a": service("a")})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = shell.run("up", "--bind", address)
    assert ended.code == 1
    assert ended.out == ""
    assert len(ended.err.splitlines()) == 1
    assert address in ended.err
    assert not (shell.root / "run/api.json").exists()


def test_beyond_loopback_is_refused(shell):
    shell.write_config({"a": service("a")})
    ended = shell.run("up", "--bind", "0.0.0.0:0")
    assert ended.code == 2
    assert "other machines" in ended.err


def test_second_supervisor_is_refused(shell):
    first = shell.up({"a": service("a")})
    second = shell.run("up", "--bind", "127.0.0.1:0")
    assert second.code == 1
    assert f"pid {first.pid}" in second.err
    assert shell.run("status").code == 0


def test_root_that_cannot_be_written_is_named(shell, tmp_path):
    config = shell.write_config({"a": service("a")})
    (tmp_path / "file").write_text("")
    ended = shell.run("up", "--config", str(config), "--root", str(tmp_path / "file/root"))
    assert ended.code == 1
    assert str(tmp_path / "file/root") in ended.err
    assert "Traceback" not in ended.err


def test_a_root_that_nobody_can_make_is_named(shell):
    config = shell.write_config({"a": service("a")})
    ended = shell.run("up", "--config", str(config), "--root", "/proc/locked/root")  # refused to root as well
    assert ended.code == 1
    assert "/proc/locked/root" in ended.err
    assert "Traceback" not in ended.err


def test_unix_socket(shell, tmp_path):
    path = tmp_path / "api.sock"
    up = shell.up({"a": service("a")}, "--bind", f"unix:{path}")
    assert f"listening on unix:{path}" in up.out
    up.read_until("a +ready")
    assert shell.run("status", "--json").json["services"][0]["phase"] == "ready"
    assert shell.run("logs", "a", "--url", f"unix:{path}").out == "up\n"
    assert shell.run("down").code == 0
    assert up.wait().code == 0
    assert not path.exists()


def test_several_binds(shell, tmp_path):
    up = shell.up({"a": service("a")}, "--bind", "127.0.0.1:0", "--bind", f"unix:{tmp_path / 's'}")
    up.read_until("^listening on unix:")
    assert shell.run("status", "--url", f"unix:{tmp_path / 's'}").code == 0


def test_bind_of_the_configuration(shell):
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    shell.write_config({"a": service("a"), "dumb": {"api_service": {"port": port}}})
    up = shell.begin("up")
    up.read_until(f"^listening on http://127.0.0.1:{port}$")


def test_orphans_are_collected(shell):
    """A daemon that forked away from its service and ended must not stay as a zombie of ours."""
    up = shell.up({"a": service("a", "(setsid sh -c 'sleep 0.1' &) ; echo up; exec sleep 1000")})
    up.read_until("a +ready")
    shell.run("restart", "a")
    children = subprocess.run(["ps", "--ppid", str(up.pid), "-o", "stat="], check=False, capture_output=True, text=True)
    assert "Z" not in children.stdout


def test_failure_of_the_api_stops_everything(shell):
    """Here `api.json` cannot be written; whatever it is, the services must not go on with nobody to ask."""
    shell.write_config({"a": service("a")})
    (shell.root / "run/api.json").mkdir(parents=True)
    up = shell.begin("up", "--bind", "127.0.0.1:0")
    ended = up.wait()
    assert ended.code == 1
    assert "the API failed" in ended.err
    assert "api.json" in ended.err
    assert "everything is stopped" in ended.out
    assert find_marked(shell.mark) == []
