"""The mover as Trio sees it: one thread that takes the output of all services from their FIFOs to their log files."""

import contextlib
import errno
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import trio

from dumb_actors.errors import InternalError, UnusablePath
from dumb_actors.logs.flow import Flow
from dumb_actors.logs.order import FlowOrder
from dumb_actors.logs.parts import Position
from dumb_actors.logs.pump import PATIENCE_S, Pump
from dumb_actors.logs.sink import GapNews
from dumb_actors.logs.splice import Splice, splice

__all__ = ["FlowOrder", "GapNews", "Mover", "Stream"]

LEAVE_TIMEOUT_S = 10.0


class Stream:
    """
    The output of one generation of a service.

    Attributes:
        fifo: Path of the FIFO; the child's standard output and error.

        log_path: The log file; None: the output is discarded.
    """

    def __init__(self, flow: Flow, log_path: str | None, mover: "Mover") -> None:
        self.fifo = flow.fifo
        self.log_path = log_path
        self._flow = flow
        self._mover = mover

    @property
    def child_fd(self) -> int:
        """The child's end, opened read-write, to be passed on to the child; held until `finish`, then -1."""
        return self._flow.child_fd

    @property
    def start(self) -> Position:
        """Where in the log this generation's output begins."""
        return self._flow.sink.start

    @property
    def taken_bytes(self) -> int:
        """How many bytes the child has written and the mover has taken, lost and discarded ones included."""
        return self._flow.taken_bytes

    @property
    def lost_bytes(self) -> int:
        """How many bytes were lost because the log file did not take them."""
        return self._flow.sink.lost_bytes

    async def finish(self) -> tuple[str, ...]:
        """
        Drain what the FIFO still holds, close everything and unlink the FIFO.

        Returns:
            The last 20 lines of this generation, from at most 64 KiB, over the border of a rotation, undecodable
            bytes replaced; a line that the 64 KiB cut begins with "…". Empty when the output is discarded, or the mover
            was closed while the log file hung.

        Raises:
            InternalError: The mover's thread died of a defect.

        Cancellation: safe; the stream is finished all the same. While the log file hangs (a dead network file system)
        it does not return: give it a deadline. Idempotent.
        """
        return await self._mover._finish(self._flow)  # noqa: SLF001 - the two are one unit


