"""What a document says about the supervisor itself: `dumb`, `puid`, `pgid`, `tz`."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NewType, TypeAlias

import attrs
import cattrs

from dumb_actors.config.autorestart import AutoRestart, read_auto_restart
from dumb_actors.config.block import Block, LogLevel, block_converter
from dumb_actors.config.report import Report
from dumb_actors.config.strict import Wrong, make_converter, structure_fields, unquote_hint

__all__ = ["Cgroups", "Orphans", "Settings", "read_settings"]

Orphans: TypeAlias = Literal["adopt", "stop"]
Cgroups: TypeAlias = Literal["auto", "off"]
UserId = NewType("UserId", int)
Size = NewType("Size", int)
Count = NewType("Count", int)

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


@attrs.frozen(kw_only=True)
class Settings:
    """
    What the document says about the supervisor itself.

    Attributes:
        log_level: Of our own log.

        api_host, api_port: Where the API listens unless `--bind` says otherwise.

        origins: Origins, beside our own, whose pages may change things.

        orphans: What happens to the services when the supervisor is killed.

        cgroups: Whether services get control groups of their own: `auto`, where one is delegated to us, or `off`.

        tz: Time zone for services; None: that of the machine.

        puid, pgid: Ids of the user and group that services run as unless they say otherwise, when we are root; None:
            ours.

        log_size, log_count: Bytes in one log file, and how many rotated ones are kept; the defaults of every service.

        auto_restart: How listed services are healed.
    """

    log_level: LogLevel = "INFO"
    api_host: str = "127.0.0.1"
    api_port: int = 8000
    origins: tuple[str, ...] = ()
    orphans: Orphans = "adopt"
    cgroups: Cgroups = "auto"
    tz: str | None = None
    puid: int | None = None
    pgid: int | None = None
    log_size: int = 10_000_000
    log_count: int = 2
    auto_restart: AutoRestart = attrs.field(factory=AutoRestart)


@attrs.frozen(kw_only=True)
class _Top:
    puid: UserId | None = None
    pgid: UserId | None = None
    tz: str | None = None


@attrs.frozen(kw_only=True)
class _Dumb:
    log_level: LogLevel | None = None
    log_size: Size | None = None
    log_count: Count | None = None
    orphans: Orphans | None = None
    cgroups: Cgroups | None = None


@attrs.frozen(kw_only=True)
class _Frontend:
    origins: tuple[str, ...] | None = None


def read_settings(document: Mapping[str, Any], report: Report) -> Settings:
    """Read the settings of *document*; what is wrong goes to *report* and keeps its default."""
    converter = _converter()
    top = structure_fields(converter, _Top, document, (), report)
    if top.pgid is not None and top.puid is None and document.get("puid") is None:
        report.warn(("pgid",), "counts only together with `puid`")
    raw = document.get("dumb")
    if raw is not None and not isinstance(raw, dict):
        report.fault(("dumb",), "wrong type", expected="an object")
    raw = raw if isinstance(raw, dict) else {}
    dumb = structure_fields(converter, _Dumb, raw, ("dumb",), report)
    frontend = structure_fields(converter, _Frontend, _member(raw, "frontend"), ("dumb", "frontend"), report)
    # The block is checked as that of a built-in or a service elsewhere: what is wrong is reported there, once.
    api = structure_fields(
        block_converter(), Block, _member(raw, "api_service"), ("dumb", "api_service"), Report(document)
    )
    return Settings(
        log_level=dumb.log_level or "INFO",
        api_host=api.host or "127.0.0.1",
        api_port=api.port or 8000,
        origins=frontend.origins or (),
        orphans=dumb.orphans or "adopt",
        cgroups=dumb.cgroups or "auto",
        tz=top.tz or None,
        puid=top.puid,
        pgid=top.pgid,
        log_size=10_000_000 if dumb.log_size is None else dumb.log_size,
        log_count=2 if dumb.log_count is None else dumb.log_count,
        auto_restart=read_auto_restart(raw.get("auto_restart"), report),
    )


def _member(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _user_id(value: Any, _: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32 - 1:
        raise Wrong("is no id", expected="a whole number, 0 or more", hint=unquote_hint(value))
    return value


def _count(value: Any, _: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1000:
        raise Wrong("is no count", expected="a whole number from 0 to 1000", hint=unquote_hint(value))
    return value


def _size(value: Any, _: Any) -> int:
    size = value
    if isinstance(value, str) and (match := re.fullmatch(r"\s*([0-9]{1,15})\s*([KMG]?)B?\s*", value.upper())):
        size = int(match[1]) * _UNITS[match[2]]
    if isinstance(size, bool) or not isinstance(size, int) or not 0 < size < 2**63:
        raise Wrong("is no size", expected='a number of bytes, or a text such as "10M" or "512K"')
    return size


@cache
def _converter() -> cattrs.Converter:
    return make_converter({UserId: _user_id, Size: _size, Count: _count})
