"""`dumb-actors plan`: what a person reads, what a machine reads, and the exit code."""

import socket

from dumb_actors.cli.paint import Paint
from dumb_actors.cli.planshow import plan_lines
from tests.cli.program import service

PLAIN = Paint(is_on=False)


def plan(**fields):
    return {
        "command": "start",
        "process_name": "a",
        "already": "",
        "steps": [],
        "effects": [],
        "waits_for": [],
        "expected_s": 0.0,
        "unknown": [],
        "checks": [],
        "would_fail": [],
        **fields,
    }


def step(name, **fields):
    made = {"action": "start", "after": [], "gone": [], "wave": 1, "why": "asked for", "needs": [], "expected_s": None}
    return {"process_name": name, **made, **fields}


def effect(name, depth, kind="keeps", on_loss="keep", text="keeps running"):
    return {"process_name": name, "depth": depth, "kind": kind, "on_loss": on_loss, "effect": text}


def test_obstacles_come_first_and_waves_in_order():
    steps = [
        step("db", expected_s=0.4, why="'a' needs it (depends_on)"),
        step("cache", expected_s=2.0, why="'a' needs it (depends_on)"),
        step("a", wave=2, after=["db", "cache"], expected_s=1.0),
    ]
    lines = list(plan_lines(plan(steps=steps, expected_s=3.0, would_fail=["'a': port 1 is taken"]), PLAIN))
    assert lines == [
        "start a  3 to start; takes about 3.0 s",
        "  would fail right now",
        "    'a': port 1 is taken",
        "  1. 2 at the same time",
        "    start   db      0.40 s  'a' needs it (depends_on)",
        "    start   cache    2.0 s  'a' needs it (depends_on)",
        "  2.",
        "    start   a    1.0 s  asked for; when db, cache are there",
    ]


def test_who_is_touched_is_drawn_as_far_away_as_it_is():
    effects = [effect("web", 1, "restarts", "restart", "is restarted"), effect("stats", 2)]
    lines = list(plan_lines(plan(command="restart", steps=[step("db", action="restart")], effects=effects), PLAIN))
    assert lines[1:] == [
        "    restart db  unknown  asked for",
        "  also touched",
        "    web      is restarted (on_loss restart)",
        "      stats  keeps running (on_loss keep)",
    ]


def test_what_is_not_known_is_called_so():
    lines = list(plan_lines(plan(steps=[step("a")], expected_s=None, unknown=["a"]), PLAIN))
    assert lines[0] == "start a  1 to start; takes unknown (no history of a)"


def test_nothing_to_do_is_one_line():
    assert list(plan_lines(plan(already="'a' is ready"), PLAIN)) == ["start a  nothing to do: 'a' is ready"]


def test_real_plans(shell):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        up = shell.up(
            {
                "db": service("db"),
                "web": service("web", depends_on={"db": {"on_loss": "restart"}}),
                "bad": service("bad", enabled=False, command="no-such-program"),
                "late": service("late", enabled=False, port=port),
            }
        )
        up.read_until("web +ready")
        up.read_until("listening on")
        ended = shell.run("plan", "stop", "db")
        assert ended.code == 0
        assert "web  is stopped, because 'db' is lost, and waits until that is back (on_loss restart)" in ended.out
        ended = shell.run("plan", "start", "bad", "late")
        assert ended.code == 1
        assert "no-such-program was not found in PATH" in ended.out
        assert f"port {port} is taken" in ended.out
        machine = shell.run("plan", "start", "late", "--json")
        assert machine.code == 1
        (one,) = machine.json["plans"]
        assert one["would_fail"]
        assert (
            shell.run("plan", "boot").out == "boot  nothing to do: 2 services are wished, and all of them are there\n"
        )
        assert "nothing differs" in shell.run("plan", "reconfigure").out
        assert "db  " in shell.run("plan", "shutdown").out
        assert shell.run("plan", "start", "nobody").code == 2
        assert shell.run("plan", "start").code == 2
        assert shell.run("status", "bad").code == 0


def test_no_supervisor(shell):
    assert shell.run("plan", "boot").code == 3
