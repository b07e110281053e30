"""What is known about products beforehand, as a value: the graph gets it passed in and knows no product by itself."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import attrs

from dumb_actors.model.edge import Signal

__all__ = ["NO_KNOWLEDGE", "Condition", "Conditional", "Exemption", "Knowledge", "Provider", "SoftLink"]

Condition: TypeAlias = Literal["always", "enabled", "flag", "own_flag"]
"""
When a conditional dependency counts: always; while an instance of the dependency is enabled; while an enabled instance
of the dependency has a flag; while an enabled instance of the dependent itself has one.
"""


@attrs.frozen(kw_only=True)
class Conditional:
    """
    A dependency between two kinds of service that exists on a condition.

    Attributes:
        source, target: Service keys of the dependent and the dependency.

        when: See `Condition`.

        flag: Name of the field that must be true, for `flag`; for `own_flag` the providers of the source say it.
    """

    source: str
    target: str
    when: Condition
    flag: str | None = None


@attrs.frozen(kw_only=True)
class Provider:
    """
    What in an instance's block says that it mounts what another service offers.

    Attributes:
        source, target: Service keys: `rclone`, and whose files it mounts.

        signal: Of the edge.

        flag: A field that is true, or None.

        field, value: A field that has this value, in any case, or None.

        core_service: Being listed in `core_service(s)` counts for the conditional map as well.
    """

    source: str
    target: str
    signal: Signal
    flag: str | None = None
    field: str | None = None
    value: str | None = None
    core_service: bool = False

    def is_said_in(self, block: Mapping[str, Any]) -> bool:
        """Tell whether the flag or the field of *block* says so; `core_service` is looked at by who knows labels."""
        if self.flag is not None and block.get(self.flag) is True:
            return True
        return self.field is not None and _word(block.get(self.field)) == self.value


@attrs.frozen(kw_only=True)
class Exemption:
    """
    What in a block says that a need of the core map does not hold for this instance.

    Attributes:
        source, target: Service keys of the dependent and the dependency.

        field: The field that says it.

        values: Lower-case; with one of these the need does not hold. An empty text stands for a field that is not set.
    """

    source: str
    target: str
    field: str
    values: frozenset[str]

    def is_said_in(self, block: Mapping[str, Any]) -> bool:
        """Tell whether *block* says so."""
        return _word(block.get(self.field)) in self.values


@attrs.frozen(kw_only=True)
class SoftLink:
    """A known cooperation that blocks nothing: `source` can use `target` (service keys)."""

    source: str
    target: str
    signal: Signal


@attrs.frozen(kw_only=True)
class Knowledge:
    """
    What is known about kinds of services, by service key; empty for programs of which nothing is known.

    Attributes:
        core: The core services in their order, with what each needs.

        exemptions: When a need of `core` does not hold.

        non_core: Fixed needs of others.

        conditional: Needs that exist on a condition.

        providers: Flags of instances.

        soft: Cooperations.

        scoped: Keys whose instances belong to the services that they name in `core_service`.

        names: Display names.

        aliases: Other words for keys, lower-case.

        known: Every key that the catalogue has defaults for.

        builtins: Keys of what is always there and is no service.
    """

    core: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    exemptions: tuple[Exemption, ...] = ()
    non_core: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    conditional: tuple[Conditional, ...] = ()
    providers: tuple[Provider, ...] = ()
    soft: tuple[SoftLink, ...] = ()
    scoped: frozenset[str] = frozenset()
    names: Mapping[str, str] = MappingProxyType({})
    aliases: Mapping[str, str] = MappingProxyType({})
    known: frozenset[str] = frozenset()
    builtins: frozenset[str] = frozenset()


NO_KNOWLEDGE = Knowledge()


def _word(value: Any) -> str:
    return value.strip().lower() if isinstance(value, str) else ""
