"""Timelines of random boots: their parts add up, and what they say about changes is so when it is tried."""

import itertools
import json
import math
import os
from pathlib import Path

import attrs
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.journal.boots import Past, boot_timeline, list_boots, start_timeline
from dumb_actors.journal.codec import line_of
from dumb_actors.journal.course import Course, Scope
from dumb_actors.journal.segments import Head, Segment
from dumb_actors.journal.spans import UNKNOWN, spans_of
from dumb_actors.model.child import Exit
from dumb_actors.model.event import Event
from dumb_actors.model.phase import Phase
from dumb_actors.model.probe import Settle, Tcp, Url
from dumb_actors.model.spec import DependsOn, ServiceSpec
from dumb_actors.model.timeline import Change, Span, Timeline
from dumb_actors.testing.recorder import EventRecorder
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation

from .scenario import Scenario, play, scenarios

# Each is run several times, with the change that is said to help.
EXAMPLES = max(1, int(os.environ.get("DUMB_ACTORS_EXAMPLES", "1200")) // 20)
quickly = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


# --- whatever happens -------------------------------------------------------------------------------------------------


def past_of(events: list[Event], directory: str | None = None) -> Past:
    """Give the past as a supervisor sees it at its end."""
    return Past(recent=events, directory=directory, run_seq=0, now_mono=events[-1].mono if events else 0.0)


def timelines(past: Past, events: list[Event]) -> list[Timeline]:
    found = [boot_timeline(past, boot.seq) for boot in list_boots(past, limit=10**6)]
    starts = [e for e in events if e.kind == "command" and e.detail["command"] in {"start", "restart"}]
    return found + [start_timeline(past, name) for name in {event.service for event in starts}]


def check_spans(spans: tuple[Span, ...]) -> None:
    for before, after in itertools.pairwise(spans):
        assert before.end_mono is not None or before.outcome == UNKNOWN
        assert before.begin_mono <= (before.begin_mono if before.end_mono is None else before.end_mono)
        assert (before.end_mono or before.begin_mono) <= after.begin_mono


def check(timeline: Timeline) -> None:
    """What is true of every timeline."""
    for row in timeline.services:
        check_spans(row.spans)
        assert row.spans == () or row.spans[0].begin_mono >= timeline.begin_mono
    path = timeline.critical_path
    if timeline.makespan_s is None:
        assert path == ()
        assert timeline.change.kind == "nothing"
        return
    assert timeline.ideal_s is not None
    assert 0 <= timeline.ideal_s <= timeline.makespan_s + 1e-9
    assert timeline.makespan_s <= timeline.end_s + 1e-9
    assert (path[0].begin_s, path[0].after) == (0.0, "")
    assert path[-1].end_s == pytest.approx(timeline.makespan_s)
    for before, after in itertools.pairwise(path):
        assert (after.after, after.begin_s) == (before.service, before.end_s)
    for step in path:
        parts = step.waiting_s + step.preparing_s + step.spawning_s + step.probing_s + step.other_s
        assert parts == pytest.approx(step.end_s - step.begin_s, abs=1e-9)
    assert all(0 < change.saves_s <= timeline.makespan_s + 1e-9 for change in timeline.changes)
    worth = [round(change.saves_s, 6) for change in timeline.changes]
    assert worth == sorted(worth, reverse=True)


@quickly
@given(scenarios())
def test_the_parts_add_up_whatever_happens(scenario: Scenario) -> None:
    events = play(scenario).recorder.events
    for spans in spans_of(events).values():
        check_spans(spans)
    for timeline in timelines(past_of(events), events):
        check(timeline)
        assert timeline.partial == "" or not timeline.is_complete


@quickly
@given(scenarios(), st.data())
def test_a_journal_with_holes_gives_a_part_and_says_so(scenario: Scenario, data: st.DataObject) -> None:
    events = play(scenario).recorder.events
    chance, random = data.draw(st.sampled_from([0.01, 0.1, 0.5])), data.draw(st.randoms(use_true_random=False))
    lost = {event.seq for event in events if random.random() < chance}
    left = [event for event in events if event.seq not in lost]
    whole = {timeline.seq: timeline for timeline in timelines(past_of(events), events)}
    for timeline in timelines(past_of(left), left):
        for row in timeline.services:
            check_spans(row.spans)
        if timeline.is_complete and not timeline.partial and timeline.seq in whole:
            assert timeline == whole[timeline.seq]


# --- boots in which nothing fails -------------------------------------------------------------------------------------


@attrs.frozen
class Calm:
    """Services of which none fails, and how long each takes."""

    specs: tuple[ServiceSpec, ...]
    behaviours: dict[str, Behaviour]


_TIMES = st.integers(0, 24).map(lambda number: number / 8)


@st.composite
def calm_boots(draw: st.DrawFn, max_services: int = 8) -> Calm:
    """Draw an acyclic graph and times; what is spawned at once is ready at once sometimes."""
    specs: list[ServiceSpec] = []
    behaviours = {}
    for index in range(draw(st.integers(1, max_services))):
        name, takes = f"s{index}", draw(_TIMES)
        is_oneshot = draw(st.integers(0, 4)) == 0
        names = [spec.name for spec in specs]
        needs = draw(st.lists(st.sampled_from(names), unique=True, max_size=3)) if names else []
        others = [spec.name for spec in specs if spec.oneshot]
        depends_on = [
            DependsOn(n, until=draw(st.sampled_from(["ready", "ready", "started", *(["completed"] * (n in others))])))
            for n in needs
        ]
        # A one-shot that has done its work provides nothing any more.
        providers = [spec.ports[0] for spec in specs if not spec.oneshot]
        waits = [Url(f"http://127.0.0.1:{draw(st.sampled_from(providers))}/")] if providers and not index % 3 else []
        is_settling = draw(st.booleans())
        readiness = Settle(takes, timeout=600) if is_settling else Tcp(9000 + index, timeout=600)
        specs.append(
            ServiceSpec(
                name,
                "program",
                depends_on=depends_on,
                waits=waits,
                readiness=Settle(0.5, timeout=600) if is_oneshot else readiness,
                oneshot=is_oneshot,
                restart="never",
                ports=[9000 + index],
            )
        )
        behaviours[name] = Behaviour(
            ready_after=takes,
            exits_after=takes if is_oneshot else math.inf,
            exit=Exit(code=0),
            prepare_takes=draw(st.sampled_from([0.0, 0.125, 0.5])),
            spawn_takes=draw(st.sampled_from([0.0, 0.25])),
        )
    return Calm(tuple(specs), behaviours)


def boot(calm: Calm) -> tuple[Timeline, list[Event]]:
    """Boot on the virtual clock, until everything is there."""

    async def run() -> tuple[Timeline, list[Event]]:
        with trio.fail_after(3600):
            return await booted()

    async def booted() -> tuple[Timeline, list[Event]]:
        async with open_simulation(calm.specs, SimulatedHost(calm.behaviours)) as supervisor:
            recorder = EventRecorder(supervisor)
            await supervisor.boot()
            for spec in calm.specs:
                await supervisor.wait_ready(spec.name)
            # Not in a thread: this clock would run on meanwhile.
            return boot_timeline(supervisor._past(), "latest"), recorder.events

    return trio.run(run, clock=MockClock(autojump_threshold=0))


@quickly
@given(calm_boots())
def test_a_boot_is_covered_from_the_wish_to_the_last_ready_service(calm: Calm) -> None:
    timeline, events = boot(calm)
    check(timeline)
    assert (timeline.is_complete, timeline.not_ready, timeline.partial) == (True, (), "")
    ready = {e.service: e.mono for e in events if e.kind == "phase" and e.to_phase in {Phase.READY, Phase.COMPLETED}}
    assert timeline.makespan_s == max(ready.values()) - timeline.begin_mono
    graph = DependencyGraph(calm.specs)
    for row in timeline.services:
        own = [span for span in row.spans if span.kind != "running"]
        assert row.ready_s == ready[row.service] - timeline.begin_mono
        assert (own[0].begin_mono, own[-1].end_mono) == (timeline.begin_mono, ready[row.service])
        assert all(a.end_mono == b.begin_mono for a, b in itertools.pairwise(own))
        assert [span.kind for span in own] == ["waiting", "preparing", "spawning", "probing"]
    for step in timeline.critical_path[1:]:
        assert step.after in graph.dependencies(step.service)
    # Nothing but what services take for themselves was waited for.
    assert timeline.ideal_s == pytest.approx(timeline.makespan_s)


def otherwise(calm: Calm, change: Change) -> Calm:
    """Give the services as *change* would have them."""

    def spec_of(spec: ServiceSpec) -> ServiceSpec:
        if spec.name != change.service:
            return spec
        if change.kind == "independent":
            left = [one for one in spec.depends_on if one.name != change.dependency]
            port = 9000 + int(change.dependency.removeprefix("s"))
            waits = [one for one in spec.waits if not (isinstance(one, Url) and f":{port}/" in one.url)]
            return attrs.evolve(spec, depends_on=left, waits=waits)
        return spec if spec.oneshot else attrs.evolve(spec, readiness=Tcp(spec.ports[0], timeout=600))

    behaviours = dict(calm.behaviours)
    own = behaviours.get(change.service, Behaviour())
    at_once = attrs.evolve(own, ready_after=0.0, exits_after=min(own.exits_after, 0.0) if own.exits_after < 99 else 1e9)
    if change.kind == "quicker":
        behaviours[change.service] = attrs.evolve(at_once, prepare_takes=0.0, spawn_takes=0.0)
    elif change.kind == "probe":
        behaviours[change.service] = at_once
    return Calm(tuple(map(spec_of, calm.specs)), behaviours)


@quickly
@given(calm_boots())
def test_every_change_is_worth_what_is_said(calm: Calm) -> None:
    timeline, _ = boot(calm)
    for change in timeline.changes:
        changed, _ = boot(otherwise(calm, change))
        assert changed.makespan_s == pytest.approx(change.makespan_s)
    if timeline.change.kind == "nothing":
        for step in timeline.critical_path:
            idea = attrs.evolve(timeline.change, kind="quicker", service=step.service)
            assert boot(otherwise(calm, idea))[0].makespan_s == pytest.approx(timeline.makespan_s, abs=0.0011)


# --- from disk --------------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios(), st.data())
def test_the_disk_tells_the_same_as_memory(tmp_path_factory, scenario: Scenario, data: st.DataObject) -> None:
    events = play(scenario).recorder.events
    directory = tmp_path_factory.mktemp("journal")
    head = json.dumps(Head(run_id="r", boot_id="b", opened_at=0.0).as_json()).encode() + b"\n"
    Path(Segment.named(str(directory), 1).path).write_bytes(head + b"".join(map(line_of, events)))
    first = data.draw(st.integers(0, len(events)))
    remembered = attrs.evolve(past_of(events), recent=events[first:], directory=str(directory))
    assert list_boots(remembered) == list_boots(past_of(events))
    assert timelines(remembered, events) == timelines(past_of(events), events)


def test_a_course_that_never_ends_is_read_to_its_limit_only() -> None:
    calm = Calm((ServiceSpec("a", "a", readiness=Tcp(1)),), {"a": Behaviour(ready_after=1)})
    _, events = boot(calm)
    booted = next(event for event in events if event.kind == "supervisor")
    course = Course(Scope.of_boot(booted))
    course.take(events, limit=3)
    assert (len(course.events), course.is_complete) == (3, False)
