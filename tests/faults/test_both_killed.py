"""Supervisor and keeper are killed at once: who writes waits at most, and nothing of what it wrote is lost."""

import json
import os
import random
import select
import signal

import pytest

from tests.cli.conftest import pycache, shell
from tests.cli.program import end_pid, find_marked, service

from .world import kill, wait_for_end

__all__ = ["pycache", "shell"]

# More than the largest FIFO holds.
LINES = 300_000


class Gate:
    """A FIFO by which a script and its test tell each other that something is so."""

    def __init__(self, path):
        self.path = path
        os.mkfifo(path)
        # Open for both, so that nobody waits for the other one to open it.
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def open(self):
        os.write(self.fd, b"go\n")

    def passed(self, timeout_s):
        return bool(select.select([self.fd], [], [], timeout_s)[0])

    def close(self):
        os.close(self.fd)


@pytest.fixture
def gates(tmp_path):
    gates = [Gate(tmp_path / "go"), Gate(tmp_path / "written")]
    yield gates
    for gate in gates:
        gate.close()


@pytest.fixture
def everything_ends(shell):
    yield
    for pid, _ in find_marked(shell.mark):
        end_pid(pid)


def kill_both(supervisor, root):
    """Kill them so that neither gets to know of the other's end."""
    keeper = json.loads((root / "run/keeper.json").read_text())["pid"]
    for pid in (supervisor, keeper):
        os.kill(pid, signal.SIGSTOP)
    for pid in (supervisor, keeper):
        kill(pid)
    assert wait_for_end(keeper)


def wait_until_full(fifo):
    """Return when nothing more goes into *fifo*: of that only a writer itself is told, so this asks again and again."""
    fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    try:
        while select.select([], [fd], [], 0)[1]:
            select.select([], [], [], 0.01)
    finally:
        os.close(fd)


@pytest.mark.usefixtures("everything_ends")
def test_a_writer_is_blocked_by_a_full_fifo_and_loses_nothing(shell, gates):
    go, written = gates
    script = f"echo up; read x < {go.path}; seq {LINES}; echo end; echo yes > {written.path}; exec sleep 1000"
    up = shell.up({"a": service("a", script)})
    up.read_until("a +ready")
    (before,) = shell.run("status", "--json").json["services"]
    kill_both(up.pid, shell.root)
    up.wait()
    log = shell.root / "log/a.log"
    assert log.read_text() == "up\n"

    go.open()
    (fifo,) = (shell.root / "run/out").iterdir()
    wait_until_full(fifo)
    assert log.read_text() == "up\n"
    assert not written.passed(0), "it was not blocked"

    again = shell.up()
    again.read_until("took over 1 services")
    (after,) = shell.run("status", "--json").json["services"]
    assert (after["pid"], after["generation"], after["phase"]) == (before["pid"], 1, "ready")
    assert written.passed(20)
    assert shell.run("down").code == 0
    again.wait()
    assert log.read_text().split("\n") == ["up", *map(str, range(1, LINES + 1)), "end", ""]
    assert find_marked(shell.mark) == []
    assert list((shell.root / "run/out").iterdir()) == []


def test_both_killed_again_and_again_under_load(world):
    """What ends while nobody is there may lose its last lines; so only those are looked at that go on."""
    seed = random.randrange(2**32)  # noqa: S311
    print("seed", seed)
    chosen = random.Random(seed)  # noqa: S311
    runner = world.boot()
    assert runner.wait_ready()
    before = {name: world.living()[name] for name in ("first", "second")}
    for _ in range(4):
        select.select([], [], [], chosen.random() * 0.2)
        kill_both(runner.process.pid, world.root)
        runner.kill()
        # A moment in which they write on.
        select.select([], [], [], chosen.random() * 0.2)
        runner = world.boot()
        assert runner.wait_ready()
        assert {name: world.living()[name] for name in before} == before, "a service was restarted"
    runner.end("stop")
    world.check_nothing_is_left()
    for name in before:
        assert world.check_lines(name, ended=True) > 1000
