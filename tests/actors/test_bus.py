"""The event bus and the level channels: nothing missed, nothing waited for."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from dumb_actors.actors.levels import Changed, Level, level_channel
from dumb_actors.errors import EventsLost
from dumb_actors.model.phase import Phase
from dumb_actors.model.spec import ServiceSpec, Tcp
from dumb_actors.testing.simulated import open_simulation

SPECS = [ServiceSpec("a", "a", readiness=Tcp(1)), ServiceSpec("b", "b", depends_on=["a"], readiness=Tcp(2))]


async def test_a_reader_gets_the_snapshot_first_and_then_every_event(autojump_clock):
    async with open_simulation(SPECS) as supervisor:
        await supervisor.start("a")
        async with supervisor.events() as events:
            await supervisor.start("b")
            got = [await anext(events) for _ in range(2 + 7)]
        assert [(e.kind, e.service, e.phase) for e in got[:2]] == [
            ("snapshot", "a", Phase.READY),
            ("snapshot", "b", Phase.STOPPED),
        ]
        first = events.snapshot.seq
        assert [e.seq for e in got[2:]] == list(range(first + 1, first + 8))
        assert events.snapshot.services["a"].phase is Phase.READY


async def test_the_stream_ends_with_the_supervisor(autojump_clock):
    kinds = []
    async with trio.open_nursery() as nursery:

        async def read(task_status) -> None:
            async with supervisor.events() as events:
                task_status.started()
                kinds.extend([event.kind async for event in events])

        async with open_simulation(SPECS) as supervisor:
            await nursery.start(read)
            await supervisor.start("b")
    assert kinds[-1] == "supervisor"


async def test_a_stream_that_is_opened_after_the_end_ends_after_its_snapshot(autojump_clock):
    async with open_simulation(SPECS) as supervisor:
        await supervisor.shutdown()
        with trio.fail_after(10):
            async with supervisor.events() as events:
                assert [event.kind async for event in events] == ["snapshot", "snapshot"]


async def test_a_cancelled_reader_loses_no_event(autojump_clock):
    async with open_simulation(SPECS) as supervisor, supervisor.events() as events:
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(events)
        assert scope.cancelled_caught
        assert [(await anext(events)).service for _ in range(2)] == ["a", "b"]


async def test_what_is_there_can_be_taken_without_waiting(autojump_clock):
    async with open_simulation(SPECS) as supervisor, supervisor.events() as events:
        assert [events.take_nowait().kind for _ in range(2)] == ["snapshot", "snapshot"]
        assert events.take_nowait() is None
        await supervisor.start("a")
        seqs = []
        while (event := events.take_nowait()) is not None:
            seqs.append(event.seq)
        assert seqs == list(range(1, len(seqs) + 1))
        await supervisor.shutdown()
        while events.take_nowait() is not None:
            pass
        assert [event async for event in events] == []


async def test_a_slow_reader_is_dropped_and_told_and_slows_nobody(autojump_clock):
    async with open_simulation(SPECS) as supervisor, supervisor.events(buffer_size=3) as slow:
        await supervisor.start("b")
        await supervisor.stop("b")
        got = []
        with pytest.raises(EventsLost) as caught:
            async for event in slow:
                got.append(event.seq)  # noqa: PERF401
        assert got[-3:] == [1, 2, 3]
        assert caught.value.after == 3


async def test_a_level_channel_holds_the_latest_value_only():
    outlet, inlet = level_channel("a")
    changed = Changed()
    for generation in range(1, 4):
        outlet.put(Level(phase=Phase.READY, generation=generation))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inlet.follow, changed)
        await wait_all_tasks_blocked()
        assert inlet.level.generation == 3
        outlet.put(Level(phase=Phase.FAILED, generation=4))
        await wait_all_tasks_blocked()
        assert inlet.level.phase is Phase.FAILED
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("phase", "ready", "started"),
    [
        (Phase.STARTING, False, True),
        (Phase.READY, True, True),
        (Phase.STOPPING, False, False),
        (Phase.COMPLETED, True, True),
        (Phase.WAITING, False, False),
        (Phase.FAILED, False, False),
    ],
)
def test_what_a_level_is_good_for(phase: Phase, ready: bool, started: bool):
    level = Level(phase=phase)
    assert (level.meets("ready"), level.meets("started")) == (ready, started)
