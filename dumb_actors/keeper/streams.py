"""The output of one generation, as the supervisor has it while a keeper moves it."""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH108

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator

import trio

from dumb_actors.errors import UnusablePath
from dumb_actors.keeper.life import Life
from dumb_actors.logs.flow import make_fifo
from dumb_actors.logs.logsink import LogSink
from dumb_actors.logs.order import FlowOrder
from dumb_actors.logs.parts import Position
from dumb_actors.logs.sink import Tools

__all__ = ["KeptFlow", "KeptStream", "adopt_flow", "open_flow"]


class KeptFlow:
    """
    A FIFO that is ready for a child and not yet told to the keeper.

    Attributes:
        order: What is wanted.

        fifo: Path of the FIFO.

        child_fd: The FIFO, open for reading and writing; -1 when it is closed. As long as it is open, what the child
            wrote outlives the child and the keeper.

        start: Where in the log the generation's output begins.
    """

    def __init__(self, order: FlowOrder, child_fd: int, start: Position) -> None:
        self.order = order
        self.fifo = order.fifo
        self.child_fd = child_fd
        self.start = start

    def finish(self) -> tuple[str, ...]:
        """Close and remove the FIFO; for one that is not added."""
        self.close()
        with contextlib.suppress(OSError):
            os.unlink(self.fifo)
        return ()

    def close(self) -> None:
        """Close the FIFO, which stays. Idempotent."""
        fd, self.child_fd = self.child_fd, -1
        if fd >= 0:
            os.close(fd)


def open_flow(order: FlowOrder, tools: Tools) -> KeptFlow:
    """
    Make a FIFO, and see that the log can be written; blocks as its file system does.

    Raises:
        UnusablePath: FIFO or log cannot be made. No FIFO is left and nothing open.
    """
    with _faults_of(order):
        make_fifo(order)
        try:
            start = _begin_log(order, tools, must_open=True)
            return KeptFlow(order, os.open(order.fifo, os.O_RDWR | os.O_CLOEXEC), start)
        except (OSError, ValueError):
            os.unlink(order.fifo)
            raise


def adopt_flow(order: FlowOrder, start: Position | None, tools: Tools) -> KeptFlow:
    """
    Open the FIFO of a generation that is running.

    Raises:
        UnusablePath: The FIFO cannot be opened, and is as it was.
    """
    with _faults_of(order):
        # Not blocking only for the case that it is something else.
        fd = os.open(order.fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISFIFO(os.fstat(fd).st_mode):
                raise OSError(errno.EINVAL, "Not a FIFO", order.fifo)
            os.set_blocking(fd, True)
            # A log that cannot be opened now is no reason to lose a child that runs.
            begun = _begin_log(order, tools, must_open=False)
        except (OSError, ValueError):
            os.close(fd)
            raise
        return KeptFlow(order, fd, start or begun)


def _begin_log(order: FlowOrder, tools: Tools, *, must_open: bool) -> Position:
    """Open the log as the keeper will; give its end."""
    if order.log_path is None:
        return Position(0, 0)
    size, count, generation = order.log_size, order.log_count, order.generation
    sink = LogSink(order.log_path, size=size, count=count, tools=tools, generation=generation, must_open=must_open)
    sink.close()
    return sink.start


@contextlib.contextmanager
def _faults_of(order: FlowOrder) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnusablePath(error.filename or order.fifo, "cannot write output to", error) from error
    except ValueError as error:  # a NUL in the path
        wrong = OSError(errno.EINVAL, str(error))
        raise UnusablePath(order.log_path or order.fifo, "cannot write output to", wrong) from error


class KeptStream:
    """
    The output of one generation of a service, moved by the keeper.

    Attributes:
        number: By which the keeper knows it.

        fifo: Path of the FIFO; the child's standard output and error.

        log_path: The log file; None: the output is discarded.

        start: Where in the log this generation's output begins.

        lines: The last lines; None until it is finished.

        taken_bytes: How many bytes keepers have taken, as far as they have told: they do when it is finished.
    """

    def __init__(self, flow: KeptFlow, number: int, ask_finish: Callable[["KeptStream"], None]) -> None:
        self.number = number
        self.fifo = flow.fifo
        self.log_path = flow.order.log_path
        self.start = flow.start
        self.lines: tuple[str, ...] | None = None
        self.taken_bytes = 0
        self._flow = flow
        self._ask_finish = ask_finish
        self._child: dict[str, object] | None = None
        self._is_finishing = False
        self._ended = trio.Event()
        self._lost_before = 0
        self._lost_now = 0

    @property
    def child_fd(self) -> int:
        """The child's end, opened read-write, to be passed on to the child; held until `finish`, then -1."""
        return self._flow.child_fd

    @property
    def lost_bytes(self) -> int:
        """How many bytes were lost because the log file did not take them, as far as the keeper has told."""
        return self._lost_before + self._lost_now

    async def finish(self) -> tuple[str, ...]:
        """
        Let the keeper drain what the FIFO still holds, close everything and unlink the FIFO.

        Returns:
            The last 20 lines of this generation, as `logs.mover.Stream.finish` gives them; empty when the keeper was
            left before it answered.

        Cancellation: safe; the stream is finished all the same. While no keeper can be started, or the log file hangs,
        it does not return: give it a deadline. Idempotent.
        """
        if not self._is_finishing and self.lines is None:
            self._is_finishing = True
            self._ask_finish(self)
        await self._ended.wait()
        return self.lines or ()

    # --- for the client -----------------------------------------------------------------------------------------------

    def note_child(self, child: dict[str, object]) -> None:
        """Remember what the next keeper is to be told of the processes."""
        self._child = child

    def introduce(self, life: Life) -> None:
        """Tell a new keeper everything, and count what it loses from here on."""
        self._lost_before, self._lost_now = self.lost_bytes, 0
        about: dict[str, object] = {"id": self.number}
        order = self._flow.order.to_json()
        life.post({"op": "add", **about, "order": order, "start": str(self.start)}, held=self.child_fd)
        if self._child is not None:
            life.post({"op": "child", **about, **self._child})
        if self._is_finishing:
            life.post({"op": "finish", **about})

    def note_lost(self, lost_bytes: int) -> None:
        """Note what the present keeper has lost."""
        self._lost_now = lost_bytes

    def note_finished(self, lines: tuple[str, ...], taken_bytes: int, lost_bytes: int) -> None:
        """Note that nothing is left of it."""
        self.taken_bytes += taken_bytes
        self.note_lost(lost_bytes)
        self.end(lines)

    def end(self, lines: tuple[str, ...] = ()) -> None:
        """Let go of it; whoever waits in `finish` gets *lines*. Idempotent."""
        if self.lines is None:
            self.lines = lines
            self._flow.close()
            self._ended.set()
