"""Crashes, health, lost dependencies and one-shots, on the virtual clock."""

import errno
import math

import pytest
import trio

from dumb_actors.errors import GaveUp, SpawnFailed, StartFailed, StartTimeout
from dumb_actors.model.child import Exit
from dumb_actors.model.phase import Phase
from dumb_actors.model.probe import Liveness, Settle, Tcp
from dumb_actors.model.restart import RestartPolicy
from dumb_actors.model.spec import DependsOn, ServiceSpec
from dumb_actors.testing.recorder import EventRecorder
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, SimulatedProbe, open_simulation


def spec(name: str, **fields) -> ServiceSpec:
    return ServiceSpec(name, name, readiness=fields.pop("readiness", Tcp(1)), **fields)


async def test_a_crash_heals_at_once_the_first_time(autojump_clock):
    host = SimulatedHost({"a": [Behaviour(exits_after=100), Behaviour()]})
    async with open_simulation([spec("a")], host) as supervisor:
        await supervisor.start("a")
        snapshot = await supervisor.wait_ready("a", after=1)
        assert trio.current_time() == pytest.approx(100.05)
        assert (snapshot.generation, snapshot.healing.attempts, snapshot.healing.successes) == (2, 1, 1)
        assert snapshot.last_exit == Exit(code=1)


