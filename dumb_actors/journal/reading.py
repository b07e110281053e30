"""
Read the history of events: forward or backward, while it is written, with as little memory as a few lines take.

Plain blocking functions, for a thread.
"""

import contextlib
import json
import os
from collections.abc import Collection, Iterator
from itertools import zip_longest
from typing import Any

import attrs

from dumb_actors.errors import UnusablePath
from dumb_actors.journal.codec import LONGEST_LINE, Damaged, event_of, parse_line, quick_seq
from dumb_actors.journal.segments import Segment, head_of, list_segments
from dumb_actors.model.event import Event

__all__ = ["Question", "Tally", "last_seq", "read_journal"]

_BLOCK = 64 * 1024


@attrs.define
class Tally:
    """
    What a reader came across beside events, in the lines that it looked at.

    Attributes:
        damaged: Lines that are none of ours: something wrote into the file, or a disk lost what it had.

        torn: Lines that were being written when the supervisor was killed, or when they were read.

        unknown: Events of kinds that this version does not know.

        lost: Events that never came to the disk, as the supervisor wrote down when it could.
    """

    damaged: int = 0
    torn: int = 0
    unknown: int = 0
    lost: int = 0


@attrs.frozen(kw_only=True)
class Question:
    """
    Which events are asked for.

    Attributes:
        after: Only events behind this number, and of those the first; None: of all events the last.

        since, until: Only events that happened then, Unix seconds, both inclusive.

        service: Only events of this service, exactly.

        kinds: Only events of these kinds; empty: all.

        limit: At most so many; None: all.
    """

    after: int | None = None
    since: float | None = None
    until: float | None = None
    service: str | None = None
    kinds: frozenset[str] = frozenset()
    limit: int | None = None

    def is_met_by(self, event: Event) -> bool:
        """Say whether *event* is one of those."""
        return (
            (self.after is None or event.seq > self.after)
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at <= self.until)
            and (self.service is None or event.service == self.service)
            and (not self.kinds or event.kind in self.kinds)
        )


@attrs.frozen(kw_only=True)
class _Search:
    """A question to the files; only events before the number *before* are wanted, if there is one."""

    question: Question
    before: int | None
    needles: tuple[bytes, ...] = attrs.field(init=False)

    @needles.default
    def _needles(self) -> tuple[bytes, ...]:
        """Give texts that stand in every line that is wanted: most lines need not be parsed."""
        texts = [] if self.question.service is None else [self.question.service]
        texts += self.question.kinds if len(self.question.kinds) == 1 else ()
        return tuple(json.dumps(text).encode() for text in texts)

    def may_be_in(self, line: bytes) -> bool:
        """Say whether the event in *line* can be one that is wanted."""
        seq = quick_seq(line)
        if seq is None:
            return True
        after = self.question.after
        if (after is not None and seq <= after) or (self.before is not None and seq >= self.before):
            return False
        return all(needle in line for needle in self.needles)

    def has(self, event: Event) -> bool:
        """Say whether *event* is wanted."""
        return self.question.is_met_by(event) and (self.before is None or event.seq < self.before)

    def select(self, segments: list[Segment]) -> list[Segment]:
        """Leave out segments whose names say that nothing that is wanted is in them."""
        after, ends = self.question.after, [segment.first for segment in segments[1:]]
        return [
            segment
            for segment, end in zip_longest(segments, ends)
            if (after is None or end is None or end > after + 1)
            and (self.before is None or segment.first < self.before)
        ]

    def may_be_within(self, opened_at: float, last_at: float) -> bool:
        """
        Say whether a segment with these times can have what is wanted.

        Wall clocks are set, on some machines by years after each boot: only what both ends say is believed.
        """
        since, until = self.question.since, self.question.until
        if since is not None and max(opened_at, last_at) < since:
            return False
        return until is None or min(opened_at, last_at) <= until


