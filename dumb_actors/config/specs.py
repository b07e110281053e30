"""What the specs say of each other: names, declared dependencies, circles."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeAlias

import attrs

from dumb_actors.config.report import did_you_mean
from dumb_actors.errors import ConfigError, ConfigFault
from dumb_actors.graph.dependency import check_graph
from dumb_actors.model.knowledge import NO_KNOWLEDGE, Knowledge
from dumb_actors.model.names import squeeze
from dumb_actors.model.spec import DependsOn, ServiceSpec

__all__ = ["check_specs", "dependency_faults"]

Where: TypeAlias = Callable[[ServiceSpec, DependsOn], str]
"""Gives the path of a dependency of a service, for messages."""


def check_specs(specs: Sequence[ServiceSpec], knowledge: Knowledge = NO_KNOWLEDGE) -> None:
    """
    Check *specs* that were made by hand against each other.

    Names in `depends_on` must be written exactly as they are.

    Raises:
        ConfigError: Every fault there is: a name twice (or alike but for case and spaces), a dependency that is
            unknown or disabled
            or never completed, a one-shot with `liveness`, a circle.
    """
    faults = [
        *_double_names(specs),
        *_watched_oneshots(specs),
        *dependency_faults(specs, where=_where_by_hand, knowledge=knowledge),
    ]
    if faults:
        raise ConfigError(faults, source="specs")


def _where_by_hand(spec: ServiceSpec, dependency: DependsOn) -> str:
    return f"$[{spec.name!r}].depends_on[{spec.depends_on.index(dependency)}]"


def _double_names(specs: Sequence[ServiceSpec]) -> Iterator[ConfigFault]:
    seen: dict[str, str] = {}
    for index, spec in enumerate(specs):
        loose = squeeze(spec.name)
        if loose in seen:
            yield ConfigFault(
                path=f"$[{index}].name",
                problem="two services have the same name, or names that differ only in case or spaces",
                got=repr(spec.name),
                expected="a name of its own",
                names=(seen[loose], spec.name),
            )
        seen.setdefault(loose, spec.name)


def _watched_oneshots(specs: Sequence[ServiceSpec]) -> Iterator[ConfigFault]:
    for spec in specs:
        if spec.oneshot and spec.liveness is not None:
            yield ConfigFault(
                path=f"$[{spec.name!r}].liveness",
                problem="a one-shot has no health to be watched: it is judged by its exit code",
                hint="take it away, or `oneshot`",
                names=(spec.name,),
            )


def dependency_faults(
    specs: Sequence[ServiceSpec],
    *,
    where: Where,
    builtins: Collection[str] = (),
    knowledge: Knowledge = NO_KNOWLEDGE,
) -> list[ConfigFault]:
    """
    List what is wrong with the dependencies among *specs*.

    Args:
        where: Gives the path of a dependency.

        builtins: Names that exist and are no services.

        knowledge: What is known of their kinds: flags of some declare dependencies as well.
    """
    known = {spec.name: spec for spec in specs}
    faults: list[ConfigFault] = []
    for spec in specs:
        for dependency in spec.depends_on:
            fault = _check_dependency(spec, dependency, known, builtins)
            if fault is not None:
                faults.append(attrs.evolve(fault, path=where(spec, dependency) + fault.path.removeprefix("$")))
    return faults + _circles(specs, knowledge)


def _check_dependency(
    spec: ServiceSpec, dependency: DependsOn, known: Mapping[str, ServiceSpec], builtins: Collection[str]
) -> ConfigFault | None:
    name = dependency.name
    if name == spec.name:
        return ConfigFault(
            path="$", problem=f"{name!r} depends on itself", hint="take it away", kind="cycle", names=(name, name)
        )
    problem = hint = ""
    if name in builtins:
        problem, hint = f"{name!r} is a built-in, not a service to wait for", "take it away: it is always there"
    elif name not in known and dependency.required:
        problem, hint = f"no service is called {name!r}", did_you_mean(name, known)
    elif name in known and spec.enabled and dependency.required and not known[name].enabled:
        problem = f"{spec.name!r} is enabled and depends on {name!r}, which is disabled"
        hint = 'enable it, or say "required": false'
    elif name in known and dependency.until == "completed" and not known[name].oneshot:
        return _never_completed(spec.name, name)
    if not problem:
        return None
    return ConfigFault(path="$", problem=problem, hint=hint, kind="reference", names=(spec.name, name))


def _never_completed(source: str, target: str) -> ConfigFault:
    return ConfigFault(
        path="$.until",
        problem=f"{source!r} waits until {target!r} is completed, and that is no one-shot: it is never completed",
        got='"completed"',
        expected='"started" or "ready"',
        hint=f'or say "oneshot": true for {target!r}',
        kind="reference",
        names=(source, target),
    )


def _circles(specs: Sequence[ServiceSpec], knowledge: Knowledge) -> list[ConfigFault]:
    """Find the circles; who depends on itself has been told already."""
    return check_graph(
        [
            attrs.evolve(spec, depends_on=tuple(d for d in spec.depends_on if d.name != spec.name))
            for spec in {spec.name: spec for spec in specs}.values()
        ],
        knowledge,
    )
