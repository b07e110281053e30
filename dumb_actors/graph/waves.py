"""What can be done at the same time, and how long all of it takes: both follow from what each step waits for."""

from collections.abc import Callable, Iterable, Sequence

import attrs

from dumb_actors.model.plan import Step

__all__ = ["Timing", "set_times", "set_waves"]


def _before(step: Step) -> list[tuple[bool, str]]:
    """Give the steps that *step* waits for: whether that is a stop, and of whom."""
    is_stop = step.action == "stop"
    return [*((is_stop, name) for name in step.after), *((True, name) for name in step.gone)]


def _key(step: Step) -> tuple[bool, str]:
    return step.action == "stop", step.service


def set_waves(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Number the waves of *steps*, which stand behind what they wait for."""
    waves: dict[tuple[bool, str], int] = {}
    made = []
    for step in steps:
        wave = 1 + max((waves[one] for one in _before(step)), default=0)
        waves[_key(step)] = wave
        made.append(attrs.evolve(step, wave=wave))
    return tuple(made)


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
        ends: dict[tuple[bool, str], float] = {}
        for step in steps:
            ends[_key(step)] = max((ends[one] for one in _before(step)), default=0.0) + (step.expected_s or 0.0)
        return max(ends.values(), default=0.0), ()


def set_times(steps: Iterable[Step], timing: Timing) -> tuple[Step, ...]:
    """Say of each step how long it will probably take."""
    return tuple(attrs.evolve(step, expected_s=timing.of(step)) for step in steps)
