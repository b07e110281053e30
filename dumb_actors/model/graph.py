"""
The dependency graph: which service needs which, and what follows from that.

Edges point from the dependent (`source`) to the dependency (`target`), as in the API document. All functions are pure:
the same specs give the same graph, order and faults.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import attrs

from dumb_actors.errors import ConfigError, ConfigFault
from dumb_actors.model.probe import Directory, Mount, Url, WaitSpec
from dumb_actors.model.spec import DependsOn, OnLoss, ServiceSpec, Until

__all__ = ["DependencyGraph", "Edge", "EdgeSignal", "check_graph", "infer_edges", "wait_signal"]

EdgeSignal: TypeAlias = Literal["depends_on", "wait_for_url", "wait_for_dir", "wait_for_mounts"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  (compared with, never bound)


@attrs.frozen(kw_only=True)
class Edge:
    """
    One reason why one service needs another.

    Attributes:
        source, target: The dependent and the dependency.

        signal: Where the edge comes from.

        until: `ready`: the target must be ready; `started`: a live child is enough (the wait itself is the proof).

        always: True: it gates even when nobody wishes the target; False: it gates only while the target is wished.

        wait: Index of the wait in the source's `waits`; None for `depends_on`.

        on_loss: What happens to the running source when the target is lost.
    """

    source: str
    target: str
    signal: EdgeSignal
    until: Until
    always: bool
    wait: int | None = None
    on_loss: OnLoss = "keep"


def _port_of_url(url: Url) -> int | None:
    parts = urlsplit(url.url)
    if parts.hostname not in _LOOPBACK:
        return None
    return parts.port or (443 if parts.scheme == "https" else 80)


def wait_signal(wait: WaitSpec) -> EdgeSignal:
    """Name the configuration's field that *wait* comes from."""
    match wait:
        case Url():
            return "wait_for_url"
        case Directory():
            return "wait_for_dir"
        case Mount():
            return "wait_for_mounts"


def _providers(spec: ServiceSpec, wait: WaitSpec, specs: Sequence[ServiceSpec]) -> Iterable[str]:
    others = [other for other in specs if other.name != spec.name]
    if isinstance(wait, Url):
        port = _port_of_url(wait)
        return [other.name for other in others if port in other.ports][:1]
    wanted = PurePosixPath(wait.directory if isinstance(wait, Directory) else wait.mount)
    # Component by component: /mnt/a is not below /mnt/ab; the deepest provider is the one that makes the directory.
    fits = [(len(PurePosixPath(p).parts), o.name) for o in others for p in o.provides if wanted.is_relative_to(p)]
    return [max(fits)[1]] if fits else []


def _declared(source: str, declared: DependsOn) -> Edge:
    return Edge(
        source=source,
        target=declared.name,
        signal="depends_on",
        until=declared.until,
        always=declared.required,
        on_loss=declared.on_loss,
    )


def infer_edges(specs: Sequence[ServiceSpec]) -> tuple[Edge, ...]:
    """
    List every edge between *specs*: the declared ones, and those that a wait implies.

    A `Url` wait on this machine implies the first other service that listens on its port, a `Directory` wait the
    service that provides the deepest directory above it. Dependencies on names that are not in *specs* are left out.
    """
    names = {spec.name for spec in specs}
    edges: list[Edge] = []
    for spec in specs:
        edges += [_declared(spec.name, declared) for declared in spec.depends_on if declared.name in names]
        for index, wait in enumerate(spec.waits):
            edges += [
                Edge(
                    source=spec.name, target=target, signal=wait_signal(wait), until="started", always=False, wait=index
                )
                for target in _providers(spec, wait, specs)
            ]
    return tuple(edges)


def _sorter(edges: Iterable[Edge], names: Iterable[str]) -> "TopologicalSorter[str]":
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(names, ()))
    for edge in edges:
        sorter.add(edge.source, edge.target)
    return sorter


def check_graph(specs: Sequence[ServiceSpec]) -> list[ConfigFault]:
    """
    Find a cycle of declared dependencies and waits.

    Returns:
        Empty, or one fault of kind `cycle` whose `names` are the services in the order in which each needs the next,
        the first repeated at the end.
    """
    edges = infer_edges(specs)
    try:
        _sorter(edges, [spec.name for spec in specs]).prepare()
    except CycleError as error:
        # graphlib lists each node before the one that needs it; we say "A needs B".
        cycle = tuple(reversed(error.args[1]))
        why = [_describe(next(e for e in edges if (e.source, e.target) == pair)) for pair in pairwise(cycle)]
        return [
            ConfigFault(
                path="$",
                problem="services wait for each other in a circle: " + ", ".join(why),
                hint="remove one of these dependencies",
                kind="cycle",
                names=cycle,
            )
        ]
    return []


def _describe(edge: Edge) -> str:
    return f"{edge.source!r} needs {edge.target!r} ({edge.signal})"


def _group(pairs: Iterable[tuple[str, Edge]], names: Iterable[str]) -> Mapping[str, tuple[Edge, ...]]:
    grouped: dict[str, list[Edge]] = {name: [] for name in names}
    for name, edge in pairs:
        grouped[name].append(edge)
    return MappingProxyType({name: tuple(edges) for name, edges in grouped.items()})


class DependencyGraph:
    """
    The acyclic graph of a set of specs.

    Raises:
        ConfigError: The dependencies form a cycle; the fault names it.
    """

    def __init__(self, specs: Sequence[ServiceSpec]) -> None:
        if faults := check_graph(specs):
            raise ConfigError(faults)
        self.names = tuple(spec.name for spec in specs)
        self.edges = infer_edges(specs)
        self._needs = _group(((e.source, e) for e in self.edges), self.names)
        self._needed_by = _group(((e.target, e) for e in self.edges), self.names)
        self.order = tuple(_sorter(self.edges, self.names).static_order())
        """Every name, dependencies before their dependents."""

    def edges_of(self, name: str) -> tuple[Edge, ...]:
        """Give the edges whose source is *name*: what it needs."""
        return self._needs[name]

    def dependencies(self, name: str) -> tuple[str, ...]:
        """Name what *name* needs directly, each once, in order of mention."""
        return tuple(dict.fromkeys(edge.target for edge in self._needs[name]))

    def dependents(self, name: str) -> tuple[str, ...]:
        """Name who needs *name* directly, each once."""
        return tuple(dict.fromkeys(edge.source for edge in self._needed_by[name]))

    def needs_all(self, name: str) -> tuple[str, ...]:
        """Name everything that *name* needs, directly or not, dependencies first; without itself."""
        return self._reach(name, self.dependencies)

    def needed_by_all(self, name: str) -> tuple[str, ...]:
        """Name everything that needs *name*, directly or not, dependencies first; without itself."""
        return self._reach(name, self.dependents)

    def _reach(self, name: str, step: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
        found: set[str] = set()
        todo = [name]
        while todo:
            for other in step(todo.pop()):
                if other not in found:
                    found.add(other)
                    todo.append(other)
        return tuple(other for other in self.order if other in found)
