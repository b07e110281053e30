"""The rules of the design hold on random graphs with random failures and commands, and the checker can tell."""

import os

from hypothesis import HealthCheck, given, settings

from dumb_actors.model.phase import RESTING

from .scenario import Outcome, Scenario, play, scenarios

EXAMPLES = int(os.environ.get("DUMB_ACTORS_EXAMPLES", "1500"))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_rules_hold(scenario: Scenario) -> None:
    outcome = play(scenario)
    assert [str(broken) for broken in outcome.broken] == [], _story(outcome)
    assert [event.seq for event in outcome.recorder.events] == list(range(1, len(outcome.recorder.events) + 1))
    ends = {event.service: event.to_phase for event in outcome.recorder.events if event.kind == "phase"}
    assert all(phase in RESTING for phase in ends.values())


def _story(outcome: Outcome) -> str:
    """Tell the events of the last supervisor, for whoever has to find out what went wrong."""
    return "\n".join(
        f"{e.seq} {e.mono:.3f} {e.kind} {e.service} {e.from_phase}>{e.to_phase} {e.cause.text} ({e.cause.by}) "
        f"{e.detail if e.kind == 'command' else ''}"
        for e in outcome.recorder.events
    )
