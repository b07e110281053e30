"""Service actors on the virtual clock: what one service does, and what its neighbours are told."""

import math

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from dumb_actors.actors.commands import MAILBOX_SIZE
from dumb_actors.actors.dispatch import Dispatch
from dumb_actors.errors import Busy, GaveUp, ShuttingDown, StartTimeout, StopTimeout, Superseded, UnknownService
from dumb_actors.model.phase import Phase
from dumb_actors.model.spec import DependsOn, Directory, ServiceSpec, Settle, StopStep, Tcp, Url
from dumb_actors.testing.recorder import EventRecorder
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation

LIFE = [Phase.WAITING, Phase.PREPARING, Phase.STARTING, Phase.READY]
CHAIN = [
    ServiceSpec("web", "web", depends_on=["app"], readiness=Tcp(80)),
    ServiceSpec("app", "app", depends_on=["db"], readiness=Tcp(81)),
    ServiceSpec("db", "db", readiness=Tcp(82), restart="never"),
]


async def test_a_start_goes_through_the_phases_and_answers_when_ready(autojump_clock):
    async with open_simulation([ServiceSpec("a", "a", readiness=Settle(2.0))]) as supervisor:
        recorder = EventRecorder(supervisor)
        snapshot = await supervisor.start("a")
        assert recorder.phases("a") == LIFE
        assert (snapshot.phase, snapshot.generation, snapshot.status) == (Phase.READY, 1, "running")
        assert trio.current_time() == 2.0
        await supervisor.stop("a")
    assert recorder.phases("a") == [*LIFE, Phase.STOPPING, Phase.STOPPED]


async def test_a_chain_comes_up_in_order_and_goes_down_in_reverse(autojump_clock):
    async with open_simulation(CHAIN) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("web")
    assert recorder.went(Phase.READY) == ["db", "app", "web"]
    assert recorder.went(Phase.STOPPED) == ["web", "app", "db"]


async def test_what_can_start_together_does(autojump_clock):
    specs = [
        ServiceSpec("top", "top", depends_on=["left", "right"], readiness=Tcp(1)),
        ServiceSpec("left", "left", readiness=Tcp(2)),
        ServiceSpec("right", "right", readiness=Tcp(3)),
    ]
    host = SimulatedHost({"left": Behaviour(ready_after=3), "right": Behaviour(ready_after=5)})
    async with open_simulation(specs, host) as supervisor:
        await supervisor.start("top")
        assert trio.current_time() == pytest.approx(5.05)


async def test_any_number_of_concurrent_starts_makes_one_child(autojump_clock):
    async with open_simulation([ServiceSpec("a", "a", readiness=Tcp(1))]) as supervisor:
        recorder = EventRecorder(supervisor)
        async with trio.open_nursery() as nursery:
            for _ in range(5 * MAILBOX_SIZE):
                nursery.start_soon(supervisor.start, "a")
        assert [e.kind for e in recorder.events].count("spawned") == 1
        assert [e.kind for e in recorder.events].count("answer") == 5 * MAILBOX_SIZE


async def test_a_start_of_a_running_service_changes_nothing(autojump_clock):
    async with open_simulation([ServiceSpec("a", "a")]) as supervisor:
        first = await supervisor.start("a")
        again = await supervisor.start("a")
        assert (again.generation, again.pid) == (first.generation, first.pid)


async def test_a_stop_works_at_once_while_waiting(autojump_clock):
    host = SimulatedHost({"db": Behaviour(ready_after=math.inf)})
    async with open_simulation(CHAIN, host) as supervisor:
        async with trio.open_nursery() as nursery:
            superseded = []

            async def start() -> None:
                with pytest.raises(Superseded) as caught:
                    await supervisor.start("web")
                superseded.append(caught.value)

            nursery.start_soon(start)
            await trio.sleep(5)
            before = trio.current_time()
            snapshot = await supervisor.stop("web")
            assert snapshot.phase is Phase.STOPPED
            assert trio.current_time() == before
        assert superseded[0].by == "stop"


