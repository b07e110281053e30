"""The course of a boot or a start, as the events tell it: who takes part, and when it is over."""

from collections.abc import Iterable
from typing import Any, Literal, cast

import attrs

from dumb_actors.journal.spans import is_run_end
from dumb_actors.model.event import Event
from dumb_actors.model.phase import Phase

__all__ = ["Course", "Scope"]

_SETTLED = frozenset({Phase.READY, Phase.COMPLETED, Phase.FAILED})


@attrs.frozen(kw_only=True)
class Scope:
    """
    What a timeline is about.

    Attributes:
        what: `boot`, `start` or `restart`.

        head: Its event: of the boot, or of the command.

        first: The number of its first event.

        services: Who takes part; None: whoever is started by the same one at that time, as nothing else is known.

        adopted: Who of them ran before and was taken over.
    """

    what: Literal["boot", "start", "restart"]
    head: Event
    first: int
    services: frozenset[str] | None
    adopted: frozenset[str] = frozenset()

    @classmethod
    def of_boot(cls, booted: Event) -> "Scope":
        """Give the scope of a boot, from its event."""
        wished, first = booted.detail.get("wished"), booted.detail.get("first")
        return cls(
            what="boot",
            head=booted,
            first=first if isinstance(first, int) else booted.seq,
            services=_names(wished) if wished is not None else None,
            adopted=_names(booted.detail.get("adopted")),
        )

    @classmethod
    def of_command(cls, command: Event, along: Iterable[Event]) -> "Scope":
        """Give the scope of a start or restart, from its event and those of the commands that it brought along."""
        also = list(along)
        return cls(
            what=cast("Literal['start', 'restart']", command.detail["command"]),
            head=command,
            first=min([command.seq, *(other.seq for other in also)]),
            services=frozenset({command.service, *(other.service for other in also)}),
        )


def _names(value: Any) -> frozenset[str]:
    return (
        frozenset(name for name in value if isinstance(name, str)) if isinstance(value, list | tuple) else frozenset()
    )


@attrs.define
class Course:
    """
    Takes the events of a scope, oldest first, until it is over.

    Attributes:
        scope: See there.

        events: What was taken.

        is_complete: Everybody is ready, has failed, or was stopped meanwhile.

        has_ended: The supervisor's run came to its end before.

        missing: How many events between the first and the last are not there.

        services: Who takes part, as far as was seen.
    """

    scope: Scope
    events: list[Event] = attrs.field(factory=list)
    is_complete: bool = False
    has_ended: bool = False
    missing: int = 0
    services: set[str] = attrs.field(factory=set)
    _asked: dict[str, int] = attrs.field(factory=dict)
    _pending: set[str] = attrs.field(factory=set)
    _has_adoption: bool = False

    def take(self, events: Iterable[Event], limit: int) -> None:
        """Take *events*, at most *limit*, until it is over; those before its first may come first."""
        self.services |= self.scope.services or frozenset()
        for event in events:
            if self.events and is_run_end(self.events[-1], event):
                self._end_run(event)
                if self.has_ended:
                    return
            self._count_missing(event)
            self.events.append(event)
            self._follow(event)
            if event.kind == "supervisor" and event.detail.get("what") in {"ended", "left"}:
                self._end_run(event)
            # The event of the boot comes behind those of its commands.
            self.is_complete = not self._pending and event.seq >= self.scope.head.seq
            if self.is_complete and self.scope.services is None:
                self.is_complete = bool(self.services)
            if self.is_complete or self.has_ended or len(self.events) >= limit:
                return

    @property
    def pending(self) -> frozenset[str]:
        """Who is not there yet."""
        return frozenset(self._pending)

    @property
    def is_cut(self) -> bool:
        """Whether its beginning is not there."""
        return not self.events or self.events[0].seq > self.scope.first

    @property
    def lacks_adoption(self) -> bool:
        """Whether it is not there how somebody was taken over who was."""
        before = [event for event in self.events if event.seq < self.scope.first]
        told = {e.service for e in before if e.kind == "adopted" or e.to_phase is Phase.COMPLETED}
        return not self.scope.adopted <= told

    def _count_missing(self, event: Event) -> None:
        """Count what is not there since the first event, or since the first of an adoption."""
        if self.events and (event.seq > self.scope.first or self._has_adoption):
            last = self.events[-1].seq
            self.missing += event.seq - (last if self._has_adoption else max(last, self.scope.first - 1)) - 1
        self._has_adoption = self._has_adoption or event.kind == "adopted"

    def _end_run(self, event: Event) -> None:
        """Forget the run before ours; the end of ours is the end."""
        if event.seq > self.scope.first:
            self.has_ended = True
        else:
            self.events.clear()
            self._pending.clear()
            self.missing, self._has_adoption = 0, False

    def _follow(self, event: Event) -> None:
        name = event.service
        if self.scope.services is None:
            self._guess(event)
        if name not in self.services:
            return
        match event.kind:
            case "command":
                self._follow_command(event)
            case "adopted":
                self._pending.add(name)
            case "answer" if event.detail.get("id") == self._asked.get(name) and event.detail.get("outcome") == "done":
                self._pending.discard(name)  # nothing had to be done
            case "phase" if event.to_phase in _SETTLED and name in self._pending:
                self._pending.discard(name)
            case "phase" if event.to_phase is Phase.STOPPED and event.detail.get("again") is False:
                self._pending.discard(name)

    def _follow_command(self, event: Event) -> None:
        if event.detail.get("command") not in {"start", "restart"}:
            self._pending.discard(event.service)
        elif self.scope.first <= event.seq <= self.scope.head.seq:
            self._pending.add(event.service)
            self._asked[event.service] = event.detail.get("id", 0)

    def _guess(self, event: Event) -> None:
        """Of a boot that does not say who is wished: whoever begins to wait for the sake of who asked for the boot."""
        is_start = event.kind == "phase" and event.to_phase is Phase.WAITING and event.cause.kind == "command"
        if is_start and event.cause.by == self.scope.head.cause.by:
            self.services.add(event.service)
            self._pending.add(event.service)
