"""Whatever happened on a random graph: every service's phase has an explanation, in order, down to a root."""

import json
import os
from itertools import pairwise
from pathlib import Path

import attrs
from hypothesis import HealthCheck, given, settings

from dumb_actors.actors.explaining import WhyQuestion
from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.journal.codec import line_of
from dumb_actors.journal.explanation import ROOTS, Branch, Explanation
from dumb_actors.journal.past import Past
from dumb_actors.journal.segments import Head, Segment
from dumb_actors.journal.why import LONGEST, Present, explain
from dumb_actors.model.event import Event
from dumb_actors.model.phase import Phase

from .scenario import Scenario, play, scenarios

# Each is explained at many instants.
EXAMPLES = max(1, int(os.environ.get("DUMB_ACTORS_EXAMPLES", "1600")) // 8)
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def ask(supervisor: Supervisor, name: str, at: float | None = None) -> Explanation:
    return WhyQuestion.of(name, at, supervisor.snapshot(), supervisor._bus, None).answer()


def check(found: Explanation | Branch, events: dict[int, Event], at: float) -> None:
    """Raise unless every chain goes back in time, and ends in a root or goes on in branches."""
    place, former = None, None
    for link in found.chain:
        if link.seq is not None:
            event = events[link.seq]
            assert (link.at, link.cause) == (event.at, event.cause.kind), link
            assert link.kind == "supervisor" or event.service == link.service, link
            # What is so up to the instant explains what is so up to the instant, however long it has been.
            is_before = place is None or link.seq < place or (former == "state" and link.seq == place)
            assert is_before or link.kind in {"state", "seen"}, found
            place, former = link.seq, link.kind
        assert link.at is None or link.at <= at
        assert link.text
    assert all(before.kind != "seen" for before, _ in pairwise(found.chain))
    if found.branches:
        assert len(found.branches) > 1
        assert (found.chain[-1].kind, found.chain[-1].facts["phase"]) == ("state", "waiting")
    else:
        assert found.chain[-1].kind in {*ROOTS, "seen"}, found
    for branch in found.branches:
        check(branch, events, at)


@SETTINGS
@given(scenarios())
def test_every_phase_is_explained(scenario: Scenario) -> None:
    def look(supervisor: Supervisor) -> None:
        snapshot = supervisor.snapshot()
        events = {event.seq: event for event in supervisor._bus.recent()}
        for name, service in snapshot.services.items():
            found = ask(supervisor, name)
            assert (found.service, found.phase, found.at) == (name, service.phase, snapshot.at)
            first = found.chain[0]
            assert (first.kind, first.service, first.facts["phase"]) == ("state", name, str(service.phase))
            assert found.summary == first.text
            assert found.complete, found
            check(found, events, snapshot.at)

    play(scenario, look=look)


@SETTINGS
@given(scenarios())
def test_every_instant_of_the_past_is_explained(scenario: Scenario) -> None:
    def look(supervisor: Supervisor) -> None:
        snapshot = supervisor.snapshot()
        events = {event.seq: event for event in supervisor._bus.recent()}
        for at in {event.at for event in list(events.values())[-3:]}:
            by_then = {seq: event for seq, event in events.items() if event.at <= at}
            for name in snapshot.services:
                found = explain(name, Past(list(by_then.values()), None, until=at), Present(at=at))
                check(found, by_then, at)
                if at < snapshot.at:
                    assert ask(supervisor, name, at) == found

    play(scenario, look=look)


@settings(SETTINGS, max_examples=max(1, EXAMPLES // 8))
@given(scenario=scenarios())
def test_the_journal_tells_the_same_as_memory(scenario: Scenario, tmp_path_factory) -> None:
    directory = tmp_path_factory.mktemp("journal")

    def look(supervisor: Supervisor) -> None:
        recent = supervisor._bus.recent()
        path = Path(Segment.named(str(directory), 1).path)
        head = json.dumps(Head(run_id="old", opened_at=0.0).as_json()).encode() + b"\n"
        path.write_bytes(head + b"".join(map(line_of, recent)))
        for name in supervisor.specs:
            question = WhyQuestion.of(name, None, supervisor.snapshot(), supervisor._bus, str(directory))
            from_memory = attrs.evolve(question, directory=None).answer()
            assert attrs.evolve(question, recent=()).answer() == from_memory
            assert attrs.evolve(question, recent=recent[len(recent) // 2 :]).answer() == from_memory

    play(scenario, look=look)


def count(found: Explanation | Branch) -> int:
    return len(found.chain) + sum(map(count, found.branches))


@SETTINGS
@given(scenarios())
def test_what_the_journal_has_forgotten_is_said(scenario: Scenario) -> None:
    def look(supervisor: Supervisor) -> None:
        snapshot, recent = supervisor.snapshot(), supervisor._bus.recent()
        for left in (0, 1, len(recent) // 3):
            past = recent[len(recent) - left :]
            for name in snapshot.services:
                question = WhyQuestion.of(name, None, snapshot, supervisor._bus, None)
                found = attrs.evolve(question, recent=past).answer()
                check(found, {event.seq: event for event in past}, snapshot.at)
                assert 0 < count(found) <= LONGEST
                if left == 0 and found.phase not in {Phase.STOPPED, Phase.WAITING}:
                    assert (found.chain[-1].kind, found.complete) == ("unknown", False)

    play(scenario, look=look)