async def test_a_stop_while_starting_works_at_once(autojump_clock):
    async with open_simulation([ServiceSpec("a", "a", readiness=Settle(600))]) as supervisor:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect, Superseded, supervisor.start, "a")
            await trio.sleep(5)
            assert supervisor.status("a").phase is Phase.STARTING
            await supervisor.stop("a")
            assert trio.current_time() == pytest.approx(5.01)


async def test_a_stop_during_a_stop_joins_it(autojump_clock):
    host = SimulatedHost({"a": Behaviour(stop_takes=4)})
    async with open_simulation([ServiceSpec("a", "a")], host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("a")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.stop, "a")
            await trio.sleep(1)
            await supervisor.stop("a")
        assert trio.current_time() == 5.0  # 1 s of settling and one stop of 4 s
        assert recorder.phases("a").count(Phase.STOPPING) == 1


async def test_a_start_during_a_stop_runs_it_again_afterwards(autojump_clock):
    host = SimulatedHost({"a": Behaviour(stop_takes=4)})
    async with open_simulation([ServiceSpec("a", "a")], host) as supervisor:
        await supervisor.start("a")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.stop, "a")
            await trio.sleep(1)
            snapshot = await supervisor.start("a")
        assert snapshot.generation == 2


async def test_a_restart_gives_a_new_generation_and_dependents_are_told(autojump_clock):
    async with open_simulation(CHAIN) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("web")
        snapshot = await supervisor.restart("db")
        await wait_all_tasks_blocked()
        assert snapshot.generation == 2
        told = [e.detail["held"] for e in recorder.events if e.kind == "dependency" and e.service == "app"]
        assert told == [False, True]
        assert supervisor.status("app").generation == 1


async def test_a_child_that_ends_is_failed_and_says_why(autojump_clock):
    host = SimulatedHost({"a": Behaviour(exits_after=3)})
    async with open_simulation([ServiceSpec("a", "a", restart="never")], host) as supervisor:
        await supervisor.start("a")
        with pytest.raises(GaveUp, match="exited with code 1"):
            await supervisor.wait_ready("a", after=1)
        snapshot = supervisor.status("a")
        assert (snapshot.phase, snapshot.status, snapshot.pid) == (Phase.FAILED, "stopped", None)
        assert snapshot.last_lines == ("generation 1",)
        assert (await supervisor.start("a")).generation == 2


async def test_a_child_that_ends_before_it_is_ready_fails_the_start(autojump_clock):
    host = SimulatedHost({"a": Behaviour(exits_after=0.5)})
    async with open_simulation([ServiceSpec("a", "a", restart="never")], host) as supervisor:
        with pytest.raises(GaveUp, match="before it was ready"):
            await supervisor.start("a")


async def test_a_spawn_that_fails_names_the_reason_and_dependents_stay_waiting_with_it(autojump_clock):
    host = SimulatedHost({"db": Behaviour(spawn_error="cannot start /no/such: ENOENT")})
    async with open_simulation(CHAIN, host) as supervisor:
        with pytest.raises(StartTimeout) as caught:
            await supervisor.start("app", timeout=30)
        assert "'db' to be ready" in caught.value.waiting
        assert "cannot start /no/such" in caught.value.waiting
        snapshot = supervisor.status("app")
        assert (snapshot.phase, snapshot.wished, snapshot.status) == (Phase.WAITING, True, "idle")
        assert snapshot.waiting[0].since_mono == 0


async def test_readiness_that_never_comes_stops_the_child_and_fails(autojump_clock):
    spec = ServiceSpec("a", "a", readiness=Tcp(1, timeout=7), restart="never")
    host = SimulatedHost({"a": Behaviour(ready_after=math.inf)})
    async with open_simulation([spec], host) as supervisor:
        recorder = EventRecorder(supervisor)
        with pytest.raises(GaveUp, match="not ready within 7 s: not yet"):
            await supervisor.start("a")
        assert recorder.phases("a")[-2:] == [Phase.STOPPING, Phase.FAILED]
        assert not host.live["a"]


