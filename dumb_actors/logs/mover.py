"""The mover as Trio sees it: one thread that takes the output of all services from their FIFOs to their log files."""

import contextlib
import errno
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import trio

from dumb_actors.errors import InternalError, UnusablePath
from dumb_actors.logs.pump import Flow, Pump
from dumb_actors.logs.reader import Position
from dumb_actors.logs.splice import Splice, splice

__all__ = ["Mover", "Stream"]


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
        """The child's end, opened read-write, to be passed on to the child; -1 after `close_child_fd`."""
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

    def close_child_fd(self) -> None:
        """Close our copy of the child's end, after the spawn. Idempotent."""
        self._flow.close_child_fd()

    async def finish(self) -> tuple[str, ...]:
        """
        Drain what the FIFO still holds, close everything and unlink the FIFO.

        Returns:
            The last 20 lines of this generation, from at most 64 KiB, over the border of a rotation, undecodable
            bytes replaced; a line that the 64 KiB cut begins with "…". Empty when the output is discarded.

        Raises:
            InternalError: The mover's thread died of a defect.

        Cancellation: safe; the stream is finished all the same. Idempotent.
        """
        return await self._mover._finish(self._flow)  # noqa: SLF001 - the two are one unit


class Mover:
    """
    Owns the thread that moves output; the thread starts with the first stream.

    An asynchronous context manager: leaving it finishes all streams and ends the thread.

    Args:
        splice_to_log: Moves bytes from a pipe to a log file; a seam for tests of what a full disk does.
    """

    def __init__(self, *, splice_to_log: Splice = splice) -> None:
        self._splice = splice_to_log
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

    async def open(self, fifo: str, log_path: str | None, *, log_size: int, log_count: int) -> Stream:
        """
        Make the FIFO of a new generation and open its log file.

        Args:
            fifo: Path of the FIFO, which must not exist; its directory is made when it is missing.

            log_path: The log file, made with mode 0600 when it is missing, and its directories; None: discard.

            log_size: Bytes in one file, then it is rotated at the next line's end; 0: it is never rotated.

            log_count: How many rotated files are kept.

        Raises:
            UnusablePath: FIFO or log file cannot be made. No FIFO is left and nothing open.

            trio.ClosedResourceError: The mover is closed.

        Cancellation: safe; leaves nothing behind.
        """
        opening = self.opening(fifo, log_path, log_size=log_size, log_count=log_count)
        return self.add(await trio.to_thread.run_sync(opening), log_path)

    def opening(self, fifo: str, log_path: str | None, *, log_size: int, log_count: int) -> Callable[[], Flow]:
        """
        Give the blocking half of `open`, for a thread that has more to do; its result goes to `add`.

        The function raises `UnusablePath`, leaving nothing; a flow that is not added must be finished by its `finish`.
        """
        if self._closed:
            raise trio.ClosedResourceError("the mover is closed")
        pump = self._started()

        def open_flow() -> Flow:
            try:
                return pump.open(fifo, log_path, log_size=log_size, log_count=log_count)
            except OSError as error:
                raise UnusablePath(error.filename or fifo, "cannot write output to", error) from error
            except ValueError as error:  # a NUL in the path
                wrong = OSError(errno.EINVAL, str(error))
                raise UnusablePath(log_path or fifo, "cannot write output to", wrong) from error

        return open_flow

    def add(self, flow: Flow, log_path: str | None) -> Stream:
        """Begin to move what `opening` made; the other half of `open`, without a checkpoint."""
        if self._closed:
            flow.finish()
            raise trio.ClosedResourceError("the mover was closed meanwhile")
        self._started().add(flow)
        return Stream(flow, log_path, self)

    async def aclose(self) -> None:
        """Finish all streams and end the thread. Shielded; it takes as long as the draining. Idempotent."""
        if self._closed:
            await self._ended.wait()
            return
        self._closed = True
        if self._pump is not None and self._thread is not None:
            self._pump.stop()
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self._thread.join)
            self._pump.close()
        self._ended.set()

    def _started(self) -> Pump:
        if self._pump is None:
            self._pump = Pump(splice_to_log=self._splice)
            self._thread = threading.Thread(target=self._pump.run, name="dumb-actors log mover", daemon=True)
            self._thread.start()
        return self._pump

    async def _finish(self, flow: Flow) -> tuple[str, ...]:
        if self._closed:
            await self._ended.wait()
        elif flow.lines is None and self._pump is not None and self._thread is not None and self._thread.is_alive():
            done = trio.Event()
            token = trio.lowlevel.current_trio_token()

            def tell() -> None:
                with contextlib.suppress(trio.RunFinishedError):
                    token.run_sync_soon(done.set)

            self._pump.finish(flow, tell)
            await done.wait()
        else:
            await trio.lowlevel.checkpoint()
        if flow.lines is None:
            raise InternalError("the thread that moves output has died", fifo=flow.fifo)
        return flow.lines
