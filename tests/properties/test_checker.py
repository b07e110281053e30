"""Each rule has a deliberately broken variant of the system, and the checker catches it; the sound one passes."""

from collections.abc import Callable
from contextlib import suppress

import attrs
import pytest
import trio
from trio.testing import MockClock

from dumb_actors.actors.actor import ServiceActor
from dumb_actors.actors.commands import Command
from dumb_actors.actors.gates import Gates
from dumb_actors.actors.outcome import Loss
from dumb_actors.actors.run import Run
from dumb_actors.errors import DumbActorsError
from dumb_actors.graph import planning
from dumb_actors.graph.planning import plan_shutdown
from dumb_actors.model.event import Cause
from dumb_actors.model.plan import Plan, Step
from dumb_actors.model.restart import Decision
from dumb_actors.model.spec import ServiceSpec, Tcp, Url
from dumb_actors.testing.checker import RuleChecker
from dumb_actors.testing.simulated import Behaviour, SimulatedChild, SimulatedHost, open_simulation

SPECS = (
    ServiceSpec("web", "web", depends_on=["db"], waits=[Url("http://127.0.0.1:9000/")], readiness=Tcp(1)),
    ServiceSpec("db", "db", readiness=Tcp(2)),
    ServiceSpec("dav", "dav", readiness=Tcp(9000), ports=[9000], restart="never"),
)


def run(checked: tuple[ServiceSpec, ...] = SPECS) -> set[int]:
    """Play one ordinary day and give the numbers of the rules that the checker found broken."""

    async def day() -> RuleChecker:
        checker = RuleChecker(checked)
        host = SimulatedHost({"db": Behaviour(ready_after=1), "dav": [Behaviour(), Behaviour(exits_after=2)]})
        async with open_simulation(SPECS, host) as supervisor:
            supervisor.add_listener(checker)
            with trio.move_on_after(60):
                await supervisor.start("web")
                await supervisor.start("web")
                await supervisor.restart("dav")
                await trio.sleep(5)  # dav fails meanwhile
                await supervisor.stop("db")
                with suppress(DumbActorsError):
                    await supervisor.restart("web", timeout=5)
            await supervisor.shutdown()
        checker.finish()
        return checker

    checker = trio.run(day, clock=MockClock(autojump_threshold=0))
    return {broken.rule for broken in checker.broken}


def test_a_sound_system_breaks_no_rule() -> None:
    assert run() == set()


def two_children(patch: pytest.MonkeyPatch) -> None:
    sound = Run._spawn

    async def spawn(self, launch):
        child = await sound(self, launch)
        other = await self._kit.host.spawn(attrs.evolve(launch, generation=launch.generation + 1))
        self._state.note("spawned", Cause(kind="spawn", text="and another"), detail={"pid": other.pid})
        await other.finish()
        return child

    patch.setattr(Run, "_spawn", spawn)


def no_waiting(patch: pytest.MonkeyPatch) -> None:
    async def wait_open(self):
        await trio.lowlevel.checkpoint()

    patch.setattr(Gates, "wait_open", wait_open)
    patch.setattr(Gates, "still_open", lambda self: True)


def waits_forgotten(patch: pytest.MonkeyPatch) -> None:
    async def keep(self, gate):
        gate.is_open = True
        self._changed.fire()
        await trio.sleep_forever()

    patch.setattr(Gates, "_keep", keep)


def no_order_at_shutdown(patch: pytest.MonkeyPatch) -> None:
    def unordered(scene) -> Plan:
        return Plan(tuple(Step(s.action, s.service, (), s.why) for s in plan_shutdown(scene).steps))

    patch.setattr(planning, "plan_shutdown", unordered)


def stops_a_bystander(patch: pytest.MonkeyPatch) -> None:
    sound = ServiceActor._take_start

    def take_start(self, command: Command) -> None:
        if self._run is not None:
            self._run.end(Cause(kind="command", text="start means restart", by="x"))
        sound(self, command)

    patch.setattr(ServiceActor, "_take_start", take_start)


def leaves_descendants(patch: pytest.MonkeyPatch) -> None:
    sound = SimulatedChild.finish

    async def finish(self):
        return attrs.evolve(await sound(self), tree_empty=False)

    patch.setattr(SimulatedChild, "finish", finish)


def dawdles(patch: pytest.MonkeyPatch) -> None:
    sound = Gates.wait_open

    async def wait_open(self):
        await sound(self)
        await trio.sleep(0.5)

    patch.setattr(Gates, "wait_open", wait_open)


def never_answers_a_stop(patch: pytest.MonkeyPatch) -> None:
    sound = Command.settle

    def settle(self, outcome) -> None:
        if self.action != "stop":
            sound(self, outcome)

    patch.setattr(Command, "settle", settle)


def answers_too_early(patch: pytest.MonkeyPatch) -> None:
    sound = ServiceActor._take

    def take(self, command: Command) -> None:
        command.answer(self.snapshot())
        sound(self, command)

    patch.setattr(ServiceActor, "_take", take)


def starts_unasked(patch: pytest.MonkeyPatch) -> None:
    sound = ServiceActor._give_up

    def give_up(self, *facts) -> None:
        go = self._go
        sound(self, *facts)
        self._go = go

    patch.setattr(ServiceActor, "_give_up", give_up)


def heals_against_its_policy(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("dumb_actors.actors.healing.decide", lambda *facts: Decision(delay_s=1.0, recent=1))


def heals_late(patch: pytest.MonkeyPatch) -> None:
    sound = ServiceActor._follow_failure

    def follow_failure(self, failure, run) -> None:
        sound(self, failure, run)
        self._resume_mono += 1

    patch.setattr(ServiceActor, "_follow_failure", follow_failure)
    heals_against_its_policy(patch)


def dies_with_a_dependency_it_may_outlive(patch: pytest.MonkeyPatch) -> None:
    async def watch_dependencies(self):
        while self._kit.gates.still_open():
            await self._state.changed.wait()
        return Loss(cause=Cause(kind="dependency", text="lost"), again=True)

    patch.setattr(Run, "_watch_dependencies", watch_dependencies)


BROKEN: list[tuple[int, Callable[[pytest.MonkeyPatch], None]]] = [
    (1, two_children),
    (2, no_waiting),
    (2, waits_forgotten),
    (3, no_order_at_shutdown),
    (3, stops_a_bystander),
    (4, leaves_descendants),
    (5, dawdles),
    (6, never_answers_a_stop),
    (6, answers_too_early),
    (6, starts_unasked),
    (6, heals_against_its_policy),
    (5, heals_late),
    (3, dies_with_a_dependency_it_may_outlive),
]


@pytest.mark.parametrize(("rule", "break_it"), BROKEN, ids=lambda value: getattr(value, "__name__", str(value)))
def test_the_checker_catches(rule: int, break_it: Callable[[pytest.MonkeyPatch], None], monkeypatch) -> None:
    break_it(monkeypatch)
    assert rule in run()


def test_the_checker_catches_a_start_inside_a_circle() -> None:
    """Rule 7: a system that drops one edge of a circle of declared dependencies and starts the rest."""
    assert 7 in run((*SPECS[:1], ServiceSpec("db", "db", depends_on=["web"]), *SPECS[2:]))
