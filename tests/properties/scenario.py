"""Random scenarios: acyclic graphs of simulated services that fail in random ways, and commands at random times."""

import math
from collections.abc import Callable

import attrs
import trio
from hypothesis import strategies as st
from trio.testing import MockClock

from dumb_actors.actors.actor import ServiceActor
from dumb_actors.actors.memory import Memory
from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.errors import DumbActorsError
from dumb_actors.model.child import Exit
from dumb_actors.model.event import Event
from dumb_actors.model.knowledge import NO_KNOWLEDGE, Conditional, Knowledge
from dumb_actors.model.probe import Directory, Liveness, Settle, Tcp, Url
from dumb_actors.model.restart import RestartPolicy
from dumb_actors.model.spec import DependsOn, ServiceSpec, StopStep
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
    knowledge: Knowledge = NO_KNOWLEDGE
    leaves_at: float = math.inf  # when the first supervisor leaves its children to a second one


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
        unhealthy_after=st.one_of(st.just(math.inf), st.just(math.inf), _TIMES),
        exits_after=st.one_of(st.just(math.inf), st.just(math.inf), _TIMES),
        exit=st.sampled_from([Exit(code=1), Exit(code=0), Exit(signal="SIGSEGV")]),
        stop_takes=st.one_of(_TIMES, st.just(math.inf)),
        prepare_takes=st.sampled_from([0.0, 0.0, 0.125]),
        spawn_takes=st.sampled_from([0.0, 0.0, 0.25]),
        spawn_error=st.sampled_from([None, None, None, None, "no such program"]),
    )


_POLICIES = st.one_of(
    st.sampled_from(["never", "on-failure", "always"]),
    st.builds(
        RestartPolicy,
        delays=st.sampled_from([(0.0,), (0.5, 1.0)]),
        max_delay=st.just(2.0),
        limit=st.sampled_from([None, 1, 3]),
        window=st.sampled_from([1.0, 10.0]),
    ),
)
_LIVENESS = st.builds(
    Liveness, st.just(Tcp(1)), interval=st.sampled_from([0.5, 1.0]), threshold=st.integers(1, 2), restart=st.booleans()
)


@st.composite
def _spec(draw: st.DrawFn, index: int, oneshots: frozenset[str]) -> ServiceSpec:
    earlier = [f"s{i}" for i in range(index)]
    is_oneshot = f"s{index}" in oneshots
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
            DependsOn(
                name,
                until=draw(st.sampled_from(["ready", "started", "completed" if name in oneshots else "ready"])),
                on_loss=draw(st.sampled_from(["keep", "restart", "stop"])),
                required=draw(st.booleans()),
            )
            for name in depends
        ],
        waits=waits,
        readiness=draw(st.sampled_from([Tcp(1, timeout=1.0), Tcp(1, timeout=30.0), Settle(0.5, timeout=5.0)])),
        liveness=None if is_oneshot else draw(st.one_of(st.none(), _LIVENESS)),
        restart=draw(_POLICIES),
        oneshot=is_oneshot,
        stop=[StopStep(signal="SIGTERM", wait=draw(st.sampled_from([0.0, 0.5, 1.0])))],
        enabled=draw(st.integers(0, 3)) > 0,
        ports=[9000 + index],
        key=f"k{index}",
    )


@st.composite
def _knowledge(draw: st.DrawFn, count: int) -> Knowledge:
    """Maps between the services, some of them against what the specs declare, or in a circle."""
    keys = st.sampled_from([f"k{index}" for index in range(count)])
    needs = st.dictionaries(keys, st.lists(keys, unique=True, max_size=2).map(tuple), max_size=2)
    whens = st.sampled_from(["always", "enabled"])
    conditional = st.lists(st.builds(Conditional, source=keys, target=keys, when=whens), max_size=3).map(tuple)
    return draw(st.builds(Knowledge, core=needs, non_core=needs, conditional=conditional))


@st.composite
def scenarios(draw: st.DrawFn, max_services: int = 6, max_acts: int = 10) -> Scenario:
    """Draw a scenario; small ones first, as shrinking wants it."""
    count = draw(st.integers(1, max_services))
    oneshots = frozenset(f"s{index}" for index in range(count) if draw(st.integers(0, 3)) == 0)
    specs = tuple(draw(_spec(index, oneshots)) for index in range(count))
    names = st.sampled_from([spec.name for spec in specs])
    commands = st.builds(
        Act,
        _TIMES,
        st.sampled_from(["start", "start", "stop", "restart", "boot"]),
        names,
        st.sampled_from(["start", "start", "wait", "ignore"]),
    )
    worlds = st.builds(Act, _TIMES, st.sampled_from(["true", "false"]), names)
    changes = st.builds(Act, _TIMES, st.sampled_from(["change", "remove", "add"]), names)
    acts = draw(st.lists(st.one_of(commands, commands, worlds, changes), max_size=max_acts))
    return Scenario(
        specs=specs,
        behaviours={spec.name: draw(st.lists(_behaviours(), min_size=1, max_size=3)) for spec in specs},
        acts=tuple(sorted(acts, key=lambda act: act.at)),
        ends_at=draw(_TIMES),
        knowledge=draw(st.one_of(st.just(NO_KNOWLEDGE), _knowledge(count))),
        leaves_at=draw(st.one_of(st.just(math.inf), _TIMES)),
    )


