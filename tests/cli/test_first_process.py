"""`up` as the first process of a PID name space, which is what it is in a container."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import service

UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"]

# A daemon in the old manner: it forks twice, begins a session of its own, and one of its helpers ends at once.
DAEMON = "(setsid sh -c 'setsid true & setsid sleep 1000 & echo daemon; exec sleep 1000' &); echo up; exec sleep 1000"


@pytest.fixture(autouse=True)
def _permitted():
    if (
        shutil.which("unshare") is None
        or subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("NOT TESTED: a PID name space of one's own is not permitted here")


@pytest.fixture
def up(shell):
    """Run `up` as process 1 of its name space; gives the process and the path of its `/proc`, as seen from outside."""
    shell.write_config({"a": service("a", DAEMON), "b": service("b", "echo up; exec sleep 1000", depends_on=["a"])})
    command = [*UNSHARE, sys.executable, "-m", "dumb_actors", "up", "--bind", "127.0.0.1:0"]
    with subprocess.Popen(command, env=shell.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as outer:
        lines = []
        for line in outer.stdout:
            lines.append(line)
            if "b  ready" in "".join(lines) and "listening on" in "".join(lines):
                break
        else:
            pytest.fail("".join(lines))
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        yield outer, int(children[0])
        outer.kill()


def states(first):
    """Give the states of the children of process *first*: `Z` is one that nobody has collected."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name_and_rest = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(name_and_rest[1]) == first:
            found.append(name_and_rest[0])
    return found


def test_daemons_are_collected_and_sigterm_stops_everything(shell, up):
    outer, first = up
    assert json.loads((shell.root / "run/api.json").read_text())["pid"] == 1
    assert re.search(r"^NSpid:\s+\d+\s+1$", Path(f"/proc/{first}/status").read_text(), re.MULTILINE)
    assert shell.run("restart", "a").code == 0  # by then the helpers of the first daemon have long ended
    assert "Z" not in states(first)

    os.kill(first, signal.SIGTERM)
    rest = outer.stdout.read()
    assert outer.wait(20) == 0, rest
    order = [line.split()[1] for line in rest.splitlines() if " stopped " in line]
    assert order[-2:] == ["b", "a"]


def test_down_from_outside_is_not_misled_by_its_pid(shell, up):
    """Pid 1 is somebody else here."""
    outer, _ = up
    assert shell.run("status").code == 0
    assert shell.run("down").code == 0
    assert outer.wait(20) == 0
