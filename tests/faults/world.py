"""What the fault tests look at: processes and log files, and nothing that a supervisor says about them."""

import gzip
import json
import os
import re
import select
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from tests.cli.program import MARK, end_pid, find_marked

WRITERS = ("first", "second", "short")
PROJECT = Path(__file__).parent.parent.parent


class Runner:
    """One supervisor's process."""

    def __init__(self, world, kill_at=None):
        more = [] if kill_at is None else [str(kill_at)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.runner", str(world.root), *more],
            env=world.env,
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=world.errors,
            text=True,
        )

    def wait_ready(self):
        """Return whether it became ready; False: it was killed before."""
        return self.process.stdout.readline() == "ready\n"

    def kill(self):
        self.process.kill()
        self._close()

    def end(self, word):
        """Let it `stop` or `leave`, and return when it has."""
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ended\n"
        self._close()
        assert self.process.returncode == 0

    def _close(self):
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def closed(self):
        """Return how it ended, once it has."""
        self._close()
        return self.process.returncode


class World:
    """A root, what runs on it, and a stranger that must not be touched."""

    def __init__(self, root: Path, mark: str):
        self.root = root
        self.mark = mark
        self.env = {**os.environ, MARK: mark}
        self.errors = (root.parent / "errors").open("ab")
        self.stranger = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        self._runners: list[Runner] = []

    def close(self):
        self.errors.close()
        for runner in self._runners:
            if runner.process.returncode is None:  # its test has failed
                runner.kill()
        unharmed = self.stranger.poll() is None
        self.stranger.kill()
        self.stranger.wait()
        left = find_marked(self.mark)
        for pid, _ in left:
            end_pid(pid)
        assert unharmed, "a stranger was signalled"
        assert left == []

    def boot(self, kill_at=None) -> Runner:
        runner = Runner(self, kill_at)
        self._runners.append(runner)
        return runner

    def living(self):
        """Give the pids of writers by name; each is told by its command line."""
        found = defaultdict(set)
        for pid, command in find_marked(self.mark):
            if match := re.search(r"writer\.py (\w+) (?:steady|short)", command):
                found[match[1]].add(pid)
        return found

    def check_alive_at_most_once(self):
        for name, pids in self.living().items():
            assert len(pids) == 1, f"{name} lives {len(pids)} times"

    def check_nothing_is_left(self):
        left = find_marked(self.mark)
        assert left == []
        assert self.keeper_pids() == []
        assert list((self.root / "run/out").iterdir()) == []

    def keeper_pids(self):
        """Give the pid of the keeper that is registered."""
        try:
            return [json.loads((self.root / "run/keeper.json").read_text())["pid"]]
        except FileNotFoundError:
            return []

    # --- lines --------------------------------------------------------------------------------------------------------

    def lines(self, name):
        """Yield the lines of a log, rotated parts first; every byte counts."""
        log = self.root / f"log/{name}.log"
        numbers = {
            int(m[1]) for p in log.parent.glob(f"{name}.log.*") if (m := re.search(r"\.log\.(\d+)(\.gz)?$", p.name))
        }
        content = b""
        for number in sorted(numbers, reverse=True):
            raw = Path(f"{log}.{number}")
            content += raw.read_bytes() if raw.exists() else gzip.decompress(Path(f"{log}.{number}.gz").read_bytes())
        return (content + (log.read_bytes() if log.exists() else b"")).decode().split("\n")

    def check_lines(self, name, *, ended=False):
        """Each process wrote 1, 2, 3, … and nothing of it is missing, doubled or cut; with *ended* also its end."""
        numbers, ends = defaultdict(int), {}
        lines = self.lines(name)
        last = lines.pop()
        assert not (ended and last), f"the log does not end with a line: {last!r}"
        for line in lines:
            words = line.split(" ")
            assert words[0] == name, line
            pid = words[1]
            if words[2] == "end":
                ends[pid] = int(words[3])
                assert numbers[pid] == ends[pid], f"{line!r} after {numbers[pid]}"
            else:
                assert int(words[2]) == numbers[pid] + 1, f"{line!r} after {numbers[pid]}"
                numbers[pid] += 1
        if ended:
            assert set(ends) == set(numbers)
        return len(lines)


def wait_for_end(pid, timeout_s=20.0):
    """Wait until a process that is no child of ours is gone."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], timeout_s)[0])
    finally:
        os.close(fd)


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def mount_small(point):
    """Mount a small tmpfs; for a test with the fixture `can_mount`."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", point], check=True)
