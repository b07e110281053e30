"""
What a service is: frozen values, made by the configuration or by hand, checked when they are made.

The classes carry the names of the JSON fields (`ServiceSpec("db", "postgres -D data", readiness=Tcp(5432))`).
A value that makes no sense raises `ValueError` with a sentence that names the field; the configuration loader turns
these into faults with a path.
"""

import shlex
import signal as signals
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import attrs

from dumb_actors.model import fields
from dumb_actors.model.fields import not_empty, not_negative
from dumb_actors.model.probe import (
    BasicAuth,
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
    WaitSpec,
    split_command,
)
from dumb_actors.model.restart import Policy, RestartPolicy

__all__ = [
    "DEFAULT_STOP",
    "BasicAuth",
    "CheckSpec",
    "DependsOn",
    "Directory",
    "Exec",
    "Liveness",
    "Log",
    "Mount",
    "Notify",
    "OnLoss",
    "ProbeSpec",
    "RestartPolicy",
    "ServiceSpec",
    "Settle",
    "StopStep",
    "Tcp",
    "Until",
    "Url",
    "WaitSpec",
]

Until: TypeAlias = Literal["started", "ready", "completed"]
"""What a dependent waits for: a live child, proved readiness, or a one-shot that has done its work."""

OnLoss: TypeAlias = Literal["keep", "restart", "stop"]
"""What happens to a running dependent when the dependency is lost."""


# --- dependencies and stopping ----------------------------------------------------------------------------------------


@attrs.frozen
class DependsOn:
    """
    A declared dependency.

    Attributes:
        name: Process name of the dependency.

        until: `ready` (default), `started` (a live child is enough) or `completed` (a one-shot has done its work).

        on_loss: What happens to the dependent when the dependency is lost while it runs: it keeps running and is told;
            it is restarted, waiting for the dependency again; or it is stopped and no longer wished.

        required: False: a dependency that is disabled or not configured does not gate.
    """

    name: str = attrs.field(validator=not_empty)
    until: Until = attrs.field(
        default="ready", validator=attrs.validators.in_(("started", "ready", "completed")), kw_only=True
    )
    on_loss: OnLoss = attrs.field(
        default="keep", validator=attrs.validators.in_(("keep", "restart", "stop")), kw_only=True
    )
    required: bool = attrs.field(default=True, kw_only=True)


def _signal_name(instance: object, attribute: "attrs.Attribute[str | None]", value: str | None) -> None:
    if value is not None and value not in signals.Signals.__members__:
        raise ValueError(f"'signal' must be the name of a signal such as SIGTERM, not {value!r}")


@attrs.frozen(kw_only=True)
class StopStep:
    """
    One step of a stop: a signal to the process group or a command to run, then a wait for the child's end.

    Attributes:
        signal: Name of the signal; None when `command` is given.

        command: Program and arguments, run with the service's environment and directory; at most `wait` seconds.

        wait: Seconds to wait for the child's end before the next step; SIGKILL follows the last.
    """

    signal: str | None = attrs.field(default=None, validator=_signal_name)
    command: tuple[str, ...] | None = None
    wait: float = attrs.field(default=10.0, validator=not_negative)

    def __attrs_post_init__(self) -> None:
        if (self.signal is None) == (self.command is None):
            raise ValueError("a stop step has either a 'signal' or a 'command'")

    def __str__(self) -> str:
        return self.signal if self.signal is not None else shlex.join(self.command or ())


DEFAULT_STOP = (StopStep(signal="SIGTERM", wait=10.0),)


# --- the service ------------------------------------------------------------------------------------------------------


def _depends_on(value: Mapping[str, DependsOn] | Iterable[str | DependsOn]) -> tuple[DependsOn, ...]:
    if isinstance(value, str):
        raise ValueError("'depends_on' must be a list of process names, not a text")
    if isinstance(value, Mapping):
        return tuple(value.values())
    return tuple(item if isinstance(item, DependsOn) else DependsOn(item) for item in value)


def _restart(value: RestartPolicy | Policy) -> RestartPolicy:
    return RestartPolicy(policy=value) if isinstance(value, str) else value


def _umask(value: Any) -> Any:
    # What is no octal text is left for the validator to refuse.
    number = fields.octal(value) if isinstance(value, str) else None
    return value if number is None else number


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _frozen_map(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(value))


