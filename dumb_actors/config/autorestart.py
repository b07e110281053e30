"""
`dumb.auto_restart`: how the services that it lists are healed.

It governs restarts for bad health and, where it lists a service, the limits of every restart; what a service's own
block says goes before it. Source of the fields and their defaults: the API's specification, section 5.6.
"""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import attrs
import cattrs

from dumb_actors.config.hints import near_misses
from dumb_actors.config.report import Path, Report, did_you_mean
from dumb_actors.config.restarts import delays
from dumb_actors.config.scalars import Name, name
from dumb_actors.config.strict import Wrong, make_converter, structure_fields
from dumb_actors.model.fields import at_least_one, not_negative, positive

__all__ = [
    "AutoRestart",
    "AutoRestartValues",
    "ListedService",
    "read_auto_restart",
    "warn_of_listed",
    "zero_or_more",
]

_PATH: Path = ("dumb", "auto_restart")
_NO_NAME = Name("")


def zero_or_more(instance: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{attribute.name!r} must be a whole number, 0 or more, not {value!r}")


@attrs.frozen(kw_only=True)
class AutoRestartValues:
    """
    What can be said for all listed services, and for one of them.

    Attributes:
        enabled: Whether any of it counts.

        restart_on_unhealthy: Whether health is watched, and bad health restarts.

        healthcheck_interval: Seconds from one check to the next; 0 or less: none.

        unhealthy_threshold: Failed checks in a row that make a service unhealthy.

        max_restarts: Restarts within the window before it is given up; 0: it is never restarted.

        window_seconds: Length of that window.

        backoff_seconds: Seconds before the first, second, … restart.

        grace_period_seconds: Seconds after it became ready before its first check.
    """

    enabled: bool = False
    restart_on_unhealthy: bool = True
    healthcheck_interval: float = 30.0
    unhealthy_threshold: int = attrs.field(default=3, validator=at_least_one)
    max_restarts: int = attrs.field(default=3, validator=zero_or_more)
    window_seconds: float = attrs.field(default=300.0, validator=positive)
    backoff_seconds: tuple[float, ...] = (5.0, 15.0, 45.0, 120.0)
    grace_period_seconds: float = attrs.field(default=30.0, validator=not_negative)


@attrs.frozen(kw_only=True)
class ListedService(AutoRestartValues):
    """
    What counts for one service: its entry's values, else those for all; `enabled` only where both say so.

    Attributes:
        process_name: As written; it means a service without regard to case and to spaces around it.
    """

    process_name: str


@attrs.frozen(kw_only=True)
class AutoRestart(AutoRestartValues):
    """
    The block `dumb.auto_restart`.

    Attributes:
        services: Those it counts for; no others.
    """

    services: tuple[ListedService, ...] = ()

    def of(self, name: str) -> ListedService | None:
        """Give what counts for the service called *name*; None when it is not listed, or not enabled."""
        listed = next((item for item in self.services if _fold(item.process_name) == _fold(name)), None)
        return listed if listed is not None and listed.enabled else None


def _fold(name: str) -> str:
    return name.strip().casefold()


# --- reading ----------------------------------------------------------------------------------------------------------

_VALUES = frozenset(field.name for field in attrs.fields(AutoRestartValues))


@attrs.frozen(kw_only=True)
class _Entry:
    process_name: Name = _NO_NAME


def read_auto_restart(raw: Any, report: Report) -> AutoRestart:
    """Read the block *raw*, None when there is none; what is wrong goes to *report* and keeps its default."""
    if raw is None:
        return AutoRestart()
    if not isinstance(raw, dict):
        report.fault(_PATH, "wrong type", expected="an object", hint='write {"enabled": true, "services": […]}')
        return AutoRestart()
    near_misses(raw, _PATH, _VALUES | {"services"}, report)
    common = structure_fields(_converter(), AutoRestartValues, _given(raw), _PATH, report)
    entries = raw.get("services")
    if entries is not None and not isinstance(entries, list):
        report.fault((*_PATH, "services"), "wrong type", expected="an array of objects")
        return AutoRestart()
    if common.enabled and not entries:
        report.warn(
            (*_PATH, "services"),
            "lists no service, so nothing here counts; each block's own `restart` counts as always",
        )
    listed = [
        _read_entry(item, common, (*_PATH, "services", index), report) for index, item in enumerate(entries or ())
    ]
    return AutoRestart(**_values(common), services=tuple(item for item in listed if item is not None))


def _given(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is null, which is the same as not there, except for what is true or false."""
    return {key: value for key, value in raw.items() if value is not None or key in {"enabled", "restart_on_unhealthy"}}


def _values(values: AutoRestartValues) -> dict[str, Any]:
    return {name: getattr(values, name) for name in _VALUES}


def _read_entry(item: Any, common: AutoRestartValues, path: Path, report: Report) -> ListedService | None:
    if not isinstance(item, dict):
        hint = 'write {"process_name": "…"}' if isinstance(item, str) else ""
        report.fault(path, "wrong type", expected="an object with a process_name", hint=hint)
        return None
    near_misses(item, path, _VALUES | {"process_name"}, report)
    if "process_name" not in item:
        report.fault((*path, "process_name"), "is missing", expected="the name of a service")
    entry = structure_fields(_converter(), _Entry, item, path, report)
    given = {key: value for key, value in _given(item).items() if key in _VALUES}
    own = structure_fields(_converter(), AutoRestartValues, given, path, report)
    if given.pop("grace_period_seconds", None) is not None:
        report.warn((*path, "grace_period_seconds"), "does not count: the value for all services always does")
    values = {**_values(common), **{key: getattr(own, key) for key in given}}
    values["enabled"] = common.enabled and values["enabled"]
    return ListedService(process_name=entry.process_name, **values)


def warn_of_listed(auto_restart: AutoRestart, services: Collection[str], report: Report) -> None:
    """Warn of entries that mean none of *services*, or the same one as an entry before."""
    known = {_fold(name): name for name in services}
    seen: set[str] = set()
    for index, item in enumerate(auto_restart.services):
        folded, path = _fold(item.process_name), (*_PATH, "services", index, "process_name")
        if folded not in known:
            hint = did_you_mean(item.process_name.strip(), services)
            text = f"no service is called {item.process_name!r}"
            report.warn(path, f"{text}; {hint}" if hint else text)
        elif folded in seen:
            report.warn(path, f"{known[folded]!r} is listed twice; the first one counts")
        seen.add(folded)


def _service(value: Any, kind: Any) -> str:
    try:
        return name(value, kind)
    except Wrong as wrong:
        wrong.expected = "the name of a service"
        raise


@cache
def _converter() -> cattrs.Converter:
    return make_converter({Name: _service, tuple[float, ...]: delays})
