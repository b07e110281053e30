"""From specs and their graph to actors that are connected: one level channel for each pair that depends."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from dumb_actors.actors.actor import ServiceActor
from dumb_actors.actors.bus import EventBus
from dumb_actors.actors.launch import LaunchSettings
from dumb_actors.actors.levels import Inlet, Outlet, level_channel
from dumb_actors.actors.ports import Host
from dumb_actors.model.graph import DependencyGraph
from dumb_actors.model.spec import ServiceSpec

__all__ = ["ActorFactory", "wire_actors"]

ActorFactory: TypeAlias = Callable[..., ServiceActor]
"""Makes an actor from what `ServiceActor` takes; a seam for tests."""


def wire_actors(
    specs: Mapping[str, ServiceSpec],
    graph: DependencyGraph,
    slugs: Mapping[str, str],
    *,
    make_actor: ActorFactory,
    host: Host,
    bus: EventBus,
    settings: LaunchSettings,
) -> dict[str, ServiceActor]:
    """Make an actor for each of *specs*, by name; none of them runs yet."""
    outlets: dict[str, list[Outlet]] = {name: [] for name in specs}
    inlets: dict[str, dict[str, Inlet]] = {name: {} for name in specs}
    for name in specs:
        for target in graph.dependencies(name):
            outlet, inlets[name][target] = level_channel(target)
            outlets[target].append(outlet)
    return {
        name: make_actor(
            spec,
            slugs[name],
            host=host,
            bus=bus,
            settings=settings,
            edges=graph.edges_of(name),
            inlets=inlets[name],
            outlets=outlets[name],
        )
        for name, spec in specs.items()
    }
