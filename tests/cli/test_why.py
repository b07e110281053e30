"""`dumb-actors why`: a short story for people, the answer of the API for machines."""

import re
import signal
from datetime import datetime

import pytest

from dumb_actors.cli.paint import Paint
from dumb_actors.cli.when import parse_by_when
from dumb_actors.cli.why import story
from tests.cli.program import service

CRASHING = "echo cannot open the database; exit 3"


def told(ended):
    """Give the lines without times."""
    return [re.sub(r"  \[.*\]$", "", line) for line in ended.out.splitlines()]


def test_a_dependency_that_fails_and_what_would_help(shell):
    document = {
        "db": service("The Db", CRASHING, restart="never"),
        "web": service("web", depends_on=["The Db"]),
        "off": service("off", enabled=False),
    }
    shell.up(document).read_until("The Db +failed")
    ended = shell.run("why", "WEB")
    assert ended.code == 0
    lines = told(ended)
    assert lines[0] == "• 'web' waits for 'The Db' to be ready."
    assert lines[1] == "  • 'The Db' has failed and is not tried again: its policy is never to restart."
    assert re.fullmatch(r"    ↳ It exited with code 3 before it was ready, \d\.\d s after its start\.", lines[2])
    assert lines[3] == "        | cannot open the database"
    assert lines[4] == "      ↳ The boot started it: it is enabled."
    assert lines[6].endswith("when that is mended, `dumb-actors start 'The Db'`")
    assert re.search(r"\[since \d\d:\d\d:\d\d", ended.out)
    found = shell.run("why", "web", "--json").json
    assert [link["kind"] for link in found["chain"]] == ["state", "state", "exit", "boot"]
    assert told(shell.run("why", "off"))[1] == "  ↳ It is disabled in the configuration, and nobody has started it."
    ended = shell.run("why", "nobody")
    assert (ended.code, "there are: The Db, web, off" in ended.err) == (2, True)
    ended = shell.run("why", "web", "--at", "yesterday")
    assert (ended.code, "'yesterday' is no time" in ended.err) == (2, True)


def test_what_happened_before_this_supervisor(shell):
    document = {"web": service("web")}
    up = shell.up(document)
    up.read_until("web +ready")
    shell.run("restart", "web")
    at = shell.run("why", "web", "--json").json["chain"][0]["at"]
    up.process.kill()
    up.wait()
    up = shell.up(document)
    now = told(shell.run("why", "web"))
    assert re.fullmatch(r"  ↳ The supervisor took it over: pid \d+ lives since before it\.", now[1])
    assert now[2] == "    ↳ The earlier supervisor was killed, and its services went on."
    assert now[4] == "        ↳ Its restart was asked for over the API."
    then = told(shell.run("why", "web", "--at", f"{at + 0.001:.3f}"))
    assert then[0].startswith("as it was at ")
    assert then[-1] == "    ↳ Its restart was asked for over the API."
    long_ago = shell.run("why", "web", "--at", "5h").out
    assert "What came before is not in the journal any more." in long_ago
    assert "this is not the whole story" in long_ago
    up.send(signal.SIGTERM)
    assert up.wait().code == 0


def link(kind, text, **more):
    return {"kind": kind, "text": text, "service": "x", "at": None, "facts": {}, **more}


def test_branches_ends_and_colours():
    chain = [link("state", "'x' waits for 2 things", at=900.0, facts={"phase": "waiting"})]
    ends = ["exited with code 1", "killed by SIGKILL"]
    branch = {
        "what": "'a' to be ready",
        "chain": [link("attempts", "it had ended", at=990.5, facts={"ends": ends})],
        "branches": [],
    }
    answer = {"process_name": "x", "phase": "waiting", "at": 1000.0, "chain": chain, "branches": [branch]}
    answer |= {"hint": "try harder", "complete": False}
    lines = list(story(answer, Paint(False), is_past=False))
    assert re.fullmatch(r"• 'x' waits for 2 things\.  \[since .*, 100 s ago\]", lines[0])
    assert lines[1] == "  — 'a' to be ready"
    assert re.fullmatch(r"    ↳ It had ended\.  \[.*, 9\.5 s ago\]", lines[2])
    assert lines[3:5] == ["        · exited with code 1", "        · killed by SIGKILL"]
    assert lines[6] == "what would help: try harder"
    assert "not the whole story" in lines[8]
    assert "\x1b[33m•" in next(story(answer, Paint(True), is_past=False))


NOON = datetime(2026, 8, 1, 12, 0).astimezone().timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("03:12", NOON - 9 * 3600 + 12 * 60 + 59.999),
        ("03:12:00", NOON - 9 * 3600 + 12 * 60),
        ("2026-08-01T03:12", NOON - 9 * 3600 + 12 * 60 + 59.999),
        ("12:00", NOON + 10),  # that minute is not over
        ("90s", NOON - 80),
    ],
)
def test_a_minute_means_what_happened_in_it(text, expected):
    assert parse_by_when(text, now=lambda: NOON + 10) == expected
