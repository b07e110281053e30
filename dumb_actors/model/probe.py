"""What can be asked of a service or of the world: readiness, waits and liveness, as frozen values."""

import re
import shlex
from collections.abc import Iterable
from typing import TypeAlias
from urllib.parse import urlsplit

import attrs

from dumb_actors.model.fields import at_least_one, not_empty, not_negative, port, positive

__all__ = [
    "BasicAuth",
    "CheckSpec",
    "Directory",
    "Exec",
    "Liveness",
    "Log",
    "Mount",
    "Notify",
    "ProbeSpec",
    "Settle",
    "Tcp",
    "Url",
    "WaitSpec",
    "split_command",
]


def split_command(value: str | Iterable[str]) -> tuple[str, ...]:
    """Split a string command like a shell does; a list is taken as it is."""
    return tuple(shlex.split(value)) if isinstance(value, str) else tuple(value)


@attrs.frozen
class Settle:
    """Ready when the child has outlived `settle` seconds: the proof for a service that offers no better one."""

    settle: float = attrs.field(default=1.0, validator=not_negative)
    timeout: float = attrs.field(default=600.0, validator=positive, kw_only=True)


@attrs.frozen
class Tcp:
    """Ready when `host`:`tcp` accepts a connection."""

    tcp: int = attrs.field(validator=port)
    host: str = attrs.field(default="127.0.0.1", validator=not_empty)
    timeout: float = attrs.field(default=600.0, validator=positive, kw_only=True)


@attrs.frozen
class BasicAuth:
    """User and password of a URL probe; the password never shows in a `repr`."""

    user: str
    password: str = attrs.field(repr=False)


def _http_url(instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        usable = usable and value == value.strip() and not any(letter.isspace() for letter in parts.netloc)
    except (ValueError, AttributeError, TypeError):
        usable = False
    if not usable:
        raise ValueError(f"{attribute.name!r} must be an http:// or https:// URL, not {value!r}")


@attrs.frozen
class Url:
    """Ready when a GET of `url` answers with a 2xx status, redirects followed."""

    url: str = attrs.field(validator=_http_url)
    auth: BasicAuth | None = None
    timeout: float = attrs.field(default=600.0, validator=positive, kw_only=True)


@attrs.frozen
class Directory:
    """Ready when `directory` exists and is a directory."""

    directory: str = attrs.field(validator=not_empty)
    timeout: float = attrs.field(default=600.0, validator=positive, kw_only=True)


def _regex(instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    try:
        re.compile(value)
    except (re.error, TypeError) as exc:
        raise ValueError(f"{attribute.name!r} must be a regular expression, not {value!r}: {exc}") from None


@attrs.frozen
class Log:
    """Ready when a line of this generation's output contains a match of the regular expression `log`."""

    log: str = attrs.field(validator=[not_empty, _regex])
    timeout: float = attrs.field(default=600.0, validator=positive, kw_only=True)


@attrs.frozen
class Mount:
    """Ready when `mount` is a mount point, by the mount table, and the file system on it answers."""

    mount: str = attrs.field(validator=not_empty)
    timeout: float = attrs.field(default=600.0, validator=positive, kw_only=True)


@attrs.frozen
class Exec:
    """
    Ready when the program `exec`, run with the service's environment and directory, ends with exit code 0.

    One run may take 5 seconds (as a liveness check: its time-out), then it is killed with its group and counts as a no.
    """

    exec: tuple[str, ...] = attrs.field(converter=split_command)
    timeout: float = attrs.field(default=600.0, validator=positive, kw_only=True)

    @exec.validator  # noqa: A003
    def _check_exec(self, attribute: "attrs.Attribute[tuple[str, ...]]", value: tuple[str, ...]) -> None:
        if not value or not all(isinstance(part, str) and "\0" not in part for part in value) or not value[0]:
            raise ValueError("'exec' must name a program")


@attrs.frozen
class Notify:
    """
    Ready when the service says so by sd_notify: `READY=1` on the socket named in its `NOTIFY_SOCKET`.

    Source: sd_notify(3); messages count only from processes of the service.
    """

    notify: bool = True
    timeout: float = attrs.field(default=600.0, validator=positive, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.notify is not True:
            raise ValueError("'notify' can only be true")


ProbeSpec: TypeAlias = Settle | Tcp | Url | Directory | Log | Mount | Exec | Notify
"""Any readiness probe. A new kind joins here and gets its file in `probes/`."""

WaitSpec: TypeAlias = Url | Directory | Mount
"""The probes that `wait_for_url`, `wait_for_dir` and `wait_for_mounts` ask before a start."""

CheckSpec: TypeAlias = Tcp | Url | Directory | Mount | Exec
"""The probes that can ask again and again whether a service is healthy."""


def _checks(value: CheckSpec | Iterable[CheckSpec]) -> tuple[CheckSpec, ...]:
    return (value,) if isinstance(value, CheckSpec) else tuple(value)


@attrs.frozen
class Liveness:
    """
    How the health of a ready service is watched; `threshold` failures in a row restart it like a crash does.

    Attributes:
        checks: Healthy when all of them hold.

        interval: Seconds from one round of questions to the next.

        timeout: Seconds for one answer; no answer is a failure.

        threshold: Failures in a row that make it unhealthy.

        grace: Seconds after it became ready before the first question.

        restart: False: it is only reported as unhealthy.
    """

    checks: tuple[CheckSpec, ...] = attrs.field(converter=_checks)
    interval: float = attrs.field(default=30.0, validator=positive, kw_only=True)
    timeout: float = attrs.field(default=5.0, validator=positive, kw_only=True)
    threshold: int = attrs.field(default=3, validator=at_least_one, kw_only=True)
    grace: float = attrs.field(default=0.0, validator=not_negative, kw_only=True)
    restart: bool = attrs.field(default=True, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not self.checks:
            raise ValueError("'liveness' needs at least one check")
