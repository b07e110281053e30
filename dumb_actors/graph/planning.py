"""
Plans: what a command does, computed by the code that does it, without doing it.

All functions are pure: from how everything stands (`Scene`) to a `Plan`. The supervisor carries out the steps of the
same plans.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import attrs

from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.graph.gating import without_repeats
from dumb_actors.graph.prediction import Moves, predict
from dumb_actors.graph.scene import Scene
from dumb_actors.graph.waves import Timing, number_and_time
from dumb_actors.model.edge import Edge
from dumb_actors.model.phase import LIVE, Phase, meets
from dumb_actors.model.plan import Awaited, Difference, Need, Plan, Step
from dumb_actors.model.probe import Mount, Url, WaitSpec
from dumb_actors.model.spec import ServiceSpec, Until

__all__ = [
    "Dependencies",
    "plan_boot",
    "plan_reconfigure",
    "plan_restart",
    "plan_shutdown",
    "plan_start",
    "plan_stop",
    "what_edge",
    "what_wait",
]

Dependencies: TypeAlias = Literal["start", "wait", "ignore"]

_ON_ITS_WAY = frozenset({Phase.WAITING, Phase.PREPARING, Phase.STARTING, Phase.READY, Phase.STOPPING, Phase.STOPPED})
_RUNS = frozenset({Phase.WAITING, Phase.PREPARING, Phase.STARTING, Phase.READY, Phase.STOPPING})


# --- one service ------------------------------------------------------------------------------------------------------


def plan_start(scene: Scene, name: str, *, startable: Collection[str], dependencies: Dependencies = "start") -> Plan:
    """
    Plan a start of *name* with what it needs.

    Args:
        scene: How everything stands.

        name: Whom to start.

        startable: Services that may be started along: the enabled ones. What `depends_on` requires is always started.

        dependencies: Start them, only wait for them, or go without.
    """
    here = scene.of(name)
    goes_now = dependencies == "ignore" and here.phase is Phase.WAITING
    is_under_way = here.wished and here.phase in _ON_ITS_WAY and not goes_now
    steps = _starts(scene, name, startable, dependencies, skip=is_under_way)
    already = _already(scene, name) if is_under_way else ""
    ignoring = [name] if dependencies == "ignore" else []
    plan = Plan(tuple(steps), command="start", target=name, already=already)
    return _finish(plan, scene, goes_at_once=ignoring)


def plan_restart(scene: Scene, name: str, *, startable: Collection[str], dependencies: Dependencies = "start") -> Plan:
    """Plan a restart of *name*: it is stopped at once if it runs, and started; the rest is as for `plan_start`."""
    steps = _starts(scene, name, startable, dependencies)
    if scene.of(name).phase in _RUNS and (scene.of(name).wished or scene.of(name).phase is not Phase.STOPPING):
        steps[-1] = attrs.evolve(steps[-1], action="restart")
    ignoring = [name] if dependencies == "ignore" else []
    return _finish(Plan(tuple(steps), command="restart", target=name), scene, goes_at_once=ignoring)


def plan_stop(scene: Scene, name: str) -> Plan:
    """Plan a stop of *name*: nobody else is asked to stop, its dependents do what their edges say."""
    here = scene.of(name)
    if here.is_at_rest:
        return _finish(Plan((), command="stop", target=name, already=f"{name!r} is stopped"), scene)
    return _finish(Plan((Step("stop", name, (), "asked for"),), command="stop", target=name), scene)


def _already(scene: Scene, name: str) -> str:
    here = scene.of(name)
    if here.phase is Phase.READY:
        return f"{name!r} is ready"
    where = "is wished" if here.phase is Phase.STOPPED else f"is {here.phase}"
    return f"{name!r} {where} and on its way" + (f": {here.reason}" if here.reason else "")


def _starts(
    scene: Scene, name: str, startable: Collection[str], dependencies: Dependencies, *, skip: bool = False
) -> list[Step]:
    """Give the starts of *name* and what it needs, dependencies first; *skip*: not its own."""
    if dependencies == "start":
        needs = _wanted(scene.graph, name, startable)
        wanted = sorted(needs, key=scene.graph.levels.__getitem__)
    else:
        needs, wanted = {name: []}, [name]
    chosen = {one for one in wanted if (one == name and not skip) or (one != name and not scene.of(one).is_up)}
    steps = []
    for one in wanted:
        if one in chosen:
            after = () if dependencies == "ignore" else _needed(scene.graph, one, chosen)
            steps.append(Step("start", one, after, _why_needed(one, name, needs), needs=_needs(needs[one])))
    return steps


def _wanted(graph: DependencyGraph, name: str, startable: Collection[str]) -> dict[str, list[Edge]]:
    """
    Walk along the edges that are required or lead to something that may be started along.

    Returns:
        Who was come to, and by which edges.
    """
    wanted: dict[str, list[Edge]] = {name: []}
    todo = [name]
    while todo:
        for edge in graph.edges_of(todo.pop()):
            if edge.always or edge.target in startable:
                if edge.target not in wanted:
                    wanted[edge.target] = []
                    todo.append(edge.target)
                wanted[edge.target].append(edge)
    return wanted


def _needs(edges: Iterable[Edge]) -> tuple[Need, ...]:
    signals: dict[str, set[str]] = {}
    for edge in edges:
        signals.setdefault(edge.source, set()).add(edge.signal)
    return tuple(Need(source=source, signals=tuple(sorted(each))) for source, each in signals.items())


def _why_needed(one: str, name: str, needs: Mapping[str, Sequence[Edge]]) -> str:
    if one == name:
        return "asked for"
    words = [f"{need.source!r} needs it ({', '.join(need.signals)})" for need in _needs(needs[one])]
    return ", ".join(words[:3]) + (f", and {len(words) - 3} more" if len(words) > 3 else "")


def _needed(graph: DependencyGraph, name: str, among: Collection[str]) -> tuple[str, ...]:
    """Name what *name* waits for, of those *among*."""
    return tuple(dict.fromkeys(edge.target for edge in graph.edges_of(name) if edge.target in among))


# --- all of them ------------------------------------------------------------------------------------------------------


def plan_boot(scene: Scene, *, wished: Collection[str], unwished: Collection[str]) -> Plan:
    """
    Plan a boot.

    Args:
        scene: How everything stands.

        wished: Who is to run.

        unwished: Who lives since an earlier supervisor and is not to run.
    """
    there = [name for name in scene.graph.order if name in wished and scene.of(name).is_up]
    chosen = [name for name in scene.graph.order if name in wished and not scene.of(name).is_up]
    among = frozenset(chosen)
    steps = [
        Step(
            "start",
            name,
            _needed(scene.graph, name, among),
            "it is enabled" if scene.specs[name].enabled else "it was wished before",
        )
        for name in chosen
    ]
    why = "an earlier supervisor left it, and it is not wished"
    steps += [Step("stop", name, (), why) for name in reversed(scene.graph.order) if name in unwished]
    already = ""
    if not chosen:
        already = f"{len(there)} services are wished, and all of them are there" if there else "nothing is enabled"
    return _finish(Plan(tuple(steps), command="boot", already=already), scene)


def plan_shutdown(scene: Scene) -> Plan:
    """Plan a stop of everything: a service stops as soon as all that depend on it are gone."""
    steps = _stops(scene, scene.graph.order, "everything is stopped")
    already = "" if steps else "nothing runs"
    return _finish(Plan(tuple(steps), command="shutdown", already=already), scene)


def _stops(scene: Scene, names: Collection[str], why: str | Mapping[str, str]) -> list[Step]:
    """Give the stops of those *names* that are not at rest, dependents first."""
    up = {name for name in names if not scene.of(name).is_at_rest}
    return [
        Step(
            "stop",
            name,
            tuple(other for other in scene.graph.dependents(name) if other in up),
            why if isinstance(why, str) else why[name],
        )
        for name in reversed(scene.graph.order)
        if name in up
    ]


def plan_reconfigure(scene: Scene, found: Difference, graph: DependencyGraph, specs: Mapping[str, ServiceSpec]) -> Plan:
    """
    Plan the way to a new set of services.

    Args:
        scene: How everything stands.

        found: How the sets differ.

        graph, specs: The new set.
    """
    whys = {name: f"its configuration changed: {', '.join(found.fields[name])}" for name in found.changed}
    first = _stops(
        scene, [*found.removed, *found.changed], whys | dict.fromkeys(found.removed, "it is configured no more")
    )
    # Those that nobody waits for among them are the last to go: when they are gone, all are.
    waited_for = {name for step in first for name in step.after}
    gone = tuple(step.service for step in first if step.service not in waited_for)
    steps = list(first)
    steps += [
        Step("stop", name, (), "it is disabled now", gone=gone)
        for name in found.disabled
        if not scene.of(name).is_at_rest
    ]
    chosen: dict[str, str] = {name: "it is new and enabled" for name in found.added if specs[name].enabled}
    chosen |= {name: "it is enabled now" for name in found.enabled if not _is_on_its_way(scene, name)}
    chosen |= {name: whys[name] for name in found.changed if scene.of(name).wished}
    last_gone = frozenset(gone)
    for name in graph.order:
        if name in chosen:
            after = _needed(graph, name, chosen)
            # Who is there again was gone before.
            others = gone if last_gone.isdisjoint(after) else tuple(one for one in gone if one not in after)
            steps.append(Step("start", name, after, chosen[name], gone=others))
    already = "nothing differs" if found.is_empty else "" if steps else "nothing that differs runs or is to run"
    plan = Plan(tuple(steps), command="reconfigure", already=already)
    return _finish(plan, scene, attrs.evolve(scene, graph=graph, specs=specs))


def _is_on_its_way(scene: Scene, name: str) -> bool:
    return scene.of(name).wished and scene.of(name).phase in _ON_ITS_WAY


# --- what every plan says besides its steps ---------------------------------------------------------------------------


def _finish(plan: Plan, scene: Scene, after: Scene | None = None, *, goes_at_once: Collection[str] = ()) -> Plan:
    after = after or scene
    if not scene.looks_ahead:
        return plan
    timing = Timing(
        start_s=after.start_s, stop_s=lambda name: scene.stop_s(name) if scene.of(name).phase in LIVE else 0.0
    )
    steps = number_and_time(plan.steps, timing)
    starts = [step.service for step in steps if step.action != "stop"]
    moves = Moves(
        stops={step.service: step.wave if step.action == "stop" else 1 for step in steps if step.action != "start"},
        starts=starts,
        goes_at_once=goes_at_once,
    )
    last = {step.service: step for step in steps}
    expected_s, unknown = timing.whole(steps)
    return attrs.evolve(
        plan,
        steps=steps,
        effects=predict(scene, moves, after) if steps else (),
        waits_for=tuple(one for name in starts if name not in goes_at_once for one in _awaited(after, name, last)),
        expected_s=expected_s,
        unknown=unknown,
        specs={name: after.specs[name] for name in starts},
    )


def _awaited(scene: Scene, name: str, steps: Mapping[str, Step]) -> Iterable[Awaited]:
    """Give what *name* will wait for and none of *steps*, by service, brings about."""
    for edge in without_repeats(scene.graph.edges_of(name)):
        why = _why_not_there(scene, edge.target, steps, edge.until)
        if why and (edge.always or scene.of(edge.target).wished):
            yield Awaited(service=name, what=what_edge(edge), why=why, dependency=edge.target)
    for index, wait in enumerate(scene.specs[name].waits):
        providers = [edge.target for edge in scene.graph.edges_of(name) if edge.wait == index]
        missing = {one: why for one in providers if (why := _why_not_there(scene, one, steps, "started"))}
        if not providers:
            why = "no service here provides it; whether it holds is not known"
            yield Awaited(service=name, what=what_wait(wait), why=why)
        for provider, why in missing.items():
            text = f"{provider!r} provides it: {why}"
            yield Awaited(service=name, what=what_wait(wait), why=text, dependency=provider)


def _why_not_there(scene: Scene, name: str, steps: Mapping[str, Step], until: Until) -> str:
    """Say why *name* will not be as it is waited for; empty when it is so, or will be by one of *steps*."""
    step = steps.get(name)
    if step is not None:
        return "it is stopped" if step.action == "stop" else ""
    here = scene.of(name)
    if meets(here.phase, until):
        return ""
    return "it is stopped, and not wished" if here.is_at_rest else str(here)


def what_edge(edge: Edge) -> str:
    """Say what a service waits for by *edge*."""
    return f"{edge.target!r} to be {edge.until}"


def what_wait(wait: WaitSpec) -> str:
    """Say what a service waits for by *wait*."""
    if isinstance(wait, Url):
        return f"{wait.url} to answer"
    return f"{wait.mount} to be mounted" if isinstance(wait, Mount) else f"{wait.directory} to exist"
