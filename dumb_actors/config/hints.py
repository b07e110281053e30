"""Warnings about keys: those that look like another one, and those that this version does not act upon."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from dumb_actors.config.block import Block, DependencyOptions, StopItem, Unread
from dumb_actors.config.find import Place
from dumb_actors.config.probing import CHECKS, PROBES, LivenessTimes, UrlWait
from dumb_actors.config.report import Path, Report, did_you_mean
from dumb_actors.model.restart import RestartPolicy

__all__ = ["near_misses", "warn_of_keys"]

_LATER = ("on_port_conflict",)
_PATHS = ("config_dir", "log_file", "wait_for_dir", "mount_dir", "mount_path")
_NEAR = 0.8


def _names(cls: type[attrs.AttrsInstance]) -> frozenset[str]:
    return frozenset(field.name for field in attrs.fields(cls))


# A key is compared with what we act upon only: `zurg_config_file` is not meant to be `config_file`.
_UNREAD = _names(Unread)
_FIELDS = _names(Block) | {*_LATER}
_READINESS = frozenset({*PROBES, "timeout", "host", "auth"})
_LIVENESS = frozenset({*CHECKS, "host", "auth"}) | _names(LivenessTimes)
# Words of other tools, and what they are called here.
_SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "cmd": "command",
        "cwd": "config_dir",
        "dependencies": "depends_on",
        "environment": "env",
        "health_check": "liveness",
        "healthcheck": "liveness",
        "max_restarts": "limit",
        "period": "interval",
        "requires": "depends_on",
        "rlimits": "limits",
        "restart_policy": "restart",
        "retries": "threshold",
        "start_period": "grace",
        "ulimits": "limits",
        "workdir": "config_dir",
        "working_dir": "config_dir",
        "working_directory": "config_dir",
    }
)


def warn_of_keys(place: Place, report: Report) -> None:
    """Warn of keys in the block at *place* that probably do not do what they were written for."""
    _warn_of_later(place.block, place.path, report)
    _warn_of_tildes(place.block, place.path, report)
    _warn_of_lonely(place.block, place.path, report)
    near_misses(place.block, place.path, _FIELDS, report)
    for part, at, known in _parts(place.block):
        near_misses(part, (*place.path, *at), known, report)


def _warn_of_later(block: Mapping[str, Any], path: Path, report: Report) -> None:
    for key in _LATER:
        if block.get(key) is not None:
            report.warn((*path, key), "known, but this version does not act upon it yet")


def _warn_of_lonely(block: Mapping[str, Any], path: Path, report: Report) -> None:
    """Warn of what has no effect for want of something else, or because of it."""
    if block.get("success_codes") is not None and block.get("oneshot") is not True:
        report.warn((*path, "success_codes"), 'counts for one-shots only; is `"oneshot": true` missing?')
    if block.get("pass_environment") and block.get("clean_environment") is not True:
        problem = 'everything is passed already; is `"clean_environment": true` missing?'
        report.warn((*path, "pass_environment"), problem)
    if block.get("separate_stderr") is True and block.get("suppress_logging") is True:
        report.warn((*path, "separate_stderr"), "counts for nothing: all output is dropped")


def _warn_of_tildes(block: Mapping[str, Any], path: Path, report: Report) -> None:
    found: list[tuple[Path, Any]] = [((key,), block.get(key)) for key in _PATHS]
    for key in ("wait_for_mounts", "wait_for_dir"):
        items = block.get(key)
        found += [((key, index), item) for index, item in enumerate(items if isinstance(items, list) else ())]
    for at, value in found:
        if isinstance(value, str) and value.startswith("~"):
            report.warn((*path, *at), "`~` is not expanded; the path lies below the root")


def _parts(block: Mapping[str, Any]) -> Iterator[tuple[Any, Path, frozenset[str]]]:
    """Walk through the objects inside *block*, each with the keys that it may have."""
    yield block.get("readiness"), ("readiness",), _READINESS
    yield block.get("liveness"), ("liveness",), _LIVENESS
    yield block.get("restart"), ("restart",), _names(RestartPolicy)
    for key, cls in (("wait_for_url", UrlWait), ("stop", StopItem)):
        items = block.get(key)
        for index, item in enumerate(items if isinstance(items, list) else ()):
            yield item, (key, index), _names(cls)
    depends_on = block.get("depends_on")
    for name, options in depends_on.items() if isinstance(depends_on, dict) else ():
        yield options, ("depends_on", name), _names(DependencyOptions)


def near_misses(part: Any, path: Path, known: frozenset[str], report: Report) -> None:
    """Warn of keys in *part*, when it is an object, that are not *known* and look like one that is."""
    if not isinstance(part, dict):
        return
    for key in part:
        if key in known:
            continue
        meant = _SYNONYMS.get(key)
        hint = f"did you mean {meant!r}?" if meant in known else did_you_mean(key, known - _UNREAD, cutoff=_NEAR)
        # Only a key whose better spelling is free: `port` and `ports` side by side are both meant.
        if hint and not any(repr(other) in hint for other in part if other in known):
            report.warn((*path, key), f"no field of ours; {hint}")
