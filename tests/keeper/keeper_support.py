"""What the tests of this folder share: orders, writers of numbered lines, and a supervisor that can be killed."""

import json
import logging
import os
import select
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import attrs
import trio

from dumb_actors.keeper.client import Keeper, KeptStream
from dumb_actors.logs.order import FlowOrder
from dumb_actors.process import procfs

LIMIT = 40

# Writes numbered lines until something, or the end, comes from its standard input; then says how many.
WRITER = """
import os, select, sys
number = 0
while not select.select([0], [], [], 0.0005)[0]:
    os.write(1, b"".join(b"%d\\n" % n for n in range(number, number + 200)))
    number += 200
os.write(2 if len(sys.argv) < 2 else os.open(sys.argv[1], os.O_WRONLY), b"%d\\n" % number)
"""


def order(root: Path, name: str = "web", **more: Any) -> FlowOrder:
    """Say where the output of a service goes."""
    settings: dict[str, Any] = {"log_size": 0, "log_count": 2, "generation": 1, **more}
    return FlowOrder(f"{root}/run/out/{name}.1", f"{root}/{name}.log", **settings)


def run_dir(root: Path) -> str:
    """Make the directory of the keeper."""
    (root / "run").mkdir(exist_ok=True)
    return f"{root}/run"


def is_alive(pid: int) -> bool:
    """Tell whether a process is there and not a zombie."""
    stat = procfs.read_stat(pid)
    return stat is not None and not stat.is_dead


def ended_within(pid: int, timeout_s: float) -> bool:
    """Wait for the end of anybody's process; blocking."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], timeout_s)[0])
    finally:
        os.close(pidfd)


async def ended(pid: int) -> None:
    """Return when a process, anybody's, has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        await trio.lowlevel.wait_readable(pidfd)
    finally:
        os.close(pidfd)


def named_after(path: str) -> list[int]:
    """Give the processes, not ours, with *path* in their command line."""
    return [pid for pid in procfs.all_pids() if pid != os.getpid() and path in procfs.command_of(pid)]


def memory_kib(pid: int, name: str = "VmRSS") -> int:
    """Read one figure of /proc/PID/status."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(name)


def child(stream: KeptStream, *argv: str) -> subprocess.Popen[bytes]:
    """Start a program as a service is started, with a pipe as its standard input."""
    return subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=stream.child_fd, stderr=subprocess.PIPE, start_new_session=True
    )


async def stop_writer(process: subprocess.Popen[bytes]) -> int:
    """End a `WRITER`; return how many lines it has written."""
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.close()
    count = int(await trio.to_thread.run_sync(process.stderr.read))
    process.stderr.close()
    await trio.to_thread.run_sync(process.wait)
    return count


def numbered(path: Path) -> int:
    """Check that the lines of a log are numbered without a gap or a double; return how many there are."""
    content = path.read_bytes()
    count = content.count(b"\n")
    assert content == b"".join(b"%d\n" % number for number in range(count))
    return count


class Ends(logging.Handler):
    """Waits for the log line that tells of the end of a keeper."""

    def __init__(self) -> None:
        super().__init__()
        self._send, self._receive = trio.open_memory_channel[str](1000)

    def __enter__(self) -> Self:
        logging.getLogger("dumb_actors.keeper").addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        logging.getLogger("dumb_actors.keeper").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("keeper.ended"):
            self._send.send_nowait(record.getMessage())

    async def next(self) -> str:
        return await self._receive.receive()


async def another(keeper: Keeper, ends: Ends) -> int:
    """Wait for the successor of a keeper that was just killed."""
    await ends.next()
    await keeper.wait_ready()
    assert keeper.pid is not None
    return keeper.pid


@attrs.define
class Supervised:
    """
    A supervisor in a process of its own, which runs `supervised.py`.

    Attributes:
        said: What it has told: pids, mostly.
    """

    process: trio.Process
    said: dict[str, Any]

    @classmethod
    async def start(cls, root: Path, orphans: str, *children: str, how: str = "") -> "Supervised":
        """Let it start *children*, scripts for `sh`."""
        run_dir(root)
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "tests.keeper.supervised", str(root), orphans, how, *children],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent.parent,
        )
        assert process.stdout is not None
        line = b""
        while not line.endswith(b"\n") and (piece := await process.stdout.receive_some()):
            line += piece
        return cls(process, json.loads(line or b"{}"))

    async def kill(self) -> None:
        """SIGKILL, and wait."""
        self.process.kill()
        await self.end()

    async def end(self) -> int:
        """Wait for its end."""
        code = await self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            await stream.aclose()
        return code
