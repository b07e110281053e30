"""The program as a user runs it: a subprocess, read line by line, waited for by its pidfd."""

import json
import os
import queue
import re
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import attrs

DEADLINE_S = 20.0
MARK = "DUMB_ACTORS_TEST_MARK"


@attrs.frozen
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


class Program:
    """One running `dumb-actors`; its lines are kept as they come, from both streams."""

    def __init__(self, args, *, env, cwd):
        self.out: list[str] = []
        self.err: list[str] = []
        self._lines: queue.Queue[tuple[list[str], str] | None] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dumb_actors", *args],
            env=env,
            cwd=cwd,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._threads = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.out), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self.err), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream, kept):
        with stream:
            for line in stream:
                self._lines.put((kept, line.rstrip("\n")))
        self._lines.put(None)

    @property
    def pid(self):
        return self.process.pid

    def read_until(self, pattern, *, timeout=DEADLINE_S):
        """Return the match of the first line, of those seen and those to come, that *pattern* is found in."""
        for line in [*self.out, *self.err]:
            if match := re.search(pattern, line):
                return match
        deadline = time.monotonic() + timeout
        ends = 0
        while ends < 2:
            try:
                item = self._lines.get(timeout=max(deadline - time.monotonic(), 0.001))
            except queue.Empty:
                break
            if item is None:
                ends += 1
                continue
            kept, line = item
            kept.append(line)
            if match := re.search(pattern, line):
                return match
        both = f"--- out\n{self._text(self.out)}\n--- err\n{self._text(self.err)}"
        raise AssertionError(f"no line matched {pattern!r}\n{both}")

    def send(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=DEADLINE_S):
        """Wait for its end; returns the exit code and all that it wrote."""
        code = self.process.wait(timeout)
        for thread in self._threads:
            thread.join(timeout)
        while not self._lines.empty():
            if (item := self._lines.get()) is not None:
                item[0].append(item[1])
        return Ended(code, self._text(self.out), self._text(self.err))

    @staticmethod
    def _text(lines):
        return "".join(f"{line}\n" for line in lines)


class Shell:
    """What a test types into: every program it starts carries the test's own mark, and ends with the test."""

    def __init__(self, root: Path, mark: str):
        self.root = root
        self.mark = mark
        hidden = {"DUMB_ACTORS_URL", "DUMB_ACTORS_ROOT", "NO_COLOR", "PYTHONDONTWRITEBYTECODE"}
        self.env = {key: value for key, value in os.environ.items() if key not in hidden}
        self.env.update({MARK: mark, "DUMB_ACTORS_ROOT": str(root)})
        self._programs: list[Program] = []

    def write_config(self, document):
        path = self.root / "config" / "dumb_config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    def begin(self, *args, **env) -> Program:
        program = Program(args, env={**self.env, **env}, cwd=self.root.parent)
        self._programs.append(program)
        return program

    def run(self, *args, timeout=DEADLINE_S, **env) -> Ended:
        return self.begin(*args, **env).wait(timeout)

    def up(self, document=None, *args) -> Program:
        """Run `up` on a free port and return when it listens."""
        if document is not None:
            self.write_config(document)
        program = self.begin("up", *(args or ("--bind", "127.0.0.1:0")))
        program.read_until("^listening on ")
        return program

    def close(self):
        """End what still runs, by pid, and say who was left by programs that had ended by themselves."""
        for program in self._programs:
            if program.process.poll() is None:
                program.send(signal.SIGTERM)
                program.send(signal.SIGTERM)
                try:
                    program.wait(10)
                except subprocess.TimeoutExpired:
                    program.process.kill()
            program.wait(10)
        left = find_marked(self.mark)
        for pid, _ in left:
            end_pid(pid)
        return left


def find_marked(mark):
    """Find processes that have *mark* in their environment, this one aside."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for path in Path("/proc").iterdir():
        if not path.name.isdigit() or int(path.name) == os.getpid():
            continue
        try:
            if wanted in (path / "environ").read_bytes().split(b"\0"):
                found.append((int(path.name), (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        except OSError:
            continue
    return found


def end_pid(pid):
    """Kill one process and wait until it is gone."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        select.select([fd], [], [], 10)
    finally:
        os.close(fd)


def service(name, script="echo up; exec sleep 1000", **more):
    """Give the block of a service that runs *script* in a shell and is ready when it says `up`."""
    return {"process_name": name, "command": ["sh", "-c", script], "readiness": {"log": "^up$"}, **more}
