"""
The sparse index of a log: beside `x.log` lies `x.log.idx`, beside its rotated part `x.log.1` lies `x.log.1.idx`.

Each entry says: what begins at this byte was taken at this time, from this generation. There is one where a generation
begins, and then at most one for each second and each 64 KiB. So "since when" and "of which generation" are found in a
log of 1 GB without reading it. It is a help and never the truth: an index that is missing, cut short or older than its
file makes an answer slower, or coarser in time, and not wrong.

An index goes with its part through every rotation and compression, so that the time of its first entry, the *stamp*,
is a name for the part that stays when its inode does not.

Nothing but the standard library here: the keeper uses it.
"""

import bisect
import os
import struct
import time
from typing import NamedTuple

__all__ = ["Entry", "IndexWriter", "index_path", "read_entries", "read_index", "read_stamp"]

_ENTRY = struct.Struct("<QQQ")
SPACING = 64 * 1024
SPACING_NS = 1_000_000_000
STEP = 170 * _ENTRY.size


class Entry(NamedTuple):
    """
    One entry.

    Attributes:
        offset: In the (uncompressed) file.

        time_ns: Unix time in nanoseconds at which the bytes from there on were taken.

        generation: Whose bytes; 0 when it is not known.
    """

    offset: int
    time_ns: int
    generation: int


def index_path(part: str) -> str:
    """Give the path of the index of the log file *part* (`x.log`, `x.log.1`, `x.log.2.gz`)."""
    return f"{part.removesuffix('.gz')}.idx"


def read_index(part: str, size: int) -> list[Entry]:
    """
    Read the index of the log file *part*, which has *size* uncompressed bytes; empty without one.

    Entries beyond the end of the file (somebody truncated it) and those that later ones contradict are left out.
    """
    try:
        fd = os.open(index_path(part), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        return read_entries(fd, size)
    except OSError:
        return []
    finally:
        os.close(fd)


def read_entries(fd: int, size: int, start: int = 0) -> list[Entry]:
    """
    Read an open index as `read_index` does, but only from the last entry at or before the offset *start*.

    So much of it is read, from its end, as that takes.

    Raises:
        OSError: It cannot be read.
    """
    end = os.fstat(fd).st_size
    end -= end % _ENTRY.size
    low, step, raw = end, STEP, b""
    while low > 0:
        before = max(0, low - step)
        raw = os.pread(fd, low - before, before) + raw
        low, step = before, step * 2
        if start and _ENTRY.unpack_from(raw)[0] <= start:
            break
    entries: list[Entry] = []
    for fields in _ENTRY.iter_unpack(raw[: len(raw) - len(raw) % _ENTRY.size]):
        if fields[0] > size:
            continue
        # An offset that goes back: the file was truncated, and what was said of the rest is void.
        while entries and entries[-1].offset > fields[0]:
            entries.pop()
        entries.append(Entry(*fields))
    first = bisect.bisect_right(entries, start, key=lambda entry: entry.offset)
    return entries[max(0, first - 1) :]


def read_stamp(fd: int) -> int:
    """
    Read the stamp of an open index; 0 when it has no entry.

    Raises:
        OSError: It cannot be read.
    """
    raw = os.pread(fd, _ENTRY.size, 0)
    return int(_ENTRY.unpack(raw)[1]) if len(raw) == _ENTRY.size else 0


class IndexWriter:
    """
    Writes the index of the log file *part*, which one sink writes at present.

    Every write is one append of one whole entry. An error of the file system costs entries and is not raised.
    """

    def __init__(self, part: str, generation: int) -> None:
        self._fd = -1
        self._generation = generation
        self._last_offset = 0
        self._next_offset = 0
        self._next_ns = 0
        try:
            self._fd = os.open(index_path(part), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            # What a killed writer left half written would shift all that follows.
            size = os.fstat(self._fd).st_size
            if size % _ENTRY.size:
                os.ftruncate(self._fd, size - size % _ENTRY.size)
        except OSError:
            return

    def note(self, offset: int) -> None:
        """Tell that bytes are about to be written at *offset*; called before each batch."""
        now = time.time_ns()
        # An offset that goes back is noted in any case: what the index says of a file that was truncated is void.
        if self._fd < 0 or (self._last_offset <= offset < self._next_offset and now < self._next_ns):
            return
        self._last_offset, self._next_offset, self._next_ns = offset, offset + SPACING, now + SPACING_NS
        try:
            os.write(self._fd, _ENTRY.pack(offset, now, self._generation))
        except OSError:
            return

    def close(self) -> None:
        """Close the file. Idempotent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