async def test_delays_grow_and_a_long_run_makes_it_begin_anew(autojump_clock):
    host = SimulatedHost({"a": [Behaviour(exits_after=1)] * 3 + [Behaviour(exits_after=100), Behaviour()]})
    policy = RestartPolicy(delays=(0, 10, 20))
    async with open_simulation([spec("a", restart=policy)], host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("a")
        await supervisor.wait_ready("a", after=4)
        delays = [e.detail["delay_s"] for e in recorder.events if e.to_phase is Phase.BACKOFF and e.kind == "phase"]
    assert delays == [0, pytest.approx(10, rel=0.1), pytest.approx(20, rel=0.1), 0]


async def test_a_crash_loop_is_told_and_goes_on_at_the_longest_delay(autojump_clock):
    host = SimulatedHost({"a": Behaviour(exits_after=0.1)})
    policy = RestartPolicy(delays=(0,), max_delay=60)
    async with open_simulation([spec("a", restart=policy)], host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("a")
        await trio.sleep(30)
        snapshot = supervisor.status("a")
        assert (snapshot.phase, snapshot.healing.crash_loop, snapshot.healing.recent) == (Phase.BACKOFF, True, 5)
        assert snapshot.healing.next_at is not None
        assert [e.detail["exits"] for e in recorder.events if e.kind == "crash_loop"] == [5]
        await trio.sleep(60)
        assert supervisor.status("a").generation == 6


async def test_a_limit_makes_it_failed_with_its_last_ends_and_lines(autojump_clock):
    host = SimulatedHost({"a": Behaviour(exits_after=1)})
    policy = RestartPolicy(delays=(0,), limit=2)
    async with open_simulation([spec("a", restart=policy)], host) as supervisor:
        await supervisor.start("a")
        with pytest.raises(GaveUp, match="more than its limit of 2"):
            await supervisor.wait_ready("a", after=3)
        snapshot = supervisor.status("a")
        assert (snapshot.phase, snapshot.generation) == (Phase.FAILED, 3)
        assert snapshot.healing.last_reasons == ("exited with code 1",) * 3
        assert snapshot.last_lines == ("generation 3",)
        assert (await supervisor.start("a")).healing.crash_loop is False  # a manual start clears it


async def test_a_start_that_crashes_is_told_at_once_and_tried_again(autojump_clock):
    host = SimulatedHost({"a": [Behaviour(exits_after=0.01), Behaviour()]})
    policy = RestartPolicy(delays=(5,))
    async with open_simulation([spec("a", restart=policy)], host) as supervisor:
        with pytest.raises(StartFailed) as caught:
            await supervisor.start("a")
        assert caught.value.retry_in_s == pytest.approx(5, rel=0.1)
        assert supervisor.status("a").status == "idle"
        await supervisor.wait_ready("a")


async def test_a_start_in_backoff_goes_at_once_and_a_stop_ends_it(autojump_clock):
    host = SimulatedHost({"a": [Behaviour(exits_after=1), Behaviour()]})
    policy = RestartPolicy(delays=(1000,))
    async with open_simulation([spec("a", restart=policy)], host) as supervisor:
        await supervisor.start("a")
        await trio.sleep(2)
        assert supervisor.status("a").phase is Phase.BACKOFF
        assert (await supervisor.stop("a")).phase is Phase.STOPPED
        await trio.sleep(5000)
        assert supervisor.status("a").phase is Phase.STOPPED
        await supervisor.start("a")
        assert supervisor.status("a").generation == 2


async def test_a_daemon_s_end_is_unexpected_whatever_its_code(autojump_clock):
    host = SimulatedHost({"a": [Behaviour(exits_after=1, exit=Exit(code=0)), Behaviour()]})
    async with open_simulation([spec("a", restart="on-failure")], host) as supervisor:
        await supervisor.start("a")
        assert (await supervisor.wait_ready("a", after=1)).generation == 2


async def test_what_failed_together_does_not_come_back_together(autojump_clock):
    names = [f"s{i}" for i in range(50)]
    policy = RestartPolicy(delays=(10,))
    host = SimulatedHost({name: [Behaviour(exits_after=5), Behaviour()] for name in names})
    async with open_simulation([spec(name, restart=policy) for name in names], host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.boot()
        for name in names:
            await supervisor.wait_ready(name, after=1)
        again = [e.mono for e in recorder.events if e.kind == "spawned" and e.generation == 2]
    assert len(set(again)) == 50
    assert max(again) - min(again) > 1


# --- health -----------------------------------------------------------------------------------------------------------


async def test_an_unhealthy_service_is_restarted_like_a_crash(autojump_clock):
    host = SimulatedHost({"a": [Behaviour(unhealthy_after=100), Behaviour()]})
    liveness = Liveness(Tcp(1), interval=10, threshold=3)
    async with open_simulation([spec("a", liveness=liveness)], host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("a")
        await trio.sleep(50)
        assert supervisor.status("a").health.healthy is True
        snapshot = await supervisor.wait_ready("a", after=1)
        assert trio.current_time() == pytest.approx(120.05 + 0.01 + 0.05, abs=0.1)
        assert snapshot.health.count == 0
        assert recorder.phases("a")[4:6] == [Phase.STOPPING, Phase.BACKOFF]
        assert snapshot.last_exit_reason == "Port 127.0.0.1:1 not responding"
        assert "unhealthy, 3 times in a row: Port 127.0.0.1:1 not responding" in snapshot.healing.last_reasons[0]
        assert [e.detail["healthy"] for e in recorder.events if e.kind == "health"] == [False]


async def test_health_can_be_only_reported(autojump_clock):
    host = SimulatedHost({"a": Behaviour(unhealthy_after=100)})
    liveness = Liveness(Tcp(1), interval=10, threshold=2, restart=False)
    async with open_simulation([spec("a", liveness=liveness)], host) as supervisor:
        await supervisor.start("a")
        await trio.sleep(500)
        health = supervisor.status("a").health
        assert (health.healthy, health.reason) == (False, "Port 127.0.0.1:1 not responding")
        assert supervisor.status("a").generation == 1


async def test_a_grace_period_comes_first_and_a_hang_counts(autojump_clock, monkeypatch):
    sound = SimulatedProbe.ask
    asked: list[float] = []

    async def ask(probe):
        if supervisor.status("a").phase is not Phase.READY:
            return await sound(probe)
        asked.append(trio.current_time())
        return await trio.sleep(math.inf)

    monkeypatch.setattr(SimulatedProbe, "ask", ask)
    liveness = Liveness(Tcp(1), interval=10, timeout=5, threshold=2, grace=100)
    async with open_simulation([spec("a", liveness=liveness)]) as supervisor:
        await supervisor.start("a")
        await supervisor.wait_ready("a", after=1)
        assert asked[:2] == [pytest.approx(100.05), pytest.approx(115.05)]
        assert "Port 127.0.0.1:1 not responding" in supervisor.status("a").healing.last_reasons[0]


# --- lost dependencies ------------------------------------------------------------------------------------------------


def pair(on_loss: str) -> list[ServiceSpec]:
    return [spec("app", depends_on=[DependsOn("db", on_loss=on_loss)]), spec("db", restart=RestartPolicy(delays=(10,)))]


@pytest.mark.parametrize(
    ("on_loss", "generation", "wished"), [("keep", 1, True), ("restart", 2, True), ("stop", 1, False)]
)
async def test_a_lost_dependency(on_loss, generation, wished, autojump_clock):
    host = SimulatedHost({"db": [Behaviour(exits_after=5), Behaviour()]})
    async with open_simulation(pair(on_loss), host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("app")
        await supervisor.wait_ready("db", after=1)
        await trio.sleep(1)
        snapshot = supervisor.status("app")
        assert (snapshot.generation, snapshot.wished) == (generation, wished)
        told = recorder.find(lambda e: e.kind == "dependency")
        assert (told.service, told.detail["dependency"], told.detail["on_loss"]) == ("app", "db", on_loss)
        if on_loss == "stop":
            assert (snapshot.phase, snapshot.reason) == (Phase.STOPPED, "'db' was lost")
        assert snapshot.healing.attempts == 0  # it is nobody's crash


async def test_a_start_in_the_moment_of_a_loss_is_not_forgotten(autojump_clock):
    async with open_simulation(pair("stop")) as supervisor, trio.open_nursery() as nursery:
        await supervisor.start("app")
        seen: list[str] = []

        def react(event) -> None:
            if event.kind == "exited" and event.service == "app" and not seen:
                seen.append("exited")
                nursery.start_soon(lambda: supervisor.start("app"))

        supervisor.add_listener(react)
        await supervisor.stop("db")
        await trio.sleep(20)
        assert seen
        assert supervisor.status("app").phase is Phase.READY


async def test_a_spawn_error_that_may_pass_is_tried_again(autojump_clock, monkeypatch):
    host = SimulatedHost()
    sound, failures = host.spawn, iter([errno.EMFILE])

    async def spawn(launch):
        for number in failures:
            raise SpawnFailed("too many open files", errno=number, argv=launch.argv, cwd="/", path="a")
        return await sound(launch)

    monkeypatch.setattr(host, "spawn", spawn)
    async with open_simulation([spec("a")], host) as supervisor:
        with pytest.raises(StartFailed, match="too many open files"):
            await supervisor.start("a")
        await supervisor.wait_ready("a")


async def test_waiters_follow_a_dependency_through_its_generations_until_it_gives_up(autojump_clock):
    specs = [spec("app", depends_on=["db"]), spec("db", restart=RestartPolicy(delays=(1,), limit=3))]
    host = SimulatedHost({"db": Behaviour(exits_after=0.01)})
    async with open_simulation(specs, host) as supervisor:
        with pytest.raises(StartTimeout, match="failed: exited with code 1 before it was ready; it ended 4 times"):
            await supervisor.start("app", timeout=60)
        assert supervisor.status("app").phase is Phase.WAITING


# --- one-shots --------------------------------------------------------------------------------------------------------


MIGRATE = ServiceSpec("migrate", "m", oneshot=True, success_codes=[0, 3])


async def test_a_one_shot_completes_and_its_dependents_go(autojump_clock):
    specs = [spec("app", depends_on=[DependsOn("migrate", until="completed")]), MIGRATE]
    host = SimulatedHost({"migrate": Behaviour(exits_after=20, exit=Exit(code=3))})
    async with open_simulation(specs, host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("app")
        assert trio.current_time() == pytest.approx(20.05)
        snapshot = supervisor.status("migrate")
        assert (snapshot.phase, snapshot.status, snapshot.generation) == (Phase.COMPLETED, "idle", 1)
        assert Phase.READY not in recorder.phases("migrate")
        await supervisor.restart("app")
        assert supervisor.status("migrate").generation == 1  # it is not done again for that
        assert (await supervisor.start("migrate")).generation == 2  # but when somebody asks for it


async def test_a_one_shot_that_fails_is_tried_again(autojump_clock):
    host = SimulatedHost({"migrate": [Behaviour(exits_after=1), Behaviour(exits_after=1, exit=Exit(code=0))]})
    async with open_simulation([MIGRATE], host) as supervisor:
        with pytest.raises(StartFailed):
            await supervisor.start("migrate")
        assert (await supervisor.wait_ready("migrate")).phase is Phase.COMPLETED


async def test_a_one_shot_has_its_time_out(autojump_clock):
    one = ServiceSpec("m", "m", oneshot=True, readiness=Settle(timeout=30), restart="never")
    async with open_simulation([one]) as supervisor:
        with pytest.raises(GaveUp, match="not ready within 30 s: it is still at work"):
            await supervisor.start("m")


# --- events for readers that come back --------------------------------------------------------------------------------


async def test_a_reader_that_comes_back_goes_on_where_it_was(autojump_clock):
    async with open_simulation([spec("a")]) as supervisor:
        await supervisor.start("a")
        async with supervisor.events(after=3) as events:
            assert events.resumed
            assert [(await anext(events)).seq for _ in range(3)] == [4, 5, 6]
        async with supervisor.events(after=10_000) as events:
            assert not events.resumed
            assert (await anext(events)).kind == "snapshot"
