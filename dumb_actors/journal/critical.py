"""The critical path: the chain of services that took as long as the whole."""

from collections.abc import Iterable, Mapping, Sequence

from dumb_actors.model.event import Event
from dumb_actors.model.phase import Phase
from dumb_actors.model.timeline import PathStep, Span

__all__ = ["critical_path"]


def critical_path(
    spans: Mapping[str, Sequence[Span]],
    ready: Mapping[str, float],
    events: Iterable[Event],
    *,
    first: int,
    begin_mono: float,
) -> tuple[PathStep, ...]:
    """
    Walk back from the service that was ready last, through the dependency that ended each wait.

    Args:
        spans: Of each service, oldest first.

        ready: When each was ready for the first time, seconds from the begin.

        events: All that happened, for the instants at which dependencies changed.

        first: The number of its first event: what was before held nobody up.

        begin_mono: When it began.

    Returns:
        From a service that no dependency held up to the one that was ready last, without gaps.
    """
    marks = {event.seq: event for event in events if event.kind == "phase" and event.seq >= first}
    last = max(ready.values())
    # Of several at the same instant the one that waited, if there is one: that is the longer story.
    service = max((name for name, at in ready.items() if at == last), key=lambda name: (_waited(spans[name]), name))
    end_mono = begin_mono + last
    steps: list[PathStep] = []
    while True:
        own = spans[service]
        wait, mark_mono = _held_up([span for span in own if span.ended_by in spans], end_mono, marks, first)
        from_mono = begin_mono if wait is None else max(begin_mono, mark_mono)
        steps.append(_step(service, own, from_mono, end_mono, begin_mono, wait))
        if wait is None or len(steps) > len(marks):
            return tuple(reversed(steps))
        service, end_mono = wait.ended_by, from_mono


def _waited(spans: Sequence[Span]) -> float:
    return sum(
        span.end_mono - span.begin_mono for span in spans if span.kind == "waiting" and span.end_mono is not None
    )


def _held_up(own: Sequence[Span], end_mono: float, marks: Mapping[int, Event], first: int) -> tuple[Span | None, float]:
    """Find the last of these waits before *end_mono* that a change ended, and the instant of that."""
    for span in reversed(own):
        if span.end_mono is None or span.end_mono > end_mono or (span.led_by is not None and span.led_by < first):
            continue
        mark = marks.get(span.led_by or 0)
        # What a wait asks for itself may hold before its provider is ready: then it is the provider that took so long.
        holds_alone = span.signal.startswith("wait_for") and (mark is None or mark.to_phase is Phase.STARTING)
        return span, span.end_mono if mark is None or holds_alone else min(mark.mono, span.end_mono)
    return None, 0.0


def _step(
    service: str, own: Sequence[Span], from_mono: float, end_mono: float, begin_mono: float, wait: Span | None
) -> PathStep:
    took = dict.fromkeys(("waiting", "preparing", "spawning", "probing"), 0.0)
    for span in own:
        upto = end_mono if span.end_mono is None else min(span.end_mono, end_mono)
        if span.kind in took:
            took[span.kind] += max(0.0, upto - max(span.begin_mono, from_mono))
    first = min((span.begin_mono for span in own), default=from_mono)
    if wait is None:  # until it was wished itself
        took["waiting"] += max(0.0, min(first, end_mono) - from_mono)
    whole = end_mono - from_mono
    return PathStep(
        service=service,
        begin_s=from_mono - begin_mono,
        end_s=end_mono - begin_mono,
        waiting_s=took["waiting"],
        preparing_s=took["preparing"],
        spawning_s=took["spawning"],
        probing_s=took["probing"],
        other_s=max(0.0, whole - sum(took.values())),
        after="" if wait is None else wait.ended_by,
        condition="" if wait is None else wait.condition,
    )
