"""`events --since`: what has happened, also in earlier runs, then what comes, without gap or double."""

import json
import signal
import time
from datetime import datetime

import pytest

from dumb_actors.cli.when import parse_when
from dumb_actors.journal.reading import last_seq
from tests.cli.program import service


def rows(ended):
    return [json.loads(line) for line in ended.out.splitlines()]


def test_history_of_this_run_and_of_the_one_before(shell):
    document = {"db": service("db"), "web": service("web", depends_on=["db"])}
    up = shell.up(document)
    up.read_until("web +ready")
    shell.run("restart", "web")
    first = rows(shell.run("events", "--since", "1h", "--no-follow", "--json"))
    assert [row["seq"] for row in first] == list(range(1, len(first) + 1))
    up.send(signal.SIGTERM)
    assert up.wait().code == 0
    shell.up(document).read_until("web +ready")
    second = rows(shell.run("events", "--since", "1h", "--no-follow", "--json"))
    assert second[: len(first)] == first
    numbers = [row["seq"] for row in second]
    assert numbers == list(range(1, len(numbers) + 1))  # an orderly end: the next run goes on where it was
    assert [row["detail"].get("what") for row in second if row["kind"] == "supervisor"].count("booted") == 2

    ended = shell.run("events", "--since", "1h", "--no-follow", "--service", "WEB", "--kind", "phase", "--json")
    chosen = rows(ended)
    assert chosen == [row for row in second if row["service"] == "web" and row["kind"] == "phase"]
    both = rows(shell.run("events", "--since", "1h", "--until", "0s", "--json", "--service", "web", "--service", "db"))
    assert both == [row for row in second if row["service"]]
    until = f"{second[0]['at'] - 10:.0f}"
    assert shell.run("events", "--until", until).out == ""
    shown = shell.run("events", "--since", "1h", "--no-follow", "--service", "web").out
    assert ["web", "ready"] in [line.split()[1:3] for line in shown.splitlines()]
    assert "snapshot" not in shown


def test_it_goes_on_with_what_comes_without_gap_or_double(shell):
    up = shell.up({"a": service("a")})
    up.read_until("a +ready")
    events = shell.begin("events", "--since", "1h", "--json")
    events.read_until('"to": "ready"')
    shell.run("restart", "a")
    events.read_until('"kind": "answer"')
    shell.run("down")
    ended = events.wait()
    assert (ended.code, ended.err) == (0, "")
    numbers = [row["seq"] for row in rows(ended)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert rows(ended)[-1]["detail"]["what"] == "ended"


def test_following_with_filters(shell):
    up = shell.up({"a": service("a"), "b": service("b")})
    up.read_until("b +ready")
    events = shell.begin("events", "--since", "1h", "--json", "--service", "b", "--kind", "spawned", "--kind", "exited")
    events.read_until('"kind": "spawned"')
    shell.run("restart", "a")
    shell.run("restart", "b")
    shell.run("down")
    assert [(row["service"], row["kind"]) for row in rows(events.wait())] == [
        ("b", "spawned"),
        ("b", "exited"),
        ("b", "spawned"),
        ("b", "exited"),
    ]


def test_who_comes_back_to_another_run_gets_what_is_known_and_the_state(shell):
    """Its supervisor was killed: what it told last may never have been written down."""
    up = shell.up({})
    up.process.kill()
    up.wait()
    last = last_seq(str(shell.root / "log" / "journal"))
    assert last > 0
    shell.up({})
    first = json.loads(shell.run("events", "--json").out)["seq"]
    assert first > last + 1000

    events = shell.begin("events", "-f", "--json", "--after", str(last + 1))
    events.read_until(f"what came after event {last + 1} is no longer known")
    events.read_until('"kind": "snapshot"')
    assert [row["kind"] for row in map(json.loads, events.out)] == ["snapshot"]

    events = shell.begin("events", "-f", "--json", "--after", str(last))
    events.read_until("an earlier supervisor ended there")
    events.read_until('"kind": "snapshot"')
    *missed, state = map(json.loads, events.out)
    assert [row["seq"] for row in missed] == list(range(missed[0]["seq"], first + 1))
    assert (state["kind"], state["seq"]) == ("snapshot", first)
    found = rows(shell.run("events", "--after", str(last), "--json"))
    assert found == missed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "yesterday"], "'yesterday' is no time: try 2h"),
        (["--until", "1h", "-f"], "--until and --follow exclude each other"),
        (["--kind", "sleep"], "no event is of the kind 'sleep'"),
        (["--since", "1h", "--service", "nobody"], "there are: a"),
    ],
)
def test_bad_use(shell, arguments, words):
    shell.up({"a": service("a")})
    ended = shell.run("events", *arguments)
    assert ended.code == 2
    assert words in ended.err


NOW = datetime(2026, 8, 1, 12, 0).astimezone().timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW - 90),
        ("30m", NOW - 1800),
        ("1.5h", NOW - 5400),
        ("7d", NOW - 7 * 86_400),
        ("2w", NOW - 14 * 86_400),
        (" 0s ", NOW),
        ("1785578400", 1_785_578_400.0),
        ("@1785578400.5", 1_785_578_400.5),
        ("11:30", NOW - 1800),
        ("12:00:01", datetime(2026, 7, 31, 12, 0, 1).astimezone().timestamp()),
        ("2026-08-01", datetime(2026, 8, 1).astimezone().timestamp()),
        ("2026-07-31T23:59:30", datetime(2026, 7, 31, 23, 59, 30).astimezone().timestamp()),
        ("2026-07-31T23:59:30Z", 1_785_542_370.0),
        ("2026-07-31 23:59:30+02:00", 1_785_535_170.0),
    ],
)
def test_instants(text, expected):
    assert parse_when(text, now=lambda: NOW) == expected


@pytest.mark.parametrize("text", ["", "h", "2 hours", "-1h", "25:00", "12:61", "2026-13-01", "1e9", "nan", "12"])
def test_what_is_no_instant(text):
    with pytest.raises(ValueError, match="is no time"):
        parse_when(text, now=lambda: time.time())
