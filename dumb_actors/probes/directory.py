"""A directory exists: found out by inotify on the way to it, and by the table of mounts."""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH100, PTH116

import os
import stat
from types import TracebackType
from typing import Self

import attrs
import trio

from dumb_actors.logs.watch import ENTRIES, Closing, Watch, WatchEvent
from dumb_actors.model.spec import Directory
from dumb_actors.probes.base import Answer
from dumb_actors.probes.loop import growing_interval
from dumb_actors.probes.mounts import MountTable, describe_mount, tells_of_changes

__all__ = ["DirectoryProbe"]

SILENT_LONGEST_S = 1.0


@attrs.frozen
class _Armed:
    """The watch on the deepest directory that exists, and the name below it that must come next; "" for itself."""

    watch: int
    expected: str
    tells: bool


class DirectoryProbe:
    """
    Looks in a thread, because a dead mount may never answer; at most one such thread exists for one path.

    Between two looks it waits for an event: a name on the way to the directory, or a mount (which inotify does not
    see). Where no event can be had (FUSE and network file systems, no inotify watch left, a look that hangs) it looks
    again in growing intervals.

    Args:
        spec: What to look for.

        limiter: One token for this path, shared by all probes of it.

        closing: Closes the watch when the probe is left.
    """

    def __init__(self, spec: Directory, limiter: trio.CapacityLimiter, closing: Closing) -> None:
        self._path = os.path.abspath(spec.directory)
        self._limiter = limiter
        self._closing = closing
        self._watch: Watch | None = None
        self._mounts = MountTable()
        self._waits = False
        self._armed: _Armed | None = None

    @property
    def what(self) -> str:
        """See `Probe`."""
        return f"{self._path} to exist"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if self._waits:
            self._mounts.__exit__(kind, value, trace)
            self._waits = False
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self._armed = None

    async def ask(self) -> Answer:
        """See `Probe`. There are watches from the first look on that finds nothing; then it is looked once more."""
        before, self._armed = self._armed, None
        armed, answer = await self._look()
        if not answer.held and not self._waits:
            self._begin_to_wait()
            armed, answer = await self._look()
        if self._watch is not None and before is not None and armed is not None and armed.watch != before.watch:
            self._watch.remove(before.watch)
        self._armed = armed
        return answer

    async def _look(self) -> tuple[_Armed | None, Answer]:
        return await trio.to_thread.run_sync(
            _look, self._path, self._watch, abandon_on_cancel=True, limiter=self._limiter
        )

    def _begin_to_wait(self) -> None:
        # Not before: an inotify instance is dear to close, and a question about health seldom needs one.
        self._waits = True
        self._mounts.__enter__()
        try:
            self._watch = Watch(self._closing)
        except OSError:
            self._watch = None  # no instance left: growing intervals instead

    async def pause(self, waited_s: float) -> None:
        """Wait for an event on the way to the directory."""
        if self._armed is None:
            # The last look hangs in its thread, or there is no watch. The next one is let in when the former is done.
            await trio.sleep(growing_interval(waited_s))
            return
        longest = float("inf") if self._armed.tells else growing_interval(waited_s, SILENT_LONGEST_S)
        with trio.move_on_after(longest):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._name_event, nursery.cancel_scope)
                nursery.start_soon(self._mount_event, nursery.cancel_scope)

    async def _name_event(self, scope: trio.CancelScope) -> None:
        while self._watch is not None and not any(self._concerns(event) for event in await self._watch.events()):
            pass
        scope.cancel()

    async def _mount_event(self, scope: trio.CancelScope) -> None:
        await self._mounts.changed()
        scope.cancel()

    def _concerns(self, event: WatchEvent) -> bool:
        armed = self._armed
        if armed is None or event.overflow:
            return True
        return event.watch == armed.watch and (event.about_itself or armed.expected in {"", event.name})


def _look(path: str, watch: Watch | None) -> tuple[_Armed | None, Answer]:
    """Arm first, then look: what comes in between causes an event. Touches no probe: it may be abandoned."""
    armed = _arm(path, watch) if watch is not None else None
    return armed, _answer(path)


def _arm(path: str, watch: Watch) -> _Armed | None:
    target = os.path.realpath(path)
    try:
        number, directory = watch.add_nearest(target, ENTRIES)
        tells = tells_of_changes(directory)
    # ValueError: the probe has closed the watch while we hung.
    except (OSError, ValueError):
        return None
    expected = "" if directory == target else os.path.relpath(target, directory).split(os.sep, 1)[0]
    return _Armed(number, expected, tells)


def _answer(path: str) -> Answer:
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Answer(False, "does not exist")
    except OSError as error:
        return Answer(False, describe_mount(error))
    if not stat.S_ISDIR(found.st_mode):
        return Answer(False, "exists, but is not a directory")
    return Answer(True, "exists")
