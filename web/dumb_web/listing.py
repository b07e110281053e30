"""What clients find in the list of services: the services and the two built-ins, in the order of the configuration."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from dumb_actors import Builtin, ServiceSpec, Supervisor, UnknownService, find_name, squeeze

__all__ = ["API_KEY", "Listed", "Listing"]

Listed: TypeAlias = ServiceSpec | Builtin

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
        config = supervisor.config
        builtins = _DEFAULT_BUILTINS if config is None else config.builtins
        taken = {squeeze(name) for name in supervisor.specs}
        free = [builtin for builtin in builtins if squeeze(builtin.name) not in taken]
        document = {} if config is None else config.document
        self._listed: dict[str, Listed] = {}
        for listed in _in_order([*supervisor.specs.values(), *free], document):
            self._listed[listed.name] = listed

    def __iter__(self) -> Iterator[Listed]:
        return iter(self._listed.values())

    def find(self, name: str) -> Listed:
        """
        Find what *name* means: exactly, then without regard to case and spaces.

        Raises:
            UnknownService: Nothing, or more than one.
        """
        found = find_name(name, self._listed)
        if found is None:
            raise UnknownService(name, tuple(self._listed))
        return self._listed[found]


def _in_order(listed: list[Listed], document: Mapping[str, Any]) -> list[Listed]:
    """Sort by where the key stands in the document; what does not stand there comes last, in the order given."""
    order: dict[str, int] = {}
    for key, block in document.items():
        parts = [f"dumb_{part}" for part in block] if key == "dumb" and isinstance(block, Mapping) else [key]
        for part in parts:
            order.setdefault(part, len(order))
    return sorted(listed, key=lambda one: order.get(one.key, len(order)))
