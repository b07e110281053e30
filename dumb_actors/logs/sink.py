"""
Where output goes: a log file that rotates at a line's end, or nowhere.

No Trio here: this runs in the mover's thread now, and in a process of its own later.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH103, PTH104, PTH108, PTH116, PTH120

import contextlib
import errno
import os
import stat
from collections import deque
from typing import Protocol

from dumb_actors.logs.reader import Position, last_lines
from dumb_actors.logs.splice import Scratch, Splice, splice, waiting_bytes

__all__ = ["LogSink", "NullSink", "Sink", "Tools"]

PEEK = 64 * 1024
UNLIMITED = 1 << 62


class Tools:
    """
    What all sinks of one mover share: the null device, a scratch pipe, and the call that moves bytes.

    The call is a seam: tests put one in its place that fails like a full disk.
    """

    def __init__(self, splice_to_log: Splice = splice) -> None:
        self.splice_to_log = splice_to_log
        self.null = os.open(os.devnull, os.O_WRONLY)
        self.scratch = Scratch()

    def discard(self, source: int, most: int) -> int:
        """Throw away at most *most* bytes of *source*; return how many."""
        try:
            return splice(source, self.null, most)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Close what is held open."""
        os.close(self.null)
        self.scratch.close()


class Sink(Protocol):
    """Takes bytes out of a pipe."""

    start: Position
    lost_bytes: int

    def take(self, source: int, most: int) -> int:
        """Take at most *most* bytes of *source*; return how many, 0 when it is empty. Never raises."""

    def touch(self) -> None:
        """Called after each batch: tell who follows."""

    def last_lines(self, n: int, limit: int) -> tuple[str, ...]:
        """Return the last lines of this generation, read from at most *limit* bytes."""

    def close(self) -> None:
        """Close the file. Idempotent."""


class NullSink:
    """Discards; for a service whose output is suppressed."""

    def __init__(self, tools: Tools) -> None:
        self.start = Position(0, 0)
        self.lost_bytes = 0
        self._tools = tools

    def take(self, source: int, most: int) -> int:
        return self._tools.discard(source, most)

    def touch(self) -> None:
        """Nobody follows."""

    def last_lines(self, n: int, limit: int) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        """Nothing is open."""


