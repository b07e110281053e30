"""
`docs/transcripts` holds what the program really writes: each file is made again here and compared.

Times, pids, ports and the place of the root differ from run to run and are made alike before the comparison.
`UPDATE_TRANSCRIPTS=1 make test ARGS=tests/cli/test_transcripts.py` writes the files anew.
"""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.cli.program import service

PLACE = Path(__file__).parents[2] / "docs" / "transcripts"
FRAGILE = "test -e tried || { touch tried; echo cannot open the library; exit 3; }; echo up; exec sleep 1000"
STACK = {
    "postgres": service("PostgreSQL", enabled=True, port=5432),
    "migrate": {"process_name": "Migrations", "command": ["true"], "oneshot": True, "depends_on": ["PostgreSQL"]},
    "riven": service("Riven", depends_on={"PostgreSQL": {}, "Migrations": {"until": "completed"}}),
    "plex": service("Plex", enabled=True, depends_on=["Riven"], wait_for_dir="{mnt}/movies"),
    "report": service("Report", wait_for_dir="{mnt}/reports", enabled=False),
    "scanner": service("Scanner", FRAGILE, enabled=False),
}
FAULTY = {
    "postgres": {"process_name": "PostgreSQL", "enabled": True, "command": "postgres -p {port}", "port": "5432"},
    "riven": service("Riven", depends_on=["PostgreSQl", "Plex"], readiness={"log": "ready ("}),
    "plex": service("Plex", enabled=True, depends_on=["Riven"], stop=[{"signal": "SIGTREM"}]),
}


def alike(text):
    """Take away what differs from run to run."""
    for pattern, replacement in [
        (r"\d\d:\d\d:\d\d(\.\d{3})?", "TIME"),
        (r"\b\d+(\.\d+)? s\b", "SPAN"),
        (r"\bpid \d+", "pid N"),
        (r"(127\.0\.0\.1:)\d+", r"\1PORT"),
        (r"(?m)^(\S+ +[a-z]+ +SPAN) +\d+", r"\1 N"),  # the pid in the table
        (r"[ \t]+", " "),
    ]:
        text = re.sub(pattern, replacement, text)
    lines = [line.strip() for line in text.splitlines()]
    # Who says first that it waits is Trio's choice, and when the web stack has been imported the machine's.
    waiting = sorted(line for line in lines if re.match(r"TIME \S+ waiting for ", line))
    listening = [line for line in lines if line.startswith("listening on")]
    return [*waiting, *(line for line in lines if line not in waiting and line not in listening), *listening]


class Transcript:
    """Keeps what was typed and what came."""

    def __init__(self, shell, name):
        self._shell = shell
        self._path = PLACE / f"{name}.txt"
        self._parts = []

    def add(self, typed, out):
        out = out.replace(str(self._shell.root), "/home/me/dumb-root")
        self._parts.append(f"$ {typed}\n{out}")

    def run(self, *args, code=0):
        ended = self._shell.run(*args)
        assert ended.code == code, ended.err
        typed = " ".join(args).replace(str(self._shell.root), "dumb-root")
        self.add(f"dumb-actors {typed}", ended.out + ended.err)

    def compare(self):
        text = "\n".join(self._parts)
        if os.environ.get("UPDATE_TRANSCRIPTS"):
            PLACE.mkdir(exist_ok=True)
            self._path.write_text(text)
        kept = self._path.read_text()
        assert alike(text) == alike(kept), f"{self._path} is not what comes now; see the top of this test"


@pytest.fixture
def transcript(shell, request):
    return Transcript(shell, request.node.name.removeprefix("test_").replace("_", "-"))


@pytest.fixture
def stack(shell):
    """Bring up the stack but for `Plex`, whose directory is missing."""
    up = shell.up(STACK)
    up.read_until("Riven +ready")
    return up


def test_check(shell, transcript):
    path = str(shell.write_config(FAULTY))
    transcript.run("check", path, code=2)
    shell.write_config(STACK)
    transcript.run("check", path)
    transcript.compare()


def test_up(shell, stack, transcript):
    (shell.root / "mnt/debrid/movies").mkdir(parents=True)
    stack.read_until("Plex +ready")
    stack.send(signal.SIGINT)
    ended = stack.wait()
    assert (ended.code, ended.err) == (0, "")
    transcript.add("dumb-actors up --bind 127.0.0.1:0", ended.out)
    transcript.compare()


def test_status(stack, transcript):
    transcript.run("status")
    transcript.run("status", "Plex")
    transcript.run("status", "Migrations")
    transcript.compare()


def test_start_that_waits(shell, stack, transcript):
    start = shell.begin("start", "Report")
    start.read_until("Report: is waiting")
    (shell.root / "mnt/debrid/reports").mkdir(parents=True)
    ended = start.wait()
    assert ended.code == 0
    transcript.add("dumb-actors start Report", ended.err + ended.out)
    transcript.run("start", "Plex", "--timeout", "0.2", code=1)
    transcript.compare()


def test_events(shell, stack, transcript):
    transcript.run("events")
    events = shell.begin("events", "-f", "--service", "Scanner")
    events.read_until("Scanner +stopped")
    transcript.run("start", "Scanner", code=1)
    events.read_until("Scanner +ready")
    events.send(signal.SIGINT)
    transcript.add("dumb-actors events -f --service Scanner", events.wait().out)
    transcript.compare()
