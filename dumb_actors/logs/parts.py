"""
The files of a log: the present one and its rotated parts, raw (`x.log.1`) or compressed (`x.log.2.gz`).

Plain blocking functions, for a thread, with nothing but the standard library: the keeper uses them.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH116

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from typing import NamedTuple

from dumb_actors.logs.index import Entry, index_path, read_entries, read_stamp

__all__ = ["Part", "Position", "open_index", "open_parts", "open_settled", "parse_position", "part_names"]

BLOCK = 64 * 1024
UNPACKED = 1024 * 1024
GZIP = 31
PATIENCE_S = 1.0
LONGEST = 80


class Position(NamedTuple):
    """
    A place in a log that stays right when the file is renamed by a rotation and, with a stamp, when it is compressed.

    Attributes:
        inode: Of the file.

        offset: Bytes from its beginning, uncompressed.

        stamp: Of the file's index; 0: it had none.
    """

    inode: int
    offset: int
    stamp: int = 0

    def __str__(self) -> str:
        """Write it for clients; `parse_position` reads it."""
        return f"{self.inode}:{self.offset}:{self.stamp}"


def parse_position(text: str) -> Position | None:
    """Read what `str` wrote of a position; None for anything else."""
    parts = text.split(":")
    if len(text) > LONGEST or len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    return Position(*map(int, parts))


class Part:
    """
    One file of a log, open.

    Attributes:
        name: Its path when it was opened.

        fd, inode, mtime_ns: Of the file; closed by whoever opened it.

        size: Bytes in it, uncompressed.

        is_packed: It is compressed: reading backward begins anew each time.

        index_fd: Of its index; -1: it has none, or it was not asked for.

        stamp: Of the index; 0 without one.
    """

    def __init__(self, name: str, fd: int, found: os.stat_result, index_fd: int = -1) -> None:
        self.name = name
        self.fd = fd
        self.inode = found.st_ino
        self.mtime_ns = found.st_mtime_ns
        self.is_packed = name.endswith(".gz")
        self.size = _unpacked_size(fd, found.st_size) if self.is_packed else found.st_size
        self.index_fd = index_fd
        self.stamp = 0
        if index_fd >= 0:
            self.refresh_stamp()
        self._unpacker: _Unpacker | None = None

    def refresh_stamp(self) -> None:
        """Look for the stamp again when there was none: a file that was still empty has none yet."""
        if self.stamp:
            return
        if self.index_fd < 0 and _inode_of(self.name) == self.inode:
            self.index_fd = open_index(self.name)
        if self.index_fd >= 0:
            with contextlib.suppress(OSError):
                self.stamp = read_stamp(self.index_fd)

    def kept(self) -> "Part":
        """Give the same with descriptors of its own, for `close`."""
        index_fd = os.dup(self.index_fd) if self.index_fd >= 0 else -1
        return Part(self.name, os.dup(self.fd), os.fstat(self.fd), index_fd)

    def close(self) -> None:
        """Close the descriptors."""
        for fd in (self.fd, self.index_fd):
            if fd >= 0:
                os.close(fd)

    def at(self, offset: int) -> Position:
        """Give the position of *offset*."""
        return Position(self.inode, offset, self.stamp)

    def holds(self, position: Position) -> bool:
        """Say whether *position* lies in this file."""
        if position.stamp and self.stamp:
            is_same = position.stamp == self.stamp
        else:
            # An inode number may be used again: a file shorter than the offset is another one.
            is_same = not self.is_packed and position.inode == self.inode
        return is_same and position.offset <= self.size

    def read_at(self, offset: int, count: int) -> bytes:
        """
        Read *count* bytes, fewer only at the end of the file or where a compressed file is damaged.

        Raises:
            OSError: It cannot be read.
        """
        if self.is_packed:
            if self._unpacker is None:
                self._unpacker = _Unpacker(self.fd)
            return self._unpacker.read_at(offset, count)
        pieces = []
        while count > 0 and (piece := os.pread(self.fd, count, offset)):
            pieces.append(piece)
            offset, count = offset + len(piece), count - len(piece)
        return b"".join(pieces)

    def entries(self, start: int = 0) -> list[Entry]:
        """Give the entries of its index, from the last one at or before *start*; empty without an index."""
        if self.index_fd < 0:
            return []
        try:
            return read_entries(self.index_fd, self.size, start)
        except OSError:
            return []


class _Unpacker:
    """Reads a gzip file; going back begins anew."""

    def __init__(self, fd: int) -> None:
        # Late: the keeper, which is to be small, comes here only for a part that was compressed.
        import zlib

        self._zlib = zlib
        self._fd = fd
        self._rewind()

    def _rewind(self) -> None:
        self._inflate = self._zlib.decompressobj(wbits=GZIP)
        self._raw_offset = 0
        self._raw = b""
        self._has_ended = False
        self._start = 0
        self._ready = bytearray()

    def read_at(self, offset: int, count: int) -> bytes:
        if offset < self._start:
            self._rewind()
        while self._start + len(self._ready) < offset + count and not self._has_ended:
            self._drop(offset)
            self._unpack()
        self._drop(offset)
        return bytes(self._ready[:count]) if offset == self._start else b""

    def _drop(self, offset: int) -> None:
        """Forget what lies before *offset*."""
        passed = min(offset - self._start, len(self._ready))
        if passed > 0:
            del self._ready[:passed]
            self._start += passed

    def _unpack(self) -> None:
        if not self._raw:
            self._raw = os.pread(self._fd, BLOCK, self._raw_offset)
            self._raw_offset += len(self._raw)
            if not self._raw:
                self._has_ended = True
                return
        try:
            self._ready += self._inflate.decompress(self._raw, UNPACKED)
        except self._zlib.error:
            # Damaged: what came before is still worth reading.
            self._has_ended = True
            return
        self._raw = self._inflate.unconsumed_tail
        if self._inflate.eof:
            self._raw = self._inflate.unused_data
            self._inflate = self._zlib.decompressobj(wbits=GZIP)


def _unpacked_size(fd: int, size: int) -> int:
    """Read how long a gzip file is uncompressed: its last four bytes say it."""
    return int.from_bytes(os.pread(fd, 4, size - 4), "little") if size >= 18 else 0


# --- finding them -----------------------------------------------------------------------------------------------------


def part_names(path: str) -> Iterator[str]:
    """
    Yield *path* and the names of its rotated parts that exist, the youngest first.

    One missing number does not end the row: in the middle of a rotation there is a gap. Where there is both a raw and
    a compressed part (somebody was killed while compressing) the raw one counts.
    """
    yield path
    number, missing = 1, 0
    while missing < 2:
        names = (f"{path}.{number}", f"{path}.{number}.gz")
        found = next((name for name in names if os.path.lexists(name)), None)
        if found is None:
            missing += 1
        else:
            missing = 0
            yield found
        number += 1


def open_parts(path: str, opened: contextlib.ExitStack, *, indexed: bool = False) -> Iterator[Part]:
    """
    Open the files of a log, the youngest first, as far as the caller goes on; *opened* closes them.

    Args:
        indexed: With their indexes.

    Raises:
        OSError: A file is there and cannot be opened.
    """
    seen: set[int] = set()
    for seen_name in part_names(path):
        fd, name = _open_either(seen_name, is_rotated=seen_name != path)
        if fd < 0:
            continue
        opened.callback(os.close, fd)
        found = os.fstat(fd)
        # A rotation while we look renames what was already opened: it must not come twice.
        if not stat.S_ISREG(found.st_mode) or found.st_ino in seen:
            continue
        index_fd = open_index(name) if indexed else -1
        if index_fd >= 0:
            opened.callback(os.close, index_fd)
        part = Part(name, fd, found, index_fd)
        # Nor what has been compressed meanwhile.
        if not (part.is_packed and part.stamp in seen):
            seen |= {part.inode, part.stamp} - {0}
            yield part


def open_index(name: str) -> int:
    """Open the index of the part *name*; -1 without one."""
    try:
        return os.open(index_path(name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return -1


def _open_either(name: str, *, is_rotated: bool) -> tuple[int, str]:
    # A rotated part may have been compressed since we saw its name.
    for each in (name, f"{name}.gz") if is_rotated else (name,):
        try:
            # Not blocking: it may be a FIFO that nobody writes to.
            return os.open(each, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), each
        except (FileNotFoundError, NotADirectoryError):
            continue
    return -1, name


def open_settled(path: str, opened: contextlib.ExitStack) -> list[Part]:
    """
    Open all files of a log with their indexes, the youngest first, as they are when no rotation is under way.

    A rotation renames files and indexes one by one; what was opened meanwhile may not belong together. It takes some
    hundred microseconds, so it is tried again, for a second at most: somebody killed in it may have left it as it is.

    Raises:
        OSError: A file is there and cannot be opened.
    """
    patience = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.ExitStack() as held:
            parts = list(open_parts(path, held, indexed=True))
            if not _is_rotating(path, parts) or time.monotonic() >= patience:
                opened.push(held.pop_all())
                return parts


def _is_rotating(path: str, parts: list[Part]) -> bool:
    """Say whether a rotation is under way, or has been since *parts* were opened."""
    youngest = parts[0].inode if parts and parts[0].name == path else -1
    if _inode_of(path) != youngest:
        return True
    try:
        made = os.stat(f"{path}.next").st_mtime
    except OSError:
        return False
    # An older one was left by somebody who was killed.
    return abs(time.time() - made) < PATIENCE_S


def _inode_of(name: str) -> int:
    """Give the inode of the regular file *name*; -1 when there is none."""
    try:
        found = os.stat(name)
    except OSError:
        return -1
    return found.st_ino if stat.S_ISREG(found.st_mode) else -1
