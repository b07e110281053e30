"""Kinds of services: what one kind needs of another by what is known of products, as things stand."""

from collections.abc import Iterable
from functools import cached_property

from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.model.edge import Signal
from dumb_actors.model.knowledge import Conditional
from dumb_actors.model.spec import ServiceSpec

__all__ = ["LABEL", "Kinds"]

LABEL: Signal = "core_service_fields"


class Kinds:
    """
    The knowledge of a graph, put together with the services that there are.

    Attributes:
        graph: Whose.
    """

    def __init__(self, graph: DependencyGraph) -> None:
        self.graph = graph
        self._knowledge = graph.knowledge
        self._conditional: dict[str, tuple[str, ...]] = {}

    def is_scoped(self, key: str) -> bool:
        """Tell whether instances of this kind belong to the services that they name."""
        return key in self._knowledge.scoped

    def name_of(self, key: str, names: Iterable[str]) -> str:
        """Give the display name of a kind, else the first of *names*, else the key."""
        return self._knowledge.names.get(key) or next(iter(names), key)

    # --- needs --------------------------------------------------------------------------------------------------------

    def core_needs(self, key: str) -> tuple[str, ...]:
        """List what the core map says that a kind needs, whatever an instance is configured to do."""
        return self._knowledge.core.get(key, ())

    def real_core_needs(self, spec: ServiceSpec) -> tuple[str, ...]:
        """List what the core map says that *spec* needs, without what its configuration makes needless."""
        return tuple(key for key in self.core_needs(spec.key) if not self._is_exempt(spec, key))

    def core_needs_of_all(self, key: str) -> tuple[str, ...]:
        """List what the core map says that some instance of a kind needs."""
        real = {need for name in self.graph.by_key(key) for need in self.real_core_needs(self.graph.specs[name])}
        return tuple(need for need in self.core_needs(key) if need in real)

    def core_dependents(self, key: str) -> tuple[str, ...]:
        """List the kinds, sorted, of which an instance needs this kind by the core map."""
        kinds = (kind for kind, needs in self._knowledge.core.items() if key in needs)
        return tuple(sorted(kind for kind in kinds if key in self.core_needs_of_all(kind)))

    def non_core_needs(self, key: str) -> tuple[str, ...]:
        """List what services outside the core map always need."""
        return self._knowledge.non_core.get(key, ())

    def non_core_dependents(self, key: str) -> tuple[str, ...]:
        """List the kinds outside the core map that always need this kind, and that there are."""
        found = (kind for kind, needs in self._knowledge.non_core.items() if key in needs)
        return tuple(kind for kind in found if self.graph.by_key(kind))

    def conditional_needs(self, key: str) -> tuple[str, ...]:
        """List, sorted, what a kind needs as the configuration of all is."""
        if key not in self._conditional:
            found = (need for need in self._knowledge.conditional if need.source == key)
            self._conditional[key] = tuple(sorted(need.target for need in found if self._holds(need)))
        return self._conditional[key]

    def own_conditional_needs(self, spec: ServiceSpec) -> tuple[str, ...]:
        """List, sorted, the same for one service: where flags of instances decide, by its own."""
        if not any(need.when == "own_flag" for need in self._knowledge.conditional if need.source == spec.key):
            return self.conditional_needs(spec.key)
        found = (need for need in self._knowledge.conditional if need.source == spec.key)
        holds = (n.target for n in found if (self.says(spec, n.target) if n.when == "own_flag" else self._holds(n)))
        return tuple(sorted(holds))

    def conditional_dependents(self, key: str) -> tuple[Conditional, ...]:
        """List whose conditional need of this kind holds, in the order of the map."""
        found = (need for need in self._knowledge.conditional if need.target == key)
        return tuple(need for need in found if self.graph.by_key(need.source) and self._holds(need))

    def _holds(self, need: Conditional) -> bool:
        specs = self.graph.specs
        if need.when == "always":
            return True
        if need.when == "own_flag":
            names = self.graph.by_key(need.source)
            return any(specs[name].enabled and self.says(specs[name], need.target) for name in names)
        enabled = [specs[name] for name in self.graph.by_key(need.target) if specs[name].enabled]
        return any(need.when == "enabled" or spec.config.get(need.flag or "") is True for spec in enabled)

    def says(self, spec: ServiceSpec, key: str) -> bool:
        """Tell whether the flags of *spec* say that it mounts what a service of the kind *key* offers."""
        providers = [each for each in self._knowledge.providers if (each.source, each.target) == (spec.key, key)]
        return any(
            each.is_said_in(spec.config) or (each.core_service and self._labels(spec, key)) for each in providers
        )

    def _labels(self, spec: ServiceSpec, key: str) -> bool:
        return any(
            LABEL in link.signals and self.graph.specs[link.target].key == key
            for link in self.graph.links_of(spec.name)
        )

    def _is_exempt(self, spec: ServiceSpec, key: str) -> bool:
        return any(
            (each.source, each.target) == (spec.key, key) and each.is_said_in(spec.config)
            for each in self._knowledge.exemptions
        )

    # --- processes ----------------------------------------------------------------------------------------------------

    def belonging(self, key: str, owners: Iterable[str]) -> tuple[str, ...]:
        """List the processes of a kind that count for *owners*: all, unless its instances belong to somebody."""
        names = self.graph.by_key(key)
        if not self.is_scoped(key):
            return names
        theirs = {link.source for owner in owners for link in self.graph.links_to(owner) if LABEL in link.signals}
        return tuple(name for name in names if name in theirs)

    def owners_of(self, spec: ServiceSpec) -> frozenset[str] | None:
        """Give the kinds of services that a scoped instance belongs to; None: it names nobody, and is for all."""
        links = self.graph.links_of(spec.name)
        kinds = frozenset(self.graph.specs[link.target].key for link in links if LABEL in link.signals)
        return kinds if kinds or spec.name in self._lost else None

    @cached_property
    def _lost(self) -> frozenset[str]:
        """Who names somebody that is not there."""
        return frozenset(each.source for each in self.graph.missing if each.signal == LABEL)
