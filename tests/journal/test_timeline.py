"""Timelines of stacks whose times are known to the digit."""

import json
from pathlib import Path

import attrs
import pytest
import trio

from dumb_actors.errors import UnknownBoot
from dumb_actors.journal.boots import Past, boot_timeline, list_boots
from dumb_actors.journal.codec import line_of
from dumb_actors.journal.segments import Head, Segment
from dumb_actors.journal.store import SKIPPED
from dumb_actors.model.child import Exit
from dumb_actors.model.phase import Phase
from dumb_actors.model.probe import Settle, Tcp, Url
from dumb_actors.model.restart import RestartPolicy
from dumb_actors.model.spec import ServiceSpec
from dumb_actors.testing.recorder import EventRecorder
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation


async def boot(specs, behaviours, *, lasts_s=100.0, host=None):
    """Boot, let time pass, and give the timeline and the events."""
    async with open_simulation(specs, host or SimulatedHost(behaviours)) as supervisor:
        recorder = EventRecorder(supervisor)
        await supervisor.boot()
        await trio.sleep(lasts_s)
        return await supervisor.timeline(), recorder.events


def steps(timeline):
    return [(step.service, step.begin_s, step.end_s) for step in timeline.critical_path]


def row(timeline, name):
    return next(one for one in timeline.services if one.service == name)


STACK = [
    ServiceSpec("web", "web", depends_on=["app", "cache"], readiness=Tcp(1)),
    ServiceSpec("app", "app", depends_on=["db"], readiness=Settle(2.0)),
    ServiceSpec("db", "db", readiness=Tcp(2)),
    ServiceSpec("cache", "cache", readiness=Tcp(3)),
]
TIMES = {
    "db": Behaviour(prepare_takes=0.5, spawn_takes=0.25, ready_after=1.25),
    "cache": Behaviour(ready_after=3.0),
    "web": Behaviour(ready_after=1.0),
}


async def test_the_parts_of_the_critical_path_are_as_they_were(autojump_clock):
    timeline, _ = await boot(STACK, TIMES)
    assert (timeline.makespan_s, timeline.ideal_s) == (5.0, 5.0)
    assert steps(timeline) == [("db", 0.0, 2.0), ("app", 2.0, 4.0), ("web", 4.0, 5.0)]
    db = timeline.critical_path[0]
    assert (db.waiting_s, db.preparing_s, db.spawning_s, db.probing_s, db.other_s) == (0.0, 0.5, 0.25, 1.25, 0.0)
    assert [step.condition for step in timeline.critical_path] == ["", "'db' to be ready", "'app' to be ready"]
    waited = row(timeline, "web").spans[0]
    assert (waited.lasted_s, waited.ended_by, waited.signal) == (4.0, "app", "depends_on")
    assert waited.waits_for == ("'app' to be ready", "'cache' to be ready")


async def test_the_settling_time_is_named_rather_than_the_service_and_no_more_is_promised_than_it_is_worth(
    autojump_clock,
):
    timeline, _ = await boot(STACK, TIMES)
    # Without the settling time of two seconds `cache` is the last that `web` waits for, at three.
    assert (timeline.change.kind, timeline.change.service, timeline.change.saves_s) == ("probe", "app", 1.0)
    assert timeline.change.text == (
        "if 'app' had a readiness probe instead of its settling time of 2.00 s, "
        "the boot would at best take 4.00 s instead of 5.00 s"
    )
    assert {(c.kind, c.service) for c in timeline.changes} == {
        ("probe", "app"),
        ("quicker", "db"),
        ("independent", "app"),
        ("independent", "web"),
        ("quicker", "web"),
    }
    assert {c.saves_s for c in timeline.changes} == {1.0}


async def test_nothing_helps_where_two_take_equally_long(autojump_clock):
    specs = [ServiceSpec("a", "a", readiness=Tcp(1)), ServiceSpec("b", "b", readiness=Tcp(2))]
    timeline, _ = await boot(specs, {"a": Behaviour(ready_after=3), "b": Behaviour(ready_after=3)})
    assert (timeline.change.kind, timeline.changes) == ("nothing", ())
    assert timeline.change.text == "nothing: no change to one service alone would make it shorter"


