"""
The sink that writes a log: one file that rotates at a line's end.

Nothing but the standard library here: this runs in the mover's thread or in the keeper.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH103, PTH108, PTH116, PTH120

import contextlib
import errno
import os
import stat
from collections import deque

from dumb_actors.logs.index import IndexWriter, index_path, read_stamp
from dumb_actors.logs.parts import Position, open_index
from dumb_actors.logs.reader import last_lines
from dumb_actors.logs.rotate import close_hole, make_next, note_move, rotate
from dumb_actors.logs.sink import GapNews, Tools
from dumb_actors.logs.splice import waiting_bytes

__all__ = ["LogSink"]

PEEK = 64 * 1024
HEAD = 16
UNLIMITED = 1 << 62


class LogSink:
    """
    One log file, written at an explicit offset that is always its end.

    So the end of the file says what was consumed: killed at any instant, nothing is lost and nothing doubled.

    Rotation: once the file holds *size* bytes it goes on to the end of the line, then becomes number 1, see
    `rotate.py`. A line that does not end is cut when the file holds twice the size. The file is rotated when the next
    byte comes, not before, so the youngest file is never empty.

    A file that does not take bytes (disk full, directory gone or replaced) loses them: they are counted, and a marker
    line says so as soon as the file takes bytes again. A directory that is missing is made anew.

    Args:
        path: Of the log; parent directories are made.

        size: Bytes in one file; 0 or less: it is never rotated.

        count: How many rotated files are kept.

        generation: Whose output, for the index.

        start: Where this generation's output begins, when it has begun before; None: here.

        must_open: False: a file that cannot be opened now loses bytes until it can be.

    Raises:
        OSError: It must be opened, and cannot be created or opened or is no regular file.
    """

    def __init__(
        self,
        path: str,
        *,
        size: int,
        count: int,
        tools: Tools,
        generation: int = 0,
        start: Position | None = None,
        must_open: bool = True,
    ) -> None:
        self.lost_bytes = 0
        self.news: deque[GapNews] = deque()
        self.start = start or Position(0, 0)
        self._path = path
        self._size = size if size > 0 else UNLIMITED
        self._limit = self._size
        self._count = max(count, 0)
        self._tools = tools
        self._generation = generation
        self._gap = 0
        self._gap_reason = ""
        self._is_gap_told = False
        self._rotations = 0
        # Where our output begins in each file that it is in, the oldest first.
        self._ours: deque[Position] = deque([start] if start else [], maxlen=self._count + 1)
        self._index: IndexWriter | None = None
        self._is_stamped = False
        self._fd = -1
        self._identity = (0, 0)
        self._offset = 0
        self._head = b""
        self._is_closed = False
        try:
            self._find_end()
        except OSError:
            if must_open:
                raise

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
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.utime(self._fd)

    def last_lines(self, n: int, limit: int) -> tuple[str, ...]:
        # Not from `start`: when its file was rotated away, the number of its inode may have been used again.
        try:
            return tuple(last_lines(self._path, n, self._ours[0], limit=limit)) if self._ours else ()
        except OSError:
            return ()

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        with contextlib.suppress(OSError):  # still full: the count in `lost_bytes` is what is left to tell
            if self._gap:
                self._find_end()
                self._write_marker()
                self._tell(recovered=True)
        if self._index is not None:
            self._index.close()
        if self._fd >= 0:
            os.close(self._fd)

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
        self._note()
        before = self._offset
        moved = self._tools.splice_to_log(source, self._fd, count, before)
        self._offset += moved
        head = os.pread(self._fd, HEAD, 0)
        if head != self._head:
            # Somebody truncated it after we had looked where it ends: all before our bytes is a hole.
            if before and any(self._head) and not any(head[: len(self._head)]):
                self._close_hole(before)
            else:
                self._head = head
        return moved

    def _close_hole(self, begin: int) -> None:
        try:
            with self._tools.compressor.names_of(self._path):
                fd = close_hole(self._path, self._fd, begin)
        except OSError:
            return
        self._use(fd, os.fstat(fd))
        self._set_ours(self._ours[-1]._replace(offset=0))
        if self._index is not None:
            self._index.note(0)

    def _ends_line(self) -> bool:
        return self._offset == 0 or os.pread(self._fd, 1, self._offset - 1) == b"\n"

    def _find_end(self) -> None:
        """Look where the file ends now, and whether it is still there: people truncate, move and delete logs."""
        found = _stat(self._path) if self._fd >= 0 else None
        if found is None or (found.st_dev, found.st_ino) != self._identity:
            found = self._open()
        elif found.st_size < self._offset:
            self._note_truncation(found)
        self._offset = found.st_size
        if self._offset < self._limit - self._size:
            self._limit = self._size

    def _open(self) -> os.stat_result:
        fd, found = _open_log(self._path)
        with self._tools.compressor.names_of(self._path), contextlib.suppress(OSError):
            if self._fd >= 0:
                # An index that is missing would be a hole in the row of them.
                self._have_index()
                note_move(self._path, self._identity[1])
            else:
                # Left by somebody who was killed while rotating.
                os.unlink(f"{self._path}.next")
        self._use(fd, found)
        return found

    def _use(self, fd: int, found: os.stat_result) -> None:
        """Go on with the file *fd*."""
        is_next = self._fd >= 0
        if is_next:
            os.close(self._fd)
            self._rotations += 1
            if self._ours[-1].offset == self._offset:
                # Nothing of ours is in the former file.
                self._set_ours(Position(found.st_ino, found.st_size))
        self._fd = fd
        self._identity = (found.st_dev, found.st_ino)
        self._offset = found.st_size
        self._limit = self._size
        self._head = os.pread(fd, HEAD, 0) if found.st_size else b""
        if not self._ours:
            self.start = Position(found.st_ino, found.st_size)
            self._ours.append(self.start)
        elif self._ours[-1].inode != found.st_ino:
            # Not the next one: a start that was given lies in another file, and what is in this one came after it.
            self._ours.append(Position(found.st_ino, found.st_size if is_next else 0))
        self._begin_index(found)

    # --- the index ----------------------------------------------------------------------------------------------------

    def _begin_index(self, found: os.stat_result) -> None:
        if self._index is not None:
            self._index.close()
            self._index = None
        if not found.st_size:
            # What it says is of a file that was truncated or deleted. It is made with the first entry, not here: making
            # a file is a good part of what a start costs.
            with contextlib.suppress(OSError):
                os.truncate(index_path(self._path), 0)
            # One that is empty has no stamp either.
            self._set_stamp(0)
        else:
            self._have_index()
            self._learn_stamp()

    def _have_index(self) -> IndexWriter:
        if self._index is None:
            self._index = IndexWriter(self._path, self._generation)
        return self._index

    def _note(self) -> None:
        self._have_index().note(self._offset)
        if not self._is_stamped:
            self._learn_stamp()
            # Without one after the first entry there will be none.
            self._is_stamped = True

    def _learn_stamp(self) -> None:
        """Complete our position in the present file by what is needed to find it when the file is compressed."""
        stamp = 0
        fd = open_index(self._path)
        if fd >= 0:
            with contextlib.suppress(OSError):
                stamp = read_stamp(fd)
            os.close(fd)
        self._set_stamp(stamp)

    def _set_stamp(self, stamp: int) -> None:
        self._is_stamped = stamp != 0
        self._set_ours(self._ours[-1]._replace(stamp=stamp))

    def _set_ours(self, position: Position) -> None:
        """Say where in the present file our output begins."""
        if self.start == self._ours[-1]:
            self.start = position
        self._ours[-1] = position

    def _note_truncation(self, found: os.stat_result) -> None:
        self._set_ours(self._ours[-1]._replace(offset=min(self._ours[-1].offset, found.st_size)))
        self._head = os.pread(self._fd, HEAD, 0)
        if not found.st_size:
            self._begin_index(found)

    # --- rotating -----------------------------------------------------------------------------------------------------

    def _rotate(self) -> bool:
        """Begin a new file; False, and the old one goes on for another *size* bytes, when that cannot be done."""
        fd = -1
        with self._tools.compressor.names_of(self._path):
            self._have_index()
            try:
                fd = make_next(self._path)
                rotate(self._path, self._count)
            except OSError:
                if fd >= 0:
                    os.close(fd)
                self._limit = self._offset + self._size
                # Its index may have been renamed already.
                self._begin_index(os.fstat(self._fd))
                return False
        self._use(fd, os.fstat(fd))
        if self._count > 1:
            self._tools.compressor.compress(self._path, self._count)
        return True

    # --- losing -------------------------------------------------------------------------------------------------------

    def _lose(self, source: int, most: int, error: OSError) -> int:
        lost = self._tools.discard(source, most)
        self.lost_bytes += lost
        self._gap += lost
        self._gap_reason = error.strerror or str(error)
        if lost and not self._is_gap_told:
            self._tell(recovered=False)
        return lost

    def _tell(self, *, recovered: bool) -> None:
        self._is_gap_told = not recovered
        self.news.append(GapNews(self.lost_bytes, self._gap_reason, recovered))

    def _after_gap(self, source: int, most: int) -> int:
        """Write the marker, then move; a marker that nothing can follow is taken back, so that they do not pile up."""
        if not waiting_bytes(source):
            return 0
        before, rotations, gap = self._offset, self._rotations, self._gap
        self._write_marker()
        try:
            moved = self._move(source, most)
        except OSError:
            if self._rotations == rotations:
                os.ftruncate(self._fd, before)
                self._offset = before
                self._gap = gap
            raise
        self._tell(recovered=True)
        return moved

    def _write_marker(self) -> None:
        text = f"[dumb-actors: {self._gap} bytes of output were lost here: {self._gap_reason}]\n"
        marker = (text if self._ends_line() else "\n" + text).encode()
        written = os.pwrite(self._fd, marker, self._offset)
        if written < len(marker):
            os.ftruncate(self._fd, self._offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        # After it, not before: on a full disk the index would grow with each attempt.
        self._note()
        self._offset += written
        self._gap = 0


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _open_log(path: str) -> tuple[int, os.stat_result]:
    # Read-write, to see whether it ends with a line's end. Not O_APPEND: splice refuses that (EINVAL). Not blocking:
    # it may be somebody's FIFO.
    flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY
    try:
        fd = os.open(path, flags, 0o600)
    except (FileNotFoundError, NotADirectoryError):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        fd = os.open(path, flags, 0o600)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "Not a regular file", path)
    return fd, found
