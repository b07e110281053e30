"""What `status` and the narration of `up` say of services that end, heal, fall ill, or talk of themselves."""

import sys
import time

import pytest

from dumb_actors.cli.paint import Paint, ordinal
from dumb_actors.cli.show import long_form, reason_of, table
from tests.cli.program import service

CRASH = "echo cannot find the door; exit 3"
NOTIFY = """
import os, signal, socket
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect(os.environ["NOTIFY_SOCKET"].replace("@", chr(0), 1))
notify.send(b"STATUS=Serving 3 libraries")
notify.send(b"READY=1")
signal.pause()
"""


def test_backoff(shell):
    up = shell.up({"a": service("a", CRASH, restart={"delays": [0, 50]})})
    up.read_until(r"a +backoff +exited with code 3 before it was ready; next attempt at once")
    up.read_until(r"\| cannot find the door")
    up.read_until(r"next attempt in \d+\.\d s")
    line = shell.run("status").out.splitlines()[1]
    assert line.split()[:2] == ["a", "backoff"]
    assert "s, 2nd attempt; exited with code 3 before it was ready" in line
    long = shell.run("status", "a").out
    assert "next          restart in" in long
    assert long.count("  ended         exited with code 3") == 2
    assert shell.run("start", "a").code == 1
    assert shell.run("stop", "a").code == 0


def test_crash_loop(shell):
    up = shell.up({"a": service("a", CRASH, restart={"delays": [0] * 6, "max_delay": 40})})
    up.read_until(r"a +crashing +it ended 5 times within 60 s; next attempt in")
    assert "crash loop; exited with code 3" in shell.run("status").out


def test_limit_ends_in_failed(shell):
    up = shell.up({"a": service("a", CRASH, restart={"delays": [0], "limit": 2})})
    up.read_until(r"a +failed +.*limit of 2")
    ended = shell.run("status", "a")
    assert ended.code == 1
    assert "| cannot find the door" in ended.out


def test_unhealthy(shell):
    (shell.root / "alive").mkdir()
    liveness = {"directory": str(shell.root / "alive"), "interval": 0.05, "threshold": 2}
    up = shell.up({"a": service("a", liveness=liveness, restart={"delays": [50]})})
    up.read_until("a +ready")
    (shell.root / "alive").rmdir()
    up.read_until("a +unhealthy +2 times in a row: ")
    up.read_until("a +backoff +unhealthy, 2 times in a row: .*; next attempt in")


def test_loss_of_a_dependency(shell):
    up = shell.up({"db": service("db"), "web": service("web", depends_on={"db": {"on_loss": "restart"}})})
    up.read_until("web +ready")
    shell.run("stop", "db")
    up.read_until("web +lost +'db' was lost; this service is restarted")
    up.read_until("web +waiting +for 'db' to be ready")
    assert "waits for 'db' to be ready" in shell.run("status", "web").out
    shell.run("start", "db")
    up.read_until(r"web +starting +spawned as pid \d+")


def test_what_it_says_of_itself(shell):
    up = shell.up(
        {"a": {"process_name": "a", "command": [sys.executable, "-c", NOTIFY], "readiness": {"notify": True}}}
    )
    up.read_until("a +ready")
    assert "says: Serving 3 libraries" in shell.run("status").out
    assert "  says          Serving 3 libraries" in shell.run("status", "a").out


def state(**more):
    return {
        "process_name": "a",
        "phase": "ready",
        "enabled": True,
        "since": time.time(),
        "pid": 7,
        "generation": 1,
        "reason": "HTTP 200",
        **more,
    }


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({}, "HTTP 200"),
        ({"health": {"healthy": True, "count": 0, "threshold": 3, "reason": ""}}, "HTTP 200"),
        (
            {"health": {"healthy": True, "count": 1, "threshold": 3, "reason": "HTTP 503"}},
            "1 of 3 checks in a row failed (HTTP 503); HTTP 200",
        ),
        (
            {"health": {"healthy": False, "count": 3, "threshold": 3, "reason": "HTTP 503"}},
            "unhealthy (HTTP 503); HTTP 200",
        ),
        ({"says": "busy"}, "HTTP 200; says: busy"),
        ({"needs_restart": True}, "HTTP 200; needs a restart: its configuration changed"),
        ({"phase": "stopped", "enabled": False}, "disabled"),
    ],
)
def test_why(more, text):
    assert reason_of(state(**more)) == text
    assert text in list(table([state(**more)], Paint(is_on=False), width=None))[1]


def test_long_form_tells_everything():
    health = {"healthy": False, "count": 3, "threshold": 3, "reason": "HTTP 503"}
    healing = {"attempts": 4, "successes": 3, "failures": 1, "last_at": 1.0, "last_reasons": ["exited with code 1"]}
    text = "\n".join(long_form(state(health=health, healing=healing, needs_restart=True), Paint(is_on=False)))
    for part in (
        "unhealthy (HTTP 503)",
        "3 of 4 restarts by itself became ready",
        "exited with code 1",
        "needs restart",
    ):
        assert part in text


def test_ordinals():
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)
    assert [ordinal(n) for n in numbers] == "1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 111th".split()  # noqa: SIM905
