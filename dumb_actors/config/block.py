"""
What may stand in the block of a service: field by field, with types.

The class says which fields there are; the hooks below it say what each type takes. Keys that are not listed are none of
our business: a block carries whatever the service's own setup needs.
"""

import signal as signals
from functools import cache
from typing import Any, Literal, NewType, TypeAlias

import attrs
import cattrs

from dumb_actors.config.probing import PROBE_HOOKS, Directories, Mounts, OwnLiveness, Readiness, UrlWaits
from dumb_actors.config.report import did_you_mean
from dumb_actors.config.restarts import RESTART_HOOKS, ExitCodes, OwnRestart
from dumb_actors.config.rights import RIGHTS_HOOKS, Limits, RunAs, Umask, Variables
from dumb_actors.config.scalars import SCALARS, Clock, Command, Labels, Name, PathText, Port, no_nul
from dumb_actors.config.strict import Wrong, each, make_converter
from dumb_actors.model.spec import DependsOn, OnLoss, StopStep, Until

__all__ = ["Block", "DependencyOptions", "LogLevel", "StopItem", "Unread", "block_converter"]

Signal = NewType("Signal", str)
Env = NewType("Env", dict[str, str])
Dependencies = NewType("Dependencies", tuple[DependsOn, ...])
StopSteps = NewType("StopSteps", tuple[StopStep, ...])
_NO_NAME = Name("")
LogLevel: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


@attrs.frozen(kw_only=True)
class DependencyOptions:
    """What may stand behind a name in `depends_on`."""

    until: Until = "ready"
    on_loss: OnLoss = "keep"
    required: bool = True


@attrs.frozen(kw_only=True)
class StopItem:
    """A step of `stop` as it is written."""

    signal: Signal | None = None
    command: Command | None = None
    wait: float = attrs.field(default=10.0, validator=attrs.fields(StopStep).wait.validator)


@attrs.frozen(kw_only=True)
class EnvCopy:
    """Where a `.env` file is copied before a start."""

    source: str | None = None
    destination: str | None = None


@attrs.frozen(kw_only=True)
class Unread:
    """Common fields of the API document that nobody reads yet; a wrong type is a mistake today already."""

    install_dir: PathText | None = None
    config_file: PathText | None = None
    repo_owner: str | None = None
    repo_name: str | None = None
    release_version_enabled: bool = False
    release_version: str | None = None
    branch_enabled: bool = False
    branch: str | None = None
    pinned_version: str | None = None
    auto_update: bool = False
    auto_update_interval: float | None = None
    auto_update_start_time: Clock | None = None
    clear_on_update: bool = False
    exclude_dirs: tuple[str, ...] | None = None
    platforms: tuple[str, ...] | None = None
    core_service: Labels | None = None
    core_services: Labels | None = None
    use_huntarr: bool = False
    use_profilarr: bool = False
    env_copy: EnvCopy | None = None


@attrs.frozen(kw_only=True)
class Block(Unread):
    """
    The fields of a service's block that we know: the common ones of the API document, and our own.

    Null is the same as leaving a field out, except for `process_name` and for what is true or false.
    """

    process_name: Name = _NO_NAME
    enabled: bool = False
    command: Command | None = None
    env: Env | None = None
    run_as: RunAs | None = None
    umask: Umask | None = None
    limits: Limits | None = None
    clean_environment: bool = False
    pass_environment: Variables | None = None
    config_dir: PathText | None = None
    log_file: PathText | None = None
    suppress_logging: bool = False
    separate_stderr: bool = False
    log_level: LogLevel | None = None
    host: str | None = None
    port: Port | None = None
    frontend_port: Port | None = None
    backend_port: Port | None = None
    webdav_port: Port | None = None
    wait_for_dir: Directories | None = None
    wait_for_mounts: Mounts | None = None
    wait_for_url: UrlWaits | None = None
    mount_dir: PathText | None = None
    mount_name: PathText | None = None
    mount_path: PathText | None = None
    depends_on: Dependencies | None = None
    readiness: Readiness = None
    liveness: OwnLiveness | None = None
    restart: OwnRestart | None = None
    stop: StopSteps | None = None
    oneshot: bool = False
    success_codes: ExitCodes | None = None


# --- hooks ------------------------------------------------------------------------------------------------------------


def _env(value: Any, _: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Wrong(expected="an object of texts")
    return dict(each(((name, (name, text)) for name, text in value.items()), _variable, str))


def _variable(pair: tuple[str, Any], _: Any) -> tuple[str, str]:
    name, text = pair
    if not name or "=" in name or "\0" in name:
        raise Wrong("cannot be the name of a variable")
    return name, no_nul(text)


def _dependencies(value: Any, _: Any) -> tuple[DependsOn, ...]:
    converter = block_converter()
    if isinstance(value, list):
        names: tuple[str, ...] = converter.structure(value, tuple[Name, ...])
        return tuple(DependsOn(name) for name in names)
    if not isinstance(value, dict):
        raise Wrong(expected="an array of process names, or an object with options behind each name")
    options: dict[str, DependencyOptions] = converter.structure(value, dict[str, DependencyOptions])
    if any(not name.strip() for name in options):
        raise Wrong("a name is empty")
    return tuple(DependsOn(name, **attrs.asdict(each)) for name, each in options.items())


def _stop_steps(value: Any, _: Any) -> tuple[StopStep, ...]:
    steps: tuple[StopStep, ...] = block_converter().structure(value, tuple[StopStep, ...])
    return steps


def _stop_step(value: Any, _: Any) -> StopStep:
    item = block_converter().structure(value, StopItem)
    return StopStep(signal=item.signal, command=item.command or None, wait=item.wait)


def _signal(value: Any, _: Any) -> str:
    expected, known = "the name of a signal such as SIGTERM", signals.Signals.__members__
    if not isinstance(value, str):
        raise Wrong(expected=expected)
    if value not in known:
        hint = did_you_mean(value, known) or did_you_mean(f"SIG{value}", known)
        raise Wrong("is no signal", expected=expected, hint=hint)
    return value


@cache
def block_converter() -> cattrs.Converter:
    """Give the converter for blocks; made once, at the first use."""
    return make_converter(
        {
            **SCALARS,
            **PROBE_HOOKS,
            **RESTART_HOOKS,
            **RIGHTS_HOOKS,
            Env: _env,
            Signal: _signal,
            Dependencies: _dependencies,
            StopSteps: _stop_steps,
            StopStep: _stop_step,
        }
    )
