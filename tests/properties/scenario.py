"""Random scenarios: acyclic graphs of simulated services that fail in random ways, and commands at random times."""

import math

import attrs
import trio
from hypothesis import strategies as st
from trio.testing import MockClock

from dumb_actors.actors.actor import ServiceActor
from dumb_actors.errors import DumbActorsError
from dumb_actors.model.spec import DependsOn, Directory, ServiceSpec, StopStep, Tcp, Url
from dumb_actors.testing.checker import BrokenRule, RuleChecker
from dumb_actors.testing.recorder import EventRecorder
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation

# Times are multiples of 1/8 s so that sums are exact and many things happen at the same instant.
_TIMES = st.integers(0, 16).map(lambda n: n / 8)


@attrs.frozen
class Act:
    """What somebody does at one instant: a command to a service, or a truth of the world that changes."""

    at: float
    action: str
    service: str
    dependencies: str = "start"


@attrs.frozen
class Scenario:
    """A whole run, as data."""

    specs: tuple[ServiceSpec, ...]
    behaviours: dict[str, list[Behaviour]]
    acts: tuple[Act, ...]
    ends_at: float


@attrs.define
class Outcome:
    """What came of a scenario."""

    broken: list[BrokenRule]
    recorder: EventRecorder
    host: SimulatedHost


def _behaviours() -> st.SearchStrategy[Behaviour]:
    return st.builds(
        Behaviour,
        ready_after=st.one_of(_TIMES, st.just(math.inf)),
        exits_after=st.one_of(st.just(math.inf), st.just(math.inf), _TIMES),
        stop_takes=st.one_of(_TIMES, st.just(math.inf)),
        prepare_takes=st.sampled_from([0.0, 0.0, 0.125]),
        spawn_takes=st.sampled_from([0.0, 0.0, 0.25]),
        spawn_error=st.sampled_from([None, None, None, None, "no such program"]),
    )


@st.composite
def _spec(draw: st.DrawFn, index: int) -> ServiceSpec:
    earlier = [f"s{i}" for i in range(index)]
    depends = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
    waits: list[Url | Directory] = []
    if earlier and draw(st.booleans()):
        waits.append(Url(f"http://127.0.0.1:{9000 + draw(st.integers(0, index - 1))}/"))
    if draw(st.integers(0, 5)) == 0:
        waits.append(Directory(f"/world/{index}"))
    return ServiceSpec(
        f"s{index}",
        "program",
        depends_on=[
            DependsOn(name, until=draw(st.sampled_from(["ready", "started"])), required=draw(st.booleans()))
            for name in depends
        ],
        waits=waits,
        readiness=Tcp(1, timeout=draw(st.sampled_from([1.0, 30.0]))),
        stop=[StopStep(signal="SIGTERM", wait=draw(st.sampled_from([0.0, 0.5, 1.0])))],
        enabled=draw(st.integers(0, 3)) > 0,
        ports=[9000 + index],
    )


@st.composite
def scenarios(draw: st.DrawFn, max_services: int = 6, max_acts: int = 10) -> Scenario:
    """Draw a scenario; small ones first, as shrinking wants it."""
    count = draw(st.integers(1, max_services))
    specs = tuple(draw(_spec(index)) for index in range(count))
    names = st.sampled_from([spec.name for spec in specs])
    commands = st.builds(
        Act,
        _TIMES,
        st.sampled_from(["start", "start", "stop", "restart", "boot"]),
        names,
        st.sampled_from(["start", "start", "wait", "ignore"]),
    )
    worlds = st.builds(Act, _TIMES, st.sampled_from(["true", "false"]), names)
    acts = draw(st.lists(st.one_of(commands, commands, worlds), max_size=max_acts))
    return Scenario(
        specs=specs,
        behaviours={spec.name: draw(st.lists(_behaviours(), min_size=1, max_size=3)) for spec in specs},
        acts=tuple(sorted(acts, key=lambda act: act.at)),
        ends_at=draw(_TIMES),
    )


def play(scenario: Scenario, *, make_actor: type[ServiceActor] = ServiceActor) -> Outcome:
    """Run *scenario* on a virtual clock under the checker, to its very end."""
    return trio.run(_play, scenario, make_actor, clock=MockClock(autojump_threshold=0), strict_exception_groups=True)


async def _play(scenario: Scenario, make_actor: type[ServiceActor]) -> Outcome:
    host = SimulatedHost(scenario.behaviours)
    cost = {
        name: max(b.prepare_takes for b in each) + max(b.spawn_takes for b in each)
        for name, each in scenario.behaviours.items()
    }
    checker = RuleChecker(scenario.specs, slack_s=max(cost.values()), start_cost_s=cost.__getitem__)
    with trio.fail_after(3600):
        async with open_simulation(scenario.specs, host, make_actor=make_actor) as supervisor:
            recorder = EventRecorder(supervisor)
            supervisor.add_listener(checker)
            async with trio.open_nursery() as nursery:
                for act in scenario.acts:
                    await trio.sleep_until(act.at)
                    nursery.start_soon(_do, act, supervisor, host)
                await trio.sleep_until(max([scenario.ends_at, *(act.at for act in scenario.acts)]))
                await supervisor.shutdown(by="the scenario")
    assert host.overlaps == []
    assert not any(host.live.values())
    return Outcome(checker.broken, recorder, host)


async def _do(act, supervisor, host) -> None:
    index = act.service.removeprefix("s")
    try:
        match act.action:
            case "start":
                await supervisor.start(act.service, dependencies=act.dependencies, timeout=5)
            case "restart":
                await supervisor.restart(act.service, dependencies=act.dependencies, timeout=5)
            case "stop":
                await supervisor.stop(act.service)
            case "boot":
                await supervisor.boot()
            case _:
                holds = act.action == "true"
                host.set_truth(f"/world/{index}", holds=holds)
                host.set_truth(f"http://127.0.0.1:900{index}/", holds=holds)
    except DumbActorsError:
        pass  # every one of them is an answer; that there is one is what the checker looks at
