"""
What would be if something were otherwise, the ideal makespan among it.

The model: each service is ready when the last of its gates has opened, it has lost what it lost (failed attempts, the
time until somebody looked), and it has prepared, spawned and proved ready. Gates open when their dependency is ready,
has a child, or answers. As it was, the model gives exactly what was; a change is the same sum with one thing left out.
"""

from collections.abc import Iterable, Mapping, Sequence

import attrs

from dumb_actors.model.event import Event
from dumb_actors.model.phase import Phase
from dumb_actors.model.timeline import Span

__all__ = ["Nodes", "Otherwise", "ideal_s", "makespan_of", "nodes_of"]

_READY = frozenset({str(Phase.READY), str(Phase.COMPLETED)})


@attrs.frozen(kw_only=True)
class Gate:
    """
    One thing that a service waited for.

    Attributes:
        what: In words.

        dependency: Of whom; None: of nobody here, so that it opens at its time whatever else is.

        opened_s: When it opened for the last time before the start.

        behind: The instant of the dependency that it follows: `started`, `ready`.

        lag_s: How long behind.

        serves_s: Of a wait that asks for itself: how long behind the dependency's start it held; None: of all others.
    """

    what: str
    dependency: str | None
    opened_s: float
    behind: str = ""
    lag_s: float = 0.0
    serves_s: float | None = None


@attrs.frozen(kw_only=True)
class Node:
    """
    One service in the model; times in seconds from the begin.

    Attributes:
        wished_s: When it was wished, and had stopped, in a restart; `stopped_s`: that alone.

        gates: What it waited for.

        first_begin_s: When it began with its first attempt.

        first_idle_s, idle_s: From its last gate to its first start, and to the one that came to be ready.

        to_child_s: Preparing and spawning, in its first attempt.

        preparing_s, spawning_s, probing_s: In the attempt that came to be ready; `ready_s` says when; None: none did.

        probe: How its readiness is found out.
    """

    wished_s: float
    stopped_s: float
    gates: tuple[Gate, ...]
    first_begin_s: float
    first_idle_s: float
    idle_s: float
    to_child_s: float
    preparing_s: float
    spawning_s: float
    probing_s: float
    started_s: float
    ready_s: float | None
    probe: str

    @property
    def own_s(self) -> float:
        """What it takes for itself, from its last gate until it is ready."""
        return self.preparing_s + self.spawning_s + self.probing_s


Nodes = Mapping[str, Node]


# --- the model of what was --------------------------------------------------------------------------------------------


def nodes_of(spans: Mapping[str, Sequence[Span]], events: Iterable[Event], begin_mono: float) -> Nodes:
    """
    Make the model of what was.

    Args:
        spans: Of each service, oldest first.

        events: All that happened, for the gates.

        begin_mono: When it began.
    """
    gates = _gates(events, begin_mono)
    bare = {
        name: node for name, own in spans.items() if (node := _bare(own, gates.get(name, {}), begin_mono)) is not None
    }
    return {name: attrs.evolve(node, gates=tuple(_link(g, bare) for g in node.gates)) for name, node in bare.items()}


def _gates(events: Iterable[Event], begin_mono: float) -> dict[str, dict[str, list[Gate]]]:
    """List by service and condition the instants at which it came to hold."""
    found: dict[str, dict[str, list[Gate]]] = {}
    untils: dict[tuple[str, str], str] = {}
    for event in events:
        if event.kind == "phase" and event.to_phase is Phase.WAITING:
            for one in event.detail.get("waits_for") or ():
                untils[event.service, str(one.get("what"))] = str(one.get("until") or "")
        if event.kind == "condition" and event.detail.get("held"):
            what = str(event.detail.get("condition"))
            gate = Gate(
                what=what,
                dependency=event.detail.get("dependency") or None,
                opened_s=event.mono - begin_mono,
                behind=untils.get((event.service, what), ""),
            )
            found.setdefault(event.service, {}).setdefault(what, []).append(gate)
    return found


