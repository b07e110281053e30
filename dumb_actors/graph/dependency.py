"""
The dependency graph: which service needs which and why, and what follows from that.

Edges point from the dependent (`source`) to the dependency (`target`), as in the API document. Everything is pure: the
same specs and the same knowledge give the same graph, order and faults.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import TypeVar

import attrs

from dumb_actors.errors import ConfigError, ConfigFault
from dumb_actors.graph.circles import Cycle, Pair, break_circles, find_circles, find_contradicted, order_names
from dumb_actors.graph.infer import Inferred, infer
from dumb_actors.model.edge import DECLARED_RANK, LABEL_RANK, SIGNALS, Broken, Edge, Link, Missing, Signal
from dumb_actors.model.knowledge import NO_KNOWLEDGE, Knowledge
from dumb_actors.model.spec import ServiceSpec

__all__ = ["DependencyGraph", "check_graph", "infer_gating"]

T = TypeVar("T", Edge, Link)


def check_graph(specs: Sequence[ServiceSpec], knowledge: Knowledge = NO_KNOWLEDGE) -> list[ConfigFault]:
    """
    Find the circles of what is declared: dependencies, waits, flags of providers.

    Returns:
        One fault of kind `cycle` for each circle, whose `names` are the services in the order in which each needs the
        next, the first repeated at the end. No service is in two of them.
    """
    return _circle_faults(infer(specs, knowledge).edges)


def _circle_faults(edges: Iterable[Edge]) -> list[ConfigFault]:
    declared: dict[Pair, Edge] = {}
    for edge in edges:
        if edge.gates and edge.rank == DECLARED_RANK:
            declared.setdefault((edge.source, edge.target), edge)
    return [
        ConfigFault(
            path="$",
            problem="services wait for each other in a circle: "
            + ", ".join(_describe(declared[pair]) for pair in pairwise(cycle)),
            hint="remove one of these dependencies",
            kind="cycle",
            names=cycle,
        )
        for cycle in find_circles(declared)
    ]


def _describe(edge: Edge) -> str:
    return f"{edge.source!r} needs {edge.target!r} ({edge.signal})"


def infer_gating(specs: Sequence[ServiceSpec], knowledge: Knowledge = NO_KNOWLEDGE) -> tuple[Edge, ...]:
    """List the edges that have a say in starting; a circle of declared ones is left as it is."""
    edges, _ = _settle(infer(specs, knowledge).edges)
    return tuple(edge for edge in edges if edge.gates)


def _settle(edges: Sequence[Edge]) -> tuple[tuple[Edge, ...], list[Cycle]]:
    """Let what is weak in circles give way, but never what is declared."""
    ranks: dict[Pair, int] = {}
    for edge in edges:
        if edge.gates:
            pair = (edge.source, edge.target)
            ranks[pair] = max(ranks.get(pair, 0), edge.rank)
    cycles = [cycle for cycle in break_circles(ranks) if ranks[cycle[0], cycle[1]] < DECLARED_RANK]
    gone = {(cycle[0], cycle[1]) for cycle in cycles}
    settled = (
        attrs.evolve(edge, gates=False) if edge.gates and (edge.source, edge.target) in gone else edge for edge in edges
    )
    return tuple(settled), cycles


def _link(edges: Iterable[Edge]) -> tuple[Link, ...]:
    """Put the edges of each pair together, in order of mention."""
    signals: dict[Pair, set[Signal]] = {}
    gating: set[Pair] = set()
    for edge in edges:
        pair = (edge.source, edge.target)
        signals.setdefault(pair, set()).add(edge.signal)
        if edge.gates:
            gating.add(pair)
    return tuple(
        Link(source=pair[0], target=pair[1], signals=tuple(sorted(found)), gates=pair in gating)
        for pair, found in signals.items()
    )


def _group(items: Iterable[T], name_of: Callable[[T], str], names: Iterable[str]) -> Mapping[str, tuple[T, ...]]:
    grouped: dict[str, list[T]] = {name: [] for name in names}
    for item in items:
        grouped[name_of(item)].append(item)
    return {name: tuple(found) for name, found in grouped.items()}


class DependencyGraph:
    """
    The graph of a set of specs; acyclic in what it has a say in starting.

    Where signals contradict each other, the weaker one gives way (`RANKS`): its edges stay, with `gates=False`, and
    `broken` tells of it.

    Args:
        specs: The services.

        knowledge: What is known of their kinds; without, only what the specs say themselves counts.

    Attributes:
        names, specs: The services, in the order given.

        knowledge: As given.

        edges: Every reason, also labels, cooperations and what gave way.

        links: The same, one for each pair.

        order: Every name, dependencies before their dependents, over what gates.

        levels: The longest way down from each, over what gates: 0 needs nothing.

        broken: What gave way, with the circle that it would have closed; and labels that say the contrary of the rest.

        missing: References to services that do not exist. They are in nobody's way.

    Raises:
        ConfigError: What is declared forms a circle; the fault names it.
    """

    def __init__(self, specs: Sequence[ServiceSpec], knowledge: Knowledge = NO_KNOWLEDGE) -> None:
        inferred: Inferred = infer(specs, knowledge)
        if faults := _circle_faults(inferred.edges):
            raise ConfigError(faults)
        self._index = inferred.index
        self.knowledge = knowledge
        self.specs: Mapping[str, ServiceSpec] = MappingProxyType(dict(inferred.index.specs))
        self.names: tuple[str, ...] = tuple(self.specs)
        self.edges, cycles = _settle(inferred.edges)
        self.links = _link(self.edges)
        self.missing: tuple[Missing, ...] = inferred.missing
        self._needs = _group((e for e in self.edges if e.gates), lambda edge: edge.source, self.names)
        self._links_of = _group(self.links, lambda link: link.source, self.names)
        self._links_to = _group(self.links, lambda link: link.target, self.names)
        self._dependencies = _neighbours(self.names, self._links_of, lambda link: link.target)
        self._dependents = _neighbours(self.names, self._links_to, lambda link: link.source)
        self.levels: Mapping[str, int] = MappingProxyType(order_names(self.names, self._dependencies))
        self.order: tuple[str, ...] = tuple(self.levels)
        self.broken: tuple[Broken, ...] = self._tell_broken(cycles)

    def _tell_broken(self, cycles: list[Cycle]) -> tuple[Broken, ...]:
        labels = {(edge.source, edge.target) for edge in self.edges if edge.rank == LABEL_RANK} - {
            (cycle[0], cycle[1]) for cycle in cycles
        }
        hard = {
            (link.source, link.target): tuple(signal for signal in link.signals if SIGNALS[signal] != "soft_linkage")
            for link in self.links
        }
        every = (*cycles, *find_contradicted(sorted(labels), self._dependencies))
        return tuple(Broken(cycle=cycle, signals=hard[cycle[0], cycle[1]]) for cycle in every)

    def edges_of(self, name: str) -> tuple[Edge, ...]:
        """Give the edges whose source is *name* and that have a say in starting: what it needs."""
        return self._needs[name]

    def links_of(self, name: str) -> tuple[Link, ...]:
        """Give everything that *name* has to do with as a dependent, for whatever reason, one link for each target."""
        return self._links_of[name]

    def links_to(self, name: str) -> tuple[Link, ...]:
        """Give everybody who has to do with *name* as a dependency, for whatever reason, one link for each source."""
        return self._links_to[name]

    def dependencies(self, name: str) -> tuple[str, ...]:
        """Name what *name* needs directly, each once, in order of mention."""
        return self._dependencies[name]

    def dependents(self, name: str) -> tuple[str, ...]:
        """Name who needs *name* directly, each once."""
        return self._dependents[name]

    def needs_all(self, name: str) -> tuple[str, ...]:
        """Name everything that *name* needs, directly or not, dependencies first; without itself."""
        return self._reach(name, self.dependencies)

    def needed_by_all(self, name: str) -> tuple[str, ...]:
        """Name everything that needs *name*, directly or not, dependencies first; without itself."""
        return self._reach(name, self.dependents)

    def by_key(self, key: str) -> tuple[str, ...]:
        """Name the services of the kind *key*, in order."""
        return tuple(self._index.by_key.get(key, ()))

    def token(self, text: str) -> str:
        """Give the word that *text* is looked up by: trimmed, lower-case, an alias replaced by its key."""
        return self._index.token(text)

    def _reach(self, name: str, step: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
        found: set[str] = set()
        todo = [name]
        while todo:
            for other in step(todo.pop()):
                if other not in found:
                    found.add(other)
                    todo.append(other)
        return tuple(other for other in self.order if other in found)


def _neighbours(
    names: Iterable[str], links: Mapping[str, tuple[Link, ...]], other: Callable[[Link], str]
) -> Mapping[str, tuple[str, ...]]:
    return {name: tuple(other(link) for link in links[name] if link.gates) for name in names}
