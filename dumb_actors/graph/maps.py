"""Edges that follow from what is known of products: flags of providers, fixed and conditional needs, cooperations."""

from collections.abc import Collection, Iterator, Sequence

from dumb_actors.graph.index import Index
from dumb_actors.model.edge import Edge, Signal
from dumb_actors.model.knowledge import Conditional, Exemption, Provider, SoftLink
from dumb_actors.model.spec import ServiceSpec

__all__ = ["Maps"]


class Maps:
    """
    The knowledge, sorted by the key of the dependent; knows the services that there are.

    Instances of a scoped key belong to somebody: of them, only those count that name the dependent, or that it is
    linked to for another reason.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._providers: dict[str, list[Provider]] = {}
        self._conditional: dict[str, list[Conditional]] = {}
        self._soft: dict[str, list[SoftLink]] = {}
        self._exemptions: dict[tuple[str, str], list[Exemption]] = {}
        knowledge = index.knowledge
        for provider in knowledge.providers:
            self._providers.setdefault(provider.source, []).append(provider)
        for soft in knowledge.soft:
            self._soft.setdefault(soft.source, []).append(soft)
        for exemption in knowledge.exemptions:
            self._exemptions.setdefault((exemption.source, exemption.target), []).append(exemption)
        for need in knowledge.conditional:
            if need.when == "own_flag" or self._is_met(need):
                self._conditional.setdefault(need.source, []).append(need)

    def _is_met(self, need: Conditional) -> bool:
        """Tell whether the condition holds that is the same for every instance of the dependent."""
        if need.when == "always":
            return True
        if need.when == "enabled":
            return need.target in self._index.enabled_keys
        instances = (self._index.specs[name] for name in self._index.by_key.get(need.target, ()))
        return any(spec.enabled and need.flag and spec.config.get(need.flag) is True for spec in instances)

    def provider_edges(self, spec: ServiceSpec) -> Iterator[Edge]:
        """List whose files *spec* says that it mounts."""
        for provider in self._providers.get(spec.key, ()):
            if not provider.is_said_in(spec.config):
                continue
            targets: Sequence[str] = self._index.by_key.get(provider.target, ())
            labels = self._index.labels[spec.name]
            if provider.target in self._index.knowledge.scoped and labels:
                targets = self._index.owned(provider.target, labels)
            for target in targets:
                both = spec.enabled and self._index.specs[target].enabled
                yield from self._edges(spec, [target], provider.signal, guess=not both)

    def fixed_edges(self, spec: ServiceSpec, linked: Collection[str]) -> Iterator[Edge]:
        """List what services of this kind need outside the core map; *linked* are those that it has a link to."""
        for key in self._index.knowledge.non_core.get(spec.key, ()):
            yield from self._edges(spec, self._of(key, spec, linked), "non_core_dependency_map")
        for need in self._conditional.get(spec.key, ()):
            if need.when == "own_flag" and not self._says_so(need, spec):
                continue
            targets: Sequence[str] = self._index.by_key.get(need.target, ())
            if need.target in self._index.knowledge.scoped:
                targets = self._index.owned(need.target, (), linked)
            yield from self._edges(spec, targets, "conditional_startup_map")

    def _says_so(self, need: Conditional, spec: ServiceSpec) -> bool:
        return any(
            provider.target == need.target
            and (provider.is_said_in(spec.config) or (provider.core_service and need.target in self._labels(spec)))
            for provider in self._providers.get(spec.key, ())
        )

    def _labels(self, spec: ServiceSpec) -> frozenset[str]:
        return self._index.labels[spec.name]

    def core_edges(self, spec: ServiceSpec, linked: Collection[str]) -> Iterator[Edge]:
        """List what a core service needs; *linked* are those that it has a link to."""
        for key in self._index.knowledge.core.get(spec.key, ()):
            if not any(each.is_said_in(spec.config) for each in self._exemptions.get((spec.key, key), ())):
                yield from self._edges(spec, self._of(key, spec, linked), "core_service_map")

    def soft_edges(self, spec: ServiceSpec) -> Iterator[Edge]:
        """List whom a service of this kind can work with."""
        for soft in self._soft.get(spec.key, ()):
            yield from self._edges(spec, self._index.by_key.get(soft.target, ()), soft.signal, gates=False)

    def _of(self, key: str, spec: ServiceSpec, linked: Collection[str]) -> Sequence[str]:
        if key not in self._index.knowledge.scoped:
            return self._index.by_key.get(key, ())
        return self._index.owned(key, self._index.own_tokens(spec.name), linked)

    @staticmethod
    def _edges(
        spec: ServiceSpec, targets: Sequence[str], signal: Signal, *, gates: bool = True, guess: bool = False
    ) -> Iterator[Edge]:
        for target in targets:
            if target != spec.name:
                yield Edge(source=spec.name, target=target, signal=signal, gates=gates, guess=guess)