def play(
    scenario: Scenario,
    *,
    make_actor: type[ServiceActor] = ServiceActor,
    look: Callable[[Supervisor], None] | None = None,
) -> Outcome:
    """
    Run *scenario* on a virtual clock under the checker, to its very end.

    *look* is called with each supervisor after every act, before its end and after it; the second one then remembers
    the events of the first, as with a journal.
    """
    clock = MockClock(autojump_threshold=0)
    return trio.run(_play, scenario, make_actor, look, clock=clock, strict_exception_groups=True)


async def _play(
    scenario: Scenario, make_actor: type[ServiceActor], look: Callable[[Supervisor], None] | None
) -> Outcome:
    host = SimulatedHost(scenario.behaviours)
    cost = {
        name: max(b.prepare_takes for b in each) + max(b.spawn_takes for b in each)
        for name, each in scenario.behaviours.items()
    }
    wishes = _Wishes()
    broken: list[BrokenRule] = []
    specs = scenario.specs
    recorder = EventRecorder()
    for from_s, to_s in ((-1.0, scenario.leaves_at), (scenario.leaves_at, math.inf)):
        if from_s == math.inf:
            break
        checker = RuleChecker(
            specs, knowledge=scenario.knowledge, slack_s=max(cost.values()), start_cost_s=cost.__getitem__
        )
        left = {name: children[-1].pid for name, children in host.live.items() if children}
        earlier = recorder.events if look is not None else []
        recorder = EventRecorder()

        def note(event: Event, recorder: EventRecorder = recorder, checker: RuleChecker = checker) -> None:
            recorder(event)
            checker(event)

        memory = Memory(
            wishes=wishes, note_event=note, first_seq=earlier[-1].seq if earlier else 0, history=tuple(earlier)
        )
        with trio.fail_after(3600):
            async with open_simulation(
                specs, host, make_actor=make_actor, memory=memory, knowledge=scenario.knowledge
            ) as supervisor:
                adopted = {name: one.pid for name, one in supervisor.snapshot().services.items() if one.pid}
                assert adopted == left
                if from_s >= 0:
                    await supervisor.boot()
                async with trio.open_nursery() as nursery:
                    acts = [act for act in scenario.acts if from_s <= act.at < to_s]
                    for act in acts:
                        await trio.sleep_until(act.at)
                        if look is not None:
                            look(supervisor)
                        nursery.start_soon(_do, act, supervisor, host, checker, scenario)
                    if to_s < math.inf:
                        await trio.sleep_until(to_s)
                        if look is not None:
                            look(supervisor)
                        await supervisor.leave(by="the scenario")
                    else:
                        await trio.sleep_until(max([scenario.ends_at, *(act.at for act in scenario.acts)]))
                        if look is not None:
                            look(supervisor)
                        await supervisor.shutdown(by="the scenario")
                if look is not None:
                    look(supervisor)
                specs = tuple(supervisor.specs.values())
        broken += checker.broken
    assert host.overlaps == []
    assert not any(host.live.values())
    return Outcome(broken, recorder, host)


class _Wishes:
    """What was wished, for the second supervisor of a scenario."""

    def __init__(self) -> None:
        self._noted: dict[str, tuple[bool, bool]] = {}

    def decide(self, name: str, enabled: bool) -> bool:
        wished, seen = self._noted.get(name, (enabled, enabled))
        return wished if seen == enabled else enabled

    def note(self, name: str, *, wished: bool, enabled: bool) -> None:
        self._noted[name] = (wished, enabled)

    async def saved(self) -> None:
        pass


def _changed(act: Act, specs: dict[str, ServiceSpec], scenario: Scenario) -> list[ServiceSpec]:
    """Give a set of specs without faults in which one service is another, is gone, or is there again."""
    original = {spec.name: spec for spec in scenario.specs}
    specs = {**specs, act.service: original[act.service]} if act.action == "add" else dict(specs)
    if act.action == "remove" and len(specs) > 1:
        specs.pop(act.service, None)
    if act.action == "change" and act.service in specs:
        version = len(specs[act.service].command) + 1
        specs[act.service] = attrs.evolve(specs[act.service], command=["program"] * version)
    names = set(specs)
    return [
        attrs.evolve(spec, enabled=True, depends_on=[d for d in spec.depends_on if d.name in names])
        for spec in specs.values()
    ]


async def _do(act, supervisor, host, checker, scenario) -> None:
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
            case "change" | "remove" | "add":
                specs = _changed(act, dict(supervisor.specs), scenario)
                with checker.expecting(specs):
                    await supervisor.reconfigure(specs)
            case _:
                holds = act.action == "true"
                host.set_truth(f"/world/{index}", holds=holds)
                host.set_truth(f"http://127.0.0.1:900{index}/", holds=holds)
    except DumbActorsError:
        pass  # every one of them is an answer; that there is one is what the checker looks at
