"""Events that follow from others say so: by the number of the event that led to them."""

import math

import trio

from dumb_actors.errors import StartFailed
from dumb_actors.model.child import Exit
from dumb_actors.model.phase import Phase
from dumb_actors.model.probe import Liveness
from dumb_actors.model.restart import RestartPolicy
from dumb_actors.model.spec import DependsOn, Directory, ServiceSpec, Settle, Tcp
from dumb_actors.testing.recorder import EventRecorder
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation


def led_to(recorder, event):
    return next((one for one in recorder.events if one.seq == event.cause.seq), None)


def went(recorder, service, phase, nth=0):
    return [e for e in recorder.events if e.kind == "phase" and (e.service, e.to_phase) == (service, phase)][nth]


async def test_the_first_transition_after_a_command_names_it(autojump_clock):
    async with open_simulation([ServiceSpec("a", "a", readiness=Tcp(1))]) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("a")
        await supervisor.restart("a")
        await supervisor.stop("a")
    asked = [e for e in recorder.events if e.kind == "command"][:3]
    waiting, stopping = went(recorder, "a", Phase.WAITING), went(recorder, "a", Phase.STOPPING)
    stopped = went(recorder, "a", Phase.STOPPING, 1)
    assert [led_to(recorder, event) for event in (waiting, stopping, stopped)] == asked
    assert [event.detail["command"] for event in (waiting, stopping, stopped)] == [e.detail["id"] for e in asked]
    again = went(recorder, "a", Phase.WAITING, 1)
    assert led_to(recorder, again) is asked[1]
    assert "command" not in again.detail


async def test_a_start_names_the_commands_that_it_brought_along(autojump_clock):
    specs = [
        ServiceSpec("web", "web", depends_on=["app"], readiness=Tcp(1)),
        ServiceSpec("app", "app", readiness=Tcp(2)),
    ]
    async with open_simulation(specs) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("web")
    app, web = (next(e for e in recorder.events if e.kind == "command" and e.service == n) for n in ("app", "web"))
    assert web.detail["also"] == [app.detail["id"]]
    assert "also" not in app.detail


