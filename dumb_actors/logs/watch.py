"""Watches on files and directories: inotify under Trio, so that nobody polls."""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH112, PTH120

import contextlib
import errno
import os
from types import TracebackType
from typing import Final, Self

import attrs
import trio
from inotify_simple import INotify, flags  # type: ignore[import-untyped]

__all__ = ["ENTRIES", "NAMES", "WRITES", "Closing", "Watch", "WatchEvent", "nearest_directory"]

NAMES: Final = int(
    flags.CREATE
    | flags.MOVED_TO
    | flags.MOVED_FROM
    | flags.DELETE
    | flags.DELETE_SELF
    | flags.MOVE_SELF
    | flags.ONLYDIR
)
"""Mask for a directory: names that come and go, and the directory itself. Not ATTRIB, which a busy log causes too."""

ENTRIES: Final = NAMES | int(flags.ATTRIB)
"""Mask for a directory: as `NAMES`, and changed permissions of it and what is in it."""

WRITES: Final = int(flags.MODIFY | flags.ATTRIB | flags.DELETE_SELF | flags.MOVE_SELF)
"""Mask for a file: what is written to it, and its renaming."""


@attrs.frozen
class WatchEvent:
    """
    One event.

    Attributes:
        watch: Number of the watch as `Watch.add` returned it; -1 when events were lost by the kernel.

        mask: What happened, `inotify_simple.flags`.

        name: Of the directory's entry; empty for what happened to the watched path itself.
    """

    watch: int
    mask: int
    name: str

    @property
    def overflow(self) -> bool:
        """Events were lost: look at everything."""
        return bool(self.mask & flags.Q_OVERFLOW)

    @property
    def moved(self) -> bool:
        """The watched path itself was renamed or deleted."""
        return bool(self.mask & (flags.MOVE_SELF | flags.DELETE_SELF))

    @property
    def about_itself(self) -> bool:
        """It happened to the watched path, not to an entry of it."""
        return not self.name


class Closing:
    """
    Closes inotify instances in threads: the kernel takes 8 to 20 ms for one that has watches (it waits for RCU).

    Its owner awaits `wait` at its own end, so that nothing is left open.
    """

    def __init__(self) -> None:
        self._pending = 0
        self._idle = trio.Event()
        self._idle.set()

    def close(self, inotify: INotify) -> None:
        """Close *inotify* soon; to be called within Trio."""
        self._pending += 1
        if self._pending == 1:
            self._idle = trio.Event()
        token = trio.lowlevel.current_trio_token()

        def deliver(outcome: object) -> None:
            with contextlib.suppress(trio.RunFinishedError):
                token.run_sync_soon(self._done)

        trio.lowlevel.start_thread_soon(inotify.close, deliver)

    def _done(self) -> None:
        self._pending -= 1
        if not self._pending:
            self._idle.set()

    async def wait(self) -> None:
        """Return when all are closed. Cancellation: safe; they are closed all the same."""
        await self._idle.wait()


class Watch:
    """
    An inotify instance; a context manager, closed on leaving.

    Args:
        closing: Closes it in a thread; None: leaving blocks for some 10 ms.

    Raises:
        OSError: The user has no instance left (`/proc/sys/fs/inotify/max_user_instances`, often 128).
    """

    def __init__(self, closing: Closing | None = None) -> None:
        self._closing = closing
        self._closed = False
        self._inotify = INotify(nonblocking=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def add(self, path: str, mask: int) -> int:
        """
        Watch *path*; return the number its events carry. The same file again gives the same number.

        Raises:
            OSError: It does not exist or may not be watched.
        """
        return int(self._inotify.add_watch(path, mask))

    def remove(self, watch: int) -> None:
        """Remove a watch; its last event is `gone`. Nothing happens when it has ended by itself."""
        try:
            self._inotify.rm_watch(watch)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise

    def add_nearest(self, path: str, mask: int) -> tuple[int, str]:
        """
        Watch the deepest existing directory on the way to *path*, itself included. Blocks as `stat` does.

        Returns:
            The number of the watch, and the directory. When the call returns nothing deeper existed since the watch
            began: what comes later causes an event.
        """
        while True:
            directory = nearest_directory(path)
            try:
                watch = self.add(directory, mask)
            except (FileNotFoundError, NotADirectoryError):
                continue
            if nearest_directory(path) == directory:
                return watch, directory
            self.remove(watch)

    async def events(self) -> list[WatchEvent]:
        """
        Return what happened since the last call, at least one event.

        Cancellation: safe; no event is lost. One task at a time.
        """
        while True:
            await trio.lowlevel.wait_readable(self._inotify.fileno())
            events = [WatchEvent(event.wd, event.mask, event.name) for event in self._inotify.read(timeout=0)]
            if events:
                return events

    def close(self) -> None:
        """End all watches. Idempotent; who waits in `events` gets `trio.ClosedResourceError`."""
        if self._closed:
            return
        self._closed = True
        trio.lowlevel.notify_closing(self._inotify.fileno())
        if self._closing is None:
            self._inotify.close()
        else:
            self._closing.close(self._inotify)


def nearest_directory(path: str) -> str:
    """Return the deepest directory on the way to *path* (itself included) that exists; blocks as `stat` does."""
    while not os.path.isdir(path):
        parent = os.path.dirname(path)
        if parent == path:
            break
        path = parent
    return path