def _bare(own: Sequence[Span], gates: Mapping[str, Sequence[Gate]], begin_mono: float) -> Node | None:
    """Make the node of a service that had a child; its gates do not know yet behind what they open."""
    first = next((span for span in own if span.kind == "preparing"), None)
    children = [span.end_mono for span in own if span.kind == "spawning" and span.end_mono is not None]
    ready = next((span for span in own if span.kind == "probing" and span.outcome in _READY), None)
    if ready is not None and not any(s.kind == "preparing" and s.attempt == ready.attempt for s in own):
        return _fixed(ready, begin_mono)
    if first is None or not children:
        return None
    attempt = first.attempt if ready is None else ready.attempt
    first_begin, last_begin = _last_begin(own, first.attempt), _last_begin(own, attempt)
    ends = [span.end_mono for span in own if span.kind == "stopping" and span.begin_mono < first.begin_mono]
    stopped_s = max((end - begin_mono for end in ends if end is not None), default=0.0)
    wished_s = max(own[0].begin_mono - begin_mono, stopped_s)
    opened = [[gate for gate in found if gate.opened_s <= last_begin - begin_mono] for found in gates.values()]
    held = [max(found, key=lambda gate: gate.opened_s) for found in opened if found]
    early = [gate.opened_s for gate in held if gate.opened_s <= first_begin - begin_mono]
    return Node(
        wished_s=wished_s,
        stopped_s=stopped_s,
        gates=tuple(held),
        first_begin_s=first_begin - begin_mono,
        first_idle_s=first_begin - begin_mono - max([wished_s, *early]),
        idle_s=last_begin - begin_mono - max([wished_s, *(gate.opened_s for gate in held)]),
        to_child_s=children[0] - first_begin,
        preparing_s=_sum(own, attempt, "preparing", last_begin),
        spawning_s=_sum(own, attempt, "spawning", last_begin),
        probing_s=_sum(own, attempt, "probing", last_begin),
        started_s=children[0] - begin_mono,
        ready_s=None if ready is None or ready.end_mono is None else ready.end_mono - begin_mono,
        probe="" if ready is None else ready.probe,
    )


def _fixed(ready: Span, begin_mono: float) -> Node:
    """Make the node of a child that was there before, or whose beginning is not known: it is ready when it was."""
    ready_s = (ready.begin_mono if ready.end_mono is None else ready.end_mono) - begin_mono
    return Node(
        wished_s=ready_s,
        stopped_s=ready_s,
        gates=(),
        first_begin_s=ready_s,
        first_idle_s=0.0,
        idle_s=0.0,
        to_child_s=0.0,
        preparing_s=0.0,
        spawning_s=0.0,
        probing_s=0.0,
        started_s=ready_s,
        ready_s=ready_s,
        probe="",
    )


def _last_begin(own: Sequence[Span], attempt: int) -> float:
    """When it went on from its wait for good in this attempt: what it needs may have been lost before that."""
    return max(span.begin_mono for span in own if span.kind == "preparing" and span.attempt == attempt)


def _sum(own: Sequence[Span], attempt: int, kind: str, since: float) -> float:
    return sum(s.lasted_s for s in own if s.attempt == attempt and s.kind == kind and s.begin_mono >= since)


def _link(gate: Gate, nodes: Nodes) -> Gate:
    """Say behind what *gate* opens; where that does not fit what was, it opens at its time."""
    node = nodes.get(gate.dependency or "")
    if node is None:
        return attrs.evolve(gate, dependency=None)
    serves_s = None if gate.behind else gate.opened_s - node.started_s
    is_ready = node.ready_s is not None and node.ready_s <= gate.opened_s
    behind = "ready" if is_ready and gate.behind != "started" else "started"
    if gate.behind in {"ready", "completed"} and not is_ready:
        return attrs.evolve(gate, dependency=None)
    lag_s = gate.opened_s - (node.ready_s if behind == "ready" and node.ready_s is not None else node.started_s)
    if lag_s < 0:
        return attrs.evolve(gate, dependency=None)
    return attrs.evolve(gate, behind=behind, lag_s=lag_s, serves_s=serves_s)


