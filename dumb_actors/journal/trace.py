"""What led to an event: looked up by its number where the event names it, else by order and names."""

import re
from collections.abc import Callable

import attrs

from dumb_actors.journal.explanation import LinkKind
from dumb_actors.journal.past import Past, is_other_run
from dumb_actors.model.event import Event
from dumb_actors.model.phase import Phase

__all__ = ["BEGINS", "Failure", "Trace", "is_begin", "is_declared", "is_phase", "named_in", "pid_in", "to"]

BEGINS = frozenset({"start", "restart"})
"""The commands that begin a run."""

_PID = re.compile(r"\bpid (\d+)")
_PROVIDES = re.compile(r"(['\"])(.+?)\1, which provides it, is ")
_TO_BE = re.compile(r"(['\"])(.+)\1 to be (?:ready|started|completed)")
_THERE = frozenset({Phase.READY, Phase.COMPLETED})
_RAN = frozenset({Phase.STARTING, Phase.READY, Phase.COMPLETED})


def pid_in(event: Event) -> int | None:
    """Give the pid that an event tells of."""
    found = _PID.search(event.cause.text)
    return int(found[1]) if found else None


def is_declared(what: str) -> bool:
    """Whether what is waited for is a dependency itself, and not something that it offers."""
    return _TO_BE.fullmatch(what) is not None


def named_in(what: str, answer: str | None) -> str | None:
    """Give the service that a wait names, or that its last answer names as the provider."""
    found = _TO_BE.fullmatch(what) or (_PROVIDES.match(answer) if answer else None)
    return found[2] if found else None


def is_phase(event: Event) -> bool:
    """Whether it is a transition."""
    return event.kind == "phase"


def is_begin(event: Event) -> bool:
    """Whether a run begins with it: by a wish, or by taking over what was there."""
    return event.kind == "phase" and (
        (event.to_phase is Phase.WAITING and event.from_phase is not Phase.PREPARING)
        or (event.from_phase is Phase.STOPPED and event.to_phase in {Phase.STARTING, Phase.COMPLETED})
    )


def to(*phases: Phase) -> Callable[[Event], bool]:
    """Give a test for transitions to one of *phases*."""
    return lambda event: event.kind == "phase" and event.to_phase in phases


@attrs.frozen(kw_only=True)
class Failure:
    """
    How a run ended by itself.

    Attributes:
        told: The event to be named for it: the decision to end it, else that nothing is left, else the transition.

        exited: The event that nothing is left of its child; None: there was none.

        ran_s: How long the child lived; None: there was none, or it was taken over.
    """

    told: Event
    exited: Event | None
    ran_s: float | None


