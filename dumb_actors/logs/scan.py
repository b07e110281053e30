"""
Read lines of one part of a log: which of its bytes may hold what is wanted, by the index, and what lines begin there.

Where a line begins: at the beginning of a part, after a line's end, and where a generation begins, whatever the one
before left unended. The time of a line is that of the index entry that it falls in, which is at most a second before
the line was written; where there is no index, the time at which the file was last written, which is after it.
"""

import bisect
from collections.abc import Iterator
from typing import NamedTuple

import attrs

from dumb_actors.logs.index import SPACING, SPACING_NS, Entry
from dumb_actors.logs.parts import Part

__all__ = ["LINE_LIMIT", "Line", "PartView", "Segment", "Wanted"]

LINE_LIMIT = 256 * 1024
"""Bytes. A longer line is cut."""
KEPT = LINE_LIMIT + 8 * 1024
"""More than that, so that a secret at the border is still seen as a whole."""

BLOCK = 64 * 1024
SEGMENT = 1024 * 1024
BATCH = 2 * 1024 * 1024
"""More than one entry of a sound index can cover."""
NEVER = 1 << 62


class Wanted(NamedTuple):
    """Times and generation of what is wanted; None: any."""

    since_ns: int | None = None
    until_ns: int | None = None
    generation: int | None = None

    @property
    def is_all(self) -> bool:
        """Say whether everything is wanted."""
        return self == Wanted()


class Line(NamedTuple):
    """One line of a part, without its end; `end` is where the next one begins, or, of a very long one, within it."""

    start: int
    end: int
    content: bytes


@attrs.frozen
class Segment:
    """
    Lines of a part that follow on each other, not divided yet.

    Attributes:
        view: Of the part.

        high: Lines that begin before this are in it, or in one before it.

        begin, data: Bytes, and where they begin.

        start: Where in them the first line begins.

        stop: Where the last line ends.
    """

    view: "PartView"
    high: int
    begin: int
    data: bytes
    start: int
    stop: int

    def lines(self) -> list[Line]:
        """Divide it."""
        return self.view.split(self)


