"""What the block of a service says about other services in words: its labels, and the names beside its waits."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs

__all__ = ["Reference", "core_references", "ports_of", "wait_references"]

_LABELS = ("core_services", "core_service")
_NAMES = ("core_service", "core_services", "service", "process_name")
_PORTS = (
    "port",
    "frontend_port",
    "backend_port",
    "web_port",
    "ui_port",
    "http_port",
    "https_port",
    "external_port",
)


@attrs.frozen(kw_only=True)
class Reference:
    """
    A name in a block.

    Attributes:
        text: As it is written.

        path: Where it stands, below the block: `wait_for_url[0].core_service`.

        item: For a wait: the index of its item in the field.
    """

    text: str
    path: str
    item: int = -1


def core_references(block: Mapping[str, Any]) -> Iterator[Reference]:
    """List what *block* names in `core_services` and `core_service`: texts with commas, or lists of such."""
    for field in _LABELS:
        for text, path in _texts(block.get(field), field):
            yield Reference(text=text, path=path)


def wait_references(block: Mapping[str, Any], field: Literal["wait_for_url", "wait_for_dir"]) -> Iterator[Reference]:
    """List what the objects of a wait in *block* name beside what they wait for."""
    items = block.get(field)
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, Mapping):
            for name in _NAMES:
                for text, path in _texts(item.get(name), f"{field}[{index}].{name}"):
                    yield Reference(text=text, path=path, item=index)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield from ((part.strip(), path) for part in value.split(",") if part.strip())
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")


def ports_of(block: Mapping[str, Any]) -> Iterator[int]:
    """List the ports that *block* names in its fields; what is no positive whole number is left out."""
    listed = block.get("ports")
    for port in (*map(block.get, _PORTS), *(listed if isinstance(listed, list | tuple) else ())):
        if isinstance(port, int) and not isinstance(port, bool) and port > 0:
            yield port
