"""The timelines of a supervisor: what its journal tells of its boots and starts."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import trio

from dumb_actors.actors.bus import EventBus
from dumb_actors.journal.boots import BootName, Past, boot_timeline, list_boots, start_timeline
from dumb_actors.model.timeline import Boot, Timeline

__all__ = ["SupervisorPast"]

T = TypeVar("T")


class SupervisorPast:
    """The side of a supervisor that looks back; a part of `SupervisorView`."""

    journal_dir: str | None
    _bus: EventBus
    _history_threads: trio.CapacityLimiter

    async def timeline(self, boot: BootName = "latest", *, service: str | None = None) -> Timeline:
        """
        Say what each service did during a boot, what it took so long for, and what would make it shorter.

        Args:
            boot: The number of its event (`Boot.seq`); `latest` or 0: the last one; -1, -2, …: those before it.

            service: Instead of a boot, the last start or restart of this service and of what it brought along.

        Raises:
            UnknownService: No such name.

            UnknownBoot: The journal does not know it; the error names those that it knows.

            JournalTooNew, UnusablePath: The journal cannot be read.
        """
        if service is None:
            return await self._read_past(partial(boot_timeline, self._past(), boot))
        return await self._read_past(partial(start_timeline, self._past(), self._name(service)))

    async def boots(self) -> list[Boot]:
        """
        List the last twenty boots that the journal knows, the newest first.

        Raises:
            JournalTooNew, UnusablePath: The journal cannot be read.
        """
        return await self._read_past(partial(list_boots, self._past()))

    def _name(self, service: str) -> str:
        raise NotImplementedError

    def _past(self) -> Past:
        return Past(
            recent=self._bus.recent(),
            directory=self.journal_dir,
            run_seq=self._bus.first_seq,
            now_mono=self._bus.mono(),
        )

    async def _read_past(self, read: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(read, limiter=self._history_threads, abandon_on_cancel=True)
