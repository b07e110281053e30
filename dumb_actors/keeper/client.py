"""The keeper as Trio sees it: a process that moves the output of all services, and is replaced when it ends."""

import logging
import os
from collections.abc import Callable
from itertools import count
from types import TracebackType
from typing import Any, Self

import trio

from dumb_actors.keeper.handover import end_former
from dumb_actors.keeper.identity import forget, read_identity
from dumb_actors.keeper.life import Life
from dumb_actors.keeper.pace import Pace
from dumb_actors.keeper.start import Orphans, log_path, start_keeper
from dumb_actors.keeper.streams import KeptFlow, KeptStream, adopt_flow, open_flow
from dumb_actors.logs.order import FlowOrder
from dumb_actors.logs.parts import Position
from dumb_actors.logs.reader import tail_bytes
from dumb_actors.logs.sink import GapNews, Tools
from dumb_actors.process.spawner import Spawner

__all__ = ["FlowOrder", "GapNews", "Keeper", "KeptFlow", "KeptStream", "Orphans"]

log = logging.getLogger("dumb_actors.keeper")

LEAVE_TIMEOUT_S = 5.0
STAY_TIMEOUT_S = 5.0
DIARY_BYTES = 2000


class Keeper:
    """
    Moves output like `logs.mover.Mover`, in a process of its own that outlives this one when it is killed.

    An asynchronous context manager. Leaving it finishes all streams and ends the keeper, or, after `stay`, leaves both
    to a later supervisor. The keeper starts with `begin`, or with the first stream, and then the one that an earlier
    supervisor left is ended: so who adopts streams calls all `adopting` functions before the first `add`. A keeper that
    ends is replaced at once, with nothing lost; children do not notice.

    Args:
        run_dir: Where it registers; it exists.

        spawner: Starts it.

        own: Gets its pid while it lives: those whom no sweep may kill and nobody else may reap (`Lineage.own`).

        orphans: What it does when this process is killed: `adopt`: move on until nobody writes any more; `stop`: end
            every process that `tell_child` told of, and leave.

        version: Of this project, for the registration.

        on_gap: Called with the FIFO of a stream when its log file does not take bytes, and when it does again.

        pace: When a keeper that has ended is replaced.
    """

    def __init__(
        self,
        run_dir: str,
        *,
        spawner: Spawner,
        own: set[int],
        orphans: Orphans,
        version: str = "",
        on_gap: Callable[[str, GapNews], None] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._run_dir = os.path.abspath(run_dir)  # noqa: PTH100 - the same text for both processes
        self._spawner = spawner
        self._own = own
        self._orphans = orphans
        self._version = version
        self._on_gap = on_gap
        self._pace = pace or Pace()
        self._tools: Tools
        self._numbers = count(1)
        self._streams: dict[int, KeptStream] = {}
        self._life: Life | None = None
        self._is_closed = False
        self._stays = False
        self._begun = trio.Event()
        self._ready = trio.Event()
        self._stayed = trio.Event()
        self._leaving = trio.Event()
        self._left = trio.Event()
        self._tended = trio.Event()
        # Shielded: a keeper is left by leaving the block, and has to be there for it when the block is cancelled.
        self._scope = trio.CancelScope(shield=True)
        self._nursery_manager = trio.open_nursery()

    async def __aenter__(self) -> Self:
        self._tools = Tools()
        nursery = await self._nursery_manager.__aenter__()
        nursery.start_soon(self._tend)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        self._is_closed = True
        try:
            with trio.CancelScope(shield=True):
                await self._part()
        finally:
            for stream in self._streams.values():
                stream.end()
            self._tools.close()
            self._scope.cancel()
        try:
            return await self._nursery_manager.__aexit__(kind, value, trace)
        except BaseExceptionGroup as group:
            # That there is a nursery is our affair: what the block raised comes out as it was.
            if group.exceptions == (value,):
                return False
            raise

    # --- for the owner ------------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int | None:
        """Of the present keeper; None while there is none."""
        return self._life.pid if self._life is not None else None

    def begin(self) -> None:
        """Start the keeper, and end the one that an earlier supervisor left; returns at once. Idempotent."""
        self._begun.set()

    async def wait_ready(self) -> None:
        """Return when the keeper is at work. Cancellation: safe."""
        await self._ready.wait()

    async def open(self, order: FlowOrder) -> KeptStream:
        """
        Make the FIFO of a new generation and open its log file; see `logs.mover.Mover.open`.

        Raises:
            UnusablePath: FIFO or log file cannot be made. No FIFO is left and nothing open.

            trio.ClosedResourceError: The keeper was left.

        Cancellation: safe; leaves nothing behind.
        """
        return self.add(await trio.to_thread.run_sync(self.opening(order)), order.log_path)

    def opening(self, order: FlowOrder) -> Callable[[], KeptFlow]:
        """
        Give the blocking half of `open`, for a thread that has more to do; its result goes to `add`.

        The function raises `UnusablePath`, leaving nothing; a flow that is not added must be finished by its `finish`.
        """
        self._check_open()
        return lambda: open_flow(order, self._tools)

    def adopting(self, order: FlowOrder, start: Position | None) -> Callable[[], KeptFlow]:
        """
        Give the blocking half of taking over the FIFO of a generation that is running; its result goes to `add`.

        Args:
            order: As it was given for this generation.

            start: Where in the log the generation's output begins, so that its last lines are those of the whole
                generation; None: not known, those from here on.

        The function raises `UnusablePath`, leaving the FIFO and nothing open; a flow that is not added must be closed
        by its `close`.
        """
        self._check_open()
        return lambda: adopt_flow(order, start, self._tools)

    def add(self, flow: KeptFlow, log_path: str | None) -> KeptStream:
        """Let the keeper move what `opening` or `adopting` gave, without a checkpoint."""
        if self._is_closed:
            flow.finish()
        self._check_open()
        stream = KeptStream(flow, next(self._numbers), self._ask_finish)
        self._streams[stream.number] = stream
        if self._life is not None:
            stream.introduce(self._life)
        self.begin()
        return stream

    def tell_child(
        self, stream: KeptStream, *, pid: int, start_ticks: int, marker: str, cgroup: str | None = None
    ) -> None:
        """
        Tell whose output *stream* is, so that an orphaned keeper can end the tree; without a checkpoint.

        Args:
            pid, start_ticks: Of the leader, which began its session.

            marker: In the environment of the generation's processes.

            cgroup: Directory of its control group.
        """
        child: dict[str, object] = {"pid": pid, "start_ticks": start_ticks, "marker": marker, "cgroup": cgroup}
        stream.note_child(child)
        self._post({"op": "child", "id": stream.number, **child})

    async def stay(self) -> None:
        """
        Let the keeper go on alone when this block is left, until nobody writes any more; returns when it knows.

        At most 5 s: one that does not answer then has been told all the same.

        Cancellation: safe; it stays.
        """
        self._stays = True
        if not self._begun.is_set():
            return
        self._post({"op": "stay"})
        with trio.move_on_after(STAY_TIMEOUT_S):
            await self._stayed.wait()
            return
        log.warning("keeper.no_answer pid=%s", self.pid)

    # --- the keeper's lives -------------------------------------------------------------------------------------------

    async def _tend(self) -> None:
        """Keep a keeper at work until it has left."""
        try:
            with self._scope:
                await self._begun.wait()
                while not self._is_done():
                    await end_former(self._run_dir)
                    await self._live()
                    if not self._is_done():
                        await self._pause(self._pace.delay_after(trio.current_time()))
        finally:
            self._tended.set()

    async def _pause(self, delay_s: float) -> None:
        """Wait before the next keeper, until leaving begins at most."""
        with trio.move_on_after(delay_s):
            if self._leaving.is_set():
                await trio.sleep_forever()
            await self._leaving.wait()

    def _is_done(self) -> bool:
        return self._is_closed and (self._left.is_set() or not self._streams)

    async def _live(self) -> None:
        """See one keeper from its start to its end."""
        try:
            started = await self._spawner.run(start_keeper, self._run_dir, self._orphans, self._version, self._own)
        except OSError:
            log.exception("keeper.not_started run_dir=%r", self._run_dir)
            return
        life = self._life = Life(started, self._hear)
        try:
            for stream in self._streams.values():
                stream.introduce(life)
            if self._stays:
                life.post({"op": "stay"})
            if self._leaving.is_set():
                life.post({"op": "leave"})
            await life.run()
        finally:
            self._life = None
            self._ready = trio.Event()
            if not self._stays or not self._is_closed:
                self._own.discard(life.pid)
        if not self._is_done():
            said = await trio.to_thread.run_sync(_read_diary, self._run_dir)
            log.error("keeper.ended pid=%d returncode=%s said=%r", life.pid, life.returncode, said)

    async def _part(self) -> None:
        """Leave the keeper to itself, or let it leave."""
        if self._stays:
            if self._life is not None:
                self._life.release()
            return
        self._leaving.set()
        if not self._begun.is_set():
            return
        self._post({"op": "leave"})
        with trio.move_on_after(LEAVE_TIMEOUT_S):
            await self._tended.wait()
            return
        log.error("keeper.not_left pid=%s streams=%r", self.pid, [stream.fifo for stream in self._streams.values()])
        if self._life is not None:
            self._life.kill()
            await trio.to_thread.run_sync(lambda: forget(self._run_dir, read_identity(self._run_dir)))

    def _check_open(self) -> None:
        if self._is_closed:
            raise trio.ClosedResourceError("the keeper was left")

    def _ask_finish(self, stream: KeptStream) -> None:
        self._post({"op": "finish", "id": stream.number})

    def _post(self, message: dict[str, object]) -> None:
        # Without a keeper the next one is told everything when it starts.
        if self._life is not None:
            self._life.post(message)

    # --- what the keeper says -----------------------------------------------------------------------------------------

    def _hear(self, message: dict[str, Any]) -> None:
        op = message["op"]
        if op == "ready":
            self._ready.set()
        elif op == "staying":
            self._stayed.set()
        elif op == "left":
            self._left.set()
        elif (stream := self._streams.get(message.get("id", 0))) is not None:
            self._hear_of(stream, message)

    def _hear_of(self, stream: KeptStream, message: dict[str, Any]) -> None:
        if message["op"] == "finished":
            del self._streams[stream.number]
            stream.note_finished(tuple(message["lines"]), message["taken"], message["lost"])
        elif message["op"] == "gap":
            stream.note_lost(message["lost"])
            if self._on_gap is not None:
                self._on_gap(stream.fifo, GapNews(stream.lost_bytes, message["reason"], message["recovered"]))
        elif message["op"] == "failed":
            log.error("keeper.cannot_open fifo=%r reason=%r", stream.fifo, message["reason"])


def _read_diary(run_dir: str) -> str:
    try:
        return tail_bytes(log_path(run_dir), DIARY_BYTES).decode(errors="replace")
    except OSError:
        return ""
