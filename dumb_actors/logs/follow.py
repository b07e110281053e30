"""Follow a log file as it grows, through rotations, without ever polling."""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH100, PTH116, PTH119, PTH120

import contextlib
import errno
import os
from types import TracebackType
from typing import Self

import trio

from dumb_actors.logs.parts import Part, Position, open_settled
from dumb_actors.logs.watch import NAMES, WRITES, Closing, Watch, WatchEvent

__all__ = ["Follower"]

PIECE = 64 * 1024


CANNOT_TELL = frozenset({errno.EAGAIN, errno.EOPNOTSUPP})


class Follower:
    """
    Reads a log from *start* on and goes on as it grows. A context manager.

    A rotated file is read to its end, whatever became of it meanwhile, then the next younger one; one that is
    compressed by then is uncompressed. A file that does not exist yet is awaited. A file that became shorter is read
    from its beginning.

    Args:
        path: The log file.

        start: Where to begin; None: at the beginning of the present file. When its file is gone (rotated away,
            deleted, or compressed and the position has no stamp), at the beginning of the present file, which is
            younger.

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
        self._part: Part | None = None
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
        self._close_part()

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
        part = self._part
        if part is None:
            return b""
        if part.is_packed:
            piece = await trio.to_thread.run_sync(part.read_at, self._offset, PIECE)
            # Nobody writes to it any more, so no event will tell that it is time for the next one.
            self._stale |= not piece
            self._offset += len(piece)
            return piece
        count = await self._pread(part.fd)
        if not count and self._offset and os.fstat(part.fd).st_size < self._offset:
            self._offset = 0
            count = await self._pread(part.fd)
        self._offset += count
        return bytes(memoryview(self._buffer)[:count])

    async def _pread(self, fd: int) -> int:
        try:
            # What is in the page cache costs no thread.
            return os.preadv(fd, [self._buffer], self._offset, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno not in CANNOT_TELL:
                raise
        return await trio.to_thread.run_sync(os.preadv, fd, [self._buffer], self._offset)

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
        mine = self._part
        if mine is None:
            return self._open_first()
        present = _stat(self._path)
        if present is not None and present.st_ino == mine.inode:
            mine.refresh_stamp()
            return False
        if not mine.is_packed and os.fstat(mine.fd).st_size > self._offset:
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
        with contextlib.ExitStack() as opened:
            parts = open_settled(self._path, opened)
            found = next((part for part in parts if start is not None and part.holds(start)), None)
            if found is not None and start is not None:
                self._use(found, start.offset)
                return True
            if parts and parts[0].name == self._path:
                self._use(parts[0], 0)
                return True
        return False

    def _open_next(self, mine: Part) -> bool:
        """Open the file that followed the present one."""
        with contextlib.ExitStack() as opened:
            younger = _younger(open_settled(self._path, opened), mine)
            if younger:
                self._use(younger[-1], 0)
            return bool(younger)

    def _use(self, part: Part, offset: int) -> None:
        """Go on with *part*, whose descriptor somebody else closes."""
        watch = self._entered()
        if self._file_watch >= 0:
            watch.remove(self._file_watch)
        self._close_part()
        self._part = part.kept()
        self._offset = offset
        # By descriptor: the name may belong to another file by now. Which is also why we look again afterwards.
        self._file_watch = watch.add(f"/proc/self/fd/{self._part.fd}", WRITES)
        self._stale = True

    def _close_part(self) -> None:
        if self._part is not None:
            self._part.close()
            self._part = None


def _younger(parts: list[Part], mine: Part) -> list[Part]:
    """Return the files that came after *mine*, the youngest first."""
    written_ns = os.fstat(mine.fd).st_mtime_ns
    mine.refresh_stamp()
    for index, part in enumerate(parts):
        if part.inode == mine.inode or (mine.stamp and part.stamp == mine.stamp):
            return parts[:index]
    # Deleted, or rotated away while nobody read: what was written to later came later. What is compressed has kept its
    # time, and may be the very file that we have read.
    return [part for part in parts if part.mtime_ns >= written_ns + part.is_packed]


def _stat(name: str) -> os.stat_result | None:
    try:
        return os.stat(name)
    except FileNotFoundError:
        return None