@attrs.frozen
class Trace:
    """Finds what led to events of *past*."""

    past: Past

    def newest(self, name: str) -> Event | None:
        """Give the last transition of a service."""
        return next(filter(is_phase, self.past.of(name)), None)

    def is_other_run(self, earlier: Event, later: Event) -> bool:
        """Say whether another supervisor tells of *later*."""
        if is_other_run(earlier, later):
            return True
        ended = self.past.last(
            "", lambda news: news.detail.get("what") in {"ended", "left"}, before=later.seq, after=earlier.seq
        )
        return ended is not None

    def begin(self, name: str, event: Event | None) -> Event | None:
        """Find the beginning of the run that *event* belongs to."""
        return None if event is None else self.past.last(name, is_begin, before=event.seq + 1)

    def start(self, name: str, event: Event | None) -> Event | None:
        """Find the start of the child that lives at *event*."""
        return None if event is None else self.past.last(name, to(Phase.STARTING), before=event.seq + 1)

    def held(self, name: str, prepared: Event) -> tuple[Event, float] | None:
        """Find the last thing that came to hold before *prepared*, and how long after the beginning of the wait."""
        begin = self.begin(name, prepared)
        if begin is None:
            return None
        named = self._named(name, prepared, "condition")
        held = named or self.past.last(
            name,
            lambda event: event.kind == "condition" and bool(event.detail.get("held")),
            before=prepared.seq,
            after=begin.seq,
        )
        return None if held is None else (held, held.at - begin.at)

    def since(self, name: str, event: Event | None) -> list[Event]:
        """List what happened to a service behind an event, oldest first."""
        found: list[Event] = []
        for news in self.past.of(name):
            if event is None or news.seq <= event.seq:
                break
            found.append(news)
        return found[::-1]

    def _named(self, name: str, event: Event, kind: str) -> Event | None:
        """Find the event of the same service that *event* names as what led to it, if it is of that kind."""
        seq = event.cause.seq
        found = None if seq is None else next(self.past.of(name, before=seq + 1), None)
        return found if found is not None and found.seq == seq and found.kind == kind else None

    # --- commands -----------------------------------------------------------------------------------------------------

    def command(self, name: str, event: Event, actions: frozenset[str]) -> Event | None:
        """Find the command that led to *event*."""
        if named := self._named(name, event, "command"):
            return named
        by = event.cause.by
        for one in self.past.of(name, before=event.seq):
            if is_other_run(one, event):
                break
            if one.kind == "command" and one.detail.get("command") in actions and one.cause.by == by:
                return one
        return None

    def asker(self, command: Event) -> LinkKind:
        """Say whether a person gave a command, or the boot, or a change of the configuration."""
        if command.cause.by == "boot":
            return "boot"
        # What a change of the configuration asks for comes right behind the event that tells of it.
        news = next(self.past.of("", before=command.seq), None)
        is_reload = (
            news is not None
            and news.detail.get("what") == "reconfigured"
            and news.cause.by == command.cause.by
            and len(self.past.commands(after=news.seq)) >= command.seq - news.seq
        )
        return "reload" if is_reload else "command"

    def stopper(self, event: Event, command: Event | None) -> LinkKind:
        """Say the same of what led to a stop."""
        action, by = event.cause.text.split()[0], event.cause.by
        if by == "boot":
            return "boot"
        if action == "leave":
            return "shutdown"
        if action == "shutdown":
            # Everything is shut down after the event that says so, what is reconfigured before its event.
            news = next(self.past.of("", before=event.seq), None)
            is_all = news is not None and news.detail.get("what") in {"shutdown", "leaving"}
            return "shutdown" if is_all else "reload"
        return "command" if command is None else self.asker(command)

    def also_for(self, command: Event, *, is_told: bool) -> str:
        """Give the service for whose sake this one was started along; *is_told*: the events of that time say so."""
        found = ""
        for one in self.past.commands(after=command.seq):
            if one.cause.by != command.cause.by or one.detail.get("command") not in BEGINS:
                break
            if command.detail.get("id") in (one.detail.get("also") or ()):
                return one.service
            # It is the last in the row.
            found = one.service
        return "" if is_told or found == command.service else found

    # --- ends ---------------------------------------------------------------------------------------------------------

    def failure(self, name: str, event: Event) -> Failure:
        """Find out more about a run that ended by itself, given the transition that tells of it."""
        begin = self.begin(name, event)
        after = begin.seq if begin is not None else 0
        # What was taken over begins with its start.
        start = self.past.last(name, to(Phase.STARTING), before=event.seq, after=max(after - 1, 0))
        exited = None
        if start is not None:
            exited = self.past.last(name, lambda one: one.kind == "exited", before=event.seq, after=start.seq)
        told = exited or event
        if event.cause.kind in {"timeout", "liveness"}:
            # What was decided comes before the end that it led to.
            told = self.past.last(name, to(Phase.STOPPING), before=event.seq + 1, after=after) or told
        ran_s = None
        if start is not None and start.from_phase is not Phase.STOPPED and exited is not None:
            ran_s = told.at - start.at
        return Failure(told=told, exited=exited, ran_s=ran_s)

    def lost(self, name: str, event: Event) -> Event | None:
        """Find the event that a dependency was lost, which led to *event*."""
        if named := self._named(name, event, "dependency"):
            return named
        begin = self.begin(name, event)
        return self.past.last(
            name,
            lambda one: one.kind == "dependency" and not one.detail.get("held"),
            before=event.seq,
            after=begin.seq if begin is not None else 0,
        )

    def went(self, target: str, lost: Event) -> Event | None:
        """Find the transition by which a dependency went, before it was noticed in *lost*."""
        newest = None
        for one in self.past.of(target, before=lost.seq if lost.cause.seq is None else lost.cause.seq + 1):
            if one.kind == "phase":
                newest = newest or one
                if one.from_phase in _RAN and one.to_phase not in _THERE:
                    return one
        return newest

    def attempts(self, name: str, begin: Event | None) -> tuple[Event | None, list[Event]]:
        """Go back over restarts: give the beginning of the first run of the row, and the ends since, newest first."""
        ends: list[Event] = []
        while begin is not None and begin.cause.kind == "restart":
            end = self.past.last(name, to(Phase.BACKOFF), before=begin.seq)
            if end is None:
                return None, ends
            ends.append(end)
            begin = self.past.last(name, is_begin, before=end.seq)
        return begin, ends

    def before_adoption(self, name: str, event: Event) -> tuple[Event | None, int]:
        """Give what an earlier supervisor said of the same child last, and how many took it over, this one included."""
        times = 1
        begin, known = event, None
        while True:
            found = self.past.last(name, to(*_RAN), before=begin.seq)
            if found is None or found.generation != event.generation:
                return known, times
            known = found
            start = self.begin(name, found)
            if start is None or start.to_phase is Phase.WAITING:
                return known, times
            begin, times = start, times + 1