async def test_a_start_that_takes_too_long_keeps_the_wish(autojump_clock):
    host = SimulatedHost({"db": Behaviour(ready_after=50)})
    async with open_simulation(CHAIN, host) as supervisor:
        with pytest.raises(StartTimeout, match="'db' to be ready"):
            await supervisor.start("app", timeout=10)
        assert (await supervisor.wait_ready("app")).generation == 1


async def test_wait_only_waits_and_ignore_goes_alone(autojump_clock):
    async with open_simulation(CHAIN) as supervisor:
        with pytest.raises(StartTimeout):
            await supervisor.start("app", dependencies="wait", timeout=5)
        assert not supervisor.status("db").wished
        await supervisor.start("app", dependencies="ignore")
        assert supervisor.status("db").phase is Phase.STOPPED


async def test_a_wait_is_proved_by_its_own_probe_while_its_provider_lives(autojump_clock):
    url = "http://127.0.0.1:9000/dav"
    specs = [
        ServiceSpec("mount", "mount", waits=[Url(url)], readiness=Tcp(1)),
        ServiceSpec("dav", "dav", ports=[9000], readiness=Settle(60)),
    ]
    host = SimulatedHost()
    host.set_truth(url, holds=False)
    async with open_simulation(specs, host) as supervisor:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.start, "mount")
            await trio.sleep(5)
            waiting = supervisor.status("mount").waiting
            assert [(w.what, w.last_answer) for w in waiting] == [(f"{url} to answer", "connection refused")]
            host.set_truth(url, holds=True)
        # The provider's own settling (60 s) is not waited for in addition.
        assert trio.current_time() == pytest.approx(5.05)


async def test_a_wait_names_its_provider_while_that_has_no_child(autojump_clock):
    specs = [
        ServiceSpec("mount", "mount", waits=[Url("http://localhost:9000/dav")]),
        ServiceSpec("dav", "dav", ports=[9000]),
    ]
    host = SimulatedHost({"dav": Behaviour(spawn_error="no program")})
    async with open_simulation(specs, host) as supervisor:
        with pytest.raises(StartTimeout, match="'dav', which provides it, is failed: no program"):
            await supervisor.start("mount", timeout=5)


async def test_a_dependency_lost_during_the_preparation_is_waited_for_again(autojump_clock):
    host = SimulatedHost({"db": [Behaviour(exits_after=3), Behaviour()], "app": Behaviour(prepare_takes=10)})
    async with open_simulation(CHAIN, host) as supervisor:
        recorder = EventRecorder(supervisor)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.start, "app")
            await trio.sleep(20)
            assert supervisor.status("app").phase is Phase.WAITING
            await supervisor.start("db")
        assert recorder.phases("app") == [Phase.WAITING, Phase.PREPARING, *LIFE]


async def test_an_optional_dependency_gates_only_while_it_is_wished(autojump_clock):
    specs = [
        ServiceSpec("a", "a", depends_on=[DependsOn("b", required=False)]),
        ServiceSpec("b", "b", enabled=False),
    ]
    async with open_simulation(specs) as supervisor:
        await supervisor.boot()
        assert (await supervisor.wait_ready("a")).generation == 1
        assert not supervisor.status("b").wished


async def test_boot_wishes_the_enabled_and_does_not_wait(autojump_clock):
    specs = [ServiceSpec("on", "on"), ServiceSpec("off", "off", enabled=False)]
    async with open_simulation(specs) as supervisor:
        assert await supervisor.boot() == ("on",)
        assert supervisor.status("on").wished
        assert trio.current_time() == 0
        await supervisor.wait_ready("on")
        assert supervisor.status("off").phase is Phase.STOPPED


