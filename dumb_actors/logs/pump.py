"""
The moving of bytes: one epoll over the FIFOs of all services.

No Trio here. `Pump.run` is the whole life of the mover's thread, and later of a process of its own; orders reach it
through a queue and an eventfd.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH103, PTH108, PTH120

import contextlib
import os
import select
import stat
from collections import deque
from collections.abc import Callable

from dumb_actors.logs.sink import LogSink, NullSink, Sink, Tools
from dumb_actors.logs.splice import Splice, enlarge, splice, waiting_bytes

__all__ = ["Flow", "Pump"]

BUDGET = 1024 * 1024
LAST_LINES = 20
LAST_BYTES = 64 * 1024


class Flow:
    """
    One generation's way from its FIFO to its sink.

    Both ends are opened read-write. So the FIFO never reports a hang-up, its content outlives the child, and the child
    never gets SIGPIPE when the mover is gone.
    """

    def __init__(self, fifo: str, sink: Sink) -> None:
        """Open both ends; raises OSError with nothing left open when that cannot be done."""
        self.fifo = fifo
        self.sink = sink
        self.taken_bytes = 0
        self.lines: tuple[str, ...] | None = None
        self.child_fd = -1
        self.fd = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        try:
            enlarge(self.fd)
            self.child_fd = os.open(fifo, os.O_RDWR)
        except OSError:
            os.close(self.fd)
            raise

    def move(self, budget: int) -> None:
        """Move what is there, at most *budget* bytes: the other flows are to have their turn."""
        taken = 0
        while taken < budget and (moved := self.sink.take(self.fd, budget - taken)):
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
            for close in (
                self.sink.close,
                self.close_child_fd,
                lambda: os.close(self.fd),
                lambda: os.unlink(self.fifo),
            ):
                with contextlib.suppress(OSError):
                    close()
            self.lines = lines  # last: it tells other threads that everything is done
        return self.lines

    def close_child_fd(self) -> None:
        """Close our copy of the child's end. Idempotent."""
        fd, self.child_fd = self.child_fd, -1
        if fd >= 0:
            os.close(fd)


class Pump:
    """
    Moves the output of any number of flows, each at most *budget* bytes in one round.

    `add`, `finish` and `stop` may be called from any thread; the rest belongs to the thread of `run`.
    """

    def __init__(self, *, splice_to_log: Splice = splice, budget: int = BUDGET) -> None:
        self._budget = budget
        self._tools = Tools(splice_to_log)
        self._flows: dict[int, Flow] = {}
        self._orders: deque[Callable[[], None]] = deque()
        self._watched: dict[int, Callable[[], None]] = {}
        self._stopping = False
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.watch(self._wake, self._woken)

    def watch(self, fd: int, call: Callable[[], None]) -> None:
        """Call *call* in the pump's thread whenever *fd* is readable or hung up; only from there, or before `run`."""
        self._watched[fd] = call
        self._epoll.register(fd, select.EPOLLIN)

    def unwatch(self, fd: int) -> None:
        """Undo `watch`; the descriptor is still open."""
        del self._watched[fd]
        self._epoll.unregister(fd)

    def open(self, fifo: str, log_path: str | None, *, log_size: int, log_count: int) -> Flow:
        """
        Make the FIFO and open the log. May be called from any thread; the flow moves after `add`.

        Raises:
            OSError: One of them cannot be made; no FIFO is left and nothing open. `filename` says which.
        """
        os.makedirs(os.path.dirname(fifo) or ".", mode=0o700, exist_ok=True)
        _make_fifo(fifo)
        try:
            sink = self._sink(log_path, log_size, log_count)
            try:
                return Flow(fifo, sink)
            except OSError:
                sink.close()
                raise
        except (OSError, ValueError):
            os.unlink(fifo)
            raise

    def add(self, flow: Flow) -> None:
        """Begin to move *flow*."""
        self._order(lambda: self._add(flow))

    def finish(self, flow: Flow, done: Callable[[], None]) -> None:
        """End *flow*, see `Flow.finish`; then call *done* in the pump's thread."""
        self._order(lambda: self._finish(flow, done))

    def stop(self) -> None:
        """Let `run` finish every flow and return."""
        self._order(self._stop)

    def run(self) -> None:
        """Move until `stop`."""
        try:
            while not self._stopping:
                self.turn()
        finally:
            for flow in [*self._flows.values()]:
                self._end(flow)
            self._obey()

    def turn(self) -> None:
        """Wait until something is there; give every flow that has something its share; carry out the orders."""
        for fd, _ in self._epoll.poll():
            if fd in self._watched:
                self._watched[fd]()
            elif fd in self._flows:
                self._flows[fd].move(self._budget)
        self._obey()

    def close(self) -> None:
        """Close what the pump itself holds; after `run` has returned."""
        self._epoll.close()
        os.close(self._wake)
        self._tools.close()

    def _sink(self, log_path: str | None, log_size: int, log_count: int) -> Sink:
        if log_path is None:
            return NullSink(self._tools)
        return LogSink(log_path, size=log_size, count=log_count, tools=self._tools)

    def _order(self, order: Callable[[], None]) -> None:
        self._orders.append(order)
        os.eventfd_write(self._wake, 1)

    def _woken(self) -> None:
        os.eventfd_read(self._wake)

    def _obey(self) -> None:
        while self._orders:
            self._orders.popleft()()

    def _stop(self) -> None:
        self._stopping = True

    def _add(self, flow: Flow) -> None:
        self._flows[flow.fd] = flow
        self._epoll.register(flow.fd, select.EPOLLIN)

    def _finish(self, flow: Flow, done: Callable[[], None]) -> None:
        try:
            self._end(flow)
        finally:
            done()

    def _end(self, flow: Flow) -> None:
        if flow.lines is None:
            if self._flows.pop(flow.fd, None) is not None:
                self._epoll.unregister(flow.fd)
            flow.finish()


def _make_fifo(path: str) -> None:
    """Make the FIFO; one that a killed supervisor left under this name is nobody's any more."""
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.lstat(path).st_mode):
            raise
        os.unlink(path)
        os.mkfifo(path, 0o600)
