"""A recorder of events, for tests."""

from collections.abc import Callable

from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.model.event import Event
from dumb_actors.model.phase import Phase

__all__ = ["EventRecorder"]


class EventRecorder:
    """
    Keeps every event from its making on; `events` is in order and complete.

    Without a supervisor it is told by whoever calls it: `Memory(note_event=recorder)`.
    """

    def __init__(self, supervisor: Supervisor | None = None) -> None:
        self.events: list[Event] = []
        if supervisor is not None:
            supervisor.add_listener(self)

    def __call__(self, event: Event) -> None:
        """Keep *event*."""
        self.events.append(event)

    def phases(self, service: str) -> list[Phase]:
        """Give the phases that *service* went to, in order."""
        return [e.to_phase for e in self.events if e.kind == "phase" and e.service == service]

    def went(self, phase: Phase) -> list[str]:
        """Name the services that went to *phase*, in order of the event."""
        return [e.service for e in self.events if e.kind == "phase" and e.to_phase is phase]

    def find(self, matches: Callable[[Event], bool]) -> Event:
        """Give the first event that *matches*; StopIteration when there is none."""
        return next(event for event in self.events if matches(event))
