"""The whole graph at one instant, for whoever draws it, and the path that decides how long a start takes."""

from collections.abc import Callable, Collection, Iterator, Mapping

import attrs

from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.graph.neighbours import GaveWay, Standing
from dumb_actors.model.edge import Classification, Missing, Signal, Strength
from dumb_actors.model.phase import Phase, WireStatus
from dumb_actors.model.spec import OnLoss

__all__ = ["GraphEdge", "GraphNode", "WholeGraph", "critical_path", "whole_graph"]

_GRAVEST: Mapping[OnLoss, int] = {"keep": 0, "restart": 1, "stop": 2}


@attrs.frozen(kw_only=True)
class GraphNode:
    """
    A service in the graph.

    Attributes:
        process_name: Its unique name.

        key: Service key; empty for one made by hand.

        label: The name to be shown.

        phase, status: Where it is in its life, and the same in the three words of the Process Management API.

        enabled: Whether it is started at boot.

        wished: Whether it is wished to run.

        level: The length of the longest way down from it, over what gates: 0 needs nothing.

        critical: Whether it is on the path that decides how long a start of everything takes.
    """

    process_name: str
    key: str
    label: str
    phase: Phase
    status: WireStatus
    enabled: bool
    wished: bool
    level: int
    critical: bool


@attrs.frozen(kw_only=True)
class GraphEdge:
    """
    Everything that one service has to do with another.

    Attributes:
        source, target: The dependent and the dependency.

        signals: Why, sorted.

        strength, classification: Of the strongest of them.

        gates: Whether a start of the source waits for the target at present. Labels and cooperations never do, nor
            does what gave way in a circle, nor, as a rule, an inferred edge to what nobody wishes to run.

        on_loss: What happens to the running source when the target is lost.
    """

    source: str
    target: str
    signals: tuple[Signal, ...]
    strength: Strength
    classification: Classification
    gates: bool
    on_loss: OnLoss


@attrs.frozen(kw_only=True)
class WholeGraph:
    """
    Every service and every link between two of them.

    Attributes:
        nodes: In the order of the configuration.

        edges: One for each pair.

        cycles_broken: Circles of signals that contradict each other, and what gave way in each.

        missing: What the configuration refers to and is not there.
    """

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    cycles_broken: tuple[GaveWay, ...]
    missing: tuple[Missing, ...]


def whole_graph(
    graph: DependencyGraph,
    standing_of: Callable[[str], Standing],
    *,
    durations: Mapping[str, float] | None = None,
) -> WholeGraph:
    """
    Show all of *graph* at this instant.

    Args:
        standing_of: How a service stands, by its name.

        durations: How long each is expected to take from its start until it is ready, in seconds; None: all the same.
    """
    standings = {name: standing_of(name) for name in graph.names}
    taking_part = {name for name, standing in standings.items() if standing.enabled or standing.wished}
    critical = frozenset(critical_path(graph, taking_part, durations=durations))
    return WholeGraph(
        nodes=tuple(_node(graph, name, standing, is_critical=name in critical) for name, standing in standings.items()),
        edges=tuple(_edges(graph, standings)),
        cycles_broken=tuple(map(GaveWay.of, graph.broken)),
        missing=graph.missing,
    )


def _node(graph: DependencyGraph, name: str, standing: Standing, *, is_critical: bool) -> GraphNode:
    return GraphNode(
        process_name=name,
        key=graph.specs[name].key,
        label=name,
        phase=standing.phase,
        status=standing.status,
        enabled=standing.enabled,
        wished=standing.wished,
        level=graph.levels[name],
        critical=is_critical,
    )


def _edges(graph: DependencyGraph, standings: Mapping[str, Standing]) -> Iterator[GraphEdge]:
    gating: set[tuple[str, str]] = set()
    on_loss: dict[tuple[str, str], OnLoss] = {}
    for name in graph.names:
        for edge in graph.edges_of(name):
            pair = (edge.source, edge.target)
            on_loss[pair] = max(on_loss.get(pair, "keep"), edge.on_loss, key=_GRAVEST.__getitem__)
            if edge.gates and (edge.always or standings[edge.target].wished):
                gating.add(pair)
    for link in graph.links:
        pair = (link.source, link.target)
        yield GraphEdge(
            source=link.source,
            target=link.target,
            signals=link.signals,
            strength=link.strength,
            classification=link.classification,
            gates=pair in gating,
            on_loss=on_loss.get(pair, "keep"),
        )


def critical_path(
    graph: DependencyGraph, among: Collection[str], *, durations: Mapping[str, float] | None = None
) -> tuple[str, ...]:
    """
    Give the path of dependencies that takes longest, first what starts first.

    Args:
        among: Only these services count.

        durations: Seconds by name; who is not there takes no time. None: all take the same.

    Returns:
        Names, each needed by the next; of several such paths the one that is found first. Empty when none counts.
    """
    counted = frozenset(among)
    took: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for name in graph.order:
        if name in counted:
            needed = [other for other in graph.dependencies(name) if other in took]
            before[name] = max(needed, key=took.__getitem__, default=None)
            own = 1.0 if durations is None else durations.get(name, 0.0)
            took[name] = own + max((took[other] for other in needed), default=0.0)
    path: list[str] = []
    here = max(took, key=took.__getitem__, default=None)
    while here is not None:
        path.append(here)
        here = before[here]
    return tuple(reversed(path))
