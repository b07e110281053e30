"""Random graphs in random states, a plan, and what is then done: both sides of a comparison."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import attrs
import trio
from hypothesis import strategies as st
from trio.testing import MockClock

from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.errors import DumbActorsError
from dumb_actors.model.child import Exit
from dumb_actors.model.event import Event, ServiceSnapshot
from dumb_actors.model.phase import Phase
from dumb_actors.model.plan import Plan
from dumb_actors.model.probe import Directory, Settle, Tcp, Url
from dumb_actors.model.restart import RestartPolicy
from dumb_actors.model.spec import DependsOn, ServiceSpec, StopStep
from dumb_actors.testing.recorder import EventRecorder
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation

SETTLED_S = 1000.0
"""Much longer than anything here takes, but for what takes for ever."""

HEALTHY = [Behaviour(ready_after=r, stop_takes=s) for r in (0.0, 0.125, 1.0) for s in (0.0, 0.125, 1.0)]
# Only before the plan: what fails when it is started then is nobody's to foresee.
FIRST = [
    Behaviour(ready_after=float("inf")),
    Behaviour(spawn_error="no such program"),
    Behaviour(ready_after=0.0, exits_after=0.5, exit=Exit(code=1)),
]


COMMANDS = ["stop", "stop", "restart", "restart", "reconfigure", "reconfigure", "start", "start", "boot", "shutdown"]


@attrs.frozen
class Case:
    """A graph, what was done before, and the command that is planned."""

    specs: tuple[ServiceSpec, ...]
    behaviours: dict[str, list[Behaviour]]
    before: tuple[tuple[str, str], ...]
    closed: frozenset[str]
    command: str
    target: str
    dependencies: str
    new: tuple[ServiceSpec, ...]


@attrs.frozen
class Done:
    """What was planned, and what came of it."""

    plan: Plan
    error: str
    before: dict[str, ServiceSnapshot]
    after: dict[str, ServiceSnapshot]
    events: list[Event]
    published_by_planning: list[Event]
    changed_by_planning: bool


# --- what is drawn ----------------------------------------------------------------------------------------------------


@st.composite
def _spec(draw: st.DrawFn, index: int, oneshots: frozenset[str]) -> ServiceSpec:
    earlier = [f"s{i}" for i in range(index)]
    depends = draw(st.lists(st.sampled_from(earlier), unique=True, min_size=1, max_size=3)) if earlier else []
    waits: list[Url | Directory] = []
    if earlier and draw(st.integers(0, 3)) == 0:
        waits.append(Url(f"http://127.0.0.1:{9000 + draw(st.integers(0, index - 1))}/"))
    if draw(st.integers(0, 5)) == 0:
        waits.append(Directory(f"/world/{index}"))
    is_oneshot = f"s{index}" in oneshots
    return ServiceSpec(
        f"s{index}",
        "program",
        depends_on=[
            DependsOn(
                name,
                until=draw(st.sampled_from(["ready", "started", "completed" if name in oneshots else "ready"])),
                on_loss=draw(st.sampled_from(["keep", "restart", "restart", "stop"])),
                required=draw(st.booleans()),
            )
            for name in depends
        ],
        waits=waits,
        readiness=Settle(0.25, timeout=1e9) if is_oneshot else Tcp(1, timeout=1e9),
        # Never again, or so late that nothing happens by itself meanwhile.
        restart=draw(st.sampled_from(["never", RestartPolicy(delays=(1e6,), max_delay=1e6)])),
        oneshot=is_oneshot,
        stop=[StopStep(signal="SIGTERM", wait=5.0)],
        enabled=draw(st.integers(0, 9)) < 9,
        ports=[9000 + index],
    )


def _changed(draw: st.DrawFn, specs: tuple[ServiceSpec, ...]) -> tuple[ServiceSpec, ...]:
    new = []
    for spec in specs:
        match draw(st.sampled_from(["same", "same", "same", "gone", "other", "switched"])):
            case "same":
                new.append(spec)
            case "other":
                new.append(attrs.evolve(spec, command=("other",)))
            case "switched":
                new.append(attrs.evolve(spec, enabled=not spec.enabled))
    if draw(st.booleans()):
        new.append(ServiceSpec("new", "new", depends_on=[one.name for one in new[:1]], readiness=Tcp(1)))
    return _without_faults(new)


def _without_faults(specs: list[ServiceSpec]) -> tuple[ServiceSpec, ...]:
    """Leave out dependencies that a configuration may not have."""
    enabled = {spec.name for spec in specs if spec.enabled}
    names = {spec.name for spec in specs}
    return tuple(
        attrs.evolve(
            spec,
            depends_on=[one for one in spec.depends_on if one.name in (enabled if one.required else names)],
        )
        for spec in specs
    )


@st.composite
def cases(draw: st.DrawFn, max_services: int = 7) -> Case:
    """Draw a case; small ones first."""
    count = draw(st.integers(2, max_services))
    oneshots = frozenset(f"s{index}" for index in range(count) if draw(st.integers(0, 5)) == 5)
    specs = _without_faults([draw(_spec(index, oneshots)) for index in range(count)])
    names = st.sampled_from([spec.name for spec in specs])
    behaviours = {}
    for spec in specs:
        healthy = draw(st.sampled_from(HEALTHY))
        if spec.oneshot:
            healthy = attrs.evolve(healthy, exits_after=draw(st.sampled_from([0.0, 0.5])), exit=Exit(code=0))
        first = draw(st.sampled_from([*([healthy] * 9), *FIRST]))
        behaviours[spec.name] = [first, healthy]
    acts = st.tuples(st.sampled_from(["boot", "start", "wait", "stop", "restart"]), names)
    before = draw(st.lists(acts, max_size=4))
    worlds = [wait.directory for spec in specs for wait in spec.waits if isinstance(wait, Directory)]
    closed = frozenset(draw(st.lists(st.sampled_from(worlds), unique=True))) if worlds else frozenset()
    command = draw(st.sampled_from(COMMANDS))
    return Case(
        specs=specs,
        behaviours=behaviours,
        before=(("boot", "s0"), *before) if draw(st.integers(0, 4)) < 4 else tuple(before),
        closed=closed,
        command=command,
        target=draw(names),
        dependencies=draw(st.sampled_from(["start", "start", "wait", "ignore"])),
        new=_changed(draw, specs) if command == "reconfigure" else (),
    )


# --- what is done -----------------------------------------------------------------------------------------------------


def carry_out(case: Case) -> Done:
    """Bring about the state before, plan, do, and let everything settle; on a virtual clock."""
    return trio.run(_carry_out, case, clock=MockClock(autojump_threshold=0), strict_exception_groups=True)


async def _carry_out(case: Case) -> Done:
    host = SimulatedHost(case.behaviours)
    for world in case.closed:
        host.set_truth(world, holds=False)
    async with open_simulation(case.specs, host) as supervisor:
        for action, name in case.before:
            await _quietly(_act(supervisor, action, name))
            await trio.sleep(SETTLED_S)
        for name, (_, healthy) in case.behaviours.items():
            host.set_behaviour(name, healthy)
        recorder = EventRecorder(supervisor)
        before = supervisor.snapshot()
        planner, doer = _sides(supervisor, case)
        plan = planner()
        changed = supervisor.snapshot() != before
        published = list(recorder.events)
        recorder.events.clear()
        error = await _quietly(doer)
        await trio.sleep(SETTLED_S)
        return Done(
            plan=plan,
            error=error,
            before=dict(before.services),
            after=dict(supervisor.snapshot().services),
            events=list(recorder.events),
            published_by_planning=published,
            changed_by_planning=changed,
        )


def _act(supervisor: Supervisor, action: str, name: str) -> Callable[[], Awaitable[Any]]:
    match action:
        case "boot":
            return supervisor.boot
        case "stop":
            return lambda: supervisor.stop(name)
        case "restart":
            return lambda: supervisor.restart(name, timeout=1)
        case _:
            return lambda: supervisor.start(name, timeout=1, dependencies="start" if action == "start" else "wait")


def _sides(supervisor: Supervisor, case: Case) -> tuple[Callable[[], Plan], Callable[[], Awaitable[Any]]]:
    """Give what plans the command, and what carries it out."""
    name, how = case.target, case.dependencies
    match case.command:
        case "start":
            return (
                lambda: supervisor.plan_start(name, dependencies=how),
                lambda: supervisor.start(name, dependencies=how, timeout=1),
            )
        case "restart":
            return (
                lambda: supervisor.plan_restart(name, dependencies=how),
                lambda: supervisor.restart(name, dependencies=how, timeout=1),
            )
        case "stop":
            return lambda: supervisor.plan_stop(name), lambda: supervisor.stop(name)
        case "boot":
            return supervisor.plan_boot, supervisor.boot
        case "shutdown":
            return supervisor.plan_shutdown, supervisor.shutdown
        case _:
            return lambda: supervisor.plan_reconfigure(case.new), lambda: supervisor.reconfigure(case.new)


async def _quietly(do: Callable[[], Awaitable[Any]]) -> str:
    try:
        await do()
    except DumbActorsError as error:
        return str(error)
    return ""


def meets_the_unknown(case: Case, done: Done) -> bool:
    """Tell whether something is started that waits for what does not hold outside, which a plan cannot know."""
    again = {effect.service for effect in done.plan.effects if effect.kind == "restarts"}
    specs = {**{spec.name: spec for spec in case.specs}, **done.plan.specs}
    started = [specs[name] for name in {*done.plan.specs, *again}]
    return any(isinstance(one, Directory) and one.directory in case.closed for spec in started for one in spec.waits)


def slips_through(case: Case, done: Done) -> bool:
    """
    Tell whether somebody waits without requiring it for a service that a new configuration replaces.

    While that is being stopped nobody wishes it, and whether the one that waits notices depends on how long that takes.
    """
    replaced = {step.service for step in done.plan.steps if step.action == "stop"} & set(done.plan.specs)
    if case.command != "reconfigure" or not replaced:
        return False
    optional = {
        spec.name: {one.name for one in spec.depends_on if not one.required}
        | {f"s{(urlsplit(one.url).port or 0) - 9000}" for one in spec.waits if isinstance(one, Url)}
        for spec in case.specs
        if spec.name not in done.plan.services
    }
    return any(names & replaced and done.before[name].phase is Phase.WAITING for name, names in optional.items())


def touched(done: Done) -> set[str]:
    """Name the services that changed phase after the command, at whatever time."""
    return {event.service for event in done.events if event.kind == "phase"}


def spawns(done: Done) -> list[str]:
    """Name whose children were spawned, in order."""
    return [event.service for event in done.events if event.kind == "spawned"]


def is_live(snapshot: ServiceSnapshot) -> bool:
    """Tell whether it has a child, or has done its work."""
    return snapshot.phase in {Phase.STARTING, Phase.READY, Phase.COMPLETED}
