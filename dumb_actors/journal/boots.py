"""Which boots the journal knows, and their timelines, read from memory and disk. Blocking, for a thread."""

from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import Literal, TypeAlias

import attrs

from dumb_actors.errors import UnknownBoot
from dumb_actors.journal.course import Course, Scope
from dumb_actors.journal.history import events_of
from dumb_actors.journal.reading import Question
from dumb_actors.journal.timeline import outcome_of, timeline_of
from dumb_actors.model.event import Event
from dumb_actors.model.timeline import Boot, Timeline

__all__ = ["BootName", "Past", "boot_timeline", "list_boots", "start_timeline"]

BootName: TypeAlias = Literal["latest"] | int
"""The number of its event; `latest`, or 0: the last one; -1, -2, …: those before it."""

_LISTED = 20
_EVENTS = 100_000
_EVENTS_OF_LISTED = 5_000
_ADOPTION = 100


@attrs.frozen(kw_only=True)
class Past:
    """
    Where to look.

    Attributes:
        recent: The last events, oldest first.

        directory: Of the journal; None: there is none.

        run_seq: What is behind this number is of the present run.

        now_mono: What the time is, on the clock of the present run.
    """

    recent: Sequence[Event]
    directory: str | None
    run_seq: int
    now_mono: float

    def newest(self, kind: str, service: str | None = None) -> Iterator[Event]:
        """Give the events of *kind*, the newest first."""
        return events_of(Question(kinds=frozenset({kind}), service=service), self.recent, self.directory)

    def behind(self, seq: int) -> Iterator[Event]:
        """Give the events behind *seq*, oldest first."""
        return events_of(Question(after=max(0, seq)), self.recent, self.directory)

    def boots(self) -> Iterator[Event]:
        """Give the events of the boots, the newest first."""
        return (event for event in self.newest("supervisor") if event.detail.get("what") == "booted")


def list_boots(past: Past, limit: int = _LISTED) -> list[Boot]:
    """
    List the last boots, the newest first.

    Raises:
        JournalTooNew, UnusablePath: As `read_journal`.
    """
    return [_describe(booted, past) for booted in islice(past.boots(), limit)]


def boot_timeline(past: Past, which: BootName) -> Timeline:
    """
    Give the timeline of a boot.

    Raises:
        UnknownBoot: The journal does not know it.

        JournalTooNew, UnusablePath: As `read_journal`.
    """
    course = _course(Scope.of_boot(_find(past, which)), past, _EVENTS)
    return timeline_of(course, now_mono=_now(course, past))


def start_timeline(past: Past, service: str) -> Timeline:
    """
    Give the timeline of the last start or restart of *service*, and of what it brought along.

    Raises:
        UnknownBoot: The journal knows none.

        JournalTooNew, UnusablePath: As `read_journal`.
    """
    commands = past.newest("command", service)
    found = next((event for event in commands if event.detail.get("command") in {"start", "restart"}), None)
    if found is None:
        raise UnknownBoot(service, text=f"the journal knows no start of {service!r}")
    course = _course(Scope.of_command(found, _along(found, past)), past, _EVENTS)
    return timeline_of(course, now_mono=_now(course, past))


# --- reading ----------------------------------------------------------------------------------------------------------


def _along(command: Event, past: Past) -> list[Event]:
    """Give the commands that *command* brought along: they were given right before it, in one step."""
    also = frozenset(command.detail.get("also") or ())
    if not also:
        return []
    before = takewhile(lambda event: event.seq < command.seq, past.behind(command.seq - 1 - 2 * len(also)))
    return [event for event in before if event.kind == "command" and event.detail.get("id") in also]


def _course(scope: Scope, past: Past, limit: int) -> Course:
    # An adoption is told when the supervisor begins, and the boot follows soon.
    earlier = _ADOPTION + 4 * len(scope.adopted) if scope.adopted else 0
    course = Course(scope)
    course.take(past.behind(scope.first - 1 - earlier), limit)
    return course


def _now(course: Course, past: Past) -> float | None:
    return past.now_mono if course.scope.head.seq > past.run_seq else None


def _find(past: Past, which: BootName) -> Event:
    number = 0 if which == "latest" else which
    found = (
        next(islice(past.boots(), -number, None), None)
        if number <= 0
        else next((booted for booted in past.boots() if booted.seq == number), None)
    )
    if found is None:
        known = list(islice(past.boots(), _LISTED))
        raise UnknownBoot(which, [{"seq": one.seq, "at": one.at, "by": one.cause.by} for one in known])
    return found


def _describe(booted: Event, past: Past) -> Boot:
    scope = Scope.of_boot(booted)
    makespan_s, not_ready = outcome_of(_course(scope, past, _EVENTS_OF_LISTED))
    return Boot(
        seq=booted.seq,
        at=booted.at,
        by=booted.cause.by,
        services=None if scope.services is None else len(scope.services),
        makespan_s=makespan_s,
        not_ready=not_ready,
    )
