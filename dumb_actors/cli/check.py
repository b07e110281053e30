"""`check`: everything that is wrong with a configuration, or what it would start."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import click

from dumb_actors.cli.paint import DONE, MISUSED, Paint
from dumb_actors.config.layers import Merged
from dumb_actors.config.load import Config
from dumb_actors.config.report import format_path
from dumb_actors.config.root import Root
from dumb_actors.config.sources import load_layers
from dumb_actors.errors import ConfigError, ConfigFault
from dumb_actors.graph.dependency import DependencyGraph

__all__ = ["check", "fault_lines"]


def check(path: str, root: Root, *, as_json: bool, paint: Paint) -> int:
    """Check the configuration at *path*, write what was found to stdout, and give the exit code."""
    try:
        loaded = load_layers(path, root)
    except ConfigError as error:
        if as_json:
            click.echo(json.dumps({"ok": False, **error.detail}, indent=2))
        else:
            click.echo("\n".join(fault_lines(error, paint)), color=True)
        return MISUSED
    config, laid = loaded.config, list(_overridden(loaded.merged))
    if as_json:
        click.echo(json.dumps({**_as_json(config), "overridden": dict(laid)}, indent=2))
    else:
        click.echo("\n".join([*_fine_lines(config, paint), *_overridden_lines(laid)]), color=True)
    return DONE


def _overridden(merged: Merged) -> Iterator[tuple[str, str]]:
    """Give the path of each value that does not count as the file says it, and where the one that counts comes from."""
    for overlay in merged.overlays:
        yield format_path(overlay.path), str(overlay.origin)


def _overridden_lines(laid: Sequence[tuple[str, str]]) -> Iterator[str]:
    if laid:
        yield ""
        yield "what counts instead of the file's:"
        yield from (f"  {path}: from {origin}" for path, origin in laid)


def fault_lines(error: ConfigError, paint: Paint) -> Iterator[str]:
    """Give the lines that tell every fault: where, what, what was there, what would be right, what to do."""
    count = "1 fault" if len(error.faults) == 1 else f"{len(error.faults)} faults"
    yield f"{error.source}: {paint(count, 'red', bold=True)}"
    for fault in error.faults:
        yield ""
        yield f"  {paint(_where(fault), bold=True)}: {fault.problem}"
        facts = {"got": fault.got, "from": fault.origin, "expected": fault.expected, "hint": fault.hint}
        yield from (f"    {paint.dim(label.ljust(8))}  {text}" for label, text in facts.items() if text)
    yield from _warning_lines(error.warnings, paint)


def _where(fault: ConfigFault) -> str:
    return f"line {fault.line}, column {fault.column}" if fault.line is not None else fault.path


def _as_json(config: Config) -> dict[str, Any]:
    graph = DependencyGraph(config.specs, config.knowledge)
    services = [
        {"process_name": name, "enabled": spec.enabled, "needs": list(graph.dependencies(name))}
        for name, spec in ((name, _spec(config, name)) for name in graph.order)
    ]
    return {"ok": True, "source": config.source, "faults": [], "warnings": list(config.warnings), "start": services}


def _spec(config: Config, name: str) -> Any:
    return next(spec for spec in config.specs if spec.name == name)


def _fine_lines(config: Config, paint: Paint) -> Iterator[str]:
    graph = DependencyGraph(config.specs, config.knowledge)
    enabled = [name for name in graph.order if _spec(config, name).enabled]
    disabled = [name for name in graph.order if name not in enabled]
    yield f"{config.source}: {paint('fine', 'green', bold=True)}, {_how_many(len(enabled), len(disabled))}"
    if enabled:
        yield ""
        yield "start order (each as soon as what it needs is up):"
        width = max(len(name) for name in enabled)
        for name in enabled:
            needs = [other for other in graph.dependencies(name) if other in enabled]
            yield f"  {name.ljust(width)}  {'after ' + ', '.join(needs) if needs else 'at once'}"
    if disabled:
        yield ""
        yield f"disabled: {', '.join(disabled)}"
    yield from _warning_lines(config.warnings, paint)


def _warning_lines(warnings: Sequence[str], paint: Paint) -> Iterator[str]:
    if warnings:
        yield ""
        yield paint("1 warning:" if len(warnings) == 1 else f"{len(warnings)} warnings:", "yellow")
        yield from (f"  {warning}" for warning in warnings)


def _how_many(enabled: int, disabled: int) -> str:
    services = "1 service" if enabled + disabled == 1 else f"{enabled + disabled} services"
    return services if not disabled else f"{services}, {enabled} enabled"
