"""The past of each service, newest event first, read only as far back as somebody looks."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeAlias

import attrs

from dumb_actors.journal.reading import read_journal
from dumb_actors.model.event import Event

__all__ = ["Past", "is_other_run"]

KINDS = frozenset({"phase", "exited", "condition", "dependency", "health", "adopted", "command", "supervisor"})
"""What an explanation is made of."""

FURTHEST = 20_000
"""So many events of one service are looked at."""

KILLED = 1_000_000
"""So many numbers are passed over after a kill; see docs/journal.md."""

_BATCH = 256

Test: TypeAlias = Callable[[Event], bool]


def is_other_run(earlier: Event, later: Event) -> bool:
    """Say whether a supervisor was killed between two events."""
    return later.seq - earlier.seq >= KILLED


@attrs.define
class _Line:
    """The events of one service as far as they were read, newest first."""

    source: Iterator[Event]
    seen: list[Event] = attrs.field(factory=list)


class Past:
    """
    What has happened up to an instant, service by service; for a thread, because it may read files.

    For each service that is asked for, memory and then the journal are read backward, as far as is looked at.

    Args:
        recent: The last events, oldest first.

        directory: Of the journal; None: there is none.

        until: Only what happened by then, Unix seconds; None: everything.

    Attributes:
        is_short: Somebody wanted to look further back than there is anything.

    Raises:
        JournalTooNew, UnusablePath: By everything that reads.
    """

    def __init__(self, recent: Sequence[Event], directory: str | None, *, until: float | None = None) -> None:
        self.is_short = False
        self._directory = directory
        self._until = until
        self._oldest = recent[0].seq if recent else None
        self._recent: dict[str, list[Event]] = {}
        for event in reversed(recent):
            if event.kind in KINDS and (until is None or event.at <= until):
                self._recent.setdefault(event.service, []).append(event)
        self._lines: dict[str, _Line] = {}

    def of(self, service: str, *, before: int | None = None) -> Iterator[Event]:
        """Give the events of *service* (empty: those of the supervisor) below the number *before*, newest first."""
        line = self._lines.get(service)
        if line is None:
            line = self._lines[service] = _Line(islice(self._read(service), FURTHEST))
        index = 0
        if before is not None and line.seen:
            # Ascending by the negative number.
            index = bisect_right(line.seen, -before, key=lambda event: -event.seq)
        while True:
            if index == len(line.seen):
                event = next(line.source, None)
                if event is None:
                    return
                line.seen.append(event)
            if before is None or line.seen[index].seq < before:
                yield line.seen[index]
            index += 1

    def last(self, service: str, test: Test, *, before: int | None = None, after: int = 0) -> Event | None:
        """Give the newest event between two numbers that meets *test*; None: there is none, or it is not known."""
        for event in self.of(service, before=before):
            if event.seq <= after:
                return None
            if test(event):
                return event
        self.is_short = self.is_short or not after
        return None

    def next(self, service: str, test: Test, *, after: int) -> Event | None:
        """Give the oldest event above a number that meets *test*."""
        found = None
        for event in self.of(service):
            if event.seq <= after:
                break
            found = event if test(event) else found
        return found

    def commands(self, *, after: int) -> list[Event]:
        """Give the commands that were accepted in one go, each right behind the other, from behind a number on."""
        found: list[Event] = []
        recent = (event for line in self._recent.values() for event in line if after < event.seq <= after + _BATCH)
        stored: Iterator[Event] = iter(())
        if self._directory is not None and (self._oldest is None or after + 1 < self._oldest):
            stored = read_journal(
                self._directory, after=after, before=min(after + _BATCH, self._oldest or after + _BATCH)
            )
        for event in chain(stored, sorted(recent, key=lambda event: event.seq)):
            if event.seq != after + len(found) + 1 or event.kind != "command":
                break
            found.append(event)
        return found

    def _read(self, service: str) -> Iterator[Event]:
        yield from self._recent.get(service, ())
        if self._directory is None:
            return
        stored = read_journal(
            self._directory,
            before=self._oldest,
            until=self._until,
            service=service,
            # One kind is found without parsing every line.
            kinds=KINDS if service else {"supervisor"},
            newest_first=True,
        )
        yield from stored
