"""`events`: the present state, what comes, and what happened while nobody was connected."""

import json
import os
import signal
import subprocess
import sys

from dumb_actors.cli.sse import read_messages
from tests.cli.cutting import Relay
from tests.cli.program import service


def url_of(up):
    return next(line.removeprefix("listening on ") for line in up.out if line.startswith("listening on "))


def port_of(up):
    return int(url_of(up).rpartition(":")[2])


def test_present_state(shell):
    shell.up({"db": service("db"), "web": service("web", depends_on=["db"], enabled=False)}).read_until("db +ready")
    ended = shell.run("events")
    assert (ended.code, ended.err) == (0, "")
    db, web = ended.out.splitlines()
    assert db.split(maxsplit=3)[1:] == ["db", "ready", "a line of its output matches '^up$'"]
    assert web.split()[1:] == ["web", "stopped", "disabled"]
    assert db.index("ready") == web.index("stopped")

    one = shell.run("events", "--service", "DB").out
    assert one.splitlines() == [db.replace("db   ready", "db  ready")]
    first = json.loads(shell.run("events", "--json").out)
    assert first["kind"] == "snapshot"
    assert [each["phase"] for each in first["services"]] == ["ready", "stopped"]


def test_follow_tells_every_event_until_the_supervisor_ends(shell):
    up = shell.up({"db": service("db"), "web": service("web", depends_on=["db"])})
    up.read_until("web +ready")
    events = shell.begin("events", "-f")
    events.read_until("web +ready")
    shell.run("restart", "web")
    events.read_until("web +answer +restart answered: ready")
    up.send(signal.SIGTERM)
    ended = events.wait()
    assert (ended.code, ended.err) == (0, "")
    words = [line.split()[1:3] for line in ended.out.splitlines()]
    for word in ("command", "stopping", "exited", "stopped", "waiting", "preparing", "spawned", "starting", "ready"):
        assert ["web", word] in words, word
    assert words.index(["web", "exited"]) < words.index(["web", "spawned"])
    assert words[-1] == ["ended", "everything"]
    assert "\x1b" not in ended.out


def test_follow_one_service_as_json(shell):
    up = shell.up({"db": service("db"), "web": service("web")})
    up.read_until("web +ready")
    events = shell.begin("events", "-f", "--json", "--service", "web")
    events.read_until('"kind": "snapshot"')
    shell.run("restart", "db", "web")
    events.read_until('"outcome": "done"')
    shell.run("down")
    lines = [json.loads(line) for line in events.wait().out.splitlines()]
    assert [each["process_name"] for each in lines[0]["services"]] == ["web"]
    assert {line["service"] for line in lines[1:]} == {"web"}
    assert [line["seq"] for line in lines] == sorted(line["seq"] for line in lines)


def test_after_a_number(shell):
    up = shell.up({"a": service("a")})
    up.read_until("a +ready")
    shell.run("events", "--json")
    seq = json.loads(shell.run("events", "--json").out)["seq"]
    assert shell.run("events", "--after", str(seq)).out == ""
    shell.run("restart", "a")
    ended = shell.run("events", "--after", str(seq), "--json")
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [line["seq"] for line in lines] == list(range(seq + 1, seq + 1 + len(lines)))
    assert lines[0]["kind"] == "command"
    assert lines[-1]["kind"] == "answer"


def test_a_connection_that_breaks_is_made_anew_without_a_gap(shell):
    up = shell.up({"a": service("a")})
    up.read_until("a +ready")
    with Relay(port_of(up)) as relay:
        events = shell.begin("events", "-f", "--json", "--url", relay.url)
        events.read_until('"kind": "snapshot"')
        relay.break_all()
        shell.run("restart", "a")
        events.read_until('"kind": "answer"')
        relay.break_all()
        shell.run("restart", "a")
        shell.run("down")
        events.read_until('"what": "ended"')
        ended = events.wait()
    assert ended.code == 0
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [line["kind"] for line in lines].count("snapshot") == 1
    numbers = [line["seq"] for line in lines]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_supervisor_that_is_killed_ends_it(shell):
    up = shell.up({})  # its services would live on
    events = shell.begin("events", "-f", "--json")
    events.read_until('"kind": "snapshot"')
    up.process.kill()
    ended = events.wait()
    assert ended.code == 0
    assert ended.err == "(the supervisor has ended)\n"


def test_numbers_of_another_run_are_told(shell):
    up = shell.up({"a": service("a")})
    up.read_until("a +ready")
    ended = shell.run("events", "--after", "999999")
    assert (ended.code, ended.out) == (0, "")
    events = shell.begin("events", "-f", "--after", "999999")
    events.read_until("what came after event 999999 is no longer known")
    events.read_until("a +ready")
    events.send(signal.SIGINT)
    assert events.wait().code == 0


def test_interrupt_is_quiet(shell):
    shell.up({"a": service("a")})
    events = shell.begin("events", "-f")
    events.read_until(r"a +\w+")
    events.send(signal.SIGINT)
    ended = events.wait()
    assert (ended.code, ended.err) == (0, "")


def test_bad_use(shell):
    shell.up({"a": service("Alpha")})
    unknown = shell.run("events", "--service", "Beta")
    assert unknown.code == 2
    assert "Alpha" in unknown.err
    assert shell.run("events", "--after", "-1").code == 2


def test_messages_of_a_stream():
    one = ["id: 4", "event: phase", 'data: {"a":', "data:  1}", ""]
    lines = [": hello", "retry: 5", "", *one, ": beat", "", "data: [1]", "", "data: {", "", "id:", "", "id: 5"]
    first, second = read_messages(lines)
    assert (first.id, first.event, first.data, first.is_end) == ("4", "phase", {"a": 1}, False)
    assert second.is_end


def test_colours_on_a_terminal_only(shell):
    shell.up({"a": service("a")}).read_until("a +ready")
    reading, writing = os.openpty()
    command = [sys.executable, "-m", "dumb_actors", "events"]
    with os.fdopen(reading, "rb", buffering=0) as terminal:
        for more, has_colours in [({"TERM": "xterm"}, True), ({"NO_COLOR": "1"}, False)]:
            subprocess.run(command, env={**shell.env, **more}, stdout=writing, check=True, timeout=20)
            assert (b"\x1b[32mready" in terminal.read(4096)) == has_colours
        os.close(writing)