class Mover:
    """
    Owns the thread that moves output; the thread starts with the first stream.

    An asynchronous context manager: leaving it finishes all streams and ends the thread.

    Args:
        splice_to_log: Moves bytes from a pipe to a log file; a seam for tests of what a full disk does.

        on_gap: Called within Trio with the FIFO of a stream when its log file does not take bytes, and when it does
            again. It must not raise.

        patience: Seconds that one log file may hang before the others go on without it.
    """

    def __init__(
        self,
        *,
        splice_to_log: Splice = splice,
        on_gap: Callable[[str, GapNews], None] | None = None,
        patience: float = PATIENCE_S,
    ) -> None:
        self._splice = splice_to_log
        self._patience = patience
        self._on_gap = on_gap
        self._pump: Pump | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._ended = trio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self.aclose()

    async def open(self, order: FlowOrder) -> Stream:
        """
        Make the FIFO of a new generation and open its log file.

        Args:
            order: What is wanted; directories are made when they are missing. A FIFO of that name that a killed
                supervisor left is replaced.

        Raises:
            UnusablePath: FIFO or log file cannot be made. No FIFO is left and nothing open.

            trio.ClosedResourceError: The mover is closed.

        Cancellation: safe; leaves nothing behind.
        """
        return self.add(await trio.to_thread.run_sync(self.opening(order)), order.log_path)

    def opening(self, order: FlowOrder) -> Callable[[], Flow]:
        """
        Give the blocking half of `open`, for a thread that has more to do; its result goes to `add`.

        The function raises `UnusablePath`, leaving nothing; a flow that is not added must be finished by its `finish`.
        """
        pump = self._started()
        return lambda: _held(lambda: pump.open(order), order, Flow.finish)

    def adopting(self, order: FlowOrder, start: Position | None) -> Callable[[], Flow]:
        """
        Give the blocking half of taking over the FIFO of a generation that is running; its result goes to `add`.

        Args:
            order: As it was given for this generation.

            start: Where in the log the generation's output begins, so that its last lines are those of the whole
                generation; None: not known, those from here on.

        The function raises `UnusablePath`, leaving the FIFO and nothing open; a flow that is not added must be closed
        by its `close`.
        """
        pump = self._started()
        return lambda: _held(lambda: pump.adopt(order, start), order, Flow.close)

    def add(self, flow: Flow, log_path: str | None) -> Stream:
        """Begin to move what `opening` or `adopting` gave, without a checkpoint."""
        if self._closed:
            flow.finish()
            raise trio.ClosedResourceError("the mover was closed meanwhile")
        self._started().add(flow)
        return Stream(flow, log_path, self)

    async def aclose(self) -> None:
        """
        Finish all streams and end the thread. Shielded; it takes as long as the draining. Idempotent.

        A stream whose log file hangs is left after at most 10 s, with a daemon thread that finishes it if ever it can.
        """
        if self._closed:
            await self._ended.wait()
            return
        self._closed = True
        if self._pump is not None and self._thread is not None:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(_end, self._pump, self._thread)
        self._ended.set()

    def _started(self) -> Pump:
        if self._closed:
            raise trio.ClosedResourceError("the mover is closed")
        if self._pump is None:
            self._pump = Pump(splice_to_log=self._splice, patience=self._patience, on_gap=self._gap_teller())
            self._thread = threading.Thread(target=self._pump.run, name="dumb-actors log mover", daemon=True)
            self._thread.start()
        return self._pump

    def _gap_teller(self) -> Callable[[Flow, int, str, bool], None] | None:
        if (on_gap := self._on_gap) is None:
            return None
        token = trio.lowlevel.current_trio_token()

        def tell(flow: Flow, lost_bytes: int, reason: str, recovered: bool) -> None:  # noqa: FBT001 - the pump calls it so
            with contextlib.suppress(trio.RunFinishedError):
                token.run_sync_soon(on_gap, flow.fifo, GapNews(lost_bytes, reason, recovered))

        return tell

    async def _finish(self, flow: Flow) -> tuple[str, ...]:
        if self._closed:
            await self._ended.wait()
        elif flow.lines is None and self._pump is not None and not self._pump.is_over:
            done = trio.Event()
            token = trio.lowlevel.current_trio_token()

            def tell() -> None:
                with contextlib.suppress(trio.RunFinishedError):
                    token.run_sync_soon(done.set)

            self._pump.finish(flow, tell)
            await done.wait()
        else:
            await trio.lowlevel.checkpoint()
        if flow.lines is not None:
            return flow.lines
        if self._closed:
            return ()
        raise InternalError("the thread that moves output has died", fifo=flow.fifo)


def _held(open_flow: Callable[[], Flow], order: FlowOrder, give_up: Callable[[Flow], object]) -> Flow:
    """Open a flow and hold its FIFO."""
    try:
        flow = open_flow()
        try:
            flow.hold()
        except OSError:
            give_up(flow)
            raise
    except OSError as error:
        raise UnusablePath(error.filename or order.fifo, "cannot write output to", error) from error
    except ValueError as error:  # a NUL in the path
        wrong = OSError(errno.EINVAL, str(error))
        raise UnusablePath(order.log_path or order.fifo, "cannot write output to", wrong) from error
    return flow


def _end(pump: Pump, thread: threading.Thread) -> None:
    pump.stop()
    if pump.wait(LEAVE_TIMEOUT_S) and not pump.is_stuck:
        thread.join()
    pump.close()
