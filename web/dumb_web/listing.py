"""What clients find in the list of services: the services and the two built-ins, in the order of the configuration."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar, cast

from dumb_actors import (
    Builtin,
    Config,
    Phase,
    ServiceSpec,
    Standing,
    Supervisor,
    UnknownService,
    find_name,
    find_target,
    squeeze,
)

__all__ = ["API_KEY", "Listed", "Listing", "builtin_standing"]

Listed: TypeAlias = ServiceSpec | Builtin
T = TypeVar("T")

API_KEY = "dumb_api_service"

_DEFAULT_BUILTINS = (
    Builtin(name="DUMB API", key=API_KEY, block={"enabled": True, "process_name": "DUMB API"}),
    Builtin(name="DUMB Frontend", key="dumb_frontend", block={"enabled": False, "process_name": "DUMB Frontend"}),
)


class Listing:
    """
    The services of *supervisor* and the built-ins, by name.

    A built-in that has the name of a service is not listed: requests mean the service.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._made_of: tuple[Mapping[str, ServiceSpec], Config | None] | None = None
        self._made: Mapping[str, Listed] = {}
        self._kept: dict[Callable[[Listing], Any], Any] = {}

    def __iter__(self) -> Iterator[Listed]:
        return iter(self._listed.values())

    @property
    def _listed(self) -> Mapping[str, Listed]:
        """The list of the present configuration; a reconfigured supervisor has other specs."""
        specs, config = self._supervisor.specs, self._supervisor.config
        if self._made_of is None or self._made_of[0] is not specs or self._made_of[1] is not config:
            self._made, self._made_of = _listed_by_name(specs, config), (specs, config)
            self._kept = {}
        return self._made

    def once(self, make: "Callable[[Listing], T]") -> T:
        """Give what *make* makes of this list; it is called once for each configuration, and must depend on no more."""
        _ = self._listed  # lets go of what was made of the configuration before
        if make not in self._kept:
            self._kept[make] = make(self)
        return cast("T", self._kept[make])

    @property
    def builtins(self) -> list[Builtin]:
        """The built-ins that are listed."""
        return self.once(_builtins)

    def find(self, name: str) -> Listed:
        """
        Find what *name* means: exactly, then without regard to case and spaces.

        Raises:
            UnknownService: Nothing, or more than one.
        """
        return self._known(name, find_name(name, self._listed))

    def find_target(self, name: str) -> Listed:
        """
        Find what *name* means to the graph: as `find`, then the word for a kind, or a key, where only one is meant.

        Raises:
            UnknownService: Nothing, or more than one.
        """
        listed = self._listed
        if name in listed:
            return listed[name]
        keys = {each: one.key for each, one in listed.items()}
        return self._known(name, find_target(name, keys, self._supervisor.graph.token))

    def _known(self, name: str, found: str | None) -> Listed:
        if found is None:
            raise UnknownService(name, tuple(self._listed))
        return self._listed[found]


def builtin_standing(builtin: Builtin) -> Standing:
    """Tell how a built-in stands: the API runs, for it answers; a front end without a command does not."""
    runs = builtin.key == API_KEY
    enabled = bool(builtin.block.get("enabled", runs))
    return Standing(Phase.READY if runs else Phase.STOPPED, enabled=enabled, wished=runs)


def _builtins(listing: Listing) -> list[Builtin]:
    return [listed for listed in listing if isinstance(listed, Builtin)]


def _listed_by_name(specs: Mapping[str, ServiceSpec], config: Config | None) -> Mapping[str, Listed]:
    builtins = _DEFAULT_BUILTINS if config is None else config.builtins
    taken = {squeeze(name) for name in specs}
    free = [builtin for builtin in builtins if squeeze(builtin.name) not in taken]
    document = {} if config is None else config.document
    return {listed.name: listed for listed in _in_order([*specs.values(), *free], document)}


def _in_order(listed: list[Listed], document: Mapping[str, Any]) -> list[Listed]:
    """Sort by where the key stands in the document; what does not stand there comes last, in the order given."""
    order: dict[str, int] = {}
    for key, block in document.items():
        parts = [f"dumb_{part}" for part in block] if key == "dumb" and isinstance(block, Mapping) else [key]
        for part in parts:
            order.setdefault(part, len(order))
    return sorted(listed, key=lambda one: order.get(one.key, len(order)))
