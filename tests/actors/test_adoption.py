"""A supervisor leaves its services running, and the next one takes them over; on the virtual clock."""

import math

import pytest
import trio

from dumb_actors.actors.memory import Memory
from dumb_actors.errors import ShuttingDown
from dumb_actors.model.child import Exit
from dumb_actors.model.phase import Phase
from dumb_actors.model.probe import Liveness
from dumb_actors.model.spec import DependsOn, ServiceSpec, Settle, StopStep, Tcp
from dumb_actors.testing.recorder import EventRecorder
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation

CHAIN = [
    ServiceSpec("db", "db", readiness=Tcp(1)),
    ServiceSpec("app", "app", depends_on=["db"], readiness=Tcp(2)),
]


class Wishes:
    """A book of wishes in memory."""

    def __init__(self, **wished):
        self.wished = wished
        self.noted = []

    def decide(self, name, enabled):
        return self.wished.get(name, enabled)

    def note(self, name, *, wished, enabled):
        self.noted.append((name, wished, enabled))
        self.wished[name] = wished

    async def saved(self):
        await trio.lowlevel.checkpoint()


async def leave(host, specs=CHAIN, *, start="app"):
    async with open_simulation(specs, host) as supervisor:
        await supervisor.start(start)
        await supervisor.leave(by="a test")


def pids(host):
    return {name: children[-1].pid for name, children in host.live.items() if children}


async def test_what_was_left_goes_on_in_its_phase_and_generation(autojump_clock):
    host = SimulatedHost()
    await leave(host)
    before = pids(host)
    assert set(before) == {"db", "app"}
    recorder = EventRecorder()
    async with open_simulation(CHAIN, host, memory=Memory(note_event=recorder)) as supervisor:
        for name in before:
            found = supervisor.status(name)
            assert (found.phase, found.pid, found.generation) == (Phase.READY, before[name], 1)
        await supervisor.boot()
        await trio.sleep(100)
        assert pids(host) == before
    assert recorder.phases("app") == [Phase.STARTING, Phase.READY, Phase.STOPPING, Phase.STOPPED]
    assert recorder.went(Phase.STOPPED) == ["app", "db"]
    assert not any(host.live.values())


