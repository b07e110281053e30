"""The event bus and the level channels: nothing missed, nothing waited for."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from dumb_actors.actors.bus import HISTORY_SIZE, EventBus, EventStream
from dumb_actors.actors.levels import Changed, Level, level_channel
from dumb_actors.errors import EventsLost
from dumb_actors.model.event import Cause, Event, ServiceSnapshot, Snapshot
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


# --- numbers, history and masks ---------------------------------------------------------------------------------------

CAUSE = Cause(kind="supervisor", text="as it happens")


def old_event(seq: int) -> Event:
    return Event(
        seq=seq,
        kind="supervisor",
        service="",
        generation=0,
        from_phase=Phase.STOPPED,
        to_phase=Phase.STOPPED,
        cause=CAUSE,
        mono=0.0,
        at=0.0,
    )


def make_bus(**options) -> EventBus:
    services = {"a": service_snapshot()}
    return EventBus(
        mono=lambda: 1.0,
        wall=lambda: 2.0,
        take_snapshot=lambda seq: Snapshot(seq=seq, at=2.0, services=services),
        **options,
    )


def service_snapshot(reason: str = "") -> ServiceSnapshot:
    return ServiceSnapshot(
        name="a",
        key="a",
        enabled=True,
        phase=Phase.STOPPED,
        wished=False,
        generation=0,
        pid=None,
        since_at=0.0,
        started_at=None,
        ready_at=None,
        reason=reason,
        hint="",
        waiting=(),
        dependencies={},
        last_exit=None,
        last_exit_at=None,
        last_lines=(),
        restarts=0,
    )


def take_all(stream: EventStream) -> list[tuple[str, int]]:
    got = []
    while (event := stream.take_nowait()) is not None:
        got.append((event.kind, event.seq))
    return got


def come_back(bus: EventBus, after: int) -> tuple[bool, bool, list[tuple[str, int]]]:
    with bus.subscribe(after=after) as stream:
        return stream.resumed, stream.crossed, take_all(stream)


async def test_numbers_go_on_behind_those_of_earlier_runs():
    bus = make_bus(first_seq=500)
    assert bus.seq == 500
    assert [bus.publish("supervisor", CAUSE).seq for _ in range(3)] == [501, 502, 503]
    assert come_back(bus, 501) == (True, False, [("supervisor", 502), ("supervisor", 503)])


async def test_a_reader_from_a_run_that_was_killed_gets_what_it_missed_and_then_the_state():
    """Its services may have come to another state without an event: it was killed."""
    bus = make_bus(first_seq=1_000_010, history=[old_event(seq) for seq in range(5, 11)])
    bus.publish("supervisor", CAUSE)
    missed = [("supervisor", 9), ("supervisor", 10), ("supervisor", 1_000_011)]
    assert come_back(bus, 8) == (True, True, [*missed, ("snapshot", 1_000_011)])
    assert come_back(bus, 10) == (True, True, [missed[-1], ("snapshot", 1_000_011)])
    assert come_back(bus, 1_000_011) == (True, False, [])
    assert [event.seq for event in bus.recent()] == [5, 6, 7, 8, 9, 10, 1_000_011]


@pytest.mark.parametrize("after", [0, 3, 4, 11, 12, 500_000, 1_000_009, 1_000_010, 1_000_012, 2_000_000])
async def test_a_number_that_is_not_known_gets_the_state_and_no_wrong_resume(after):
    """It was forgotten, or told to somebody and never came into the journal, or never given out at all."""
    bus = make_bus(first_seq=1_000_010, history=[old_event(seq) for seq in range(5, 11)])
    bus.publish("supervisor", CAUSE)
    assert come_back(bus, after) == (False, False, [("snapshot", 1_000_011)])


async def test_nobody_goes_on_over_a_gap_in_the_history():
    events = [old_event(seq) for seq in (1, 2, 3, 5, 6)]
    bus = make_bus(first_seq=6, history=events)
    assert come_back(bus, 3)[0] is False
    assert come_back(bus, 5) == (True, True, [("supervisor", 6), ("snapshot", 6)])
    # An orderly end: the last number of one run is the one that the next begins behind.
    assert come_back(bus, 6) == (True, True, [("snapshot", 6)])


async def test_the_first_events_of_a_run_must_be_known_to_come_from_an_earlier_one():
    bus = make_bus(first_seq=10, history=[old_event(seq) for seq in range(1, 11)])
    for _ in range(HISTORY_SIZE):
        bus.publish("supervisor", CAUSE)
    assert come_back(bus, 9)[:2] == (True, True)
    bus.publish("supervisor", CAUSE)
    assert come_back(bus, 9)[0] is False
    assert come_back(bus, 11)[0] is True
    assert [event.seq for event in bus.recent()] == list(range(12, 12 + HISTORY_SIZE))


async def test_history_that_is_read_late_counts_as_well():
    bus = make_bus(first_seq=10)
    assert come_back(bus, 9)[0] is False
    bus.remember(old_event(seq) for seq in range(1, 11))
    assert come_back(bus, 9)[0] is True


async def test_a_stream_that_crossed_is_told_when_it_is_too_slow():
    bus = make_bus(first_seq=10, history=[old_event(10)])
    with bus.subscribe(1, after=10) as stream:
        bus.publish("supervisor", CAUSE)
        bus.publish("supervisor", CAUSE)
        assert [(await anext(stream)).seq for _ in range(2)] == [10, 11]
        with pytest.raises(EventsLost) as caught:
            await anext(stream)
        assert caught.value.after == 11


async def test_secrets_are_masked_before_anybody_sees_an_event():
    seen = []
    bus = make_bus(mask=lambda text: text.replace("hunter2", "***"))
    bus.add_listener(seen.append)
    cause = Cause(kind="command", text="login with hunter2 failed", by="api")
    detail = {"argv": ["--password", "hunter2"], "deep": {"hunter2": ({"x": "a hunter2 b"}, 7, None, True)}, "n": 1.5}
    with bus.subscribe() as stream:
        published = bus.publish("phase", cause, service="a", detail=detail)
        assert take_all(stream)[-1] == ("phase", 1)
    assert seen == [published]
    assert published.cause == Cause(kind="command", text="login with *** failed", by="api")
    # Keys are names of ours.
    assert published.detail == {
        "argv": ["--password", "***"],
        "deep": {"hunter2": [{"x": "a *** b"}, 7, None, True]},
        "n": 1.5,
    }
    assert cause.text == "login with hunter2 failed"
    assert detail["argv"] == ["--password", "hunter2"]
    assert bus.publish("phase", CAUSE).cause is CAUSE


async def test_the_reasons_in_a_snapshot_are_masked():
    snapshot = Snapshot(seq=0, at=0.0, services={"a": service_snapshot("hunter2 was refused")})
    bus = EventBus(
        mono=lambda: 1.0,
        wall=lambda: 2.0,
        take_snapshot=lambda _: snapshot,
        mask=lambda text: text.replace("hunter2", "***"),
    )
    with bus.subscribe() as stream:
        assert (await anext(stream)).cause.text == "*** was refused"