class PartView:
    """
    A part, with what its index says.

    Args:
        older_ns: When the part before it was last written; 0: not known.
    """

    def __init__(self, part: Part, older_ns: int = 0) -> None:
        self.part = part
        self._older_ns = older_ns
        self._entries: list[Entry] = []
        self._from = part.size + 1
        self._settled = -1

    # --- the index ----------------------------------------------------------------------------------------------------

    def _load(self, start: int) -> list[Entry]:
        """Have the entries from the last one at or before *start* on."""
        if start < self._from:
            # Twice as far back as is asked for: whoever goes back step by step has them read only some times.
            self._from = max(0, 2 * start - self.part.size)
            self._entries = self.part.entries(self._from)
        return self._entries

    def last_generation(self) -> int:
        """Give the generation of its last bytes; 0: not known."""
        entries = self._load(self.part.size)
        return entries[-1].generation if entries else 0

    def told(self, offset: int) -> tuple[int, int]:
        """Give the time (ns) and the generation of what begins at *offset*."""
        entries = self._load(offset)
        place = bisect.bisect_right(entries, offset, key=lambda entry: entry.offset) - 1
        if place < 0:
            return (entries[0].time_ns if entries else self.part.mtime_ns), 0
        return entries[place].time_ns, entries[place].generation

    def ranges(self, wanted: Wanted, low: int, high: int) -> list[tuple[int, int]]:
        """Give the parts of the bytes from *low* to *high* in which lines that are wanted may begin."""
        if wanted.is_all:
            return [(low, high)] if low < high else []
        found: list[tuple[int, int]] = []
        for start, stop, first_ns, last_ns, generation in self._spans(low):
            begin, end = max(start, low), min(stop, high)
            if (
                begin < end
                and (wanted.since_ns is None or last_ns >= wanted.since_ns)
                and (wanted.until_ns is None or first_ns <= wanted.until_ns)
                and wanted.generation in {None, generation}
            ):
                if found and found[-1][1] == begin:
                    found[-1] = (found[-1][0], end)
                else:
                    found.append((begin, end))
        return found

    def _spans(self, low: int) -> Iterator[tuple[int, int, int, int, int]]:
        """Give each run of bytes, the time within which it was written, and its generation, from around *low* on."""
        entries, size, mtime_ns = self._load(low), self.part.size, self.part.mtime_ns
        if not entries or entries[0].offset > low:
            first = entries[0] if entries else Entry(size, mtime_ns, 0)
            # The file system's clock may be some milliseconds behind.
            yield 0, first.offset, min(self._older_ns, first.time_ns), first.time_ns + SPACING_NS, 0
        for index, (offset, time_ns, generation) in enumerate(entries):
            if index + 1 == len(entries):
                # It may be that the index is older than the file.
                yield offset, size, time_ns, max(time_ns + SPACING_NS, mtime_ns), generation
                break
            following = entries[index + 1]
            last_ns = following.time_ns
            if following.offset - offset <= SPACING + BATCH:
                # There would have been another entry a second later. A clock that was set back tells nothing.
                last_ns = min(last_ns, time_ns + SPACING_NS) if last_ns >= time_ns else time_ns + SPACING_NS
            yield offset, following.offset, time_ns, max(time_ns, last_ns), generation

    def _break_after(self, offset: int) -> int:
        """Give where the next generation after *offset* begins, far beyond the end when none does."""
        entries = self._load(max(0, offset - 1))
        place = bisect.bisect_right(entries, offset, key=lambda entry: entry.offset)
        for index in range(place, len(entries)):
            # The first of all ends what nobody took note of.
            if not index or entries[index].generation != entries[index - 1].generation:
                return entries[index].offset
        return NEVER

    # --- lines --------------------------------------------------------------------------------------------------------

    def settled(self) -> int:
        """Give where the last line begins that has no end yet; the size when there is none."""
        if self._settled < 0:
            self._settled = self._find_settled()
        return self._settled

    def _find_settled(self) -> int:
        high = size = self.part.size
        while high > 0:
            if size - high > KEPT:
                # It will be cut in any case: what of it is to come does not matter.
                return size
            low = max(0, high - BLOCK)
            place = self.part.read_at(low, high - low).rfind(b"\n")
            # The youngest generation may have begun within a line.
            begun = self._last_break(low, high)
            if place >= 0 or begun > low:
                return max(low + place + 1, begun)
            high = low
        return 0

    def _last_break(self, low: int, high: int) -> int:
        """Give where the last generation that began after *low*, at the latest at *high*, did so; *low* if none did."""
        while (following := self._break_after(low)) <= high:
            low = following
        return low

    def segments(self, low: int, high: int) -> Iterator["Segment"]:
        """Give the lines that begin from *low* on and before *high*, in order, those of about 1 MiB at once."""
        while low < high:
            end = min(high, low + SEGMENT)
            yield self._segment(low, end)
            low = end

    def _segment(self, low: int, high: int) -> "Segment":
        begin = max(0, low - 1)
        data = self.part.read_at(begin, high - begin)
        start = low - begin
        following = self._break_after(begin)
        if start and data[:1] != b"\n":
            place = data.find(b"\n", 1)
            start = min(place + 1 if place >= 0 else len(data), following - begin)
        if start >= len(data):
            return Segment(self, high, begin, b"", 0, high)
        stop = begin + len(data)
        if not data.endswith(b"\n"):
            rest, stop = self._rest_of_line(stop, min(self._break_after(stop - 1), self.part.size))
            data += rest
        return Segment(self, high, begin, data, start, stop)

    def split(self, segment: "Segment") -> list[Line]:
        """Divide a segment into its lines."""
        begin, data, start = segment.begin, segment.data, segment.start
        following = self._break_after(begin + start)
        lines: list[Line] = []
        while start < len(data):
            if following <= begin + start:
                following = self._break_after(begin + start)
            limit = following - begin
            place = data.find(b"\n", start, limit)
            if place >= 0:
                content, after = data[start:place], place + 1
            else:
                content, after = data[start:limit], min(limit, len(data))
            end = segment.stop if after == len(data) else begin + after
            lines.append(Line(begin + start, end, content[:KEPT]))
            start = after
        return lines

    def _rest_of_line(self, offset: int, high: int) -> tuple[bytes, int]:
        """Read from *offset* to the line's end, at most up to *high*, and of a very long line only what is kept."""
        rest = b""
        while offset < high and len(rest) < KEPT:
            block = self.part.read_at(offset, min(BLOCK, high - offset))
            if not block:
                break
            place = block.find(b"\n")
            if place >= 0:
                return rest + block[:place], offset + place + 1
            rest += block
            offset += len(block)
        return rest, offset
