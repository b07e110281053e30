"""Timelines of boots and starts: rows, makespan and critical path. Pure functions of the events."""

import attrs

from dumb_actors.journal.changes import changes, no_change
from dumb_actors.journal.course import Course
from dumb_actors.journal.critical import critical_path
from dumb_actors.journal.spans import spans_of
from dumb_actors.journal.whatif import ideal_s, nodes_of
from dumb_actors.model.event import Event
from dumb_actors.model.phase import Phase
from dumb_actors.model.timeline import Span, Timeline, TimelineRow

__all__ = ["outcome_of", "timeline_of"]

_READY = frozenset({str(Phase.READY), str(Phase.COMPLETED)})


def timeline_of(course: Course, *, now_mono: float | None = None) -> Timeline:
    """
    Give the timeline of a course.

    Args:
        course: What happened.

        now_mono: What the time is, on the clock of that run, where it goes on; None: it ends with its last event.
    """
    scope, events = course.scope, course.events
    begin, spans, ready = _look(course)
    end_mono = max([begin.mono, *(event.mono for event in events[-1:])])
    if now_mono is not None and not (course.is_complete or course.has_ended):
        end_mono = max(end_mono, now_mono)
    last = _last(course)
    makespan_s = max(ready.values(), default=None)
    nodes = nodes_of(spans, events, begin.mono)
    path = () if makespan_s is None else critical_path(spans, ready, events, first=scope.first, begin_mono=begin.mono)
    found = changes(nodes, path, scope.what) if makespan_s is not None else ()
    on_path = {step.service for step in path}
    adopted = scope.adopted | {event.service for event in events if event.kind == "adopted"}
    rows = [
        TimelineRow(
            service=name,
            phase=last[name].to_phase if name in last else Phase.WAITING if name in course.pending else Phase.READY,
            ready_s=ready.get(name),
            adopted=name in adopted,
            on_critical_path=name in on_path,
            reason=_reason(last.get(name), spans.get(name, ())),
            spans=spans.get(name, ()),
        )
        for name in course.services
    ]
    rows.sort(key=lambda row: (row.spans[0].begin_mono if row.spans else begin.mono, _own_begin(row), row.service))
    return Timeline(
        what=scope.what,
        seq=scope.head.seq,
        by=scope.head.cause.by,
        begin_at=begin.at,
        begin_mono=begin.mono,
        end_s=end_mono - begin.mono,
        is_complete=course.is_complete,
        makespan_s=makespan_s,
        ideal_s=None if makespan_s is None else ideal_s(nodes),
        critical_path=path,
        change=found[0] if found else no_change(makespan_s),
        changes=found,
        not_ready=tuple(row.service for row in rows if row.reason),
        partial=_partial(course),
        services=tuple(rows),
    )


def outcome_of(course: Course) -> tuple[float | None, tuple[str, ...]]:
    """Give the makespan of a course, if it is complete, and who was not ready."""
    _, spans, ready = _look(course)
    last = _last(course)
    not_ready = tuple(sorted(name for name in course.services if _reason(last.get(name), spans.get(name, ()))))
    return max(ready.values(), default=None) if course.is_complete else None, not_ready


def _look(course: Course) -> tuple[Event, dict[str, tuple[Span, ...]], dict[str, float]]:
    """Give its first event, the spans of each service, and when it was ready. What was before is shown from then on."""
    begin = _begin_of(course)
    found = spans_of(course.events)
    spans = {name: _from(found[name], begin) for name in course.services if name in found}
    times = {name: _ready_s(own, begin) for name, own in spans.items()}
    return begin, spans, {name: at for name, at in times.items() if at is not None}


def _last(course: Course) -> dict[str, Event]:
    """Give the last transition of each service."""
    return {event.service: event for event in course.events if event.kind == "phase"}


def _begin_of(course: Course) -> Event:
    """Give the first wish; where that is not known, the event of the whole."""
    return next((event for event in course.events if event.seq >= course.scope.first), course.scope.head)


def _from(spans: tuple[Span, ...], begin: Event) -> tuple[Span, ...]:
    """Give the part of *spans* that is not over before *begin*."""
    return tuple(
        attrs.evolve(span, begin_mono=max(span.begin_mono, begin.mono), begin_at=max(span.begin_at, begin.at))
        for span in spans
        if span.end_mono is None or span.end_mono > begin.mono or span.begin_mono >= begin.mono
    )


def _ready_s(spans: tuple[Span, ...], begin: Event) -> float | None:
    """Say when it was ready first, by something that it did within the timeline."""
    proofs = (span for span in spans if span.kind == "probing" and span.outcome in _READY)
    ends = (span.end_mono for span in proofs if span.end_mono is not None and not (span.adopted and not span.lasted_s))
    return next((end - begin.mono for end in ends), None)


def _own_begin(row: TimelineRow) -> float:
    """When it went on from its first wait, for the order of the rows; who waits longer stands further down."""
    first = row.spans[0] if row.spans else None
    if first is None:
        return 0.0
    if first.kind != "waiting":
        return first.begin_mono
    return first.end_mono if first.end_mono is not None else float("inf")


def _reason(last: Event | None, spans: tuple[Span, ...]) -> str:
    """Say why it is not ready; empty when it is."""
    if last is None or last.to_phase in {Phase.READY, Phase.COMPLETED}:
        return ""
    if last.to_phase is Phase.WAITING and spans and spans[-1].waits_for:
        return f"waits for {' and '.join(spans[-1].waits_for)}"
    return last.cause.text


def _partial(course: Course) -> str:
    parts = []
    if course.scope.services is None:
        parts.append("an earlier version wrote it, which did not say who was wished")
    elif course.is_cut:
        parts.append("its beginning is no longer in the journal")
    elif course.lacks_adoption:
        parts.append("how services were taken over is not all in the journal")
    if course.missing:
        count = "1 event of it is" if course.missing == 1 else f"{course.missing} events of it are"
        parts.append(f"{count} not in the journal")
    if course.has_ended and not course.is_complete:
        parts.append("the supervisor ended before everybody was ready")
    return "; ".join(parts)
