"""
The sparse index of a log: beside `x.log` lies `x.log.idx`, beside its rotated part `x.log.1` lies `x.log.1.idx`.

Each entry says: what begins at this byte was taken at this time, from this generation. There is one where a generation
begins, and then at most one for each second and each 64 KiB. So "since when" and "of which generation" are found in a
log of 1 GB without reading it. It is a help and never the truth: an index that is missing, cut short or older than its
file makes an answer slower, or coarser in time, and not wrong.

Nothing but the standard library here: the keeper uses it.
"""

import bisect
import os
import struct
import time
from typing import NamedTuple

__all__ = ["Entry", "IndexWriter", "index_path", "read_index"]

_ENTRY = struct.Struct("<QQQ")
SPACING = 64 * 1024
SPACING_NS = 1_000_000_000


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

    Entries beyond the end of the file (somebody truncated it) and those out of order are left out.
    """
    try:
        with open(index_path(part), "rb") as file:  # noqa: PTH123  (one system call, one name)
            raw = file.read()
    except OSError:
        return []
    whole = len(raw) - len(raw) % _ENTRY.size
    entries: list[Entry] = []
    for fields in _ENTRY.iter_unpack(raw[:whole]):
        entry = Entry(*fields)
        if entry.offset <= size and (not entries or entry.offset >= entries[-1].offset):
            entries.append(entry)
    return entries


def find_offset(entries: list[Entry], offset: int) -> Entry | None:
    """Give the last entry at or before *offset*."""
    place = bisect.bisect_right(entries, offset, key=lambda entry: entry.offset)
    return entries[place - 1] if place else None


class IndexWriter:
    """
    Writes the index of the log file *part*, which one sink writes at present.

    Every write is one append of one whole entry. An error of the file system costs entries and is not raised.
    """

    def __init__(self, part: str, generation: int) -> None:
        self._fd = -1
        self._generation = generation
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
        if self._fd < 0 or (offset < self._next_offset and now < self._next_ns):
            return
        self._next_offset, self._next_ns = offset + SPACING, now + SPACING_NS
        try:
            os.write(self._fd, _ENTRY.pack(offset, now, self._generation))
        except OSError:
            return

    def close(self) -> None:
        """Close the file. Idempotent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
