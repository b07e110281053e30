"""`timeline`: the chart, and the command against a running supervisor."""

import signal

import attrs
import pytest
import trio
from trio.testing import MockClock

from dumb_actors.cli.paint import Paint
from dumb_actors.cli.timeline import _PLAIN_SIGNS, chart
from dumb_actors.model.child import Exit
from dumb_actors.model.probe import Tcp
from dumb_actors.model.spec import ServiceSpec
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation
from tests.cli.program import service

SPECS = [
    ServiceSpec("db", "db", readiness=Tcp(1)),
    ServiceSpec("migrate", "m", depends_on=["db"], oneshot=True),
    ServiceSpec("web", "web", depends_on=["migrate"], readiness=Tcp(2)),
    ServiceSpec("bad", "bad", readiness=Tcp(3), restart="never"),
    ServiceSpec("after bad", "ab", depends_on=["bad"], readiness=Tcp(4)),
]
BEHAVIOURS = {
    "db": Behaviour(prepare_takes=1, ready_after=3),
    "migrate": Behaviour(exits_after=2, exit=Exit(code=0)),
    "web": Behaviour(ready_after=2),
    "bad": Behaviour(ready_after=9, exits_after=4),
}


def booted(until_s: float = 10.0) -> dict[str, object]:
    async def run():
        async with open_simulation(SPECS, SimulatedHost(BEHAVIOURS)) as supervisor:
            await supervisor.boot()
            await trio.sleep(until_s)
            return attrs.asdict(await supervisor.timeline())

    return trio.run(run, clock=MockClock(autojump_threshold=0))


def plain(timeline, width=60, **how):
    return list(chart(timeline, Paint(False), width=width, **how))


def test_each_kind_of_span_has_its_sign_and_its_place():
    lines = plain(booted(), signs=_PLAIN_SIGNS)
    assert lines[0].startswith("boot 6 by boot, ")
    assert lines[0].endswith(", under way: 3 of 5 services ready")
    assert lines[2].split() == ["|0", "|5", "s"]
    assert lines[2].index("|5") == pytest.approx(12 + (60 - 9 - 7 - 5) / 2, abs=1)
    rows = {line[2:11].strip(): line for line in lines[3:8]}
    bars = {name: line[12:-9].rstrip() for name, line in rows.items()}
    size = 60 - 9 - 7 - 5
    assert set(rows) == {"db", "migrate", "web", "bad", "after bad"}
    assert {name for name, line in rows.items() if line.startswith("*")} == {"db", "migrate", "web"}
    # Four seconds of ten: one for preparing, three for its readiness.
    assert bars["db"].count("+") == pytest.approx(size / 10, abs=1)
    assert bars["db"].count("=") == pytest.approx(3 * size / 10, abs=1)
    assert bars["db"].strip("+=").strip("#") == ""
    assert bars["migrate"].strip(".") == "=" * bars["migrate"].count("=") + "-" * bars["migrate"].count("-")
    assert bars["web"].count(".") == pytest.approx(6 * size / 10, abs=1)
    assert bars["bad"].endswith("=x")
    assert set(bars["after bad"]) == {"."}
    assert [line.split()[-1] for line in (rows["bad"], rows["after bad"])] == ["failed", "waiting"]
    assert lines[9].startswith(". waiting   + preparing and spawning")


def test_what_it_comes_to_stands_below():
    text = "\n".join(plain(booted(), width=200))
    assert "took           8.00 s, 1.00 times the ideal 8.00 s" in text
    assert "critical path  db 4.00 s → migrate 2.00 s → web 2.00 s" in text
    assert "would help     if 'db' took none of its 4.00 s, the boot would take 4.00 s instead of 8.00 s" in text
    assert "not ready      bad, failed: exited with code 1 before it was ready" in text
    assert "not ready      after bad, waiting: waits for 'bad' to be ready" in text


