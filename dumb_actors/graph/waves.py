"""What can be done at the same time, and how long all of it takes: both follow from what each step waits for."""

from collections.abc import Callable, Sequence

import attrs

from dumb_actors.model.plan import Step

__all__ = ["Timing", "number_and_time"]


@attrs.frozen(kw_only=True)
class Timing:
    """How long starts and stops took lately, by name; None: not known."""

    start_s: Callable[[str], float | None]
    stop_s: Callable[[str], float | None]

    def of(self, step: Step) -> float | None:
        """Give the seconds that *step* will probably take."""
        parts = [self.stop_s] * (step.action != "start") + [self.start_s] * (step.action != "stop")
        times = [part(step.service) for part in parts]
        known = [time for time in times if time is not None]
        return sum(known) if len(known) == len(times) else None

    def whole(self, steps: Sequence[Step]) -> tuple[float | None, tuple[str, ...]]:
        """Give the length of the longest chain of *steps*, and whose history it lacks."""
        unknown = tuple(dict.fromkeys(step.service for step in steps if step.expected_s is None))
        if unknown:
            return None, unknown
        return max(_along(steps, lambda step: step.expected_s or 0.0), default=0.0), ()


def number_and_time(steps: Sequence[Step], timing: Timing) -> tuple[Step, ...]:
    """Number the waves of *steps*, which stand behind what they wait for, and say how long each will probably take."""
    waves = _along(steps, lambda _: 1)
    return tuple(
        attrs.evolve(step, wave=int(wave), expected_s=timing.of(step)) for step, wave in zip(steps, waves, strict=True)
    )


def _along(steps: Sequence[Step], length: Callable[[Step], float]) -> list[float]:
    """Give the length of the longest chain that ends with each of *steps*."""
    stops: dict[str, float] = {}
    starts: dict[str, float] = {}
    # Many starts wait for the very same stops.
    gone: dict[int, float] = {}
    ends: list[float] = []
    for step in steps:
        mine = stops if step.action == "stop" else starts
        if id(step.gone) not in gone:
            gone[id(step.gone)] = max((stops[name] for name in step.gone), default=0.0)
        before = max((mine[name] for name in step.after), default=0.0)
        mine[step.service] = end = max(before, gone[id(step.gone)]) + length(step)
        ends.append(end)
    return ends
