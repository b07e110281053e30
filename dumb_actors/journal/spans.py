"""From events to spans: what each service did for how long. Pure functions of the events."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from dumb_actors.journal.store import SKIPPED
from dumb_actors.model.event import Event
from dumb_actors.model.phase import Phase
from dumb_actors.model.timeline import Hook, Span, SpanKind

__all__ = ["UNKNOWN", "is_run_end", "spans_of"]

UNKNOWN = "unknown"

_KINDS: Mapping[Phase, SpanKind] = {
    Phase.WAITING: "waiting",
    Phase.PREPARING: "preparing",
    Phase.STARTING: "probing",
    Phase.READY: "running",
    Phase.STOPPING: "stopping",
    Phase.BACKOFF: "backoff",
}
_STARTS = frozenset({"start", "restart"})


def is_run_end(before: Event, event: Event) -> bool:
    """Say whether *event* is of a later run of the supervisor than *before*, which was the event before it."""
    return event.mono < before.mono or event.seq - before.seq >= SKIPPED


def spans_of(events: Iterable[Event]) -> dict[str, tuple[Span, ...]]:
    """
    Give the spans of each service, oldest first.

    The spans of a service do not overlap. From a wish until it is ready, or has failed, they have no gaps either: a
    wait begins with the wish, or where what was before it has ended.

    Args:
        events: Oldest first; of whichever run, and from whenever on. What began before them begins where they do.
    """
    tracks: dict[str, _Track] = {}
    before: Event | None = None
    for event in events:
        if before is not None and is_run_end(before, event):
            for track in tracks.values():
                track.lose()
        before = event
        if event.service:
            if event.service not in tracks:
                tracks[event.service] = _Track(service=event.service)
            tracks[event.service].take(event)
    return {name: track.finish() for name, track in tracks.items() if track.finish()}


@attrs.define
class _Track:
    """The spans of one service so far; the last of them may be open."""

    service: str
    attempt: int = 0
    done: list[Span] = attrs.field(factory=list)
    open: Span | None = None
    wish: Event | None = None
    conditions: dict[int, Event] = attrs.field(factory=dict)
    probe: str = ""
    is_adopted: bool = False

    def take(self, event: Event) -> None:
        match event.kind:
            case "command":
                self._take_command(event)
            case "condition" if event.detail.get("held"):
                self.conditions[event.seq] = event
            case "adopted":
                self.attempt += 1
                self.is_adopted = True
            case "spawned":
                self._take_spawned(event)
            case "phase":
                self._take_phase(event)

    def finish(self) -> tuple[Span, ...]:
        return (*self.done, *([] if self.open is None else [self.open]))

    def lose(self) -> None:
        """The run has ended, and nobody says how."""
        if self.open is not None:
            self.done.append(attrs.evolve(self.open, outcome=UNKNOWN))
        self.open = self.wish = None
        self.is_adopted = False

    # --- events -------------------------------------------------------------------------------------------------------

    def _take_command(self, event: Event) -> None:
        if event.detail.get("command") not in _STARTS:
            self.wish = None
        elif self.wish is None:
            self.wish = event

    def _take_spawned(self, event: Event) -> None:
        """The child lives; how long its spawn took is in the event, so that it need not be one of its own."""
        self.is_adopted = False
        self.probe = str(event.detail.get("probe", ""))
        self._label(event.generation)
        if self.open is None or self.open.kind != "preparing":
            return
        took = min(_seconds(event.detail.get("spawn_s")), event.mono - self.open.begin_mono)
        hooks = tuple(
            Hook(hook=str(one.get("hook", "")), seconds=_seconds(one.get("s")))
            for one in _objects(event.detail.get("prepared"))
        )
        self.open = attrs.evolve(self.open, generation=event.generation, hooks=hooks)
        self._close(event.mono - took, event.at - took, "spawning")
        self._begin("spawning", event.mono - took, event.at - took, event.generation)

    def _take_phase(self, event: Event) -> None:
        if self.open is not None and not _fits(self.open, event.from_phase):
            # What lies between is not known.
            self.done.append(attrs.evolve(self.open, outcome=UNKNOWN))
            self.open = None
        self._end_wait(event)
        self._close(event.mono, event.at, str(event.to_phase))
        kind = _KINDS.get(event.to_phase)
        if kind is None:
            return
        mono, at = event.mono, event.at
        if kind == "waiting":
            mono, at = self._begin_wait(event)
        elif kind == "probing" and event.from_phase is Phase.PREPARING and self.done:
            mono, at = self._last_end(event)  # as it was spawned
        self._begin(kind, mono, at, event.generation)
        if kind == "waiting" and self.open is not None:
            waits_for = tuple(str(one.get("what", "")) for one in _objects(event.detail.get("waits_for")))
            self.open = attrs.evolve(self.open, waits_for=waits_for)

    def _begin_wait(self, event: Event) -> tuple[float, float]:
        """Give the instant from which on it waits: the wish, unless it was something else then."""
        wish, self.wish = self.wish, None
        self.conditions.clear()
        if event.from_phase is not Phase.PREPARING:
            self.attempt += 1
            self.is_adopted = False
        if event.from_phase is Phase.BACKOFF or event.from_phase is Phase.PREPARING:
            return event.mono, event.at
        if wish is not None:
            mono, at = self._last_end(wish)
            return (mono, at) if mono > wish.mono else (wish.mono, wish.at)
        return (event.mono, event.at) if event.cause.kind == "command" else self._last_end(event)

    def _end_wait(self, event: Event) -> None:
        """Say what ended the wait: the condition that the transition names, else the last one that came to hold."""
        if self.open is None or self.open.kind != "waiting" or event.to_phase is not Phase.PREPARING:
            return
        found = self.conditions.get(event.cause.seq or 0)
        if found is None and event.cause.kind == "dependency" and self.conditions:
            found = self.conditions[max(self.conditions)]
        if found is not None:
            self.open = attrs.evolve(
                self.open,
                ended_by=str(found.detail.get("dependency") or ""),
                condition=str(found.detail.get("condition", "")),
                signal=str(found.detail.get("signal", "")),
                led_by=found.cause.seq,
            )

    # --- spans --------------------------------------------------------------------------------------------------------

    def _begin(self, kind: SpanKind, mono: float, at: float, generation: int) -> None:
        self.open = Span(
            service=self.service,
            generation=generation,
            attempt=self.attempt,
            kind=kind,
            begin_at=at,
            end_at=None,
            begin_mono=mono,
            end_mono=None,
            probe=self.probe if kind == "probing" else "",
            adopted=self.is_adopted,
        )

    def _close(self, mono: float, at: float, outcome: str) -> None:
        if self.open is not None:
            self.done.append(attrs.evolve(self.open, end_mono=mono, end_at=at, outcome=outcome))
            self.open = None

    def _label(self, generation: int) -> None:
        """Give the spans of this attempt, which were before its child, the child's number."""
        for index in range(len(self.done) - 1, -1, -1):
            span = self.done[index]
            if span.attempt != self.attempt or span.kind not in {"waiting", "preparing"}:
                break
            self.done[index] = attrs.evolve(span, generation=generation)

    def _last_end(self, event: Event) -> tuple[float, float]:
        last = self.done[-1] if self.done else None
        if last is None or last.end_mono is None or last.end_at is None:
            return event.mono, event.at
        return last.end_mono, last.end_at


def _fits(span: Span, phase: Phase) -> bool:
    return _KINDS.get(phase) == span.kind or (span.kind == "spawning" and phase is Phase.PREPARING)


def _seconds(value: Any) -> float:
    return max(0.0, float(value)) if isinstance(value, int | float) else 0.0


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []
