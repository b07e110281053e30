"""From the block of a service to its spec."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import attrs

from dumb_actors.config.block import Block, block_converter
from dumb_actors.config.fill import Filled, fill_block, probe_host
from dumb_actors.config.find import Place
from dumb_actors.config.healing import liveness_of, restart_of
from dumb_actors.config.hints import warn_of_keys
from dumb_actors.config.report import Path, Report, format_path
from dumb_actors.config.rights import check_rights, default_run_as
from dumb_actors.config.root import Root
from dumb_actors.config.settings import Settings
from dumb_actors.config.strict import structure_fields
from dumb_actors.model.knowledge import Knowledge
from dumb_actors.model.names import find_name
from dumb_actors.model.spec import (
    DEFAULT_STOP,
    DependsOn,
    Directory,
    Liveness,
    Mount,
    ProbeSpec,
    ServiceSpec,
    Settle,
    Tcp,
    Url,
    WaitSpec,
)

__all__ = ["Context", "build_spec", "check_block", "path_of_dependency"]

_P = TypeVar("_P", bound=ProbeSpec)


@attrs.frozen(kw_only=True)
class Context:
    """
    What every block of one document is read with.

    Attributes:
        root: For placeholders and relative paths.

        settings: For defaults.

        knowledge: What is known of products: services of a kind that it knows are off unless they say otherwise.

        names: Every process name of the document.

        ids: Our own user and group.

        report: Takes what is found.
    """

    root: Root
    settings: Settings
    knowledge: Knowledge
    names: tuple[str, ...]
    ids: tuple[int, int]
    report: Report


def check_block(place: Place, context: Context) -> tuple[Block, Filled]:
    """Check the block at *place*; what is wrong with it goes to the report."""
    filled = fill_block(place.block, context.root, place.path, context.report)
    block = structure_fields(block_converter(), Block, filled.block, place.path, context.report)
    warn_of_keys(place, context.report)
    return block, filled


def build_spec(place: Place, context: Context) -> ServiceSpec | None:
    """
    Make the spec of the service at *place*.

    Where a field is wrong, the report says so and the spec has the default there: good enough to find faults between
    services, not to run. None when there is no usable name.
    """
    block, filled = check_block(place, context)
    if not block.process_name and "process_name" in place.block:
        return None
    enabled = _is_enabled(place, block, context)
    _check_command(place, block, enabled=enabled, report=context.report)
    _check_oneshot(place, block, context.report)
    listed = context.settings.auto_restart.of(place.name)
    return ServiceSpec(
        place.name,
        block.command or (),
        depends_on=_depends_on(block, place, context),
        readiness=_readiness(block, filled, context.root),
        liveness=_resolve_checks(liveness_of(block, listed), context.root),
        restart=restart_of(block, listed),
        # What is no truth value has been reported; calling it true adds no second fault to those who wait for its end.
        oneshot=block.oneshot or not isinstance(place.block.get("oneshot", False), bool),
        cwd=_path(block.config_dir, context.root),
        env=block.env or {},
        run_as=_run_as(block, place, context),
        umask=block.umask,
        limits=block.limits or {},
        clean_environment=block.clean_environment,
        enabled=enabled,
        log_file=_path(block.log_file, context.root),
        log_size=context.settings.log_size,
        log_count=context.settings.log_count,
        suppress_logging=block.suppress_logging,
        separate_stderr=block.separate_stderr,
        key=place.key,
        config=place.block,
        place=format_path(place.path),
        **_sequences(block, context.root),
    )


def _sequences(block: Block, root: Root) -> dict[str, Any]:
    # Passed as `Any`: mypy does not see the element types through the converter `tuple`.
    return {
        "waits": _waits(block, root),
        "pass_environment": block.pass_environment or (),
        "success_codes": block.success_codes or (0,),
        "stop": DEFAULT_STOP if block.stop is None else block.stop,
        "ports": _ports(block),
        "provides": _provides(block, root),
    }


def _is_enabled(place: Place, block: Block, context: Context) -> bool:
    if "enabled" not in place.block:
        return place.key not in context.knowledge.known
    # What is no truth value has been reported; calling it true adds no second fault to those who depend on it.
    return block.enabled or not isinstance(place.block["enabled"], bool)


def _check_command(place: Place, block: Block, *, enabled: bool, report: Report) -> None:
    # A command that is wrong in itself has been reported already.
    if enabled and (place.block.get("command") is None or block.command == ()):
        problem = "has no command, and is enabled"
        report.fault((*place.path, "command"), problem, expected="a program to run", hint=_no_command_hint(place))


def _check_oneshot(place: Place, block: Block, report: Report) -> None:
    if block.oneshot and block.liveness is not None:
        problem = "a one-shot has no health to be watched: it is judged by its exit code"
        report.fault((*place.path, "liveness"), problem, hint="take it away, or `oneshot`")


def _run_as(block: Block, place: Place, context: Context) -> str | None:
    check_rights(block.run_as, context.ids, (*place.path, "run_as"), context.report)
    settings = context.settings
    return block.run_as or default_run_as(place.key, settings.puid, settings.pgid, context.ids)


def _no_command_hint(place: Place) -> str:
    return f"this version does not know how to set up {place.name!r}: give a command, or disable it"


def _path(text: str | None, root: Root) -> str | None:
    return root.resolve(text) if text else None


def _waits(block: Block, root: Root) -> list[WaitSpec]:
    # One for each item, also where two are the same: the graph looks up by its place what stands beside the path.
    waits: list[WaitSpec] = [Directory(root.resolve(path)) for path in block.wait_for_dir or ()]
    waits += [Mount(path) for path in dict.fromkeys(root.resolve(path) for path in block.wait_for_mounts or ())]
    return waits + [Url(wait.url, wait.auth, timeout=wait.timeout) for wait in block.wait_for_url or ()]


def _readiness(block: Block, filled: Filled, root: Root) -> ProbeSpec:
    if block.readiness is not None:
        return _resolve(block.readiness, root)
    # The ports of a one-shot are those that it is to talk to; by default it is ready when it is completed.
    if block.oneshot:
        return Settle()
    # Only where the program is told its port we know that it listens there, and not on one of its own choice.
    return Tcp(block.port, probe_host(block.host)) if block.port and filled.port_is_used else Settle()


def _resolve(probe: _P, root: Root) -> _P:
    """Make the path that *probe* asks for absolute."""
    match probe:
        case Directory():
            return attrs.evolve(probe, directory=root.resolve(probe.directory))
        case Mount():
            return attrs.evolve(probe, mount=root.resolve(probe.mount))
    return probe


def _resolve_checks(liveness: Liveness | None, root: Root) -> Liveness | None:
    if liveness is None:
        return None
    return attrs.evolve(liveness, checks=[_resolve(check, root) for check in liveness.checks])


def _ports(block: Block) -> tuple[int, ...]:
    ports: list[int | None] = [block.port, block.frontend_port, block.backend_port, block.webdav_port]
    if isinstance(block.readiness, Tcp):
        ports.append(block.readiness.tcp)
    return tuple(dict.fromkeys(port for port in ports if port is not None))


def _provides(block: Block, root: Root) -> tuple[str, ...]:
    found = [root.resolve(block.mount_path)] if block.mount_path else []
    if block.mount_dir and block.mount_name:
        found.append(root.resolve(block.mount_name, root.resolve(block.mount_dir)))
    return tuple(dict.fromkeys(found))


def _depends_on(block: Block, place: Place, context: Context) -> tuple[DependsOn, ...]:
    """Write each name as the service itself does; drop what is named twice or need not be there."""
    found: dict[str, DependsOn] = {}
    for item, (step, _) in zip(block.depends_on or (), _dependency_steps(place.block), strict=False):
        path = (*place.path, "depends_on", step)
        name = find_name(item.name, context.names) or item.name
        if name in found:
            context.report.warn(path, f"{name!r} is named twice; the first one counts")
        elif name not in context.names and not item.required:
            context.report.warn(path, f"no service is called {name!r}; not waited for")
        else:
            found[name] = attrs.evolve(item, name=name)
    return tuple(found.values())


def _dependency_steps(block: Mapping[str, Any]) -> Iterable[tuple[str | int, str]]:
    """Give the last step of the path of each dependency, and its name as written."""
    raw = block.get("depends_on")
    if isinstance(raw, dict):
        return [(name, name) for name in raw]
    return list(enumerate(raw)) if isinstance(raw, list) else []


def path_of_dependency(place: Place, name: str, context: Context) -> Path:
    """Give the path of the dependency of the service at *place* that means *name*."""
    base = (*place.path, "depends_on")
    for step, written in _dependency_steps(place.block):
        if (find_name(written, context.names) or written) == name:
            return (*base, step)
    return base
