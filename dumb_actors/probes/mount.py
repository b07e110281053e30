"""A file system is mounted on a path, and answers: found out by the table of mounts and by statfs."""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH100

import os
from types import TracebackType
from typing import Self

import attrs
import trio

from dumb_actors.model.probe import Mount
from dumb_actors.probes.base import Answer
from dumb_actors.probes.loop import growing_interval
from dumb_actors.probes.mounts import MountTable, describe_mount, mount_at

__all__ = ["MountProbe"]

LONGEST_S = 1.0


@attrs.frozen
class _Seen:
    """What a look found: the answer, and whether something is mounted there at all."""

    answer: Answer
    is_mounted: bool


class MountProbe:
    """
    Looks in a thread, because a dead file system may never answer; at most one such thread exists for one path.

    A program that was killed leaves its FUSE mount in the table, so being listed is not enough: statfs must answer.
    Between two looks it waits for the table to change. Only where something is mounted that does not answer it looks
    again by itself, in growing intervals, because no event tells of its recovery.

    Args:
        spec: What to look for.

        limiter: One token for this path, shared by all probes of it.
    """

    def __init__(self, spec: Mount, limiter: trio.CapacityLimiter) -> None:
        self._path = os.path.abspath(spec.mount)
        self._limiter = limiter
        self._table = MountTable()
        self._watches = False
        self._waits_for_event = False

    @property
    def what(self) -> str:
        """See `Probe`."""
        return f"{self._path} to be mounted"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if self._watches:
            self._table.__exit__(kind, value, trace)
        self._watches = self._waits_for_event = False

    async def ask(self) -> Answer:
        """See `Probe`. The table is watched from the first look on that finds nothing, and then looked at again."""
        self._waits_for_event = False
        seen = await self._look()
        if not seen.answer.held and not self._watches:
            self._table.__enter__()
            self._watches = True
            seen = await self._look()
        self._waits_for_event = not seen.is_mounted
        return seen.answer

    async def _look(self) -> _Seen:
        return await trio.to_thread.run_sync(_look, self._path, abandon_on_cancel=True, limiter=self._limiter)

    async def pause(self, waited_s: float) -> None:
        """Wait for the table to change; where statfs does not answer, at most the growing interval."""
        # A look that hangs was cut: nothing is known, and the next one is let in when the former is done.
        longest = float("inf") if self._waits_for_event else growing_interval(waited_s, LONGEST_S)
        with trio.move_on_after(longest):
            if self._watches:
                await self._table.changed()
            else:
                await trio.sleep_forever()


def _look(path: str) -> _Seen:
    """Touches no probe: it may be abandoned."""
    try:
        # As it is spelled first: to resolve links is to look at what may be dead.
        kind = mount_at(path) or mount_at(os.path.realpath(path))
    except OSError as error:
        return _Seen(Answer(False, f"the table of mounts cannot be read: {describe_mount(error)}"), is_mounted=True)
    if kind is None:
        return _Seen(Answer(False, "is not mounted"), is_mounted=False)
    try:
        os.statvfs(path)
    except OSError as error:
        return _Seen(Answer(False, f"is mounted, but {describe_mount(error)}"), is_mounted=True)
    return _Seen(Answer(True, f"is mounted ({kind})"), is_mounted=True)
