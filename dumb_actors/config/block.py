"""
What may stand in the block of a service: field by field, with types.

The class says which fields there are; the hooks below it say what each type takes. Keys that are not listed are none of
our business: a block carries whatever the service's own setup needs.
"""

import shlex
import signal as signals
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, NewType, TypeAlias

import attrs
import cattrs

from dumb_actors.config.report import did_you_mean
from dumb_actors.config.scalars import SCALARS, Clock, Labels, Name, PathText, Port, no_nul, port
from dumb_actors.config.strict import Wrong, each, make_converter, one_of
from dumb_actors.model.spec import DependsOn, Directory, Log, ProbeSpec, Settle, StopStep, Tcp, Url

__all__ = ["PROBES", "Block", "DependencyOptions", "LogLevel", "StopItem", "Unread", "UrlWait", "block_converter"]

Command = NewType("Command", tuple[str, ...])
Never = NewType("Never", bool)
NoMounts = NewType("NoMounts", tuple[str, ...])
UrlWaits = NewType("UrlWaits", tuple["UrlWait", ...])
Until = NewType("Until", str)
OnLoss = NewType("OnLoss", str)
Env = NewType("Env", dict[str, str])
Dependencies = NewType("Dependencies", tuple[DependsOn, ...])
StopSteps = NewType("StopSteps", tuple[StopStep, ...])
Readiness: TypeAlias = ProbeSpec | None
_NO_NAME = Name("")
LogLevel: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


@attrs.frozen
class UrlWait(Url):
    """An item of `wait_for_url`; `core_service` is a label for the graph."""

    core_service: str | None = attrs.field(default=None, kw_only=True)


@attrs.frozen(kw_only=True)
class DependencyOptions:
    """What may stand behind a name in `depends_on`."""

    until: Until = Until("ready")
    on_loss: OnLoss = OnLoss("keep")
    required: bool = True


@attrs.frozen(kw_only=True)
class StopItem:
    """A step of `stop` as it is written."""

    signal: str | None = None
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
    config_dir: PathText | None = None
    log_file: PathText | None = None
    suppress_logging: bool = False
    log_level: LogLevel | None = None
    host: str | None = None
    port: Port | None = None
    frontend_port: Port | None = None
    backend_port: Port | None = None
    webdav_port: Port | None = None
    wait_for_dir: PathText | None = None
    wait_for_mounts: NoMounts | None = None
    wait_for_url: UrlWaits | None = None
    mount_dir: PathText | None = None
    mount_name: PathText | None = None
    mount_path: PathText | None = None
    depends_on: Dependencies | None = None
    readiness: Readiness = None
    stop: StopSteps | None = None
    oneshot: Never = Never(False)


# --- hooks ------------------------------------------------------------------------------------------------------------


def _command(value: Any, _: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as error:
            hint = "close the quote, or write the command as an array"
            raise Wrong(f"cannot be split like a shell does: {str(error).lower()}", hint=hint) from None
    if not isinstance(value, list):
        raise Wrong(expected="an array of texts, or one text that is split like a shell does")
    parts: tuple[str, ...] = block_converter().structure(value, tuple[PathText, ...])
    if parts and not parts[0]:
        raise Wrong("names no program", at=(0,))
    return parts


def _env(value: Any, _: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Wrong(expected="an object of texts")
    return dict(each(((name, (name, text)) for name, text in value.items()), _variable, str))


def _variable(pair: tuple[str, Any], _: Any) -> tuple[str, str]:
    name, text = pair
    if not name or "=" in name or "\0" in name:
        raise Wrong("cannot be the name of a variable")
    return name, no_nul(text)


def _url_waits(value: Any, _: Any) -> tuple[UrlWait, ...]:
    if value == "":
        return ()
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        raise Wrong("wrong type", expected="an array of objects", hint='write {"url": "http://…"} for each')
    waits: tuple[UrlWait, ...] = block_converter().structure(value, tuple[UrlWait, ...])
    return waits


def _no_mounts(value: Any, _: Any) -> tuple[str, ...]:
    if value in ("", []):
        return ()
    if not isinstance(value, list):
        raise Wrong(expected="an array of paths")
    hint = "use wait_for_dir with a directory inside the mount"
    raise Wrong("waiting for mounts is not supported by this version yet", hint=hint)


def _never(value: Any, _: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong(expected="true or false")
    if value:
        raise Wrong("one-shot services are not supported by this version yet", hint="leave it out")
    return value


def _word(*, known: str, later: tuple[str, ...]) -> Callable[[Any, Any], str]:
    words = known.split()

    def structure(value: Any, _: Any) -> str:
        if value in later:
            raise Wrong("is not supported by this version yet", expected="one of " + ", ".join(words))
        return one_of(value, words)

    return structure


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
    if item.signal is not None and item.signal not in signals.Signals.__members__:
        hint = did_you_mean(item.signal, signals.Signals.__members__) or did_you_mean(
            f"SIG{item.signal}", signals.Signals.__members__
        )
        raise Wrong("is no signal", expected="the name of a signal such as SIGTERM", hint=hint, at=("signal",))
    return StopStep(signal=item.signal, command=item.command or None, wait=item.wait)


PROBES: Mapping[str, type[ProbeSpec]] = MappingProxyType(
    {"tcp": Tcp, "url": Url, "log": Log, "directory": Directory, "settle": Settle}
)
"""The readiness probes by the key that names them."""

_LATER_PROBES = frozenset({"mount", "exec", "notify"})


def _readiness(value: Any, _: Any) -> Readiness:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Wrong(expected='an object such as {"tcp": 5432}')
    for kind in _LATER_PROBES.intersection(value):
        raise Wrong("is not supported by this version yet", expected="one of " + ", ".join(PROBES), at=(kind,))
    kinds = [kind for kind in PROBES if kind in value]
    if len(kinds) != 1:
        problem = "does not say what to ask" if not kinds else f"says more than one thing to ask: {', '.join(kinds)}"
        hints = [did_you_mean(key, PROBES) for key in value if not kinds and key not in {"timeout", "host", "auth"}]
        raise Wrong(problem, expected="exactly one of " + ", ".join(PROBES), hint=next(filter(None, hints), ""))
    if kinds == ["tcp"]:
        _port_at(value["tcp"])
    probe: ProbeSpec = block_converter().structure(value, PROBES[kinds[0]])
    return probe


def _port_at(value: Any) -> None:
    try:
        port(value, None)
    except Wrong as wrong:
        wrong.at = ("tcp",)
        wrong.expected += ' or "{port}"'
        raise


@cache
def block_converter() -> cattrs.Converter:
    """Give the converter for blocks; made once, at the first use."""
    return make_converter(
        {
            **SCALARS,
            Command: _command,
            Env: _env,
            Never: _never,
            NoMounts: _no_mounts,
            UrlWaits: _url_waits,
            Until: _word(known="ready started", later=("completed",)),
            OnLoss: _word(known="keep", later=("restart", "stop")),
            Dependencies: _dependencies,
            StopSteps: _stop_steps,
            StopStep: _stop_step,
            Readiness: _readiness,
        }
    )
