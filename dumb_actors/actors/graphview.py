"""What anybody may ask of a supervisor about the graph: it as a whole, or around one service, as things stand."""

from collections.abc import Mapping

from dumb_actors.actors.bus import EventBus
from dumb_actors.actors.wiring import Crew
from dumb_actors.errors import UnknownService
from dumb_actors.graph.lookup import find_target
from dumb_actors.graph.neighbourhood import Neighbourhoods
from dumb_actors.graph.neighbours import Neighbourhood, Scope, Standing
from dumb_actors.graph.whole import WholeGraph, whole_graph
from dumb_actors.model.phase import WireStatus, wire_status

__all__ = ["GraphView"]


class GraphView:
    """The side of a supervisor that tells of dependencies; nothing here changes anything, or takes a snapshot."""

    _bus: EventBus
    _crew: Crew
    _neighbourhoods: Neighbourhoods | None = None

    @property
    def seq(self) -> int:
        """Sequence number of the last event."""
        return self._bus.seq

    @property
    def statuses(self) -> Mapping[str, WireStatus]:
        """The status of every service, in the three words of the API, by name."""
        return {name: wire_status(actor.state.phase) for name, actor in self._crew.actors.items()}

    def neighbourhood(self, name: str, *, scope: Scope = "runtime") -> Neighbourhood:
        """
        Tell what a service needs and what needs it, directly, and how these stand.

        Args:
            name: As for other requests; the word for a kind of service, or a service key, does as well where only one
                service is meant.

            scope: `all` shows known cooperations, too.

        Raises:
            UnknownService: Nothing, or more than one service, is meant by *name*.
        """
        graph = self._crew.graph
        found = name if name in graph.specs else self._find_in_graph(name)
        # Another graph is another configuration; what was worked out for the one before does not hold for it.
        if self._neighbourhoods is None or self._neighbourhoods.graph is not graph:
            self._neighbourhoods = Neighbourhoods(graph)
        return self._neighbourhoods.of(found, self._standing_of, scope)

    def whole_graph(self, *, durations: Mapping[str, float] | None = None) -> WholeGraph:
        """
        Tell what every service needs, and how all stand.

        Args:
            durations: Seconds from start to ready by name, for the critical path; None: all take the same.
        """
        return whole_graph(self._crew.graph, self._standing_of, durations=durations)

    def _find_in_graph(self, name: str) -> str:
        graph = self._crew.graph
        found = find_target(name, {each: spec.key for each, spec in graph.specs.items()}, graph.token)
        if found is None:
            raise UnknownService(name, graph.names)
        return found

    def _standing_of(self, name: str) -> Standing:
        state = self._crew.actors[name].state
        return Standing(state.phase, self._crew.specs[name].enabled, state.wished)
