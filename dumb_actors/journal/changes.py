"""The changes that would make a boot or a start shorter, and what each would be worth."""

from collections.abc import Iterator, Sequence

import attrs

from dumb_actors.journal.whatif import Nodes, Otherwise, makespan_of
from dumb_actors.model.timeline import Change, ChangeKind, PathStep

__all__ = ["changes", "no_change"]

_TOO_LITTLE_S = 0.001
_NEARLY_ALL = 0.9
"""A settling time that is so much of what a service is worth is named before the whole: it is easier to change."""

_EASIEST: tuple[ChangeKind, ...] = ("probe", "steady", "quicker", "independent")
"""What comes first of changes that are worth the same."""


@attrs.frozen(kw_only=True)
class _Idea:
    kind: ChangeKind
    service: str
    otherwise: Otherwise
    words: str
    dependency: str = ""


def changes(nodes: Nodes, path: Sequence[PathStep], what: str) -> tuple[Change, ...]:
    """
    Say what each change to one service of the critical path would be worth, the best first.

    What would help no more than a millisecond is left out. Where a service takes its time for settling, the probe that
    would replace that stands for the service as a whole, if it is worth nearly as much.

    Args:
        nodes: The model of what was.

        path: The critical path: nothing else can make it shorter.

        what: Of what: `boot`, `start`, `restart`.
    """
    was = makespan_of(nodes)
    found = [_judge(idea, nodes, was, what) for step in path for idea in _ideas(step, nodes)]
    settled = {change.service: change.saves_s for change in found if change.kind == "probe"}
    kept = [
        change
        for change in found
        if change.saves_s > _TOO_LITTLE_S
        and not (change.kind == "quicker" and settled.get(change.service, 0.0) >= _NEARLY_ALL * change.saves_s)
    ]
    return tuple(sorted(kept, key=lambda change: (-round(change.saves_s, 6), _EASIEST.index(change.kind))))


def no_change(makespan_s: float | None) -> Change:
    """Say that nothing would help."""
    why = "nobody is ready yet" if makespan_s is None else "no change to one service alone would make it shorter"
    return Change(
        kind="nothing",
        service="",
        dependency="",
        saves_s=0.0,
        makespan_s=makespan_s or 0.0,
        text=f"nothing: {why}",
    )


def _ideas(step: PathStep, nodes: Nodes) -> Iterator[_Idea]:
    name, node = step.service, nodes.get(step.service)
    if node is None or node.ready_s is None:
        return
    if node.probe == "settle":
        words = f"if {name!r} had a readiness probe instead of its settling time of {_seconds(node.probing_s)}"
        yield _Idea(kind="probe", service=name, otherwise=Otherwise(probed=name), words=words)
    words = f"if {name!r} took none of its {_seconds(node.own_s)}"
    yield _Idea(kind="quicker", service=name, otherwise=Otherwise(quick=name), words=words)
    if node.idle_s - node.first_idle_s > _TOO_LITTLE_S:
        words = f"if {name!r} had been ready at its first attempt"
        yield _Idea(kind="steady", service=name, otherwise=Otherwise(steady=name), words=words)
    if target := step.after or step.condition:
        words = f"if {name!r} did not wait for {repr(step.after) if step.after else step.condition}"
        otherwise = Otherwise(free=(name, target))
        yield _Idea(kind="independent", service=name, otherwise=otherwise, words=words, dependency=target)


def _judge(idea: _Idea, nodes: Nodes, was: float, what: str) -> Change:
    new = makespan_of(nodes, idea.otherwise)
    # How soon a probe would hold is not known.
    word = "would at best take" if idea.kind == "probe" else "would take"
    return Change(
        kind=idea.kind,
        service=idea.service,
        dependency=idea.dependency,
        saves_s=max(0.0, was - new),
        makespan_s=new,
        text=f"{idea.words}, the {what} {word} {_seconds(new)} instead of {_seconds(was)}",
    )


def _seconds(value: float) -> str:
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} s"