def read_journal(
    directory: str,
    *,
    after: int | None = None,
    before: int | None = None,
    since: float | None = None,
    until: float | None = None,
    service: str | None = None,
    kinds: Collection[str] = (),
    limit: int | None = None,
    newest_first: bool = False,
    tally: Tally | None = None,
) -> Iterator[Event]:
    """
    Give the events of a journal in the order of their numbers.

    It may be written meanwhile, and its oldest segments may go: events that are there at the call come, later ones may.
    What is damaged is passed over. Nothing is opened before the first event is asked for.

    Args:
        directory: Of the journal; it need not exist.

        after, before: Only numbers above, below this one.

        since, until: Only events that happened then, Unix seconds, both inclusive.

        service: Only events of this service, exactly as it is called; `""`: those of the supervisor itself.

        kinds: Only events of these kinds; empty: all.

        limit: At most so many.

        newest_first: Begin with the newest.

        tally: Where to count what is no event.

    Raises:
        JournalTooNew: A segment is of a newer format.

        UnusablePath: The directory or a file cannot be read.
    """
    question = Question(after=after, since=since, until=until, service=service, kinds=frozenset(kinds), limit=limit)
    search = _Search(question=question, before=before)
    counts = Tally() if tally is None else tally
    if limit is not None and limit <= 0:
        return
    left = limit
    segments = search.select(list_segments(directory))
    for segment in reversed(segments) if newest_first else segments:
        with _opened(segment) as fd:
            if fd is None:
                continue
            for event in _events(fd, segment, search, counts, backward=newest_first):
                yield event
                if left is not None:
                    left -= 1
                    if left == 0:
                        return


def last_seq(directory: str) -> int:
    """
    Give the highest number of an event that was ever written; 0 when there is none.

    What a kill left half written at the end does not matter. Events that the journal says it lost count as well.

    Raises:
        JournalTooNew, UnusablePath: As `read_journal`.
    """
    for segment in reversed(list_segments(directory)):
        with _opened(segment) as fd:
            if fd is None:
                continue
            for record in records_backward(fd, segment.path):
                seq = record.get("seq")
                if type(seq) is int:
                    return seq
    return 0


def records_backward(fd: int, path: str) -> Iterator[dict[str, Any]]:
    """Give the parsed lines of an open segment, the last one first, without its header and what is damaged."""
    _, start = head_of(fd, path)
    for line, _ in _lines_backward(fd, start):
        with contextlib.suppress(Damaged):
            yield parse_line(line)


@contextlib.contextmanager
def _opened(segment: Segment) -> Iterator[int | None]:
    """Open a segment for the length of a block; None: it has gone."""
    try:
        fd = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise UnusablePath(segment.path, "cannot read the journal", error) from error
    try:
        yield fd
    except OSError as error:
        raise UnusablePath(segment.path, "cannot read the journal", error) from error
    finally:
        os.close(fd)


def _events(fd: int, segment: Segment, search: _Search, tally: Tally, *, backward: bool) -> Iterator[Event]:
    head, start = head_of(fd, segment.path)
    if search.question.since is not None or search.question.until is not None:
        last_at = next((at for at in map(_time_in, records_backward(fd, segment.path)) if at is not None), None)
        if last_at is not None and not search.may_be_within(head.opened_at, last_at):
            return
    for line, is_whole in (_lines_backward if backward else _lines_forward)(fd, start):
        if not search.may_be_in(line):
            continue
        try:
            record = parse_line(line)
            event = event_of(record) if "seq" in record and record.get("kind") not in {"gap", "end"} else None
        except Damaged:
            if is_whole:
                tally.damaged += 1
            else:
                tally.torn += 1
            continue
        if event is None:
            _count(record, tally)
        elif search.has(event):
            yield event


def _time_in(record: dict[str, Any]) -> float | None:
    at = record.get("at")
    return float(at) if isinstance(at, int | float) else None


def _count(record: dict[str, Any], tally: Tally) -> None:
    """Count a line that is no event of ours."""
    kind = record.get("kind")
    if kind == "gap":
        lost = record.get("lost")
        tally.lost += lost if type(lost) is int else 0
    elif kind != "end":
        tally.unknown += 1


def _lines_forward(fd: int, start: int) -> Iterator[tuple[bytes, bool]]:
    """Give the lines from *start* on, and whether each is whole; one that is too long comes in parts."""
    with open(fd, "rb", buffering=_BLOCK, closefd=False) as file:
        file.seek(start)
        while line := file.readline(LONGEST_LINE + 1):
            yield line, line.endswith(b"\n") or len(line) > LONGEST_LINE


def _lines_backward(fd: int, start: int) -> Iterator[tuple[bytes, bool]]:
    """Give the same lines, the last one first."""
    low = os.fstat(fd).st_size
    rest, is_whole = b"", False
    while low > start:
        high, low = low, max(start, low - _BLOCK)
        first, *lines = (os.pread(fd, high - low, low) + rest).split(b"\n")
        for line in reversed(lines):
            if line:
                yield line, is_whole
            is_whole = True
        rest = first
        if len(rest) > LONGEST_LINE:
            yield rest, is_whole
            rest, is_whole = b"", True
    if rest:
        yield rest, is_whole
