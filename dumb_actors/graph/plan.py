"""Plans: what a command would do, computed by the code that does it, without doing it."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.model.spec import ServiceSpec

__all__ = ["Difference", "Effect", "Plan", "Step", "find_difference", "plan_shutdown", "plan_start", "plan_stop"]

Action: TypeAlias = Literal["start", "stop"]


@attrs.frozen
class Step:
    """
    One thing to be done.

    Attributes:
        action: `start` or `stop`.

        service: To whom.

        after: The services of this plan that must be ready (start) or gone (stop) first; all other order is free.

        why: In words.
    """

    action: Action
    service: str
    after: tuple[str, ...]
    why: str


@attrs.frozen
class Effect:
    """What happens to a service that the plan does not start or stop itself."""

    service: str
    effect: str


@attrs.frozen
class Plan:
    """The steps of a command, in an order in which they may be done, and who else is touched."""

    steps: tuple[Step, ...]
    effects: tuple[Effect, ...] = ()

    @property
    def services(self) -> tuple[str, ...]:
        """The services of the steps, in order."""
        return tuple(step.service for step in self.steps)


def plan_start(graph: DependencyGraph, name: str, *, startable: frozenset[str], up: frozenset[str]) -> Plan:
    """
    Plan a start of *name* with what it needs.

    Args:
        graph: The dependencies.

        name: Whom to start.

        startable: Services that may be started along: the enabled ones. What `depends_on` requires is always started.

        up: Services that are wished and have not failed: nothing is to be done for them.
    """
    wanted = _wanted(graph, name, startable)
    chosen = [n for n in graph.order if n in wanted and n not in up]
    return Plan(
        tuple(
            Step(
                "start",
                service,
                tuple(dep for dep in graph.dependencies(service) if dep in chosen),
                "asked for" if service == name else f"{name!r} needs it",
            )
            for service in chosen
        )
    )


def _wanted(graph: DependencyGraph, name: str, startable: frozenset[str]) -> set[str]:
    """Walk along the edges that are required or lead to something that may be started along."""
    wanted = {name}
    todo = [name]
    while todo:
        for edge in graph.edges_of(todo.pop()):
            required = edge.signal == "depends_on" and edge.always
            if edge.target not in wanted and (required or edge.target in startable):
                wanted.add(edge.target)
                todo.append(edge.target)
    return wanted


def plan_stop(graph: DependencyGraph, name: str, *, up: frozenset[str]) -> Plan:
    """Plan a stop of *name*: nobody else is stopped, its dependents that are *up* keep running and are told."""
    effects = tuple(
        Effect(other, f"keeps running and is told that {name!r} was lost")
        for other in graph.dependents(name)
        if other in up
    )
    return Plan((Step("stop", name, (), "asked for"),), effects)


def plan_shutdown(graph: DependencyGraph) -> Plan:
    """Plan a stop of everything: a service stops as soon as all that depend on it are gone."""
    return Plan(
        tuple(Step("stop", name, graph.dependents(name), "everything is stopped") for name in reversed(graph.order))
    )


@attrs.frozen(kw_only=True)
class Difference:
    """
    What a new set of specs changes; all by name, in the order of the set they are in.

    Attributes:
        added, removed: Only in the new set, only in the old.

        changed: In both, and a running child would be another one.

        enabled, disabled: The same but for `enabled`.

        unchanged: Everything else: not touched.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    enabled: tuple[str, ...]
    disabled: tuple[str, ...]
    unchanged: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done."""
        return not (self.added or self.removed or self.changed or self.enabled or self.disabled)


def find_difference(old: Mapping[str, ServiceSpec], new: Mapping[str, ServiceSpec]) -> Difference:
    """Compare two sets of specs by what a child and its run depend on; the block they came from does not count."""
    both = [name for name in new if name in old]
    changed = [name for name in both if attrs.evolve(new[name], enabled=old[name].enabled) != old[name]]
    switched = [name for name in both if name not in changed and new[name].enabled != old[name].enabled]
    return Difference(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(changed),
        enabled=tuple(name for name in switched if new[name].enabled),
        disabled=tuple(name for name in switched if not new[name].enabled),
        unchanged=tuple(name for name in both if name not in changed and name not in switched),
    )
