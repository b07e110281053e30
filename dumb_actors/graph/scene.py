"""What a plan is made from: the graph, the services, and how each of them stands."""

from collections.abc import Callable, Mapping

import attrs

from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.model.edge import Edge
from dumb_actors.model.phase import Phase, has_child, meets
from dumb_actors.model.spec import ServiceSpec

__all__ = ["Scene", "Situation"]


def _not_known(name: str) -> float | None:
    return None


@attrs.frozen(kw_only=True)
class Situation:
    """
    How a service stands.

    Attributes:
        wished: Whether it is wished to run.

        phase: Where it is.

        reason: Why it is there.

        closed_waits: Of one in phase `waiting`: those of its waits, by index, that do not hold.
    """

    wished: bool = False
    phase: Phase = Phase.STOPPED
    reason: str = ""
    closed_waits: frozenset[int] = frozenset()

    @property
    def is_up(self) -> bool:
        """It is wished and has not failed: as a dependency there is nothing to be done for it."""
        return self.wished and self.phase is not Phase.FAILED

    @property
    def is_at_rest(self) -> bool:
        """A stop would change nothing."""
        return not self.wished and self.phase is Phase.STOPPED

    @property
    def has_child(self) -> bool:
        """A child lives that is not being stopped."""
        return has_child(self.phase)

    def __str__(self) -> str:
        return f"it is {self.phase}" + (f": {self.reason}" if self.reason else "")


@attrs.frozen(kw_only=True)
class Scene:
    """
    Everything that a plan depends on, at one instant.

    Attributes:
        graph, specs: The services and what they need.

        situation: Says how a service stands; who is not known has never run.

        looks_ahead: False: only the steps are wanted, as by who is about to do them; then a plan says nothing of who
            else is touched, and of what will be waited for.

        start_s, stop_s: How long a start and a stop took lately; None: not known.
    """

    graph: DependencyGraph
    specs: Mapping[str, ServiceSpec]
    situation: Callable[[str], Situation]
    looks_ahead: bool = True
    start_s: Callable[[str], float | None] = _not_known
    stop_s: Callable[[str], float | None] = _not_known

    def of(self, name: str) -> Situation:
        """Say how *name* stands."""
        return self.situation(name)

    def holds(self, edge: Edge) -> bool:
        """Tell whether the target is right now as *edge* wants it."""
        return meets(self.of(edge.target).phase, edge.until)
