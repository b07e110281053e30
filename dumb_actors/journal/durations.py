"""How long the starts and stops of each service took lately."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from statistics import median

from dumb_actors.model.event import Event
from dumb_actors.model.phase import Phase

__all__ = ["Durations"]

KEPT = 9
"""So many of the last times of each service count; a change for good shows after five."""
SERVICES = 20_000
"""So many services are remembered, those that did something last."""
CLOCK_STEP_S = 0.5
"""Wall and monotonic clock part by less within a run, unless somebody sets the wall clock."""


class _Times:
    """The last times of one service, and what is under way."""

    __slots__ = ("start_mono", "starts", "stop_mono", "stops")

    def __init__(self) -> None:
        self.starts: deque[float] = deque(maxlen=KEPT)
        self.stops: deque[float] = deque(maxlen=KEPT)
        self.start_mono: float | None = None
        self.stop_mono: float | None = None


class Durations:
    """
    Learns from events, of this run and of earlier ones; its memory is bounded.

    A start takes from the end of `waiting` to `ready` or `completed`, so that what it waited for does not count; a stop
    from `stopping` until nothing is left.

    Args:
        history: What has happened before, oldest first.
    """

    def __init__(self, history: Iterable[Event] = ()) -> None:
        self._times: OrderedDict[str, _Times] = OrderedDict()
        self._offset = 0.0
        self.relearn(history)

    def relearn(self, history: Iterable[Event]) -> None:
        """Forget everything and learn from *history*, oldest first: all there is until now."""
        self._times.clear()
        for event in history:
            self.note(event)

    def start_s(self, name: str) -> float | None:
        """Give the seconds that a start of *name* took lately, by the median; None: not known."""
        times = self._times.get(name)
        return median(times.starts) if times is not None and times.starts else None

    def stop_s(self, name: str) -> float | None:
        """Give the seconds that a stop of *name* took lately, by the median; None: not known."""
        times = self._times.get(name)
        return median(times.stops) if times is not None and times.stops else None

    def note(self, event: Event) -> None:
        """Learn from *event*; to be called with each, in order."""
        # Each run has its own monotonic clock. What was under way at the end of one is not measured across.
        offset, self._offset = self._offset, event.at - event.mono
        if abs(offset - self._offset) > CLOCK_STEP_S:
            for times in self._times.values():
                times.start_mono = times.stop_mono = None
        if event.kind == "phase":
            self._note_phase(event, self._of(event.service))
        elif event.kind == "exited":
            times = self._of(event.service)
            if times.stop_mono is not None:
                times.stops.append(event.mono - times.stop_mono)
            times.stop_mono = None

    @staticmethod
    def _note_phase(event: Event, times: _Times) -> None:
        match event.to_phase:
            case Phase.PREPARING:
                times.start_mono = event.mono
            case Phase.READY | Phase.COMPLETED:
                if times.start_mono is not None:
                    times.starts.append(event.mono - times.start_mono)
                times.start_mono = None
            case Phase.STARTING:
                pass
            case Phase.STOPPING:
                times.start_mono, times.stop_mono = None, event.mono
            case _:
                times.start_mono = None

    def _of(self, name: str) -> _Times:
        times = self._times.setdefault(name, _Times())
        self._times.move_to_end(name)
        if len(self._times) > SERVICES:
            self._times.popitem(last=False)
        return times