async def test_leaving_is_told_and_takes_no_more_commands(autojump_clock):
    host = SimulatedHost()
    async with open_simulation(CHAIN, host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("app")
        await supervisor.leave(by="a test")
        await supervisor.leave(by="somebody else")
        with pytest.raises(ShuttingDown):
            await supervisor.start("db")
    assert [e.detail["what"] for e in recorder.events if e.kind == "supervisor"] == ["leaving", "left"]
    assert not any(e.kind == "exited" for e in recorder.events)


async def test_a_start_that_waits_is_answered_when_the_supervisor_leaves(autojump_clock):
    host = SimulatedHost({"db": Behaviour(ready_after=math.inf)})
    async with open_simulation(CHAIN, host) as supervisor, trio.open_nursery() as nursery:

        async def start():
            with pytest.raises(ShuttingDown):
                await supervisor.start("app")

        nursery.start_soon(start)
        await trio.sleep(1)
        await supervisor.leave()
        assert supervisor.status("app").phase is Phase.STOPPED
        assert supervisor.status("db").phase is Phase.STARTING
    assert set(pids(host)) == {"db"}


async def test_a_stop_under_way_is_finished(autojump_clock):
    host = SimulatedHost({"db": Behaviour(stop_takes=5)})
    async with open_simulation(CHAIN, host) as supervisor, trio.open_nursery() as nursery:
        await supervisor.start("db")
        nursery.start_soon(supervisor.stop, "db")
        await trio.sleep(1)
        await supervisor.leave()
        assert supervisor.status("db").phase is Phase.STOPPED
    assert pids(host) == {}


async def test_one_that_was_not_ready_yet_proves_it_to_the_next(autojump_clock):
    host = SimulatedHost({"db": Behaviour(ready_after=30)})
    async with open_simulation(CHAIN, host) as supervisor:
        await supervisor.boot()
        await trio.sleep(10)
        await supervisor.leave()
    before = pids(host)
    async with open_simulation(CHAIN, host) as supervisor:
        assert supervisor.status("db").phase is Phase.STARTING
        await supervisor.boot()
        await supervisor.wait_ready("app")
        assert trio.current_time() == 30.05
        assert supervisor.status("db").pid == before["db"]


async def test_readiness_is_asked_again_and_what_does_not_answer_is_replaced(autojump_clock):
    specs = [ServiceSpec("db", "db", readiness=Tcp(1, timeout=7.0))]
    host = SimulatedHost({"db": [Behaviour(unhealthy_after=5), Behaviour()]})
    await leave(host, specs, start="db")
    await trio.sleep(10)
    async with open_simulation(specs, host) as supervisor:
        assert supervisor.status("db").phase is Phase.READY
        recorder = EventRecorder(supervisor)
        found = await supervisor.wait_ready("db", after=1)
        assert found.generation == 2
    lost = recorder.find(lambda e: e.kind == "phase" and e.to_phase is Phase.STOPPING)
    assert lost.cause.text == "not ready within 7 s: it does not answer any more"


async def test_what_cannot_be_asked_again_is_believed(autojump_clock):
    specs = [ServiceSpec("db", "db", readiness=Settle(5.0))]
    host = SimulatedHost()
    await leave(host, specs, start="db")
    began = trio.current_time()
    async with open_simulation(specs, host) as supervisor:
        await supervisor.start("db")
        assert trio.current_time() == began


async def test_liveness_goes_on(autojump_clock):
    specs = [ServiceSpec("db", "db", readiness=Tcp(1), liveness=Liveness(Tcp(1), interval=1.0, threshold=2))]
    host = SimulatedHost({"db": [Behaviour(unhealthy_after=20), Behaviour()]})
    await leave(host, specs, start="db")
    async with open_simulation(specs, host) as supervisor:
        await supervisor.boot()
        found = await supervisor.wait_ready("db", after=1)
        assert "not responding" in found.last_exit_reason


async def test_an_exit_is_noticed_at_once_and_healed(autojump_clock):
    host = SimulatedHost({"db": [Behaviour(exits_after=50, exit=Exit(signal="SIGSEGV")), Behaviour()]})
    await leave(host)
    async with open_simulation(CHAIN, host) as supervisor:
        await supervisor.boot()
        found = await supervisor.wait_ready("db", after=1)
        assert (trio.current_time(), found.generation, found.last_exit) == (50.05, 2, Exit(signal="SIGSEGV"))


@pytest.mark.parametrize("on_loss", ["keep", "restart", "stop"])
async def test_a_dependency_that_did_not_survive_is_a_loss(autojump_clock, on_loss):
    specs = [CHAIN[0], ServiceSpec("app", "app", depends_on=[DependsOn("db", on_loss=on_loss)], readiness=Tcp(2))]
    host = SimulatedHost()
    await leave(host, specs)
    host.live["db"].clear()
    recorder = EventRecorder()
    async with open_simulation(specs, host, memory=Memory(note_event=recorder)) as supervisor:
        await supervisor.boot()
        await trio.sleep(20)
        expected = {"keep": (Phase.READY, 1), "restart": (Phase.READY, 2), "stop": (Phase.STOPPED, 1)}[on_loss]
        assert (supervisor.status("app").phase, supervisor.status("app").generation) == expected
    lost = [e.detail["held"] for e in recorder.events if e.kind == "dependency" and e.service == "app"]
    assert lost[0] is False


async def test_a_survivor_that_is_wished_no_more_is_stopped_by_boot(autojump_clock):
    host = SimulatedHost()
    await leave(host)
    async with open_simulation(CHAIN, host, memory=Memory(wishes=Wishes(app=False))) as supervisor:
        assert await supervisor.boot() == ("db",)
        await trio.sleep(1)
        assert supervisor.status("app").phase is Phase.STOPPED
        assert supervisor.status("db").generation == 1


async def test_boot_stops_nothing_that_was_started_here(autojump_clock):
    specs = [*CHAIN, ServiceSpec("extra", "extra", enabled=False, readiness=Tcp(3))]
    async with open_simulation(specs) as supervisor:
        before = await supervisor.start("extra")
        await supervisor.boot()
        await supervisor.wait_ready("app")
        assert supervisor.status("extra").phase is Phase.READY
        assert supervisor.status("extra").pid == before.pid


async def test_boot_tries_anew_what_had_failed(autojump_clock):
    host = SimulatedHost({"db": [Behaviour(spawn_error="no such program"), Behaviour()]})
    async with open_simulation([CHAIN[0]], host) as supervisor:
        await supervisor.boot()
        await trio.sleep(1)
        assert supervisor.status("db").phase is Phase.FAILED
        await supervisor.boot()
        await supervisor.wait_ready("db", after=1)


async def test_commands_are_wishes_that_last_and_boot_is_none(autojump_clock):
    wishes = Wishes()
    async with open_simulation(CHAIN, memory=Memory(wishes=wishes)) as supervisor:
        await supervisor.boot()
        await supervisor.wait_ready("app")
        assert wishes.noted == []
        await supervisor.stop("app")
        await supervisor.restart("db")
    assert wishes.noted == [("app", False, True), ("db", True, True)]


async def test_a_changed_spec_is_adopted_and_said_to_need_a_restart(autojump_clock):
    host = SimulatedHost()
    await leave(host)
    changed = [CHAIN[0], ServiceSpec("app", "app --new", depends_on=["db"], readiness=Tcp(2))]
    async with open_simulation(changed, host) as supervisor:
        await supervisor.boot()
        found = supervisor.status("app")
        assert (found.phase, found.generation, found.needs_restart) == (Phase.READY, 1, True)
        assert "needs a restart" in found.reason
        found = await supervisor.restart("app")
        assert (found.generation, found.needs_restart) == (2, False)
        assert not supervisor.status("db").needs_restart


async def test_what_left_the_configuration_is_stopped_by_its_recorded_steps(autojump_clock):
    host = SimulatedHost({"gone": Behaviour(stop_takes=3)})
    gone = ServiceSpec("gone", "gone", readiness=Tcp(9), stop=[StopStep(signal="SIGQUIT", wait=20)])
    await leave(host, [*CHAIN, gone], start="gone")
    recorder = EventRecorder()
    async with open_simulation(CHAIN, host, memory=Memory(note_event=recorder)) as supervisor:
        await supervisor.boot()
        await supervisor.wait_ready("app")
        await trio.sleep(10)
        assert not host.live["gone"]
    told = recorder.find(lambda e: e.kind == "supervisor" and e.detail["what"] == "leftover")
    assert told.detail["name"] == "gone"
    assert told.detail["exit"] == "killed by SIGQUIT"


async def test_a_oneshot_that_did_its_work_stays_completed(autojump_clock):
    specs = [
        ServiceSpec("setup", "setup", oneshot=True),
        ServiceSpec("app", "app", depends_on=[DependsOn("setup", until="completed")], readiness=Tcp(2)),
    ]
    host = SimulatedHost({"setup": Behaviour(exits_after=1, exit=Exit(code=0))})
    await leave(host, specs)
    async with open_simulation(specs, host) as supervisor:
        await supervisor.boot()
        await trio.sleep(10)
        assert supervisor.status("setup").phase is Phase.COMPLETED
        assert supervisor.status("setup").generation == 1
        assert supervisor.status("app").generation == 1
        # Somebody who starts it means it.
        assert (await supervisor.start("setup")).generation == 2
    # After an orderly end, its work is to be done again.
    assert host.completed == {}


async def test_an_orderly_end_leaves_nothing_to_adopt(autojump_clock):
    host = SimulatedHost()
    async with open_simulation(CHAIN, host) as supervisor:
        await supervisor.start("app")
    async with open_simulation(CHAIN, host) as supervisor:
        assert supervisor.status("app").phase is Phase.STOPPED
