"""Follow a log file as it grows, through rotations, without ever polling."""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH100, PTH116, PTH119, PTH120

import errno
import os
from types import TracebackType
from typing import Self

import attrs
import trio

from dumb_actors.logs.reader import Position, part_names
from dumb_actors.logs.watch import NAMES, WRITES, Closing, Watch, WatchEvent

__all__ = ["Follower"]

PIECE = 64 * 1024


CANNOT_TELL = frozenset({errno.EAGAIN, errno.EOPNOTSUPP})


@attrs.frozen
class _Part:
    name: str
    inode: int
    mtime_ns: int


class Follower:
    """
    Reads a log from *start* on and goes on as it grows. A context manager.

    A rotated file is read to its end, then the next younger one. A file that does not exist yet is awaited. A file
    that became shorter is read from its beginning.

    Args:
        path: The log file.

        start: Where to begin; None: at the beginning of the present file. When its file is gone (rotated away or
            deleted), at the beginning of the present file, which is younger.

        closing: Closes the watch in a thread; None: leaving blocks for some 10 ms.

    Raises:
        OSError: On entering: the user has no inotify instance left.
    """

    def __init__(self, path: str, start: Position | None = None, *, closing: Closing | None = None) -> None:
        self._path = os.path.abspath(path)
        self._name = os.path.basename(self._path)
        self._start = start
        self._closing = closing
        self._watch: Watch | None = None
        self._directory_watch = self._file_watch = -1
        self._expected = self._name
        self._fd = -1
        self._offset = 0
        self._buffer = bytearray(PIECE)
        # True: something other than a write may have happened, so the names are to be looked at.
        self._stale = True

    def __enter__(self) -> Self:
        self._watch = Watch(self._closing)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    async def read(self) -> bytes:
        """
        Return the next piece, at most 64 KiB, as soon as it is there; it may end within a line.

        Raises:
            OSError: The file cannot be opened or read.

        Cancellation: safe; nothing is lost.
        """
        while not (piece := await self.available()):
            await self.changed()
        return piece

    async def available(self) -> bytes:
        """Return the next piece if there is one now, else nothing. Errors and cancellation as with `read`."""
        await trio.lowlevel.checkpoint()
        while True:
            if piece := await self._piece():
                return piece
            if not self._stale:
                return b""
            # In a thread: the directory may lie on something slow. It may also be cancelled, or fail.
            if not await trio.to_thread.run_sync(self._bring_up_to_date):
                return b""

    async def changed(self) -> None:
        """Return when `available` may have more. Cancellation: safe."""
        while True:
            relevant = [self._concerns(event) for event in await self._entered().events()]
            if any(relevant):
                return

    def _entered(self) -> Watch:
        if self._watch is None:
            raise RuntimeError("a Follower is used inside its with block")
        return self._watch

    def _concerns(self, event: WatchEvent) -> bool:
        if event.watch == self._file_watch:
            self._stale |= event.moved
            return True
        here = event.watch == self._directory_watch and (event.about_itself or event.name == self._expected)
        self._stale |= here or event.overflow
        return here or event.overflow

    # --- reading ------------------------------------------------------------------------------------------------------

    async def _piece(self) -> bytes:
        """Read on in the present file; nothing at its end or when there is none."""
        if self._fd < 0:
            return b""
        count = await self._pread()
        if not count and self._offset and os.fstat(self._fd).st_size < self._offset:
            self._offset = 0
            count = await self._pread()
        self._offset += count
        return bytes(memoryview(self._buffer)[:count])

    async def _pread(self) -> int:
        try:
            # What is in the page cache costs no thread.
            return os.preadv(self._fd, [self._buffer], self._offset, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno not in CANNOT_TELL:
                raise
        return await trio.to_thread.run_sync(os.preadv, self._fd, [self._buffer], self._offset)

    # --- from file to file; in a thread -------------------------------------------------------------------------------

    def _bring_up_to_date(self) -> bool:
        self._stale = False
        try:
            return self._advance()
        except BaseException:
            self._stale = True
            raise

    def _advance(self) -> bool:
        """Bring watch and file up to date; True: there may be something to read now."""
        self._arm()
        if self._fd < 0:
            return self._open_first()
        present = _stat(self._path)
        mine = os.fstat(self._fd)
        if present is not None and present.st_ino == mine.st_ino:
            return False
        if mine.st_size > self._offset:
            # Renamed, so nobody writes to it any more; its rest comes first.
            self._stale = True
            return True
        return self._open_next(mine)

    def _arm(self) -> None:
        watch = self._entered()
        number, directory = watch.add_nearest(os.path.dirname(self._path), NAMES)
        if number != self._directory_watch and self._directory_watch >= 0:
            watch.remove(self._directory_watch)
        self._directory_watch = number
        self._expected = os.path.relpath(self._path, directory).split(os.sep, 1)[0]

    def _open_first(self) -> bool:
        start = self._start
        for part in self._parts() if start is not None else ():
            if start is not None and part.inode == start.inode:
                fd = _open(part.name)
                if fd >= 0 and os.fstat(fd).st_ino == start.inode and os.fstat(fd).st_size >= start.offset:
                    self._use(fd, start.offset)
                    return True
                _close(fd)
        fd = _open(self._path)
        if fd >= 0:
            self._use(fd, 0)
        return fd >= 0

    def _open_next(self, mine: os.stat_result) -> bool:
        """Open the file that followed the present one. Rotations may go on meanwhile: what was opened is verified."""
        while True:
            parts = self._parts()
            younger = _younger(parts, mine)
            if not younger:
                return False
            fd = _open(younger[-1].name)
            if fd < 0:
                continue
            again = _younger(self._parts(), mine)
            if again and again[-1].inode == os.fstat(fd).st_ino:
                self._use(fd, 0)
                return True
            _close(fd)

    def _parts(self) -> list[_Part]:
        """The files of the log, the youngest first. Names move away from us: one may be seen twice, none is missed."""
        parts: dict[int, _Part] = {}
        for name in part_names(self._path):
            found = _stat(name)
            if found is not None:
                parts.setdefault(found.st_ino, _Part(name, found.st_ino, found.st_mtime_ns))
        return [*parts.values()]

    def _use(self, fd: int, offset: int) -> None:
        watch = self._entered()
        if self._file_watch >= 0:
            watch.remove(self._file_watch)
        _close(self._fd)
        self._fd = fd
        self._offset = offset
        # By descriptor: the name may belong to another file by now. Which is also why we look again afterwards.
        self._file_watch = watch.add(f"/proc/self/fd/{fd}", WRITES)
        self._stale = True


def _younger(parts: list[_Part], mine: os.stat_result) -> list[_Part]:
    """Return the files that came after *mine*, the youngest first."""
    for index, part in enumerate(parts):
        if part.inode == mine.st_ino:
            return parts[:index]
    # Deleted, or rotated away while nobody read: what was written to later came later.
    return [part for part in parts if part.mtime_ns >= mine.st_mtime_ns]


def _stat(name: str) -> os.stat_result | None:
    try:
        return os.stat(name)
    except FileNotFoundError:
        return None


def _open(name: str) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return -1


def _close(fd: int) -> None:
    if fd >= 0:
        os.close(fd)
