"""What can be asked, as it is written: readiness, liveness and the waits."""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NewType, TypeAlias

import attrs
import cattrs

from dumb_actors.config.report import did_you_mean
from dumb_actors.config.scalars import command, no_nul, port
from dumb_actors.config.strict import StructureHook, Wrong, all_of, each, make_converter
from dumb_actors.model.probe import (
    CheckSpec,
    Directory,
    Exec,
    Liveness,
    Log,
    Mount,
    Notify,
    ProbeSpec,
    Settle,
    Tcp,
    Url,
)

__all__ = [
    "CHECKS",
    "DIRECTORY_KEYS",
    "PROBES",
    "PROBE_HOOKS",
    "Directories",
    "LivenessTimes",
    "Mounts",
    "OwnLiveness",
    "Readiness",
    "UrlWait",
    "UrlWaits",
]

Readiness: TypeAlias = ProbeSpec | None
OwnLiveness = NewType("OwnLiveness", Liveness)
Directories = NewType("Directories", tuple[str, ...])
Mounts = NewType("Mounts", tuple[str, ...])
UrlWaits = NewType("UrlWaits", tuple["UrlWait", ...])

DIRECTORY_KEYS = ("path", "dir", "directory", "value")
"""What an item of `wait_for_dir` that is an object may call its path."""

CHECKS: Mapping[str, type[CheckSpec]] = MappingProxyType(
    {"tcp": Tcp, "url": Url, "directory": Directory, "mount": Mount, "exec": Exec}
)
"""What can be asked again and again, by the key that names it."""

PROBES: Mapping[str, type[ProbeSpec]] = MappingProxyType({**CHECKS, "log": Log, "notify": Notify, "settle": Settle})
"""The readiness probes by the key that names them."""


@attrs.frozen
class UrlWait(Url):
    """An item of `wait_for_url`; `core_service` is a label for the graph."""

    core_service: str | None = attrs.field(default=None, kw_only=True)


def _like(name: str) -> Any:
    """Make a field with the default and the validator of that of `Liveness`."""
    field = getattr(attrs.fields(Liveness), name)
    return attrs.field(default=field.default, validator=field.validator)


@attrs.frozen(kw_only=True)
class LivenessTimes:
    """What may stand in `liveness` beside the question."""

    interval: float = _like("interval")
    timeout: float = _like("timeout")
    threshold: int = _like("threshold")
    grace: float = _like("grace")


_TIMES = frozenset(field.name for field in attrs.fields(LivenessTimes))
_BESIDE = _TIMES | {"host", "auth"}


# --- hooks ------------------------------------------------------------------------------------------------------------


def _readiness(value: Any, _: Any) -> Readiness:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Wrong(expected='an object such as {"tcp": 5432}')
    probe: ProbeSpec = _converter().structure(value, PROBES[_kind(value, PROBES)])
    return probe


def _liveness(value: Any, _: Any) -> Liveness:
    if not isinstance(value, dict):
        raise Wrong(expected='an object such as {"tcp": 5432, "interval": 30}')
    times = {key: item for key, item in value.items() if key in _TIMES}
    question = {key: item for key, item in value.items() if key not in _TIMES}
    check, found = all_of(lambda: _check(question), lambda: _times_converter().structure(times, LivenessTimes))
    return Liveness(check, **attrs.asdict(found))


def _check(value: dict[str, Any]) -> CheckSpec:
    kinds = ", ".join(CHECKS)
    for kind in PROBES:
        if kind in value and kind not in CHECKS:
            raise Wrong("is nothing that can be asked again and again", expected=f"exactly one of {kinds}", at=(kind,))
    check: CheckSpec = _converter().structure(value, CHECKS[_kind(value, CHECKS)])
    return check


def _kind(value: Mapping[str, Any], known: Iterable[str]) -> str:
    kinds = [kind for kind in known if kind in value]
    if len(kinds) != 1:
        problem = "does not say what to ask" if not kinds else f"says more than one thing to ask: {', '.join(kinds)}"
        hints = [did_you_mean(key, known) for key in value if not kinds and key not in _BESIDE]
        raise Wrong(problem, expected="exactly one of " + ", ".join(known), hint=next(filter(None, hints), ""))
    return kinds[0]


def _probe_port(value: Any, _: Any) -> int:
    try:
        return port(value, None)
    except Wrong as wrong:
        wrong.expected += ' or "{port}"'
        raise


def _only_true(value: Any, _: Any) -> bool:
    if value is not True:
        hint = "leave it out where the service does not notify" if value is False else ""
        raise Wrong("wrong value" if value is False else "wrong type", expected="true", hint=hint)
    return True


def _url_waits(value: Any, _: Any) -> tuple[UrlWait, ...]:
    if value == "":
        return ()
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        raise Wrong("wrong type", expected="an array of objects", hint='write {"url": "http://…"} for each')
    if not isinstance(value, list):
        raise Wrong(expected="an array")
    return tuple(each(enumerate(value), _converter().get_structure_hook(UrlWait), UrlWait))


def _directories(value: Any, _: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(each(enumerate(value), _directory, str))
    return () if value == "" else (_directory(value, None),)


def _directory(value: Any, _: Any) -> str:
    expected = 'a path, {"path": "…"}, or an array of such'
    at: tuple[str, ...] = ()
    if isinstance(value, dict):
        at = next(((key,) for key in DIRECTORY_KEYS if key in value), ())
        if not at:
            raise Wrong("names no directory", expected=expected)
        value = value[at[0]]
    if not isinstance(value, str):
        raise Wrong(expected=expected, at=at)
    path = no_nul(value)
    if not path.strip():
        raise Wrong("is empty", expected="the path of a directory", at=at)
    return path


def _mounts(value: Any, _: Any) -> tuple[str, ...]:
    if value == "":
        return ()
    if not isinstance(value, list):
        hint = "put it in square brackets" if isinstance(value, str) else ""
        raise Wrong(expected="an array of paths", hint=hint)
    return tuple(each(enumerate(value), _mount, str))


def _mount(value: Any, _: Any) -> str:
    path = no_nul(value)
    if not path.strip():
        raise Wrong("is empty", expected="the path of a mount point")
    return path


@cache
def _converter() -> cattrs.Converter:
    """Give the converter for probes, in which every whole number is a port and every text goes to the system."""
    return make_converter({int: _probe_port, str: no_nul, bool: _only_true, tuple[str, ...]: command})


@cache
def _times_converter() -> cattrs.Converter:
    return make_converter({})


PROBE_HOOKS: Mapping[Any, StructureHook] = MappingProxyType(
    {Readiness: _readiness, OwnLiveness: _liveness, Directories: _directories, UrlWaits: _url_waits, Mounts: _mounts}
)
"""Hooks for the types above."""