@pytest.mark.parametrize("width", [40, 57, 80, 132, 300])
@pytest.mark.parametrize("until_s", [0.0, 0.5, 5.0, 10.0, 100_000.0])
def test_it_keeps_to_the_width(width, until_s):
    lines = plain(booted(until_s), width=width)
    assert max(map(len, lines[1:])) <= width
    colourful = list(chart(booted(until_s), Paint(True), width=width))
    assert "\x1b[" in "".join(colourful)


def test_nobody_is_ready_and_nothing_is_known():
    timeline = booted(0.5)
    assert "took           - (nobody is ready)" in plain(timeline)
    none = {**timeline, "services": (), "partial": "its beginning is no longer in the journal"}
    assert plain(none, width=100)[-1] == "incomplete     its beginning is no longer in the journal"


def test_what_never_gets_ready_does_not_press_the_rest_together():
    rows = {line[2:11].strip(): line for line in plain(booted(100_000.0), width=80)[3:8]}
    assert rows["db"].count("░") == pytest.approx(rows["db"].count("▪") * 3, abs=2)
    assert rows["after bad"].count("·") > 40


def test_an_adopted_service_is_shown_as_such():
    row = {**booted()["services"][0], "adopted": True, "ready_s": None, "spans": (), "phase": "ready", "reason": ""}
    line = plain({**booted(), "services": [row]})[3]
    assert line.endswith(" adopted")
    assert "█" in line


# --- the command ------------------------------------------------------------------------------------------------------


def test_a_boot_is_shown_and_listed_and_found_again_by_the_next_run(shell):
    document = {
        "db": service("db"),
        "web": service("web", depends_on=["db"]),
        "bad": {"process_name": "bad", "command": ["false"], "restart": "never"},
    }
    up = shell.up(document)
    up.read_until("web +ready")
    up.read_until("bad +failed")
    first = shell.run("timeline", "--json").json
    assert (first["is_complete"], first["partial"], first["not_ready"]) == (True, "", ["bad"])
    assert [step["service"] for step in first["critical_path"]] == ["db", "web"]

    shown = shell.run("timeline", "--width", "70")
    assert (shown.code, shown.err) == (0, "")
    assert "\x1b" not in shown.out
    lines = shown.out.splitlines()
    assert {line.split()[1] for line in lines if line.startswith("*")} == {"db", "web"}
    assert any(line.startswith("would help ") for line in lines)
    assert any(line.startswith("not ready      bad, failed: exited with code 1") for line in lines)
    assert ". waiting" in shell.run("timeline", PYTHONIOENCODING="ascii").out

    up.send(signal.SIGTERM)
    assert up.wait().code == 0
    shell.up(document).read_until("web +ready")
    assert shell.run("timeline", "--json", "--boot", "-1").json == first
    assert shell.run("timeline", "--json", "--boot", str(first["seq"])).json == first
    listed = shell.run("timeline", "--list", "--json").json["boots"]
    assert listed[1]["seq"] == first["seq"]
    assert listed[1]["makespan_s"] == first["makespan_s"]
    table = shell.run("timeline", "--list").out.splitlines()
    assert table[0].split() == ["BOOT", "AT", "BY", "SERVICES", "TOOK", "NOT", "READY"]
    assert table[2].split()[0] == str(first["seq"])
    assert table[2].endswith("  bad")

    shell.run("restart", "web")
    restart = shell.run("timeline", "--service", "WEB", "--json").json
    assert (restart["what"], [row["service"] for row in restart["services"]]) == ("restart", ["web"])


def test_what_is_asked_wrongly_ends_with_two(shell):
    shell.up({"a": service("a")}).read_until("a +ready")
    unknown = shell.run("timeline", "--boot", "99999")
    assert (unknown.code, unknown.out) == (2, "")
    assert "the journal knows no boot 99999; there are " in unknown.err
    assert shell.run("timeline", "--boot", "soon").code == 2
    assert shell.run("timeline", "--service", "nobody").code == 2
    assert shell.run("timeline", "--width", "3").code == 2
