"""Records that nobody waits for: how a child ended."""

import logging
from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs
import trio

from dumb_actors.errors import UnusablePath
from dumb_actors.model.child import Launch
from dumb_actors.process.spawner import Spawner

__all__ = ["LateWrites"]

log = logging.getLogger("dumb_actors.host")

DELAY_S = 0.02
"""By then a replacement that follows at once has its own record, which says as much."""

Write: TypeAlias = Callable[[Launch], None]


@attrs.define(eq=False)
class LateWrites:
    """
    Writes records a little later, many in one go, and not at all when the service's next record makes them void.

    For what a later supervisor finds out by itself if we are killed before: that a recorded child has ended.
    """

    _spawner: Spawner
    _pending: dict[str, tuple[Launch, Write]] = attrs.field(init=False, factory=dict)
    _under_way: trio.Event | None = attrs.field(init=False, default=None)
    _is_due: bool = attrs.field(init=False, default=False)

    def post(self, launch: Launch, write: Write) -> None:
        """Have *write* called with *launch* soon; to be called within Trio, as everything here."""
        self._pending[launch.slug] = launch, write
        if not self._is_due:
            self._is_due = True
            trio.lowlevel.spawn_system_task(self._write_soon, name="dumb-actors late records")

    async def supersede(self, slug: str) -> Write | None:
        """
        Return when nothing of the service is being written and nothing will be; mostly at once.

        Returns:
            What was still to be written: the caller's to do, or to leave out.

        Cancellation: safe.
        """
        while self._under_way is not None:
            await self._under_way.wait()
        _, write = self._pending.pop(slug, (None, None))
        return write

    async def flush(self) -> None:
        """Write everything now. Cancellation: before it begins, or without effect."""
        while self._under_way is not None:
            await self._under_way.wait()
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        self._under_way = trio.Event()
        try:
            await self._spawner.run(_write_all, pending)
        finally:
            self._under_way.set()
            self._under_way = None

    async def _write_soon(self) -> None:
        await trio.sleep(DELAY_S)
        self._is_due = False
        await self.flush()


def _write_all(pending: Mapping[str, tuple[Launch, Write]]) -> None:
    for launch, write in pending.values():
        try:
            write(launch)
        except (UnusablePath, ValueError):  # the latter: a later generation is recorded already
            log.exception("record.not_written service=%r", launch.service)