async def test_a_wait_says_what_for_and_its_end_names_the_gate_that_opened_last(autojump_clock):
    specs = [
        ServiceSpec("top", "top", depends_on=["slow", DependsOn("fast", until="started")], waits=[Directory("/data")]),
        ServiceSpec("slow", "slow", readiness=Tcp(1)),
        ServiceSpec("fast", "fast", readiness=Tcp(2)),
    ]
    host = SimulatedHost({"slow": Behaviour(ready_after=2), "fast": Behaviour(spawn_takes=1)})
    async with open_simulation(specs, host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("top")
    assert went(recorder, "top", Phase.WAITING).detail["waits_for"] == [
        {"what": "'slow' to be ready", "signal": "depends_on", "dependency": "slow", "until": "ready"},
        {"what": "'fast' to be started", "signal": "depends_on", "dependency": "fast", "until": "started"},
        {"what": "/data to exist", "signal": "wait_for_dir", "dependency": None},
    ]
    condition = led_to(recorder, went(recorder, "top", Phase.PREPARING))
    assert condition.detail == {
        "condition": "'slow' to be ready",
        "signal": "depends_on",
        "dependency": "slow",
        "held": True,
    }
    assert led_to(recorder, condition) is went(recorder, "slow", Phase.READY)
    assert "waits_for" not in went(recorder, "slow", Phase.WAITING).detail


async def test_of_dependencies_that_are_seen_ready_in_one_look_the_one_that_was_last_ended_the_wait(autojump_clock):
    specs = [
        ServiceSpec("top", "top", depends_on=["last", "first"]),
        ServiceSpec("first", "first", readiness=Tcp(1)),
        ServiceSpec("last", "last", readiness=Tcp(2)),
    ]
    # At the same instant of the virtual clock, one after the other.
    host = SimulatedHost({"last": Behaviour(ready_after=1), "first": Behaviour(ready_after=1)})
    async with open_simulation(specs, host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("top")
    latest = max((went(recorder, name, Phase.READY) for name in ("first", "last")), key=lambda event: event.seq)
    assert led_to(recorder, went(recorder, "top", Phase.PREPARING)).detail["dependency"] == latest.service


async def test_a_spawn_says_what_it_took_and_how_readiness_is_found_out(autojump_clock):
    specs = [
        ServiceSpec("a", "a", readiness=Settle(1.0)),
        ServiceSpec("work", "work", oneshot=True),
        ServiceSpec("port", "port", readiness=Tcp(1)),
    ]
    host = SimulatedHost(
        {
            "a": Behaviour(prepare_takes=0.25, spawn_takes=0.5),
            "work": Behaviour(exits_after=1, exit=Exit(code=0)),
        }
    )
    async with open_simulation(specs, host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.boot()
        for spec in specs:
            await supervisor.wait_ready(spec.name)
    spawned = {e.service: e.detail for e in recorder.events if e.kind == "spawned"}
    assert (spawned["a"]["prepared"], spawned["a"]["spawn_s"]) == ([{"hook": "look-up", "s": 0.25}], 0.5)
    assert {name: detail["probe"] for name, detail in spawned.items()} == {"a": "settle", "work": "work", "port": "tcp"}


async def test_an_exit_leads_to_backoff_and_that_to_the_next_attempt(autojump_clock):
    spec = ServiceSpec("a", "a", readiness=Tcp(1), restart=RestartPolicy(policy="on-failure", delays=(1.0,)))
    host = SimulatedHost({"a": [Behaviour(exits_after=0.01), Behaviour()]})
    async with open_simulation([spec], host) as supervisor:
        recorder = EventRecorder(supervisor)
        try:
            await supervisor.start("a")
        except StartFailed:
            await supervisor.wait_ready("a")
    backoff, again = went(recorder, "a", Phase.BACKOFF), went(recorder, "a", Phase.WAITING, 1)
    assert led_to(recorder, again) is backoff
    assert led_to(recorder, backoff).kind == "exited"
    assert led_to(recorder, led_to(recorder, backoff)) is None


async def test_a_failed_health_check_leads_to_the_stop_and_that_end_to_backoff(autojump_clock):
    liveness = Liveness(Tcp(1), interval=1, threshold=1, grace=0)
    spec = ServiceSpec(
        "a", "a", readiness=Tcp(1), liveness=liveness, restart=RestartPolicy(policy="always", delays=(1.0,))
    )
    host = SimulatedHost({"a": [Behaviour(unhealthy_after=2), Behaviour()]})
    async with open_simulation([spec], host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("a")
        await supervisor.wait_ready("a", after=1)
    health = next(event for event in recorder.events if event.kind == "health")
    assert led_to(recorder, went(recorder, "a", Phase.STOPPING)) is health
    exited = led_to(recorder, went(recorder, "a", Phase.BACKOFF))
    assert (exited.kind, led_to(recorder, exited)) == ("exited", health)


async def test_the_loss_of_a_dependency_leads_to_the_stop_of_who_cannot_do_without(autojump_clock):
    specs = [
        ServiceSpec("web", "web", depends_on=[DependsOn("db", on_loss="restart")], readiness=Tcp(1)),
        ServiceSpec("db", "db", readiness=Tcp(2), restart="never"),
    ]
    host = SimulatedHost({"db": Behaviour(exits_after=5)})
    async with open_simulation(specs, host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.start("web")
        await trio.sleep(10)
    loss = led_to(recorder, went(recorder, "web", Phase.STOPPING))
    assert (loss.kind, loss.detail["dependency"]) == ("dependency", "db")
    assert led_to(recorder, loss) is went(recorder, "db", Phase.FAILED)
    assert led_to(recorder, led_to(recorder, loss)).kind == "exited"
    assert led_to(recorder, went(recorder, "web", Phase.WAITING, 1)) is loss


async def test_commands_that_lead_to_nothing_are_not_kept_for_ever(autojump_clock):
    async with open_simulation([ServiceSpec("a", "a", readiness=Tcp(1))]) as supervisor:
        await supervisor.start("a")
        for _ in range(200):
            await supervisor.start("a")
        assert len(supervisor._crew.actors["a"].state._commands) < 100
        recorder = EventRecorder(supervisor)
        await supervisor.stop("a")
    assert went(recorder, "a", Phase.STOPPING).detail["command"] == recorder.events[0].detail["id"]


async def test_a_boot_says_who_is_wished_and_where_it_began(autojump_clock):
    host = SimulatedHost({"kept": Behaviour(exits_after=math.inf)})
    specs = [ServiceSpec("kept", "kept", readiness=Tcp(1)), ServiceSpec("new", "new", readiness=Tcp(2))]
    async with open_simulation(specs, host) as supervisor:
        await supervisor.start("kept")
        await supervisor.leave()
    async with open_simulation(specs, host) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.boot()
    booted = next(event for event in recorder.events if event.kind == "supervisor")
    assert (booted.detail["wished"], booted.detail["adopted"]) == (["kept", "new"], ["kept"])
    first = next(event for event in recorder.events if event.seq == booted.detail["first"])
    assert (first.kind, first.service) == ("command", "new")