async def test_an_attempt_that_failed_is_no_part_of_the_ideal(autojump_clock):
    policy = RestartPolicy(policy="on-failure", delays=(4.0,))
    spec = ServiceSpec("a", "a", readiness=Tcp(1), restart=policy)
    timeline, _ = await boot([spec], {"a": [Behaviour(ready_after=9, exits_after=1), Behaviour(ready_after=2)]})
    [step] = timeline.critical_path
    assert timeline.ideal_s == pytest.approx(2.0)
    assert timeline.makespan_s > 6.0
    assert step.other_s == pytest.approx(timeline.makespan_s - 3.0)
    assert {change.kind for change in timeline.changes} == {"quicker", "steady"}
    assert [span.kind for span in row(timeline, "a").spans if span.lasted_s] == ["probing", "backoff", "probing"]
    assert [span.attempt for span in row(timeline, "a").spans][-1] == 2


async def test_what_a_wait_asks_for_itself_is_its_providers_time(autojump_clock):
    """`files` answers after two seconds, and is held to be ready after five."""
    specs = [
        ServiceSpec("reader", "r", waits=[Url("http://127.0.0.1:8080/")], readiness=Tcp(1)),
        ServiceSpec("files", "f", ports=[8080], readiness=Settle(5.0)),
    ]
    host = SimulatedHost({"reader": Behaviour(ready_after=9)})
    host.set_truth("http://127.0.0.1:8080/", holds=False)
    async with open_simulation(specs, host) as supervisor:
        await supervisor.boot()
        await trio.sleep(2)
        host.set_truth("http://127.0.0.1:8080/", holds=True)
        await trio.sleep(20)
        timeline = await supervisor.timeline()
    assert steps(timeline) == [("files", 0.0, 2.0), ("reader", 2.0, 11.0)]
    assert (timeline.makespan_s, timeline.ideal_s) == (11.0, 11.0)
    assert [(c.kind, c.service, c.saves_s) for c in timeline.changes] == [
        ("quicker", "reader", 6.0),
        ("quicker", "files", 2.0),
        ("independent", "reader", 2.0),
    ]


async def test_who_failed_or_waits_is_named_and_no_part_of_the_makespan(autojump_clock):
    specs = [
        ServiceSpec("bad", "bad", readiness=Tcp(1), restart="never"),
        ServiceSpec("after", "after", depends_on=["bad"], readiness=Tcp(2)),
        ServiceSpec("good", "good", readiness=Tcp(3)),
        ServiceSpec("work", "work", oneshot=True),
    ]
    behaviours = {
        "bad": Behaviour(ready_after=50, exits_after=9),
        "good": Behaviour(ready_after=1),
        "work": Behaviour(exits_after=3, exit=Exit(code=0)),
    }
    timeline, _ = await boot(specs, behaviours)
    assert (timeline.makespan_s, timeline.is_complete, timeline.not_ready) == (3.0, False, ("bad", "after"))
    assert (row(timeline, "bad").phase, row(timeline, "bad").ready_s) == (Phase.FAILED, None)
    assert row(timeline, "after").spans[-1].end_mono is None
    assert row(timeline, "after").reason == "waits for 'bad' to be ready"
    assert (row(timeline, "work").phase, row(timeline, "work").ready_s) == (Phase.COMPLETED, 3.0)


async def test_adopted_services_appear_as_such(autojump_clock):
    host = SimulatedHost({"kept": Behaviour(ready_after=1), "new": Behaviour(ready_after=2)})
    specs = [
        ServiceSpec("kept", "kept", readiness=Tcp(1)),
        ServiceSpec("new", "new", depends_on=["kept"], readiness=Tcp(2)),
    ]
    async with open_simulation(specs, host) as supervisor:
        await supervisor.start("kept")
        await supervisor.leave()
    timeline, _ = await boot(specs, {}, host=host)
    assert (row(timeline, "kept").adopted, row(timeline, "new").adopted) == (True, False)
    assert (timeline.makespan_s, timeline.partial) == (2.0, "")
    assert steps(timeline) == [("new", 0.0, 2.0)]


async def test_what_was_taken_over_before_it_was_ready_is_ready_when_it_is(autojump_clock):
    host = SimulatedHost({"kept": [Behaviour(ready_after=5, exits_after=20), Behaviour(ready_after=1)]})
    specs = [
        ServiceSpec("kept", "kept", readiness=Tcp(1), restart="always"),
        ServiceSpec("new", "new", depends_on=["kept"], readiness=Settle(100.0)),
    ]
    async with open_simulation(specs, host) as supervisor:
        with trio.move_on_after(2):
            await supervisor.start("kept")
        await supervisor.leave()
    timeline, _ = await boot(specs, {}, host=host, lasts_s=200.0)
    assert (row(timeline, "kept").adopted, row(timeline, "kept").ready_s) == (True, 3.0)
    assert (timeline.makespan_s, timeline.ideal_s) == (103.0, 103.0)
    assert steps(timeline) == [("kept", 0.0, 3.0), ("new", 3.0, 103.0)]
    assert [(c.kind, c.service, c.saves_s) for c in timeline.changes] == [
        ("probe", "new", 100.0),
        ("independent", "new", 3.0),
    ]


