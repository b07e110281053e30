"""From one set of services to the next: only what differs is touched, in order."""

import attrs
import pytest
import trio

from dumb_actors.errors import Busy, ConfigError, UnknownService
from dumb_actors.model.phase import Phase
from dumb_actors.model.plan import find_difference
from dumb_actors.model.probe import Tcp, Url
from dumb_actors.model.spec import DependsOn, ServiceSpec
from dumb_actors.testing.recorder import EventRecorder
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation


def spec(name: str, **fields) -> ServiceSpec:
    return ServiceSpec(name, fields.pop("command", name), readiness=Tcp(1), **fields)


OLD = [
    spec("web", depends_on=["app"]),
    spec("app", depends_on=["db"]),
    spec("db"),
    spec("other"),
    spec("off", enabled=False),
]


async def _all_ready(supervisor, *names: str) -> None:
    for name in names:
        await supervisor.wait_ready(name)


async def test_what_is_the_same_is_not_touched(autojump_clock):
    async with open_simulation(OLD) as supervisor:
        await supervisor.boot()
        await _all_ready(supervisor, "web", "other")
        before = supervisor.snapshot().services
        recorder = EventRecorder(supervisor)
        again = [attrs.evolve(each, config={"comment": "new words, same service"}) for each in OLD]
        found = await supervisor.reconfigure(again)
        assert found.is_empty
        assert [e.kind for e in recorder.events] == ["supervisor"]
        assert supervisor.snapshot().services == before
        assert supervisor.specs["web"].config == {"comment": "new words, same service"}


async def test_changed_removed_and_new_services(autojump_clock):
    new = [
        spec("web", depends_on=["app"]),
        spec("app", command="app --new", depends_on=["db", "cache"]),
        spec("db"),
        spec("cache"),
        spec("off"),
    ]
    async with open_simulation(OLD) as supervisor:
        await supervisor.boot()
        await _all_ready(supervisor, "web", "other")
        before = supervisor.snapshot().services
        recorder = EventRecorder(supervisor)
        found = await supervisor.reconfigure(new)
        assert (found.added, found.removed, found.changed) == (("cache",), ("other",), ("app",))
        assert (found.enabled, found.unchanged) == (("off",), ("web", "db"))
        await _all_ready(supervisor, "app", "off")
        after = supervisor.snapshot().services
        assert set(after) == {"web", "app", "db", "cache", "off"}
        assert (after["web"].pid, after["db"].pid) == (before["web"].pid, before["db"].pid)
        assert after["app"].generation == 2
        ready = recorder.went(Phase.READY)
        assert ready.index("cache") < ready.index("app")
        # The dependent that was not touched was told of the loss and of the return, by the new actor's level.
        await trio.sleep(1)
        told = [e.detail["held"] for e in recorder.events if e.kind == "dependency" and e.service == "web"]
        assert told == [False, True]
        with pytest.raises(UnknownService):
            supervisor.status("other")


async def test_removed_ones_go_in_reverse_order_and_at_the_end_all_do(autojump_clock):
    host = SimulatedHost({name: Behaviour(stop_takes=1) for name in ("web", "app", "db")})
    async with open_simulation(OLD, host) as supervisor:
        await supervisor.boot()
        await _all_ready(supervisor, "web")
        recorder = EventRecorder(supervisor)
        await supervisor.reconfigure([spec("db"), spec("other"), spec("late", depends_on=["db"])])
        assert recorder.went(Phase.STOPPED) == ["web", "app"]
        await supervisor.wait_ready("late")
    assert recorder.went(Phase.STOPPED)[-1] == "db"
    assert not any(host.live.values())


async def test_a_service_that_waits_follows_its_new_dependency(autojump_clock):
    host = SimulatedHost({"db": Behaviour(spawn_error="no such program")})
    async with open_simulation([spec("app", depends_on=["db"]), spec("db")], host) as supervisor:
        await supervisor.boot()
        await trio.sleep(1)
        assert supervisor.status("app").phase is Phase.WAITING
        host.set_behaviour("db", Behaviour())
        await supervisor.reconfigure([spec("app", depends_on=["db"]), spec("db", command="other")])
        assert (await supervisor.wait_ready("app", timeout=10)).generation == 1


async def test_a_provider_that_moves_is_found_by_the_wait_of_one_that_is_not_touched(autojump_clock):
    mount = ServiceSpec("mount", "m", waits=[Url("http://127.0.0.1:9000/")], readiness=Tcp(1))
    async with open_simulation([mount, spec("dav", ports=[9000])]) as supervisor:
        await supervisor.boot()
        await supervisor.wait_ready("mount")
        await supervisor.reconfigure([mount, spec("dav", ports=[9001]), spec("dav2", ports=[9000])])
        assert supervisor.graph.dependencies("mount") == ("dav2",)
        assert supervisor.status("mount").generation == 1


async def test_one_that_was_stopped_stays_stopped_in_its_new_form(autojump_clock):
    async with open_simulation([spec("a")]) as supervisor:
        await supervisor.start("a")
        await supervisor.stop("a")
        await supervisor.reconfigure([spec("a", command="new")])
        await trio.sleep(100)
        assert supervisor.status("a").phase is Phase.STOPPED


async def test_enabled_and_disabled_are_wishes(autojump_clock):
    async with open_simulation([spec("a"), spec("b", enabled=False)]) as supervisor:
        await supervisor.boot()
        await supervisor.wait_ready("a")
        await supervisor.reconfigure([spec("a", enabled=False), spec("b")])
        await supervisor.wait_ready("b")
        assert supervisor.status("a").phase is Phase.STOPPED


async def test_a_faulty_set_changes_nothing(autojump_clock):
    async with open_simulation(OLD) as supervisor:
        await supervisor.boot()
        await _all_ready(supervisor, "web")
        before = supervisor.snapshot()
        for faulty in (
            [spec("web", depends_on=["nobody"])],
            [spec("a", depends_on=["b"]), spec("b", depends_on=["a"])],
            [spec("a"), spec("a")],
        ):
            with pytest.raises(ConfigError):
                await supervisor.reconfigure(faulty)
        assert supervisor.snapshot() == before


async def test_commands_to_one_that_is_being_changed_are_refused_in_words(autojump_clock):
    host = SimulatedHost({"a": Behaviour(stop_takes=5), "b": Behaviour(stop_takes=9)})
    async with open_simulation([spec("a"), spec("b")], host) as supervisor:
        await supervisor.boot()
        await _all_ready(supervisor, "a", "b")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.reconfigure, [spec("a", command="new"), spec("b", command="new")])
            await trio.sleep(7)
            with pytest.raises(Busy, match="being reconfigured"):
                await supervisor.start("a")
            assert (await supervisor.wait_ready("a", after=1)).generation == 2  # a wait follows to the new one


def test_the_difference_is_what_a_child_depends_on() -> None:
    old = {"a": spec("a"), "b": spec("b"), "c": spec("c", enabled=False)}
    new = {
        "c": spec("c"),
        "b": spec("b", depends_on=[DependsOn("c", required=False)]),
        "d": spec("d"),
    }
    found = find_difference(old, new)
    assert (found.removed, found.enabled, found.changed, found.added) == (("a",), ("c",), ("b",), ("d",))
    assert not found.is_empty