class LogSink:
    """
    One log file, written at an explicit offset that is always its end.

    So the end of the file says what was consumed: killed at any instant, nothing is lost and nothing doubled.

    Rotation: once the file holds *size* bytes it goes on to the end of the line, then becomes `.1`. A line that does
    not end is cut when the file holds twice the size. The file is rotated when the next byte comes, not before, so the
    youngest file is never empty.

    A file that does not take bytes (disk full) loses them: they are counted, and a marker line says so as soon as the
    file takes bytes again.

    Args:
        path: Of the log; parent directories are made.

        size: Bytes in one file; 0 or less: it is never rotated.

        count: How many rotated files are kept.

    Raises:
        OSError: It cannot be created or opened, or is no regular file.
    """

    def __init__(self, path: str, *, size: int, count: int, tools: Tools) -> None:
        self.lost_bytes = 0
        self._path = path
        self._size = size if size > 0 else UNLIMITED
        self._limit = self._size
        self._count = max(count, 0)
        self._tools = tools
        self._gap = 0
        self._gap_reason = ""
        self._rotations = 0
        self._ours: deque[Position] = deque(maxlen=self._count + 1)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        self._fd, found = _open_log(path)
        self._identity = (found.st_dev, found.st_ino)
        self._offset = found.st_size
        self.start = Position(found.st_ino, found.st_size)
        self._ours.append(self.start)

    def take(self, source: int, most: int) -> int:
        try:
            self._find_end()
            return self._after_gap(source, most) if self._gap else self._move(source, most)
        except BlockingIOError:
            return 0
        except OSError as error:
            return self._lose(source, most, error)

    def touch(self) -> None:
        # Kernels before 6.5 do not tell inotify of a splice; a change of the times is always told. Whoever has made
        # the file another user's gets EPERM: then the kernel's own word must do.
        with contextlib.suppress(OSError):
            os.utime(self._fd)

    def last_lines(self, n: int, limit: int) -> tuple[str, ...]:
        # Not from `start`: when its file was rotated away, the number of its inode may have been used again.
        try:
            return tuple(last_lines(self._path, n, self._ours[0], limit=limit))
        except OSError:
            return ()

    def close(self) -> None:
        if self._fd < 0:
            return
        with contextlib.suppress(OSError):  # still full: the count in `lost_bytes` is what is left to tell
            if self._gap:
                self._find_end()
                self._write_marker()
        os.close(self._fd)
        self._fd = -1

    # --- moving -------------------------------------------------------------------------------------------------------

    def _move(self, source: int, most: int) -> int:
        if self._offset < self._limit:
            return self._splice(source, min(most, self._limit - self._offset))
        ahead = self._tools.scratch.peek(source, PEEK)
        if not ahead:
            return 0
        if (self._ends_line() or self._offset >= self._limit + self._size) and self._rotate():
            return self._splice(source, min(most, self._limit))
        to_line_end = ahead.find(b"\n") + 1 or len(ahead)
        return self._splice(source, min(most, to_line_end))

    def _splice(self, source: int, count: int) -> int:
        moved = self._tools.splice_to_log(source, self._fd, count, self._offset)
        self._offset += moved
        return moved

    def _ends_line(self) -> bool:
        return self._offset == 0 or os.pread(self._fd, 1, self._offset - 1) == b"\n"

    def _find_end(self) -> None:
        """Look where the file ends now, and whether it is still there: people truncate, move and delete logs."""
        found = _stat(self._path)
        if found is None or (found.st_dev, found.st_ino) != self._identity:
            fd, found = _open_log(self._path)
            self._replace(fd, found)
        self._offset = found.st_size
        if self._offset < self._limit - self._size:
            self._limit = self._size

    def _replace(self, fd: int, found: os.stat_result) -> None:
        os.close(self._fd)
        self._fd = fd
        self._identity = (found.st_dev, found.st_ino)
        self._offset = found.st_size
        self._limit = self._size
        self._rotations += 1
        self._ours.append(Position(found.st_ino, 0))

    # --- rotating -----------------------------------------------------------------------------------------------------

    def _rotate(self) -> bool:
        """Begin a new file; False, and the old one goes on for another *size* bytes, when that cannot be done."""
        fresh = f"{self._path}.next"
        try:
            # Made first: on a full disk this fails and nothing was renamed.
            fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError:
            self._limit = self._offset + self._size
            return False
        try:
            for number in range(self._count - 1, 0, -1):
                with contextlib.suppress(FileNotFoundError):
                    os.rename(f"{self._path}.{number}", f"{self._path}.{number + 1}")
            if self._count:
                os.rename(self._path, f"{self._path}.1")
            os.rename(fresh, self._path)
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                os.unlink(fresh)
            self._limit = self._offset + self._size
            return False
        self._replace(fd, os.fstat(fd))
        return True

    # --- losing -------------------------------------------------------------------------------------------------------

    def _lose(self, source: int, most: int, error: OSError) -> int:
        lost = self._tools.discard(source, most)
        self.lost_bytes += lost
        self._gap += lost
        self._gap_reason = error.strerror or str(error)
        return lost

    def _after_gap(self, source: int, most: int) -> int:
        """Write the marker, then move; a marker that nothing can follow is taken back, so that they do not pile up."""
        if not waiting_bytes(source):
            return 0
        before, rotations, gap = self._offset, self._rotations, self._gap
        self._write_marker()
        try:
            return self._move(source, most)
        except OSError:
            if self._rotations == rotations:
                os.ftruncate(self._fd, before)
                self._gap = gap
            raise

    def _write_marker(self) -> None:
        text = f"[dumb-actors: {self._gap} bytes of output were lost here: {self._gap_reason}]\n"
        marker = (text if self._ends_line() else "\n" + text).encode()
        written = os.pwrite(self._fd, marker, self._offset)
        if written < len(marker):
            os.ftruncate(self._fd, self._offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._offset += written
        self._gap = 0


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _open_log(path: str) -> tuple[int, os.stat_result]:
    # Read-write, to see whether it ends with a line's end. Not O_APPEND: splice refuses that (EINVAL). Not blocking:
    # it may be somebody's FIFO.
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY, 0o600)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "Not a regular file", path)
    return fd, found
