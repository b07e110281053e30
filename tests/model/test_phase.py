"""Every pair of phases: legal transitions pass, illegal ones raise and change nothing."""

import itertools

import pytest

from dumb_actors.actors.bus import EventBus
from dumb_actors.actors.levels import level_channel
from dumb_actors.actors.state import ServiceState
from dumb_actors.errors import IllegalTransition
from dumb_actors.model.event import Cause, Snapshot
from dumb_actors.model.phase import LIVE, RESTING, TRANSITIONS, Phase, wire_status
from dumb_actors.model.spec import ServiceSpec

CAUSE = Cause(kind="error", text="a test")


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Phase, Phase)), ids=str)
def test_every_pair_of_phases(before: Phase, after: Phase) -> None:
    published = []
    bus = EventBus(mono=lambda: 0.0, wall=lambda: 0.0, take_snapshot=lambda seq: Snapshot(seq=seq, at=0.0, services={}))
    bus.add_listener(published.append)
    outlet, _ = level_channel("a")
    state = ServiceState(ServiceSpec("a", "a"), bus, (outlet,))
    state.phase = before
    if after in TRANSITIONS[before]:
        state.become(after, CAUSE)
        assert state.phase is after
        assert [(e.from_phase, e.to_phase, e.cause) for e in published] == [(before, after, CAUSE)]
    else:
        with pytest.raises(IllegalTransition):
            state.become(after, CAUSE)
        assert (state.phase, state.reason, published) == (before, "", [])


def test_every_phase_has_a_way_in_and_a_way_out() -> None:
    reached = set().union(*TRANSITIONS.values())
    assert reached == set(Phase)
    assert all(TRANSITIONS[phase] for phase in Phase)
    assert not LIVE & RESTING


def test_status_words() -> None:
    words = {phase.value: wire_status(phase) for phase in Phase}
    assert words == {
        "stopped": "stopped",
        "waiting": "idle",
        "preparing": "idle",
        "starting": "running",
        "ready": "running",
        "stopping": "running",
        "backoff": "idle",
        "completed": "idle",
        "failed": "stopped",
    }
