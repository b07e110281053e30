"""
The moving of bytes: one epoll over the FIFOs of all services.

No Trio here. `Pump.run` is the whole life of the mover's thread, or of the keeper's process; orders reach it through a
queue and an eventfd.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH108

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from functools import partial

from dumb_actors.logs.flow import Flow, make_fifo, open_flow
from dumb_actors.logs.guard import Guard
from dumb_actors.logs.order import FlowOrder
from dumb_actors.logs.parts import Position
from dumb_actors.logs.sink import Tools
from dumb_actors.logs.splice import Splice, splice

__all__ = ["Flow", "Pump"]

BUDGET = 1024 * 1024
PATIENCE_S = 1.0
COMPRESSOR_TIMEOUT_S = 5.0


class ReplacedError(Exception):
    """Unwinds a thread whose place another one has taken; never leaves this module."""


class Pump:
    """
    Moves the output of any number of flows, each at most *budget* bytes in one round.

    One thread does it all, that of `run`. When one file keeps it for longer than *patience* seconds (a hung file
    system), that thread is left with that one flow, and another one goes on with all others: at each instant one thread
    *leads*, and calls the callbacks. A flow that comes back is taken up again.

    `open`, `adopt`, `add`, `finish`, `call` and `stop` may be called from any thread; `watch` and `unwatch` only by the
    thread that leads, or before `run`.

    Args:
        splice_to_log: Moves bytes from a pipe to a log file; a seam for tests.

        budget: Bytes.

        patience: Seconds that one file may keep the leading thread. The more flows are stuck, the shorter.

        on_gap: Called when a log stops taking bytes and again when its marker was written, with the flow, how many
            bytes this generation has lost, why, and whether the log has recovered.

        on_hangup: Called when a flow is empty and its last writer has left; not for one that is held, nor for one to
            which no writer has come since it was opened. If a writer comes again, it is heard; `finish` ends the
            flow, and `add` lets the same be told once more.
    """

    def __init__(
        self,
        *,
        splice_to_log: Splice = splice,
        budget: int = BUDGET,
        patience: float = PATIENCE_S,
        on_gap: Callable[[Flow, int, str, bool], None] | None = None,
        on_hangup: Callable[[Flow], None] | None = None,
    ) -> None:
        self.on_gap = on_gap
        self.on_hangup = on_hangup
        self._budget = budget
        self._patience = patience
        self._tools = Tools(splice_to_log)
        self._flows: dict[int, Flow] = {}
        self._orders: deque[Callable[[], None]] = deque()
        self._watched: dict[int, Callable[[], None]] = {}
        self._stopping = False
        self._guard = Guard(None, _nothing)
        self._at_work: Flow | None = None
        self._leader: threading.Thread | None = None
        # Guards what threads that do not lead look at: the end, and how many are stuck.
        self._lock = threading.Lock()
        self._stuck = 0
        self._is_running = False
        self._is_over = False
        self._is_closed = False
        self._over = threading.Event()
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.watch(self._wake, self._woken)

    @property
    def is_stuck(self) -> bool:
        """Say whether a thread hangs in a file."""
        return self._stuck > 0

    @property
    def is_over(self) -> bool:
        """Say whether nothing is moved any more, because of `stop` or of a defect."""
        return self._is_over

    def watch(self, fd: int, call: Callable[[], None]) -> None:
        """Call *call* whenever *fd* is readable or hung up; it may come once too often and must not block."""
        self._watched[fd] = call
        self._epoll.register(fd, select.EPOLLIN)

    def unwatch(self, fd: int) -> None:
        """Undo `watch`; the descriptor is still open."""
        del self._watched[fd]
        self._epoll.unregister(fd)

    def open(self, order: FlowOrder, *, must_open: bool = True) -> Flow:
        """
        Make the FIFO and open the log. It may hang as the log's file system does; the flow moves after `add`.

        Args:
            must_open: False: the log need not be there; output is lost, and counted, until it can be opened.

        Raises:
            OSError: One of them cannot be made; no FIFO is left and nothing open. `filename` says which.

            ValueError: A path has a NUL; likewise.
        """
        make_fifo(order)
        try:
            return open_flow(order, self._tools, None, must_open=must_open)
        except (OSError, ValueError):
            os.unlink(order.fifo)
            raise

    def adopt(self, order: FlowOrder, start: Position | None = None, *, must_open: bool = True) -> Flow:
        """
        Open an existing FIFO and its log; otherwise like `open`.

        Args:
            start: Where in the log the generation's output begins; None: here.

            must_open: See `open`.

        Raises:
            OSError: One of them cannot be opened; the FIFO is as it was and nothing open.
        """
        return open_flow(order, self._tools, start, must_open=must_open)

    def add(self, flow: Flow) -> None:
        """Begin to move *flow*."""
        self._order(lambda: self._add(flow))

    def finish(self, flow: Flow, done: Callable[[], None]) -> None:
        """End *flow*, see `Flow.finish`; then call *done*. A flow that is stuck is ended when it comes back."""
        self._order(lambda: self._finish(flow, done))

    def call(self, work: Callable[[], object], done: Callable[[], None]) -> None:
        """Do *work*, which may hang, such as `open`, without keeping the flows for long; then call *done*."""
        self._order(lambda: self._do(work, done))

    def stop(self) -> None:
        """Let `run` finish every flow and return."""
        self._order(self._stop)

    def run(self) -> None:
        """Move until `stop`. A thread that hangs in a file returns when it comes back, and not before the end."""
        self._is_running = True
        self._lead()
        self._over.wait()
        if self._leader is not None:
            self._leader.join()

    def turn(self) -> None:
        """Wait until something is there; give every flow that has something its share; carry out the orders."""
        for fd, events in self._epoll.poll():
            if fd in self._watched:
                self._watched[fd]()
            elif fd in self._flows:
                self._serve(self._flows[fd], events)
        self._obey()

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is moved any more; False: that takes longer than *timeout* seconds."""
        return self._over.wait(timeout)

    def close(self) -> None:
        """Close what the pump itself holds, after `run` or `wait`; what hangs then closes it when it comes back."""
        self._tools.compressor.close(COMPRESSOR_TIMEOUT_S)
        with self._lock:
            self._is_closed = True
        self._release()

    # --- one thread leads ---------------------------------------------------------------------------------------------

    def _lead(self) -> None:
        # The more is stuck the less is waited for the next one: a hundred logs may lie on the same dead disk.
        self._guard = Guard(self._patience / (1 + self._stuck), self._succeed)
        try:
            # The former leader may have heard of orders that it did not come to.
            self._obey()
            while not self._stopping:
                self.turn()
            for flow in [*self._flows.values()]:
                self._finish(flow, _nothing)
            self._obey()
        except ReplacedError:
            return
        except BaseException:
            self._end()
            raise
        self._end()

    def _succeed(self) -> None:
        """In the guard's thread: lead from now on, without what the former leader hangs in."""
        with self._lock:
            self._stuck += 1
        flow = self._at_work
        if flow is not None:
            flow.is_stuck = True
            if self._flows.get(flow.fd) is flow:
                self._epoll.unregister(flow.fd)
        self._leader = threading.current_thread()
        self._lead()

    def _work(self, work: Callable[[], object], then: Callable[[], None], flow: Flow | None = None) -> None:
        """Do *work*, which may hang, then call *then*; raise `ReplacedError` when another thread leads by then."""
        guard = self._guard
        self._at_work = flow
        guard.begin()
        try:
            work()
        except BaseException as error:
            if guard.end():
                raise
            # A defect: it ends whoever leads now.
            self._order(partial(_raise, error))
            raise ReplacedError from error
        if not guard.end():
            self._order(lambda: self._take_back(flow, then))
            raise ReplacedError
        then()

    def _take_back(self, flow: Flow | None, then: Callable[[], None]) -> None:
        """Go on with what was stuck; after the end, in the thread that was stuck, end it."""
        if flow is not None:
            flow.is_stuck = False
            if self._flows.get(flow.fd) is flow:
                if self._is_over:
                    del self._flows[flow.fd]
                else:
                    self._register(flow)
        then()
        if flow is not None:
            calls, flow.afterwards = flow.afterwards, []
            for call in calls:
                self._order(call)
        with self._lock:
            self._stuck -= 1
        self._release()

    def _end(self) -> None:
        """Finish what a defect has left, and let nobody wait for us any more."""
        self._guard.close()
        self._guard = Guard(None, _nothing)
        try:
            for flow in [*self._flows.values()]:
                self._finish(flow, _nothing)
            with self._lock:
                # What is ordered from now on is done by whoever orders it.
                self._is_over = True
            self._obey()
        finally:
            self._is_over = True
            self._is_running = False
            self._over.set()
            self._release()

    def _release(self) -> None:
        with self._lock:
            if not self._is_closed or self._is_running or self._stuck or self._epoll.closed:
                return
            self._epoll.close()
        os.close(self._wake)
        self._tools.close()

    # --- orders -------------------------------------------------------------------------------------------------------

    def _order(self, order: Callable[[], None]) -> None:
        with self._lock:
            if not self._is_over:
                self._orders.append(order)
                os.eventfd_write(self._wake, 1)
                return
        order()

    def _woken(self) -> None:
        os.eventfd_read(self._wake)

    def _obey(self) -> None:
        while self._orders:
            self._orders.popleft()()

    def _stop(self) -> None:
        self._stopping = True

    def _do(self, work: Callable[[], object], done: Callable[[], None]) -> None:
        self._work(work, done)

    def _finish(self, flow: Flow, done: Callable[[], None]) -> None:
        if flow.is_stuck:
            flow.afterwards.append(lambda: self._finish(flow, done))
            return
        if self._flows.get(flow.fd) is flow:
            del self._flows[flow.fd]
            if flow.lines is None:
                self._epoll.unregister(flow.fd)

        def then() -> None:
            self._tell(flow)
            done()

        self._work(flow.finish, then, flow)

    # --- flows --------------------------------------------------------------------------------------------------------

    def _add(self, flow: Flow) -> None:
        if flow.lines is not None or flow.is_stuck:
            return
        if self._flows.get(flow.fd) is flow:
            self._hear(flow, is_left=False)
            return
        self._flows[flow.fd] = flow
        self._register(flow)

    def _register(self, flow: Flow) -> None:
        flow.is_left = False
        self._epoll.register(flow.fd, select.EPOLLIN)

    def _hear(self, flow: Flow, *, is_left: bool) -> None:
        # By its edges, so that the hang-up, which lasts, is told only once, and a writer that comes again is heard.
        flow.is_left = is_left
        self._epoll.modify(flow.fd, select.EPOLLIN | select.EPOLLET if is_left else select.EPOLLIN)

    def _serve(self, flow: Flow, events: int) -> None:
        if events & select.EPOLLIN:
            if flow.is_left:
                self._hear(flow, is_left=False)
            self._work(lambda: flow.move(self._budget), lambda: self._tell(flow), flow)
        elif not flow.is_left:
            self._hear(flow, is_left=True)
            if self.on_hangup is not None:
                self.on_hangup(flow)

    def _tell(self, flow: Flow) -> None:
        while flow.sink.news:
            news = flow.sink.news.popleft()
            if self.on_gap is not None:
                self.on_gap(flow, *news)


def _nothing() -> None:
    """Do nothing."""


def _raise(error: BaseException) -> None:
    raise error
