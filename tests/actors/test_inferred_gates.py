"""What is known of products holds a start back: while the other is wished, and no longer than a wait that proves it."""

from typing import Any

import pytest
import trio

from dumb_actors.actors import gates
from dumb_actors.config import Root, parse_config
from dumb_actors.model.child import Exit
from dumb_actors.model.event import ServiceSnapshot
from dumb_actors.model.knowledge import Knowledge
from dumb_actors.model.phase import Phase
from dumb_actors.model.probe import Directory, Settle, Tcp, Url
from dumb_actors.model.spec import DependsOn, ServiceSpec
from dumb_actors.testing.checker import RuleChecker
from dumb_actors.testing.recorder import EventRecorder
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation

KNOWN = Knowledge(core={"app": ("db",)}, non_core={"app": ("db", "cache")})


def spec(name: str, **fields: Any) -> ServiceSpec:
    return ServiceSpec(name, name, readiness=Tcp(1), key=name, **fields)


def waiting_for(snapshot: ServiceSnapshot) -> list[str]:
    return [each.what for each in snapshot.waiting]


async def test_a_map_is_waited_for_until_it_is_ready(autojump_clock: Any) -> None:
    host = SimulatedHost({"db": Behaviour(ready_after=5)})
    async with open_simulation([spec("app"), spec("db")], host, knowledge=KNOWN) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.boot()
        await trio.sleep(4)
        snapshot = supervisor.status("app")
        assert snapshot.phase is Phase.WAITING
        assert waiting_for(snapshot) == ["'db' to be ready"], "two maps say it, and it is one thing to wait for"
        await supervisor.wait_ready("app", timeout=600)
        assert trio.current_time() >= 5
        kinds = {event.detail["signal"] for event in recorder.events if event.kind == "condition"}
        assert kinds == {"non_core_dependency_map"}


async def test_what_nobody_wishes_holds_nobody_back(autojump_clock: Any) -> None:
    specs = [spec("app"), spec("db", enabled=False), spec("cache")]
    async with open_simulation(specs, knowledge=KNOWN) as supervisor:
        await supervisor.boot()
        await supervisor.wait_ready("app", timeout=600)
        assert supervisor.status("db").phase is Phase.STOPPED


async def test_a_one_shot_that_has_done_its_work_counts(autojump_clock: Any) -> None:
    once = ServiceSpec("db", "db", key="db", oneshot=True, readiness=Settle(0.0))
    host = SimulatedHost({"db": Behaviour(exits_after=3, exit=Exit(code=0))})
    async with open_simulation([spec("app"), once], host, knowledge=KNOWN) as supervisor:
        await supervisor.boot()
        await supervisor.wait_ready("app", timeout=600)
        assert supervisor.status("db").phase is Phase.COMPLETED


async def test_a_wait_is_the_proof_and_readiness_is_not_waited_for_as_well(autojump_clock: Any) -> None:
    specs = [spec("app", waits=[Url("http://localhost:5/")]), spec("db", ports=[5])]
    host = SimulatedHost({"db": Behaviour(ready_after=60)})
    host.set_truth("http://localhost:5/", holds=True)
    async with open_simulation(specs, host, knowledge=KNOWN) as supervisor:
        await supervisor.boot()
        await supervisor.wait_ready("app", timeout=600)
        assert supervisor.status("db").phase is Phase.STARTING


async def test_start_takes_along_what_the_map_needs_and_is_enabled(autojump_clock: Any) -> None:
    specs = [spec("app"), spec("db"), spec("cache", enabled=False)]
    async with open_simulation(specs, knowledge=KNOWN) as supervisor:
        assert supervisor.plan_start("app").services == ("db", "app")
        await supervisor.start("app")
        assert supervisor.status("db").phase is Phase.READY
        assert supervisor.status("cache").phase is Phase.STOPPED


async def test_every_provider_that_is_wished_must_be_there(autojump_clock: Any) -> None:
    specs = [
        spec("reader", waits=[Directory("/mnt")]),
        spec("one", provides=["/mnt/one"]),
        spec("two", provides=["/mnt/two"]),
        spec("off", provides=["/mnt/off"], enabled=False),
    ]
    host = SimulatedHost({"two": Behaviour(spawn_takes=7)})
    host.set_truth("/mnt", holds=True)
    async with open_simulation(specs, host) as supervisor:
        await supervisor.boot()
        await trio.sleep(6)
        (waiting,) = supervisor.status("reader").waiting
        assert "'two', which provides it, is" in str(waiting)
        await supervisor.wait_ready("reader", timeout=600)
        assert trio.current_time() >= 7


async def test_a_provider_that_is_a_one_shot_and_done_is_there(autojump_clock: Any) -> None:
    mount = ServiceSpec("mount", "x", provides=["/mnt"], oneshot=True, readiness=Settle(0.0))
    host = SimulatedHost({"mount": Behaviour(exits_after=1, exit=Exit(code=0))})
    host.set_truth("/mnt", holds=True)
    specs = [spec("reader", waits=[Directory("/mnt")], depends_on=[DependsOn("mount", until="completed")]), mount]
    async with open_simulation(specs, host) as supervisor:
        await supervisor.boot()
        await supervisor.wait_ready("reader", timeout=600)


async def test_a_new_configuration_brings_its_knowledge(autojump_clock: Any) -> None:
    document = {
        "zilean": {"process_name": "Z", "command": "z", "enabled": True},
        "postgres": {"process_name": "P", "command": "p", "enabled": True},
    }
    config = parse_config(document, Root("/"))
    async with open_simulation([]) as supervisor:
        await supervisor.reconfigure(config)
        assert supervisor.graph.dependencies("Z") == ("P",)
        # Specs alone bring none, and leave what is known.
        await supervisor.reconfigure(config.specs)
        assert supervisor.graph.dependencies("Z") == ("P",)


def test_the_checker_catches_maps_that_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    specs = [spec("app"), spec("db")]

    async def day() -> set[int]:
        checker = RuleChecker(specs, knowledge=KNOWN)
        host = SimulatedHost({"db": Behaviour(ready_after=5)})
        async with open_simulation(specs, host, knowledge=KNOWN) as supervisor:
            supervisor.add_listener(checker)
            with trio.move_on_after(1):
                await supervisor.start("db")
            await supervisor.start("app")
        return {broken.rule for broken in checker.broken}

    def run() -> set[int]:
        return trio.run(day, clock=trio.testing.MockClock(autojump_threshold=0))

    assert run() == set()
    monkeypatch.setattr(gates, "without_repeats", lambda edges: [e for e in edges if e.signal == "depends_on"])
    assert 2 in run()
