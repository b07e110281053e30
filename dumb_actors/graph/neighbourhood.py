"""
The neighbourhood of one service: what it needs and what needs it, in the rows of the API document (2.7 to 2.10).

A request walks along the links of one service. What depends on the whole configuration is found at the first request
that needs it, and kept for as long as the graph is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeAlias, TypeVar

from dumb_actors.errors import UnknownService
from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.graph.kinds import Kinds
from dumb_actors.graph.neighbours import (
    Context,
    ContextCore,
    DependencyRow,
    DependentRow,
    GaveWay,
    LinkedRow,
    NeighbourEdge,
    Neighbourhood,
    NeighbourNode,
    ParallelGroup,
    RowState,
    Scope,
    Standing,
    StartupItem,
    StartupTarget,
)
from dumb_actors.model.edge import SIGNALS, Link, Missing, Signal, classify, strongest

__all__ = ["Neighbourhoods", "StandingOf", "lone_neighbourhood"]

StandingOf: TypeAlias = Callable[[str], Standing]
T = TypeVar("T")

_GOES_ON: Mapping[Signal, bool] = {
    "depends_on": True,
    "core_service_fields": False,
    "wait_for_url": False,
    "wait_for_mounts": True,
    "wait_for_dir": False,
    "rclone_provider_zurg": True,
    "rclone_provider_decypharr": True,
    "rclone_provider_nzbdav": True,
    "non_core_dependency_map": False,
    "conditional_startup_map": False,
}
"""In which order dependents are asked for their reasons, and whether to go on after a hit; `depends_on` is ours."""

_CONDITIONAL: Signal = "conditional_startup_map"
_CORE: Signal = "core_service_map"
_NON_CORE: Signal = "non_core_dependency_map"


class Neighbourhoods:
    """
    Answers for the neighbourhood of each service of a graph.

    Attributes:
        graph: Which one.
    """

    def __init__(self, graph: DependencyGraph) -> None:
        self.graph = graph
        self.kinds = Kinds(graph)

    def of(self, name: str, standing_of: StandingOf, scope: Scope = "runtime") -> Neighbourhood:
        """
        Give the neighbourhood of the service *name*.

        Args:
            standing_of: How a service stands, by its name; asked for the neighbours only.

            scope: `all` shows known cooperations, too.

        Raises:
            UnknownService: The graph has no such service; the name must be exact.
        """
        if name not in self.graph.specs:
            raise UnknownService(name, self.graph.names)
        return _Walk(self, name, standing_of, scope).neighbourhood()

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where each service stands in the configuration."""
        return {name: place for place, name in enumerate(self.graph.names)}

    @cached_property
    def missing_of(self) -> Mapping[str, tuple[Missing, ...]]:
        """What each service refers to and is not there."""
        return _sorted_by(self.graph.missing, lambda missing: [missing.source])

    @cached_property
    def gating(self) -> Mapping[tuple[str, str], bool]:
        """The pairs in which the source waits for the target: True, even when nobody wishes the target."""
        found: dict[tuple[str, str], bool] = {}
        for name in self.graph.names:
            for edge in self.graph.edges_of(name):
                if edge.gates:
                    pair = (edge.source, edge.target)
                    found[pair] = found.get(pair, False) or edge.always
        return found

    @cached_property
    def broken_of(self) -> Mapping[str, tuple[GaveWay, ...]]:
        """The circles through each service."""
        return _sorted_by(map(GaveWay.of, self.graph.broken), lambda broken: dict.fromkeys(broken.cycle))


def _sorted_by(items: Iterable[T], names_of: Callable[[T], Iterable[str]]) -> Mapping[str, tuple[T, ...]]:
    found: dict[str, list[T]] = {}
    for item in items:
        for name in names_of(item):
            found.setdefault(name, []).append(item)
    return {name: tuple(each) for name, each in found.items()}


def lone_neighbourhood(
    name: str, key: str, standing: Standing, scope: Scope = "runtime", *, label: str = ""
) -> Neighbourhood:
    """Give the neighbourhood of what nobody is linked with: of a part of the supervisor that clients list."""
    state: RowState = "running" if standing.status == "running" else "stopped" if standing.enabled else "disabled"
    core = ContextCore(key=key, name=label or name, dependencies=())
    return Neighbourhood(
        process_name=name,
        config_key=key,
        scope=scope,
        context=Context(mode="dependency", key=key, core=core),
        startup_order=(StartupTarget(key=key, label=name, state=state),),
        nodes=(_node(name, key, standing.status),),
        parallel_groups=_groups([], name, []),
    )


def _node(name: str, key: str, state: str) -> NeighbourNode:
    return NeighbourNode(id=name, process_name=name, key=key, label=name, state=state)  # type: ignore[arg-type]