async def test_a_stuck_service_delays_nobody(autojump_clock):
    host = SimulatedHost({"stuck": Behaviour(prepare_takes=10_000), "slow": Behaviour(spawn_takes=500)})
    specs = [ServiceSpec(name, name) for name in ("stuck", "slow", "fine")]
    async with open_simulation(specs, host) as supervisor:
        await supervisor.boot()
        await supervisor.wait_ready("fine")
        assert trio.current_time() == 1.0


async def test_a_term_ignorer_is_killed_after_its_steps(autojump_clock):
    spec = ServiceSpec("a", "a", stop=[StopStep(signal="SIGINT", wait=3), StopStep(signal="SIGTERM", wait=4)])
    async with open_simulation([spec], SimulatedHost({"a": Behaviour(stop_takes=math.inf)})) as supervisor:
        await supervisor.start("a")
        snapshot = await supervisor.stop("a")
        assert trio.current_time() == pytest.approx(8.0)
        assert str(snapshot.last_exit) == "killed by SIGKILL"


async def test_hasten_skips_what_is_left_of_the_steps(autojump_clock):
    async with open_simulation(CHAIN, SimulatedHost({"web": Behaviour(stop_takes=math.inf)})) as supervisor:
        await supervisor.start("web")
        before = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.shutdown)
            await trio.sleep(2)
            supervisor.hasten()
        assert trio.current_time() == pytest.approx(before + 2)


async def test_a_stop_can_time_out_and_goes_on(autojump_clock):
    async with open_simulation([ServiceSpec("a", "a")], SimulatedHost({"a": Behaviour(stop_takes=8)})) as supervisor:
        await supervisor.start("a")
        with pytest.raises(StopTimeout, match="it is stopping"):
            await supervisor.stop("a", timeout=2)
        assert (await supervisor.stop("a")).phase is Phase.STOPPED


async def test_a_full_mailbox_refuses_and_changes_nothing(autojump_clock):
    async with open_simulation([ServiceSpec("a", "a")]) as supervisor:
        actor = supervisor._crew.actors["a"]
        async with trio.open_nursery() as nursery:
            for index in range(MAILBOX_SIZE):
                actor.post(supervisor._dispatch.make("start" if index % 2 else "stop", actor, by="flood"))
            with pytest.raises(Busy):
                await supervisor.stop("a")
            assert supervisor.status("a").wished
            nursery.cancel_scope.cancel()


async def test_commands_during_and_after_a_shutdown_are_refused(autojump_clock):
    async with open_simulation(CHAIN, SimulatedHost({"web": Behaviour(stop_takes=5)})) as supervisor:
        await supervisor.start("web")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.shutdown)
            await trio.sleep(1)
            with pytest.raises(ShuttingDown):
                await supervisor.start("db")
        with pytest.raises(ShuttingDown):
            await supervisor.stop("web")
        await supervisor.shutdown()  # a second one joins, or finds everything done


async def test_a_time_out_is_one_caller_s_alone(autojump_clock):
    async with open_simulation([ServiceSpec("a", "a", readiness=Settle(5))]) as supervisor:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect, StartTimeout, lambda: supervisor.start("a", timeout=1))
            snapshot = await supervisor.start("a", timeout=60)
        assert snapshot.phase is Phase.READY


async def test_a_wait_ends_with_the_supervisor(autojump_clock):
    async with open_simulation([ServiceSpec("a", "a", enabled=False)]) as supervisor, trio.open_nursery() as nursery:
        nursery.start_soon(_expect, ShuttingDown, supervisor.wait_ready, "a")
        await wait_all_tasks_blocked()
        await supervisor.shutdown()


async def test_a_second_interrupt_during_the_end_hastens_it(autojump_clock, monkeypatch):
    host = SimulatedHost({name: Behaviour(stop_takes=math.inf) for name in ("web", "app", "db")})
    interrupts = iter([KeyboardInterrupt()])
    sound = Dispatch.shut_down

    async def shut_down(self, names, steps, by):
        with trio.move_on_after(1):
            return await sound(self, names, steps, by)
        for interrupt in interrupts:
            raise interrupt
        return await sound(self, names, steps, by)

    monkeypatch.setattr(Dispatch, "shut_down", shut_down)
    with pytest.raises(KeyError, match="first"):
        async with open_simulation(CHAIN, host) as supervisor:
            await supervisor.start("web")
            raise KeyError("first")
    assert not any(host.live.values())
    assert trio.current_time() < 10


