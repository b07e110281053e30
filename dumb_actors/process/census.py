"""Walks of the process table for the markers of generations, shared by all who ask at the same time."""

import os

import attrs
import trio

from dumb_actors.process import procfs
from dumb_actors.process.procfs import ProcStat

__all__ = ["Census"]


@attrs.define(eq=False)
class _Walk:
    """One walk: by marker, who carried it; None until it was done."""

    done: trio.Event = attrs.field(factory=trio.Event)
    found: dict[str, list[ProcStat]] | None = None


class Census:
    """
    Finds the living carriers of a marker.

    A walk costs some 20 µs for each process of the machine, and a shutdown asks for every service: so one walk serves
    all that asked before it began. Whoever asks while one is under way needs the next, for what it asks about may have
    happened behind the walker's back.
    """

    def __init__(self) -> None:
        self._turn = trio.CapacityLimiter(1)
        self._next: _Walk | None = None

    async def carriers(self, marker: str) -> list[ProcStat]:
        """
        Give the living processes with *marker* in their environment, as a walk that begins after this call sees them.

        Cancellation: safe; others who share the walk begin a new one.
        """
        while True:
            walk = self._next
            if walk is None:
                walk = self._next = _Walk()
                await self._carry_out(walk)
            else:
                await walk.done.wait()
            if walk.found is not None:
                return walk.found.get(marker, [])

    async def _carry_out(self, walk: _Walk) -> None:
        try:
            async with self._turn:
                self._next = None
                walk.found = await trio.to_thread.run_sync(_walk_all, abandon_on_cancel=True)
        finally:
            if self._next is walk:
                self._next = None
            walk.done.set()


def _walk_all() -> dict[str, list[ProcStat]]:
    found: dict[str, list[ProcStat]] = {}
    for pid in procfs.all_pids():
        marker = procfs.marker_of(pid) if pid != os.getpid() else None
        stat = procfs.read_stat(pid) if marker is not None else None
        if marker is not None and stat is not None and not stat.is_dead:
            found.setdefault(marker, []).append(stat)
    return found