def _groups(before: Iterable[str], name: str, after: Iterable[str]) -> tuple[ParallelGroup, ...]:
    groups = (
        ParallelGroup(
            id="pre_core", label="Parallel prerequisites", type="parallel", members=tuple(sorted(set(before)))
        ),
        ParallelGroup(id="core_target", label="Core target", type="serial", members=(name,)),
        ParallelGroup(id="post_core", label="Dependents", type="parallel", members=tuple(sorted(set(after)))),
    )
    return tuple(group for group in groups if group.members)


class _Walk:
    """One request: the links of one service, and how everybody on them stands."""

    def __init__(self, all_of: Neighbourhoods, name: str, standing_of: StandingOf, scope: Scope) -> None:
        self._all = all_of
        self._graph = all_of.graph
        self._kinds = all_of.kinds
        self._standing = standing_of
        self._scope = scope
        self._spec = self._graph.specs[name]
        self._outgoing = tuple(self._linked_outgoing())
        self._incoming = tuple(self._linked_incoming())
        self._dependencies = tuple(self._dependency_rows())
        self._dependents = tuple(self._dependent_rows())
        linked = {row.key for row in self._outgoing}
        self._starters = tuple(
            (row, row.starter_process_name)
            for row in self._dependencies
            if row.starter_process_name is not None and row.key not in linked
        )

    def neighbourhood(self) -> Neighbourhood:
        name, key = self._spec.name, self._spec.key
        context = self._context()
        return Neighbourhood(
            process_name=name,
            config_key=key,
            scope=self._scope,
            context=context,
            startup_order=tuple(self._startup_order(context)),
            dependency_rows=self._dependencies,
            dependent_rows=self._dependents,
            linked_outgoing_rows=self._outgoing,
            linked_incoming_rows=self._incoming,
            nodes=tuple(sorted(self._nodes(), key=lambda node: node.label)),
            edges=tuple(self._edges()),
            parallel_groups=_groups(
                [starter for _, starter in self._starters]
                + [row.process_name for row in self._outgoing if row.classification == "hard"],
                name,
                [row.process_name for row in self._incoming],
            ),
            cycles_broken=self._all.broken_of.get(name, ()),
            missing=self._all.missing_of.get(name, ()),
        )

    # --- by process ---------------------------------------------------------------------------------------------------

    def _linked_outgoing(self) -> Iterator[LinkedRow]:
        for link in self._graph.links_of(self._spec.name):
            signals = [signal for signal in link.signals if signal in _GOES_ON]
            # Instances that belong to somebody are not linked by a map alone.
            if signals == [_CONDITIONAL] and self._kinds.is_scoped(self._graph.specs[link.target].key):
                signals = []
            yield from self._linked(link.target, signals, link)

    def _linked_incoming(self) -> Iterator[LinkedRow]:
        links = self._graph.links_to(self._spec.name)
        for link in sorted(links, key=lambda link: self._all.places[link.source]):
            yield from self._linked(link.source, list(self._first_reasons(link)), link)

    def _first_reasons(self, link: Link) -> Iterator[Signal]:
        has_hit = False
        for signal, goes_on in _GOES_ON.items():
            by_map_alone = signal == _CONDITIONAL and not has_hit and self._kinds.is_scoped(self._spec.key)
            if signal in link.signals and not by_map_alone:
                has_hit = True
                yield signal
                if not goes_on:
                    return

    def _linked(self, name: str, hard: list[Signal], link: Link) -> Iterator[LinkedRow]:
        soft = [signal for signal in link.signals if SIGNALS[signal] == "soft_linkage"] if self._scope == "all" else []
        if signals := tuple(sorted(hard or soft)):
            strength = strongest(signals)
            yield LinkedRow(
                process_name=name,
                key=self._graph.specs[name].key,
                label=name,
                state=self._state_of([name]),
                signals=signals,
                classification=classify(strength),
                strength=strength,
            )

    # --- by kind ------------------------------------------------------------------------------------------------------

    def _dependency_rows(self) -> Iterator[DependencyRow]:
        found: set[str] = set()
        for key, names, signal in self._needs():
            if key in found:
                continue
            found.add(key)
            starter = next((name for name in names if self._graph.specs[name].enabled), next(iter(names), None))
            yield DependencyRow(
                key=key,
                label=self._kinds.name_of(key, self._graph.by_key(key)),
                state=self._state_of(names),
                process_count=len(names),
                scoped=self._kinds.is_scoped(key),
                starter_process_name=starter,
                signals=(signal,),
                classification="hard",
                strength="hard_runtime",
            )

    def _needs(self) -> Iterator[tuple[str, tuple[str, ...], Signal]]:
        """Give each kind that it needs, the processes that count, and the map that says so."""
        spec = self._spec
        linked = {row.process_name for row in self._outgoing}
        for key in self._kinds.real_core_needs(spec):
            yield key, self._kinds.belonging(key, [spec.name]), _CORE
        for key in self._kinds.own_conditional_needs(spec):
            names = self._graph.by_key(key)
            if self._kinds.is_scoped(key):
                names = tuple(name for name in names if name in linked)
                if not names:
                    continue
            yield key, names, _CONDITIONAL
        for key in self._kinds.non_core_needs(spec.key):
            yield key, self._graph.by_key(key), _NON_CORE

    def _dependent_rows(self) -> Iterator[DependentRow]:
        found: set[str] = set()
        for key, names, missing, signal in self._needed_by():
            if key in found:
                continue
            found.add(key)
            yield DependentRow(
                key=key,
                label=self._kinds.name_of(key, self._graph.by_key(key)),
                state=self._state_of(names),
                missing_deps=tuple(missing),
                signals=(signal,),
                classification="hard",
                strength="hard_runtime",
            )

    def _needed_by(self) -> Iterator[tuple[str, tuple[str, ...], Iterable[str], Signal]]:
        """Give each kind that needs it, the processes that count, what they lack, and the map that says so."""
        key = self._spec.key
        if not key:
            return
        is_scoped = self._kinds.is_scoped(key)
        owners = self._kinds.owners_of(self._spec) if is_scoped else None
        for kind in self._kinds.core_dependents(key):
            if owners is None or kind in owners:
                yield kind, self._graph.by_key(kind), self._lacks_of_core(kind), _CORE
        linked = {row.process_name for row in self._incoming}
        for need in self._kinds.conditional_dependents(key):
            names = self._graph.by_key(need.source)
            if need.when == "own_flag":
                names = tuple(name for name in names if self._kinds.says(self._graph.specs[name], key))
            if is_scoped:
                names = tuple(name for name in names if name in linked)
            if names:
                yield need.source, names, self._lacks(need.source), _CONDITIONAL
        for kind in self._kinds.non_core_dependents(key):
            yield kind, self._graph.by_key(kind), self._lacks(kind), _NON_CORE

    def _lacks_of_core(self, kind: str) -> Iterator[str]:
        for key in self._kinds.core_needs_of_all(kind):
            if self._state_of(self._kinds.belonging(key, self._graph.by_key(kind))) != "running":
                yield key

    def _lacks(self, kind: str) -> Iterator[str]:
        kinds = self._kinds
        needs = {*kinds.core_needs_of_all(kind), *kinds.conditional_needs(kind), *kinds.non_core_needs(kind)}
        return (key for key in sorted(needs) if self._state_of(self._graph.by_key(key)) != "running")

    def _state_of(self, names: Iterable[str]) -> RowState:
        standings = [self._standing(name) for name in names]
        if any(standing.status == "running" for standing in standings):
            return "running"
        if any(standing.enabled for standing in standings):
            return "stopped"
        return "disabled" if standings else "missing"

    # --- what follows from the rows -----------------------------------------------------------------------------------

    def _context(self) -> Context:
        key = self._spec.key
        knowledge = self._graph.knowledge
        is_core = key in knowledge.core or key in knowledge.non_core or self._kinds.own_conditional_needs(self._spec)
        core = ContextCore(
            key=key, name=knowledge.names.get(key) or self._spec.name, dependencies=self._kinds.core_needs(key)
        )
        return Context(mode="core" if is_core else "dependency", key=key, core=core)

    def _startup_order(self, context: Context) -> Iterator[StartupItem | StartupTarget]:
        state = self._state_of([self._spec.name])
        if context.mode == "dependency":
            yield StartupTarget(key=context.key, label=self._spec.name, state=state)
        rows = self._dependencies if context.mode == "core" else self._dependents
        for row in rows:
            yield StartupItem(
                key=row.key,
                label=row.label,
                state=row.state,
                signals=row.signals,
                classification=row.classification,
                strength=row.strength,
            )
        if context.mode == "core":
            yield StartupItem(
                key=context.key,
                label=context.core.name,
                state=state,
                signals=(_CORE,),
                classification="hard",
                strength="hard_runtime",
            )

    def _nodes(self) -> Iterable[NeighbourNode]:
        firsts = [self._spec.name, *(starter for _, starter in self._starters)]
        nodes = {name: _node(name, self._graph.specs[name].key, self._standing(name).status) for name in firsts}
        for row in (*self._outgoing, *self._incoming):
            nodes.setdefault(row.process_name, _node(row.process_name, row.key, row.state))
        return nodes.values()

    def _edges(self) -> Iterator[NeighbourEdge]:
        name = self._spec.name
        for row in self._outgoing:
            yield self._edge(name, row.process_name, row.signals)
        for row in self._incoming:
            yield self._edge(row.process_name, name, row.signals)
        for dependency, starter in self._starters:
            yield self._edge(name, starter, dependency.signals)

    def _edge(self, source: str, target: str, signals: tuple[Signal, ...]) -> NeighbourEdge:
        strength = strongest(signals)
        always = self._all.gating.get((source, target))
        gates = always is not None and (always or self._standing(target).wished)
        return NeighbourEdge(
            source=source,
            target=target,
            signals=signals,
            strength=strength,
            classification=classify(strength),
            gates=gates,
        )
