"""What is done is what was planned: on random graphs, in random states, for every command."""

import os

from hypothesis import HealthCheck, assume, given, settings

from dumb_actors.model.phase import Phase
from dumb_actors.model.plan import Effect

from .plans import Case, Done, carry_out, cases, is_live, meets_the_unknown, slips_through, spawns, touched

EXAMPLES = int(os.environ.get("DUMB_ACTORS_EXAMPLES", "1000"))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_what_is_done_is_what_was_planned(case: Case) -> None:
    done = carry_out(case)
    story = _story(case, done)
    # Planning changes nothing.
    assert done.published_by_planning == [], story
    assert not done.changed_by_planning, story
    # Who is touched was named, and who was named is touched.
    moved = [effect for effect in done.plan.effects if effect.kind != "keeps"]
    assume(all(effect.certain for effect in done.plan.effects))
    assume(not meets_the_unknown(case, done) and not slips_through(case, done))
    named = {*done.plan.services, *(effect.service for effect in moved)}
    assert touched(done) == named, story
    # Who keeps running does.
    for effect in done.plan.effects:
        _as_told(effect, done, story)
    _in_order(done, story)
    for step in done.plan.steps:
        _as_planned(step.service, done, story)


def _as_told(effect: Effect, done: Done, story: str) -> None:
    was, now = done.before[effect.service], done.after[effect.service]
    match effect.kind:
        case "keeps":
            assert (was.pid, was.generation) == (now.pid, now.generation), story
        case "restarts" | "goes_on":
            assert now.generation > was.generation, story
            assert is_live(now), story
        case "waits":
            assert now.wished, story
            assert now.phase is Phase.WAITING, story
        case "stops":
            assert not now.wished, story
            assert now.phase is Phase.STOPPED, story


def _as_planned(name: str, done: Done, story: str) -> None:
    """The last step of a service says where it ends, unless it waits for what is not in the plan."""
    actions = [step.action for step in done.plan.steps if step.service == name]
    now = done.after.get(name)
    if actions[-1] == "stop":
        assert now is None or (now.phase is Phase.STOPPED and not now.wished), story
        return
    assert now is not None, story
    assert now.wished, story
    if not done.plan.waits_for:
        assert is_live(now), story
        assert name in spawns(done), story


def _in_order(done: Done, story: str) -> None:
    """No child is spawned before those that it was planned after; none is gone before those that depend on it."""
    spawned = {event.service: event.seq for event in reversed(done.events) if event.kind == "spawned"}
    stopped = {
        event.service: event.seq
        for event in reversed(done.events)
        if event.kind == "phase" and event.to_phase is Phase.STOPPED
    }
    for step in done.plan.steps:
        if step.action == "stop":
            for other in step.after:
                assert stopped[other] < stopped[step.service], story
        elif step.service in spawned:
            assert all(spawned[other] < spawned[step.service] for other in step.after), story
            assert all(stopped[other] < spawned[step.service] for other in step.gone), story
    waves = [(step.wave, step.service) for step in done.plan.steps]
    assert all(wave >= 1 for wave, _ in waves)


def _story(case: Case, done: Done) -> str:
    lines = [f"{case.command} {case.target} {case.dependencies} after {case.before} closed {set(case.closed)}"]
    for spec in case.specs:
        edges = [(one.name, one.until, one.on_loss, one.required) for one in spec.depends_on]
        was = done.before[spec.name]
        lines.append(f"  {spec.name} {spec.enabled=} {spec.oneshot=} {edges} {spec.waits} was {was.phase} {was.wished}")
    lines += [f"  new {spec.name} {spec.command} {spec.enabled}" for spec in case.new]
    lines += [f"  {step}" for step in done.plan.steps] + [f"  {effect}" for effect in done.plan.effects]
    lines += [f"  {one}" for one in done.plan.waits_for] + [f"  error {done.error}"]
    lines += [
        f"  {e.seq} {e.mono:.3f} {e.kind} {e.service} {e.from_phase}>{e.to_phase} {e.cause.text} ({e.cause.by})"
        for e in done.events
    ]
    return "\n".join(lines)
