"""
One generation's way from its FIFO to its sink.

Nothing but the standard library here: this runs in the mover's thread or in the keeper.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH103, PTH108, PTH120

import contextlib
import errno
import os
import stat
from collections.abc import Callable

from dumb_actors.logs.logsink import LogSink
from dumb_actors.logs.order import FlowOrder
from dumb_actors.logs.parts import Position
from dumb_actors.logs.sink import NullSink, Sink, Tools
from dumb_actors.logs.splice import enlarge, waiting_bytes

__all__ = ["Flow", "make_fifo", "open_flow"]

LAST_LINES = 20
LAST_BYTES = 64 * 1024


class Flow:
    """
    Takes what is in a FIFO to a sink. One thread at a time; the pump that has it sees to that.

    It reads only: without `hold` the FIFO hangs up when its last writer leaves.

    Attributes:
        fifo: Path of the FIFO.

        sink: Where its content goes.

        fd: The reading end.

        child_fd: The writing end, opened read-write, to be passed on to the child; -1 without `hold` and when finished.
            Held until the end: the content of the FIFO outlives the child and whoever reads it, and the child never
            gets SIGPIPE.

        taken_bytes: How many bytes the child has written and we have taken, lost and discarded ones included.

        lines: The last lines; None until it is finished.

        is_stuck, is_left, afterwards: The pump's notes.
    """

    def __init__(self, fifo: str, sink: Sink) -> None:
        """Open the reading end; raises OSError with nothing left open when that cannot be done."""
        self.fifo = fifo
        self.sink = sink
        self.taken_bytes = 0
        self.lines: tuple[str, ...] | None = None
        self.child_fd = -1
        self.is_stuck = False
        self.is_left = False
        self.afterwards: list[Callable[[], None]] = []
        self.fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        try:
            if not stat.S_ISFIFO(os.fstat(self.fd).st_mode):
                raise OSError(errno.EINVAL, "Not a FIFO", fifo)
            enlarge(self.fd)
        except OSError:
            os.close(self.fd)
            raise

    def hold(self) -> None:
        """
        Open the writing end.

        Raises:
            OSError: It cannot be opened; the flow is as it was.
        """
        self.child_fd = os.open(self.fifo, os.O_RDWR)

    def move(self, budget: int) -> None:
        """Move what is there, at most *budget* bytes: the other flows are to have their turn."""
        most = min(budget, waiting_bytes(self.fd))
        taken = 0
        while taken < most and (moved := self.sink.take(self.fd, most - taken)):
            taken += moved
        if taken:
            self.taken_bytes += taken
            self.sink.touch()

    def finish(self) -> tuple[str, ...]:
        """Drain, close and unlink everything; return the last lines. Idempotent."""
        if self.lines is None:
            lines: tuple[str, ...] = ()
            # Whatever the file system says to one flow, the others must go on.
            with contextlib.suppress(OSError):
                # What is in it now and no more: a descendant that slipped away may be writing for ever.
                self.move(waiting_bytes(self.fd))
                lines = self.sink.last_lines(LAST_LINES, LAST_BYTES)
            self.close()
            with contextlib.suppress(OSError):
                os.unlink(self.fifo)
            self.lines = lines  # last: it tells other threads that everything is done
        return self.lines

    def close(self) -> None:
        """Close everything without draining; the FIFO stays. Instead of `finish`, for what another process goes on."""
        with contextlib.suppress(OSError):
            self.sink.close()
        child_fd, self.child_fd = self.child_fd, -1
        for fd in (child_fd, self.fd):
            if fd >= 0:
                with contextlib.suppress(OSError):
                    os.close(fd)


def open_flow(order: FlowOrder, tools: Tools, start: Position | None, *, must_open: bool) -> Flow:
    """
    Open the FIFO of *order*, which exists, and its log.

    Raises:
        OSError: One of them cannot be opened; nothing is open.
    """
    sink: Sink
    if order.log_path is None:
        sink = NullSink(tools)
    else:
        sink = LogSink(
            order.log_path,
            size=order.log_size,
            count=order.log_count,
            tools=tools,
            generation=order.generation,
            start=start,
            must_open=must_open,
        )
    try:
        return Flow(order.fifo, sink)
    except OSError:
        sink.close()
        raise


def make_fifo(order: FlowOrder) -> None:
    """
    Make the FIFO of *order*; one that a killed supervisor left under this name is nobody's any more.

    Raises:
        OSError: It cannot be made; none is left.
    """
    path = order.fifo
    try:
        os.mkfifo(path, 0o600)
    except (FileNotFoundError, NotADirectoryError):
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.lstat(path).st_mode):
            raise
        os.unlink(path)
        os.mkfifo(path, 0o600)
    if order.uid >= 0 or order.gid >= 0:
        try:
            os.chown(path, order.uid, order.gid, follow_symlinks=False)
        except OSError:
            os.unlink(path)
            raise