async def test_the_end_is_bounded_by_the_services_there_are_then(autojump_clock):
    stop = [StopStep(signal="SIGTERM", wait=200)]
    specs = [ServiceSpec("app", "app", depends_on=["db"], stop=stop), ServiceSpec("db", "db", stop=stop)]
    host = SimulatedHost({name: Behaviour(stop_takes=150) for name in ("app", "db")})
    async with open_simulation([], host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.reconfigure(specs)
        await supervisor.wait_ready("app")
    assert recorder.went(Phase.STOPPED) == ["app", "db"]


async def test_names_are_matched_exactly_then_loosely_else_refused(autojump_clock):
    async with open_simulation([ServiceSpec("Riven Backend", "r")]) as supervisor:
        assert (await supervisor.start("rivenbackend")).name == "Riven Backend"
        with pytest.raises(UnknownService) as caught:
            supervisor.status("Plex")
        assert caught.value.known == ("Riven Backend",)


async def test_an_error_inside_one_actor_is_that_services_failure(autojump_clock, monkeypatch, caplog):
    host = SimulatedHost()
    sound = host.prepare

    async def prepare(launch):
        if launch.service == "app":
            raise ZeroDivisionError("a defect")
        return await sound(launch)

    monkeypatch.setattr(host, "prepare", prepare)
    async with open_simulation(CHAIN, host) as supervisor:
        with pytest.raises(GaveUp, match="internal error: ZeroDivisionError"):
            await supervisor.start("app")
        assert supervisor.status("db").phase is Phase.READY
        monkeypatch.setattr(host, "prepare", sound)
        assert (await supervisor.start("app")).phase is Phase.READY
    assert "a defect" in caplog.text


async def test_plans_say_what_would_happen(autojump_clock):
    async with open_simulation(CHAIN) as supervisor:
        assert supervisor.plan_start("app").services == ("db", "app")
        await supervisor.start("db")
        assert supervisor.plan_start("app").services == ("app",)
        await supervisor.start("app")
        plan = supervisor.plan_stop("db")
        assert plan.services == ("db",)
        assert [effect.service for effect in plan.effects] == ["app"]


async def test_the_body_s_exception_comes_out_bare_after_everything_was_stopped(autojump_clock):
    host = SimulatedHost()
    with pytest.raises(KeyError, match="mine"):
        async with open_simulation(CHAIN, host) as supervisor:
            await supervisor.start("web")
            raise KeyError("mine")
    assert not any(host.live.values())


async def test_cancelling_the_block_stops_in_order(autojump_clock):
    host = SimulatedHost({name: Behaviour(stop_takes=1) for name in ("web", "app", "db")})
    with trio.move_on_after(10) as scope:
        async with open_simulation(CHAIN, host) as supervisor:
            recorder = EventRecorder(supervisor)
            await supervisor.start("web")
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert recorder.went(Phase.STOPPED) == ["web", "app", "db"]
    assert trio.current_time() == pytest.approx(13)


async def test_a_directory_wait_has_its_provider(autojump_clock):
    specs = [
        ServiceSpec("riven", "riven", waits=[Directory("/mnt/debrid/riven/__all__")]),
        ServiceSpec("other", "other", provides=["/mnt/debrid/rive"]),
        ServiceSpec("rclone", "rclone", provides=["/mnt/debrid/riven"]),
    ]
    async with open_simulation(specs) as supervisor:
        assert supervisor.graph.dependencies("riven") == ("rclone",)


async def _expect(error, call, *args) -> None:
    with pytest.raises(error):
        await call(*args)
