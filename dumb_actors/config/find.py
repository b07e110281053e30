"""Find the services and the built-ins of a document."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any

import attrs

from dumb_actors.config.report import Path, Report, format_path
from dumb_actors.model.names import squeeze

__all__ = ["Builtin", "Place", "check_names", "find_places"]

_DEFAULT_BLOCKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "api_service": {
            "enabled": True,
            "process_name": "DUMB API",
            "log_level": "INFO",
            "host": "127.0.0.1",
            "port": 8000,
        },
        "frontend": {
            "enabled": False,
            "process_name": "DUMB Frontend",
            "log_level": "INFO",
            "host": "127.0.0.1",
            "port": 3005,
        },
    }
)


@attrs.frozen(kw_only=True)
class Builtin:
    """
    A part of the supervisor itself that clients find in the list of services.

    Attributes:
        name: Process name, `DUMB API` or `DUMB Frontend` unless the document says otherwise.

        key: Service key, `dumb_api_service` or `dumb_frontend`.

        block: Its block as written; a default one when the document has none.
    """

    name: str
    key: str
    block: Mapping[str, Any] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Place:
    """
    Where the block of a service or a built-in stands.

    Attributes:
        name: Its process name; empty when the document gives none that is usable.

        key: Service key.

        path: Path of the block.

        block: The block as written.

        builtin: Whether it is a built-in.
    """

    name: str
    key: str
    path: Path
    block: dict[str, Any] = attrs.field(repr=False)
    builtin: bool = False


def find_places(document: Mapping[str, Any], report: Report) -> list[Place]:
    """
    List the blocks of services and built-ins in the order of the document, absent built-ins last.

    A service is a top-level object with a `process_name`, or each member of the `instances` of one without. The two
    built-ins below `dumb` are services when they have a command.
    """
    places: list[Place] = []
    for key, block in document.items():
        if key == "dumb":
            places += _find_in_dumb(block, report)
        elif isinstance(block, dict):
            places += _find_in_block(key, block, report)
    missing = [part for part in _DEFAULT_BLOCKS if f"dumb_{part}" not in {place.key for place in places}]
    return places + [_builtin(part, deepcopy(dict(_DEFAULT_BLOCKS[part]))) for part in missing]


def _find_in_dumb(dumb: Any, report: Report) -> Iterator[Place]:
    if not isinstance(dumb, dict):
        return  # the settings say so
    for part, block in dumb.items():
        if part not in _DEFAULT_BLOCKS or block is None:
            continue
        if isinstance(block, dict):
            yield _builtin(part, block)
        else:
            report.fault(("dumb", part), "wrong type", expected="an object")


def _builtin(part: str, block: dict[str, Any]) -> Place:
    default = _DEFAULT_BLOCKS[part]["process_name"]
    return Place(
        name=_name_of(block, default),
        key=f"dumb_{part}",
        path=("dumb", part),
        block=block,
        builtin=not block.get("command"),
    )


def _name_of(block: Mapping[str, Any], default: str = "") -> str:
    name = block.get("process_name", default)
    return name if isinstance(name, str) and name.strip() else ""


def _find_in_block(key: str, block: dict[str, Any], report: Report) -> Iterator[Place]:
    if "process_name" in block:
        yield Place(name=_name_of(block), key=key, path=(key,), block=block)
    elif "instances" in block:
        yield from _find_instances(key, block["instances"], report)
    elif "command" in block:
        report.warn((key,), "has a command and no process_name, so it is no service")


def _find_instances(key: str, instances: Any, report: Report) -> Iterator[Place]:
    if not isinstance(instances, dict):
        report.fault((key, "instances"), "wrong type", expected="an object with a name for each block")
        return
    for name, block in instances.items():
        path = (key, "instances", name)
        if not isinstance(block, dict):
            report.fault(path, "wrong type", expected="an object")
        elif "process_name" not in block:
            report.fault((*path, "process_name"), "is missing", expected="a name of its own")
        else:
            yield Place(name=_name_of(block), key=key, path=path, block=block)


def check_names(places: list[Place], report: Report) -> None:
    """Note a fault for each name that a request could not tell from an earlier one."""
    seen: dict[str, Place] = {}
    for place in places:
        if not place.name:
            continue
        first = seen.setdefault(squeeze(place.name), place)
        if first is not place:
            # An absent built-in comes last, and the fault belongs to what the user wrote.
            at, other = (first, place) if place.builtin else (place, first)
            _report_double(at, other, report)


def _report_double(at: Place, other: Place, report: Report) -> None:
    where = format_path((*other.path, "process_name")) + (" (built-in)" if other.builtin else "")
    how = "is the same as" if at.name == other.name else "differs only in case or spaces from"
    report.fault(
        (*at.path, "process_name"),
        f"{how} {other.name!r} at {where}",
        expected="a name of its own",
        hint="requests find services by name, without regard to case and spaces",
        names=(other.name, at.name),
    )