@attrs.frozen
class ServiceSpec:
    """
    A service as it is to be run. Everything but the name and the command has a default.

    Attributes:
        name: The unique process name.

        command: Program and arguments; a string is split like a shell does, without expansion. Empty: it cannot be
            started.

        depends_on: Names, or `DependsOn` values, of the services that must be up first.

        waits: What else must be true first: `Url`s, `Directory`s and `Mount`s that are asked before each start.

        readiness: The proof that the child is up. A one-shot with a `Settle` is ready when it is completed.

        liveness: How its health is watched once it is ready; None: only its end counts.

        restart: What follows an unexpected end; a policy's name stands for its defaults.

        oneshot: It is meant to end: with one of `success_codes` it is `completed`, and that counts as ready.

        stop: The steps of a stop; SIGKILL to the process group follows the last.

        cwd: Working directory; None: the supervisor's root.

        env: Added to the supervisor's own environment.

        run_as: `user` or `user:group`, each by name or id; without a group that of the user. None: as the supervisor
            itself. Names are looked up at each start.

        umask: What its new files are not allowed; a text is read as octal digits. None: as the supervisor's.

        limits: What it may use at most, by the names of `fields.LIMITS`: `nofile` and `nproc` are counts, `core` is in
            bytes, the rest in the unit that the name ends with. All are the kernel's resource limits, for each process,
            but `memory_mb`, which is for all processes of the service and needs a control group.

        clean_environment: Of the supervisor's own environment it gets the user's name and home, the path, language and
            time zone, and what `pass_environment` names; else all of it.

        pass_environment: Names of variables, `*` for any letters.

        separate_stderr: Its standard error has a log file of its own beside that of its output.

        enabled: Whether `boot()` starts it.

        log_file: Absolute path of its output; None: `ROOT/log/<slug>.log`.

        log_size, log_count: Rotation: bytes in one file, and how many rotated ones are kept.

        suppress_logging: Output is dropped.

        ports: What it listens on: how waits of others find it, and what it tells its dependents.

        provides: Directories that exist because it runs (mount points): for the same two uses.

        key: Service key of the configuration (`rclone`); empty for specs made by hand.

        config: The block of the configuration it came from, as written; empty for specs made by hand.

        place: Where that block stands, as JSON path (`$.rclone.instances.Main`); empty for specs made by hand.
    """

    name: str = attrs.field(validator=not_empty)
    command: tuple[str, ...] = attrs.field(converter=split_command)
    depends_on: tuple[DependsOn, ...] = attrs.field(default=(), converter=_depends_on, kw_only=True)
    waits: tuple[WaitSpec, ...] = attrs.field(default=(), converter=tuple, kw_only=True)
    readiness: ProbeSpec = attrs.field(factory=Settle, kw_only=True)
    liveness: Liveness | None = attrs.field(default=None, kw_only=True)
    restart: RestartPolicy = attrs.field(factory=RestartPolicy, converter=_restart, kw_only=True)
    oneshot: bool = attrs.field(default=False, kw_only=True)
    success_codes: tuple[int, ...] = attrs.field(default=(0,), converter=tuple, kw_only=True)
    stop: tuple[StopStep, ...] = attrs.field(default=DEFAULT_STOP, converter=tuple, kw_only=True)
    cwd: str | None = attrs.field(default=None, kw_only=True)
    env: Mapping[str, str] = attrs.field(factory=dict, converter=_frozen_map, kw_only=True, repr=False)
    run_as: str | None = attrs.field(default=None, kw_only=True, validator=fields.run_as)
    umask: int | None = attrs.field(default=None, kw_only=True, converter=_umask, validator=fields.umask)
    limits: Mapping[str, int] = attrs.field(factory=dict, kw_only=True, converter=_frozen_map, validator=fields.limits)
    clean_environment: bool = attrs.field(default=False, kw_only=True)
    pass_environment: tuple[str, ...] = attrs.field(
        default=(), kw_only=True, converter=_names, validator=fields.variable_pattern
    )
    separate_stderr: bool = attrs.field(default=False, kw_only=True)
    enabled: bool = attrs.field(default=True, kw_only=True)
    log_file: str | None = attrs.field(default=None, kw_only=True)
    log_size: int = attrs.field(default=10_000_000, kw_only=True)
    log_count: int = attrs.field(default=2, kw_only=True)
    suppress_logging: bool = attrs.field(default=False, kw_only=True)
    ports: tuple[int, ...] = attrs.field(default=(), converter=tuple, kw_only=True)
    provides: tuple[str, ...] = attrs.field(default=(), converter=tuple, kw_only=True)
    key: str = attrs.field(default="", kw_only=True)
    config: Mapping[str, Any] = attrs.field(factory=dict, converter=_frozen_map, kw_only=True, repr=False, eq=False)
    place: str = attrs.field(default="", kw_only=True, repr=False, eq=False)

    @command.validator
    def _check_command(self, attribute: "attrs.Attribute[tuple[str, ...]]", value: tuple[str, ...]) -> None:
        # An empty command is allowed here: a block without one can be listed; starting it fails and says so.
        if not all(isinstance(part, str) for part in value) or (value and not value[0]):
            raise ValueError(f"'command' of {self.name!r} must name a program")
        if any("\0" in part for part in value):
            raise ValueError(f"'command' of {self.name!r} must not contain a NUL character")