async def test_a_restart_begins_with_the_stop(autojump_clock):
    host = SimulatedHost({"a": Behaviour(ready_after=2, stop_takes=3)})
    async with open_simulation([ServiceSpec("a", "a", readiness=Tcp(1))], host) as supervisor:
        await supervisor.start("a")
        await supervisor.restart("a")
        timeline = await supervisor.timeline(service="a")
    assert (timeline.what, timeline.makespan_s, timeline.ideal_s) == ("restart", 5.0, 5.0)
    assert [(span.kind, span.lasted_s) for span in row(timeline, "a").spans if span.lasted_s] == [
        ("stopping", 3.0),
        ("probing", 2.0),
    ]


# --- what the journal has ---------------------------------------------------------------------------------------------


def past(events, **fields):
    return Past(**{"recent": events, "directory": None, "run_seq": 0, "now_mono": events[-1].mono, **fields})


async def test_earlier_boots_are_known_by_number_and_by_how_long_ago(autojump_clock, tmp_path):
    first, one = await boot(STACK, TIMES)
    second, two = await boot(STACK, {**TIMES, "db": Behaviour(ready_after=9)})
    third, three = await boot(STACK, TIMES)
    two = [_moved(event, one[-1].seq) for event in two]
    three = [_moved(event, two[-1].seq + SKIPPED) for event in three]  # the second was killed
    for events in (one, two[:-5]):
        head = json.dumps(Head(run_id="r", boot_id="b", opened_at=0.0).as_json()).encode() + b"\n"
        path = Segment.named(str(tmp_path), events[0].seq).path
        Path(path).write_bytes(head + b"".join(map(line_of, events)))
    now = past(three, directory=str(tmp_path), run_seq=three[0].seq - 1)
    boots = list_boots(now)
    assert [b.makespan_s for b in boots] == [third.makespan_s, second.makespan_s, first.makespan_s]
    assert [boot_timeline(now, which).makespan_s for which in ("latest", 0, -1, -2)] == [5.0, 5.0, 12.0, 5.0]
    assert boot_timeline(now, boots[1].seq) == boot_timeline(now, -1)
    assert boot_timeline(now, -2) == first
    for unknown in (-3, 7):
        with pytest.raises(UnknownBoot) as caught:
            boot_timeline(now, unknown)
        assert [one["seq"] for one in caught.value.boots] == [b.seq for b in boots]


def _moved(event, by):
    """Give *event* as of a run whose numbers go on behind *by*."""
    detail = dict(event.detail)
    if "first" in detail:
        detail["first"] += by
    cause = event.cause if event.cause.seq is None else attrs.evolve(event.cause, seq=event.cause.seq + by)
    return attrs.evolve(event, seq=event.seq + by, cause=cause, detail=detail)


async def test_a_journal_that_lost_something_says_so(autojump_clock):
    _, events = await boot(STACK, TIMES)
    booted = next(event for event in events if event.kind == "supervisor")
    no_beginning = boot_timeline(past(events[2:]), booted.seq)
    assert no_beginning.partial == "its beginning is no longer in the journal"
    ready = next(e for e in events if e.service == "db" and e.to_phase is Phase.READY)
    holed = boot_timeline(past([event for event in events if event is not ready]), booted.seq)
    assert "1 event of it is not in the journal" in holed.partial
    early = boot_timeline(past(events[: events.index(ready)], run_seq=10**9), booted.seq)
    assert (early.is_complete, early.makespan_s, early.not_ready) == (False, None, ("cache", "db", "app", "web"))


async def test_a_boot_that_an_earlier_version_wrote_down_is_told_in_part(autojump_clock):
    timeline, events = await boot(STACK, TIMES)
    old = [
        attrs.evolve(
            event,
            cause=attrs.evolve(event.cause, seq=None),
            detail={k: v for k, v in event.detail.items() if k not in {"wished", "first", "adopted", "waits_for"}},
        )
        for event in events
    ]
    told = boot_timeline(past(old), "latest")
    assert told.partial == "an earlier version wrote it, which did not say who was wished"
    assert (told.makespan_s, told.is_complete) == (timeline.makespan_s, True)
    assert [step.service for step in told.critical_path] == ["db", "app", "web"]
