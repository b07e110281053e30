"""`Supervisor.why`: what there is now and what has happened, brought together in a thread."""

from collections.abc import Sequence

import attrs

from dumb_actors.actors.bus import EventBus
from dumb_actors.errors import UnknownService
from dumb_actors.journal.explanation import Explanation
from dumb_actors.journal.past import Past
from dumb_actors.journal.why import Present, explain
from dumb_actors.model.event import Event, Snapshot
from dumb_actors.model.names import find_name

__all__ = ["WhyQuestion"]


@attrs.frozen(kw_only=True)
class WhyQuestion:
    """
    A question, with everything that is needed to answer it in a thread.

    Attributes:
        name: As it was typed.

        at: The instant that is asked about, Unix seconds; None: now.

        snapshot: What is now.

        recent: The last events, oldest first, up to that snapshot.

        directory: Of the journal; None: there is none.

        began: Events above this number are of this supervisor.
    """

    name: str
    at: float | None
    snapshot: Snapshot
    recent: Sequence[Event]
    directory: str | None
    began: int

    @classmethod
    def of(cls, name: str, at: float | None, snapshot: Snapshot, bus: EventBus, directory: str | None) -> "WhyQuestion":
        """Put a question about what is at this instant, and about what *bus* and the journal remember."""
        return cls(name=name, at=at, snapshot=snapshot, recent=bus.recent(), directory=directory, began=bus.first_seq)

    def answer(self) -> Explanation:
        """
        Answer it; blocking.

        Raises:
            UnknownService: Nothing is called so, and nothing was as far as the journal goes back.

            JournalTooNew, UnusablePath: The journal cannot be read.
        """
        services = self.snapshot.services
        is_past = self.at is not None and self.at < self.snapshot.at
        past = Past(self.recent, self.directory, until=self.at if is_past else None)
        name = find_name(self.name, services)
        if name is None:
            name = self.name
            if not name or next(past.of(name), None) is None:
                raise UnknownService(self.name, tuple(services))
        if is_past and self.at is not None:
            return explain(name, past, Present(at=self.at))
        return explain(name, past, Present(at=self.snapshot.at, services=services, began=self.began))
