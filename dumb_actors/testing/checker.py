"""
The rules' checker: knows the specs and the stream of events, nothing else, and says which rule an event breaks.

It is written independently of the actors: where it needs to know whether a condition holds, it works that out from the
events of the dependency, not from what the dependent says about it. Rules are numbered as in `docs/rules.md`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import attrs

from dumb_actors.graph.dependency import infer_gating
from dumb_actors.model.event import Event
from dumb_actors.model.knowledge import NO_KNOWLEDGE, Knowledge
from dumb_actors.model.phase import RESTING, Phase
from dumb_actors.model.spec import ServiceSpec

__all__ = ["BrokenRule", "RuleChecker"]

_EPSILON_S = 1e-6


@attrs.frozen
class BrokenRule:
    """A rule, by number, that an event broke, and how."""

    rule: int
    text: str
    event: Event | None

    def __str__(self) -> str:
        at = f" (event {self.event.seq} at {self.event.mono:.3f} s)" if self.event is not None else ""
        return f"rule {self.rule}: {self.text}{at}"


@attrs.define(kw_only=True)
class _Seen:
    """What the events have told about one service."""

    phase: Phase = Phase.STOPPED
    wished: bool = False
    wished_since: float = math.inf
    child: int | None = None  # pid of the live one
    generation: int = 0
    asked: bool = False  # a command that justifies one spawn
    in_flight_until: float = -math.inf  # a spawn that a stop came too late for may be reported until then
    ignores: bool = False  # some start that is not served yet ignores dependencies
    ignores_now: bool = False  # the latest one does
    child_ignores: tuple[bool, bool] = (False, False)  # both of these when the present child was spawned
    told_to_stop: bool = False
    held_until: dict[str, float] = attrs.field(factory=dict)  # until → last instant at which it held; inf: it holds
    waits_held: dict[str, bool] = attrs.field(factory=dict)
    free_since: float | None = None  # since when nothing keeps it from being spawned
    due: float = math.inf  # when its next attempt is to begin
    lost: set[str] = attrs.field(factory=set)  # dependencies that were lost while it ran


@attrs.frozen
class _Need:
    target: str
    until: str
    always: bool
    on_loss: str = "keep"


class RuleChecker:
    """
    Checks rules 1 to 7 after every event; add it as a listener.

    Args:
        specs: The services.

        knowledge: What is known of their kinds.

        slack_s: How long, in seconds of the run's clock, a condition may have been lost when the spawn is reported.

        start_cost_s: How long a service's own preparation and spawn may take.

    Attributes:
        broken: What was broken so far.
    """

    def __init__(
        self,
        specs: Sequence[ServiceSpec],
        *,
        knowledge: Knowledge = NO_KNOWLEDGE,
        slack_s: float = 0.0,
        start_cost_s: Callable[[str], float] | None = None,
    ) -> None:
        self.broken: list[BrokenRule] = []
        self._knowledge = knowledge
        self._slack_s = slack_s + _EPSILON_S
        self._start_cost_s = start_cost_s or (lambda _service: 0.0)
        self._seen: dict[str, _Seen] = {}
        self._coming: list[list[Sequence[ServiceSpec]]] = []
        self._take_specs(specs)
        self._open_commands: dict[int, Event] = {}
        self._is_shutting_down = False
        self._now = -math.inf

    @contextmanager
    def expecting(self, specs: Sequence[ServiceSpec]) -> Iterator[None]:
        """
        Say that the supervisor is being reconfigured to *specs* inside this block.

        They count from the supervisor's own word on that it was; when the block fails before that, they never do.
        """
        entry = [specs]
        self._coming.append(entry)
        try:
            yield
        finally:
            self._coming = [other for other in self._coming if other is not entry]

    def _take_specs(self, specs: Sequence[ServiceSpec]) -> None:
        self._specs = {spec.name: spec for spec in specs}
        gone = {name: seen for name, seen in self._seen.items() if name not in self._specs}
        for name, seen in gone.items():
            if seen.child is not None or seen.phase not in RESTING:
                self._break(4, f"{name!r} left the configuration and something of it stayed", None)
        self._seen = {name: self._seen.get(name) or _Seen() for name in self._specs}
        self._needs = {
            spec.name: [_Need(d.name, d.until, d.required, d.on_loss) for d in spec.depends_on if d.name in self._specs]
            for spec in specs
        }
        for edge in infer_gating(specs, self._knowledge):
            if edge.signal != "depends_on":
                # A wait is its own proof: it needs a live child of whoever provides it, and nothing else of it.
                until = edge.until if edge.wait is None else "started"
                self._needs[edge.source].append(_Need(edge.target, until, always=False))

    # --- the stream ---------------------------------------------------------------------------------------------------

    def __call__(self, event: Event) -> None:
        """Take one event and check everything that it can have broken."""
        if event.mono < self._now:
            self._break(6, "time went backwards in the stream", event)
        self._check_prompt(event)
        self._now = event.mono
        if event.kind == "supervisor":
            self._take_supervisor(event)
            return
        if event.service not in self._seen and event.kind == "answer":
            self._open_commands.pop(event.detail["id"], None)  # a late answer about a service that is gone
            return
        self._take(self._seen[event.service], event)
        self._note_free(event.mono)

    def _take(self, seen: _Seen, event: Event) -> None:
        match event.kind:
            case "command":
                self._take_command(seen, event)
            case "answer":
                self._take_answer(seen, event)
            case "phase":
                self._take_phase(seen, event)
            case "spawned":
                self._take_spawned(seen, event)
            case "adopted":
                self._take_adopted(seen, event)
            case "exited":
                self._take_exited(seen, event)
            case "dependency" if not event.detail["held"]:
                seen.lost.add(event.detail["dependency"])
            case "condition" if str(event.detail["signal"]).startswith("wait_for"):
                seen.waits_held[event.detail["condition"]] = event.detail["held"]

    def finish(self) -> None:
        """Check what must be true once the supervisor has ended."""
        self._check_answers()
        for name, seen in self._seen.items():
            if seen.child is not None:
                self._break(4, f"a child of {name!r} was left", None)
            if seen.phase not in RESTING:
                self._break(4, f"{name!r} was left in phase {seen.phase}", None)

    def _finish_left(self) -> None:
        """Check what must be true once the supervisor has ended and left its children."""
        self._check_answers()
        for name, seen in self._seen.items():
            if seen.child is None and seen.phase not in {*RESTING, Phase.BACKOFF}:
                self._break(6, f"{name!r} was left in phase {seen.phase} without a child", None)
            if seen.child is not None and seen.phase not in {Phase.STARTING, Phase.READY}:
                self._break(4, f"{name!r} was left in phase {seen.phase} with a child", None)

    def _check_answers(self) -> None:
        for event in self._open_commands.values():
            self._break(6, f"{event.detail['command']} of {event.service!r} was never answered", event)

    def _break(self, rule: int, text: str, event: Event | None) -> None:
        self.broken.append(BrokenRule(rule, text, event))

    # --- commands (rule 6) --------------------------------------------------------------------------------------------

    def _take_command(self, seen: _Seen, event: Event) -> None:
        command = event.detail["command"]
        if event.detail["id"] in self._open_commands:
            self._break(6, "a command was accepted twice", event)
        self._open_commands[event.detail["id"]] = event
        if command == "leave":
            seen.told_to_stop = True  # where the child ended in the same moment
            return
        if command != "start" and seen.asked and seen.child is None:
            seen.in_flight_until = event.mono + self._slack_s
        was_wished, seen.wished = seen.wished, command in {"start", "restart"}
        if not was_wished:
            seen.wished_since = event.mono
        if seen.wished:
            seen.asked = True
            # Any start that is not served yet may be the one that goes.
            earlier = seen.ignores and command == "start"
            seen.ignores_now = event.detail["dependencies"] == "ignore"
            seen.ignores = earlier or seen.ignores_now
        else:
            seen.asked = seen.ignores = False
        if command != "start":
            seen.told_to_stop = True

    def _is_awaited(self, service: str) -> bool:
        return any(command.service == service for command in self._open_commands.values())

    def _take_answer(self, seen: _Seen, event: Event) -> None:
        asked = self._open_commands.pop(event.detail["id"], None)
        if asked is None:
            self._break(6, "a command was answered twice, or never accepted", event)
            return
        later = self._is_awaited(event.service)
        if event.detail["outcome"] == "gave-up" and not later:
            seen.asked = seen.ignores = False
        if event.detail["outcome"] != "done":
            return
        if asked.detail["command"] in {"start", "restart"}:
            if seen.phase not in {Phase.READY, Phase.COMPLETED}:
                self._break(6, f"a start was answered in phase {seen.phase}", event)
            seen.asked = later and seen.asked
            if not later and asked.generation == seen.generation and seen.child is not None:
                # It found a child that was ready already, so what it says about dependencies is void.
                seen.ignores, seen.ignores_now = seen.child_ignores
        elif asked.detail["command"] != "leave" and seen.child is not None:
            self._break(6, "a stop was answered while a child lives", event)

    # --- children (rules 1, 2, 4, 7) ----------------------------------------------------------------------------------

    def _take_spawned(self, seen: _Seen, event: Event) -> None:
        if seen.child is not None:
            self._break(1, f"{event.service!r} got a second live child", event)
        if event.generation <= seen.generation:
            self._break(1, f"generation {event.generation} was used before", event)
        if event.mono <= seen.in_flight_until:
            seen.in_flight_until = -math.inf
        else:
            self._check_asked(seen, event)
        if event.service in self._on_a_cycle():
            self._break(7, f"{event.service!r} was started although it waits for itself in a circle", event)
        seen.child, seen.generation = event.detail["pid"], event.generation
        seen.child_ignores = (seen.ignores, seen.ignores_now)

    def _take_adopted(self, seen: _Seen, event: Event) -> None:
        if seen.child is not None or seen.generation or seen.phase is not Phase.STOPPED:
            self._break(1, f"{event.service!r} was taken over although it had been seen before", event)
        seen.child, seen.generation = event.detail["pid"], event.generation
        seen.wished, seen.wished_since = True, event.mono

    def _check_asked(self, seen: _Seen, event: Event) -> None:
        if not seen.asked:
            self._break(6, f"{event.service!r} got a child that no command asked for", event)
        if not seen.ignores:
            self._check_gates(seen, event)
        seen.asked = seen.told_to_stop = False

    def _check_gates(self, seen: _Seen, event: Event) -> None:
        for need in self._needs[event.service]:
            target = self._seen[need.target]
            was_wished = target.wished and event.mono - target.wished_since > self._slack_s
            if not (need.always or was_wished):
                continue
            if event.mono - target.held_until.get(need.until, -math.inf) > self._slack_s:
                self._break(2, f"spawned although {need.target!r} is {target.phase}, not {need.until}", event)
        waits = self._specs[event.service].waits
        if sum(seen.waits_held.values()) < len(waits):
            self._break(2, "spawned although a wait of its own does not hold", event)

    def _take_exited(self, seen: _Seen, event: Event) -> None:
        if seen.child != event.detail["pid"]:
            self._break(1, "a child ended that was never spawned", event)
        if not event.detail["tree_empty"]:
            self._break(4, f"something of {event.service!r} was left", event)
        seen.child = None

    def _on_a_cycle(self) -> set[str]:
        def reaches(start: str) -> bool:
            found: set[str] = set()
            todo = [need.target for need in self._needs[start]]
            while todo:
                name = todo.pop()
                if name not in found:
                    found.add(name)
                    todo += [need.target for need in self._needs[name]]
            return start in found

        return {name for name in self._specs if reaches(name)}

    # --- phases (rules 3, 4) ------------------------------------------------------------------------------------------

    def _take_phase(self, seen: _Seen, event: Event) -> None:
        if seen.phase is not event.from_phase:
            self._break(6, f"an event was missed: it was {seen.phase}, not {event.from_phase}", event)
        seen.phase = event.to_phase
        if event.to_phase is Phase.WAITING:
            seen.waits_held.clear()
        if event.to_phase in RESTING and seen.child is not None:
            self._break(4, f"{event.to_phase} with a live child", event)
        if event.to_phase is Phase.STOPPING and event.cause.kind == "command":
            self._check_stop(seen, event)
        self._take_healing(seen, event)
        for until in ("started", "ready", "completed"):
            if self._holds(seen.phase, until):
                seen.held_until[until] = math.inf
            elif seen.held_until.get(until) == math.inf:
                seen.held_until[until] = event.mono

    @staticmethod
    def _holds(phase: Phase, until: str) -> bool:
        if until == "completed" or phase is Phase.COMPLETED:
            return phase is Phase.COMPLETED
        return phase is Phase.READY or (until == "started" and phase is Phase.STARTING)

    def _take_healing(self, seen: _Seen, event: Event) -> None:
        """Restarts that nobody asked for: after an unexpected end, as the policy says, or for a lost dependency."""
        spec = self._specs[event.service]
        seen.due = math.inf
        if event.to_phase in {Phase.FAILED, Phase.COMPLETED} and not self._is_awaited(event.service):
            seen.asked = seen.ignores = False
        if event.to_phase is Phase.BACKOFF:
            if spec.restart.policy == "never":
                self._break(6, f"{event.service!r} is tried again against its policy", event)
            seen.asked = True
            seen.due = event.mono + event.detail["delay_s"]
        if event.cause.kind != "dependency" or event.to_phase not in {Phase.STOPPING, Phase.STOPPED}:
            return
        verdicts = {n.on_loss for n in self._needs[event.service] if n.target in seen.lost} - {"keep"}
        if not verdicts:
            self._break(3, f"{event.service!r} is stopped although it may outlive what was lost", event)
        if event.to_phase is Phase.STOPPED:
            again = event.detail["again"]
            if ("restart" if again else "stop") not in verdicts:
                self._break(3, f"{event.service!r} does not do what its edge says about a loss", event)
            # A stop withdraws the wish, unless a command came in the same moment.
            seen.wished = seen.wished and (again or self._is_awaited(event.service))
            seen.asked = seen.asked or (seen.wished and again)
            seen.lost.clear()

    def _check_stop(self, seen: _Seen, event: Event) -> None:
        if not seen.told_to_stop:
            self._break(3, f"{event.service!r} is stopped although only somebody else was", event)
        if not self._is_shutting_down or not event.cause.text.startswith("shutdown"):
            return
        for name, needs in self._needs.items():
            if any(need.target == event.service for need in needs) and self._seen[name].child is not None:
                self._break(3, f"{event.service!r} is stopped before {name!r}, which depends on it", event)

    # --- promptness (rule 5) ------------------------------------------------------------------------------------------

    def _is_free(self, name: str) -> bool:
        """Whether nothing but its own preparation keeps *name* from being spawned."""
        seen = self._seen[name]
        if not (seen.wished and seen.asked and seen.child is None):
            return False
        if seen.phase not in {Phase.STOPPED, Phase.FAILED, Phase.WAITING, Phase.PREPARING}:
            return False
        if seen.ignores_now:
            return True
        gates = [n for n in self._needs[name] if n.always or self._seen[n.target].wished]
        open_ = all(self._seen[n.target].held_until.get(n.until) == math.inf for n in gates)
        return open_ and sum(seen.waits_held.values()) == len(self._specs[name].waits)

    def _note_free(self, now: float) -> None:
        for name, seen in self._seen.items():
            if not self._is_free(name):
                seen.free_since = None
            elif seen.free_since is None:
                seen.free_since = now

    def _check_prompt(self, event: Event) -> None:
        for name, seen in self._seen.items():
            if event.mono - seen.due > self._slack_s:
                self._break(5, f"the next attempt of {name!r} was due {event.mono - seen.due:.3f} s ago", event)
                seen.due = math.inf
            if seen.free_since is None:
                continue
            late_s = event.mono - seen.free_since - self._start_cost_s(name)
            if late_s > self._slack_s:
                self._break(5, f"{name!r} could have been started {late_s:.3f} s ago", event)
                seen.free_since = math.inf

    def _take_supervisor(self, event: Event) -> None:
        self._is_shutting_down = self._is_shutting_down or event.detail["what"] == "shutdown"
        if event.detail["what"] == "reconfigured":
            self._take_specs(self._coming.pop(0)[0])
        if event.detail["what"] == "ended":
            self.finish()
        if event.detail["what"] == "left":
            self._finish_left()
