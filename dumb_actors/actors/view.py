"""What anybody may ask of a supervisor: answers from memory, events, and their history."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial

import trio

from dumb_actors.actors.actor import ServiceActor
from dumb_actors.actors.bus import EventBus, EventStream
from dumb_actors.actors.explaining import WhyQuestion
from dumb_actors.actors.graphview import GraphView
from dumb_actors.actors.launch import LaunchSettings
from dumb_actors.actors.past import SupervisorPast
from dumb_actors.actors.wiring import Crew
from dumb_actors.errors import UnknownService
from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.journal.explanation import Explanation
from dumb_actors.journal.history import history_of
from dumb_actors.journal.reading import Question
from dumb_actors.model.event import Event, ServiceSnapshot, Snapshot
from dumb_actors.model.names import find_name
from dumb_actors.model.spec import ServiceSpec

__all__ = ["SupervisorView"]


class SupervisorView(GraphView, SupervisorPast):
    """
    The side of a supervisor that only looks; nothing here changes anything.

    Attributes:
        journal_dir: Where the history of events is; None: only the last ones are known, from memory.
    """

    journal_dir: str | None = None
    _bus: EventBus
    _crew: Crew
    _settings: LaunchSettings

    def __init__(self) -> None:
        # A file system that hangs can take these threads, and no others.
        self._history_threads = trio.CapacityLimiter(2)

    @property
    def specs(self) -> Mapping[str, ServiceSpec]:
        """The services by name, in the order given."""
        return self._crew.specs

    @property
    def graph(self) -> DependencyGraph:
        """Their dependencies."""
        return self._crew.graph

    @property
    def slugs(self) -> Mapping[str, str]:
        """What the files of each service are called."""
        return self._crew.slugs

    def find(self, name: str) -> ServiceSpec:
        """
        Find a service by what a person typed.

        Raises:
            UnknownService: Nothing, or more than one service, is meant by *name*.
        """
        found = find_name(name, self.specs)
        if found is None:
            raise UnknownService(name, tuple(self.specs))
        return self.specs[found]

    def status(self, name: str) -> ServiceSnapshot:
        """
        Give the state of one service, from memory.

        Raises:
            UnknownService: No such name.
        """
        return self._actor(name).snapshot()

    def snapshot(self) -> Snapshot:
        """Give the state of every service at this instant, from memory."""
        return self._snapshot_at(self._bus.seq)

    def _snapshot_at(self, seq: int) -> Snapshot:
        services = {name: actor.snapshot() for name, actor in self._crew.actors.items()}
        return Snapshot(seq=seq, at=self._bus.wall(), services=services)

    def log_path(self, name: str) -> str:
        """
        Give the absolute path of a service's log file; it need not exist yet.

        Raises:
            UnknownService: No such name.
        """
        spec = self.find(name)
        return spec.log_file or f"{self._settings.log_dir}/{self.slugs[spec.name]}.log"

    @asynccontextmanager
    async def events(self, *, buffer_size: int = 1024, after: int | None = None) -> AsyncIterator[EventStream]:
        """
        Subscribe to events for the length of a block.

        The stream starts with one event of kind `snapshot` for each service and goes on with every later event,
        without a gap. A reader that falls more than *buffer_size* events behind is dropped and told (`EventsLost`).

        Args:
            buffer_size: Events that may wait for the reader.

            after: The last sequence number that the reader has: it gets what it missed instead of a snapshot, as long
                as that is among the last 4,096 events (`stream.resumed` tells). One of an earlier run that was killed
                gets the snapshot as well, behind what was missed (`stream.crossed`).
        """
        with self._bus.subscribe(buffer_size, after=after) as stream:
            yield stream

    def add_listener(self, listener: Callable[[Event], None]) -> None:
        """Call *listener* with each event at once; it must be quick, and must not raise or wait."""
        self._bus.add_listener(listener)

    async def history(
        self,
        *,
        after: int | None = None,
        since: float | None = None,
        until: float | None = None,
        service: str | None = None,
        kinds: Collection[str] = (),
        limit: int = 1000,
    ) -> list[Event]:
        """
        Give events that have happened, oldest first, also those of earlier runs.

        All that happened before the call is there, but for what the journal has lost or removed.

        Args:
            after: Only events behind this number, and of those the first; None: of all events the last.

            since, until: Only events that happened then, Unix seconds, both inclusive.

            service: Only events of this service; one that is not configured any more must be named exactly.

            kinds: Only events of these kinds; empty: all.

            limit: At most so many.

        Raises:
            JournalTooNew, UnusablePath: The journal cannot be read.
        """
        name = None if service is None else find_name(service, self.specs) or service
        question = Question(
            after=after, since=since, until=until, service=name, kinds=frozenset(kinds), limit=max(0, limit)
        )
        answer = partial(history_of, question, self._bus.recent(), self.journal_dir)
        return await trio.to_thread.run_sync(answer, limiter=self._history_threads, abandon_on_cancel=True)

    async def why(self, name: str, *, at: float | None = None) -> Explanation:
        """
        Explain why a service is where it is, or where it was: the chain of what led there, down to its root.

        Args:
            name: The service; one that has left the configuration must be named exactly.

            at: The instant that is asked about, Unix seconds; None, or one that has not come yet: now.

        Raises:
            UnknownService: Nothing is called so, and nothing was as far as the journal goes back.

            JournalTooNew, UnusablePath: The journal cannot be read.

        Cancellation: safe; nothing was changed.
        """
        question = WhyQuestion.of(name, at, self.snapshot(), self._bus, self.journal_dir)
        return await trio.to_thread.run_sync(question.answer, limiter=self._history_threads, abandon_on_cancel=True)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _name(self, service: str) -> str:
        return self.find(service).name

    def _actor(self, name: str) -> ServiceActor:
        return self._crew.actors[self.find(name).name]

    def _why_not_ready(self, name: str) -> str:
        snapshot = self.status(name)
        if snapshot.waiting:
            return "; ".join(str(waiting) for waiting in snapshot.waiting)
        return f"it is {snapshot.phase}" + (f" ({snapshot.reason})" if snapshot.reason else "")
