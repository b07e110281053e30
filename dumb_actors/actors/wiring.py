"""From specs and their graph to actors that are connected, and from one set of specs to the next."""

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from dumb_actors.actors.actor import ServiceActor
from dumb_actors.actors.bus import EventBus
from dumb_actors.actors.launch import LaunchSettings
from dumb_actors.actors.levels import Inlet, Outlet, level_channel
from dumb_actors.actors.ports import Host
from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.model.knowledge import NO_KNOWLEDGE, Knowledge
from dumb_actors.model.names import unique_slugs
from dumb_actors.model.spec import ServiceSpec

__all__ = ["ActorFactory", "Crew"]

ActorFactory: TypeAlias = Callable[..., ServiceActor]
"""Makes an actor from what `ServiceActor` takes; a seam for tests."""


class Crew:
    """
    The actors of a set of specs, with one level channel for each pair that depends.

    Args:
        knowledge: What is known of the kinds of the services.

        slugs: Names of files that services have already, also of services that are not among the specs.

    Attributes:
        specs, graph, actors: By name, all of the present set.

        slugs: By name, also of services that left.
    """

    def __init__(
        self,
        specs: Sequence[ServiceSpec],
        *,
        host: Host,
        bus: EventBus,
        settings: LaunchSettings,
        make_actor: ActorFactory,
        knowledge: Knowledge = NO_KNOWLEDGE,
        slugs: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.specs: Mapping[str, ServiceSpec] = {}
        self.graph = DependencyGraph(())
        self.slugs: Mapping[str, str] = slugs
        self.actors: Mapping[str, ServiceActor] = {}
        # By dependent, then by dependency; and the outlets of each dependency.
        self._links: dict[str, dict[str, tuple[Outlet, Inlet]]] = {}
        self._outlets: dict[str, list[Outlet]] = {}
        self._host = host
        self._bus = bus
        self._settings = settings
        self._make_actor = make_actor
        self.change(specs, DependencyGraph(specs, knowledge), replaced=())

    def change(
        self, specs: Sequence[ServiceSpec], graph: DependencyGraph, *, replaced: Collection[str]
    ) -> list[ServiceActor]:
        """
        Go over to *specs*, in one step without a checkpoint.

        Args:
            specs, graph: The new set.

            replaced: Names whose actors have ended and that get new ones; all others that stay keep theirs.

        Returns:
            The new actors, which nobody runs yet.
        """
        kept = {name: actor for name, actor in self.actors.items() if name not in replaced}
        self.specs = {spec.name: spec for spec in specs}
        self.graph = graph
        # A file name does not change while its service stays, whatever names come to stand beside it.
        # Those that left keep theirs as well: something of them may still be there.
        self.slugs = unique_slugs({**self.slugs, **self.specs}, self.slugs)
        self._link()
        fresh = {name: self._make(spec) for name, spec in self.specs.items() if name not in kept}
        former, self.actors = self.actors, {name: fresh.get(name) or kept[name] for name in self.specs}
        for name in replaced:
            if name in fresh:
                fresh[name].state.inherit(former[name].state)
            former[name].state.changed.fire()  # who watches it is to look for its successor
        for name, actor in kept.items():
            if name in self.specs:
                actor.rewire(self.specs[name], graph.edges_of(name), self._inlets(name), tuple(self._outlets[name]))
        return list(fresh.values())

    def _link(self) -> None:
        """Keep the channel of each pair that still depends, whoever stands at its ends."""
        former, self._links = self._links, {}
        self._outlets = {name: [] for name in self.specs}
        for name in self.specs:
            kept = former.get(name, {})
            links = {to: kept.get(to) or level_channel(to) for to in self.graph.dependencies(name)}
            self._links[name] = links
            for target, (outlet, _) in links.items():
                self._outlets[target].append(outlet)

    def _inlets(self, name: str) -> dict[str, Inlet]:
        return {target: inlet for target, (_, inlet) in self._links[name].items()}

    def _make(self, spec: ServiceSpec) -> ServiceActor:
        return self._make_actor(
            spec,
            self.slugs[spec.name],
            host=self._host,
            bus=self._bus,
            settings=self._settings,
            edges=self.graph.edges_of(spec.name),
            inlets=self._inlets(spec.name),
            outlets=tuple(self._outlets[spec.name]),
        )