# --- the same sum, with something left out ----------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Otherwise:
    """
    What is left out of the sum.

    Attributes:
        quick: A service that takes no time of its own.

        probed: A service whose settling time is replaced by a probe.

        steady: A service that needs one attempt only.

        free: A service and what it does not wait for: a dependency, or a condition.

        ideal: Everything but what services take for themselves.
    """

    quick: str = ""
    probed: str = ""
    steady: str = ""
    free: tuple[str, str] = ("", "")
    ideal: bool = False


def makespan_of(nodes: Nodes, otherwise: Otherwise | None = None) -> float:
    """Give the instant at which the last service is ready, as it was or otherwise."""
    finder = _Finder(nodes=nodes, otherwise=otherwise or Otherwise())
    return max((finder.ready(name) for name, node in nodes.items() if node.ready_s is not None), default=0.0)


def ideal_s(nodes: Nodes) -> float:
    """Give the longest chain of what services take for themselves, without whatever else they waited for."""
    return makespan_of(nodes, Otherwise(ideal=True))


@attrs.define(kw_only=True)
class _Finder:
    """Finds the instants of services, each once."""

    nodes: Nodes
    otherwise: Otherwise
    _found: dict[str, tuple[float, float]] = attrs.field(factory=dict)

    def ready(self, name: str) -> float:
        return self._instants(name)[1]

    def _instants(self, name: str) -> tuple[float, float]:
        """Give when it has a child, and when it is ready. Dependencies first, without recursion: chains may be long."""
        todo, entered = [name], set[str]()
        while todo:
            one = todo[-1]
            entered.add(one)
            missing = [g.dependency for g in self._gates(one) if g.dependency and g.dependency not in self._found]
            # What waits for itself by way of others (edges of two configurations) is taken as it was.
            missing = [other for other in missing if other not in entered]
            if missing:
                todo += missing
                continue
            todo.pop()
            if one not in self._found:
                self._found[one] = self._find(one)
        return self._found[name]

    def _gates(self, name: str) -> list[Gate]:
        source, target = self.otherwise.free
        gates = self.nodes[name].gates
        return [g for g in gates if name != source or target not in {g.dependency, g.what}]

    def _find(self, name: str) -> tuple[float, float]:
        node, otherwise = self.nodes[name], self.otherwise
        opened = [(gate.opened_s, self._opens(gate)) for gate in self._gates(name)]
        wished = node.stopped_s if otherwise.ideal else node.wished_s
        begin = max([wished, *(at for _, at in opened)])
        early = max([wished, *(at for was, at in opened if was <= node.first_begin_s)])
        is_quick = otherwise.quick == name
        first_idle = 0.0 if otherwise.ideal else node.first_idle_s
        idle = (
            0.0 if otherwise.ideal else min(node.idle_s, node.first_idle_s) if otherwise.steady == name else node.idle_s
        )
        own = node.preparing_s + node.spawning_s + (0.0 if otherwise.probed == name else node.probing_s)
        started = early + first_idle + (0.0 if is_quick else node.to_child_s)
        return started, begin + idle + (0.0 if is_quick else own)

    def _opens(self, gate: Gate) -> float:
        found = self._found.get(gate.dependency or "")
        if gate.dependency is None or found is None:
            return gate.opened_s
        if gate.serves_s is not None and self.otherwise.probed == gate.dependency:
            return found[0] + gate.serves_s  # it answers when it answers, however that is found out
        if gate.behind == "ready":
            return found[1] + (0.0 if self.otherwise.ideal else gate.lag_s)
        if gate.serves_s is not None:
            return found[0] + (0.0 if self.otherwise.quick == gate.dependency else gate.serves_s)
        return found[0] + (0.0 if self.otherwise.ideal else gate.lag_s)
