"""Walks of the process table for the signs of generations, shared by all who ask at the same time."""

import os

import attrs
import trio

from dumb_actors.process import procfs
from dumb_actors.process.procfs import ProcStat

__all__ = ["Census"]


@attrs.define
class _Found:
    """What a walk saw: the living carriers of each marker, and the living holders of the FIFOs asked for."""

    by_marker: dict[str, list[ProcStat]] = attrs.field(factory=dict)
    by_fifo: dict[str, list[ProcStat]] = attrs.field(factory=dict)


@attrs.define(eq=False)
class _Walk:
    """One walk: the FIFOs that are asked for until it begins, and what it found; None until it was done."""

    done: trio.Event = attrs.field(factory=trio.Event)
    fifos: set[str] = attrs.field(factory=set)
    found: _Found | None = None


class Census:
    """
    Finds the living processes with the marker of a generation in their environment, or its FIFO open for writing.

    A walk for markers costs some 20 µs for each process of the machine, and two to three times as much when a FIFO is
    asked for too; a shutdown asks for every service: so one walk serves all that asked before it began. Whoever asks
    while one is under way needs the next, for what it asks about may have happened behind the walker's back.
    """

    def __init__(self) -> None:
        self._turn = trio.CapacityLimiter(1)
        self._next: _Walk | None = None

    async def carriers(self, marker: str, fifo: str | None = None) -> list[ProcStat]:
        """
        Give the living processes of a generation, as a walk that begins after this call sees them.

        Args:
            marker: In their environment.

            fifo: Absolute path of the FIFO; None: markers only.

        Raises:
            OSError: The process table cannot be read: no descriptors are left.

        Cancellation: safe; others who share the walk begin a new one.
        """
        while True:
            walk = self._next
            is_ours = walk is None
            if walk is None:
                walk = self._next = _Walk()
            if fifo is not None:
                walk.fifos.add(fifo)
            if is_ours:
                await self._carry_out(walk)
            else:
                await walk.done.wait()
            if walk.found is not None:
                found = {stat.pid: stat for stat in walk.found.by_marker.get(marker, ())}
                found |= {stat.pid: stat for stat in walk.found.by_fifo.get(fifo or "", ())}
                return list(found.values())

    async def _carry_out(self, walk: _Walk) -> None:
        try:
            async with self._turn:
                self._next = None
                fifos = frozenset(walk.fifos)
                walk.found = await trio.to_thread.run_sync(_walk_all, fifos, abandon_on_cancel=True)
        finally:
            if self._next is walk:
                self._next = None
            walk.done.set()


def _walk_all(fifos: frozenset[str]) -> _Found:
    found, own = _Found(), os.getpid()
    under = os.path.commonpath(fifos) if fifos else "/"
    for pid in procfs.all_pids():
        if pid == own:
            continue
        marker = procfs.marker_of(pid)
        files = procfs.written_files(pid, under) if fifos else {}
        held = [path for path, was_passed_on in files.items() if was_passed_on and path in fifos]
        stat = procfs.read_stat(pid) if marker is not None or held else None
        if stat is None or stat.is_dead:
            continue
        if marker is not None:
            found.by_marker.setdefault(marker, []).append(stat)
        for fifo in held:
            found.by_fifo.setdefault(fifo, []).append(stat)
    return found
