"""What led to what: causes that name the event before them, and what a wait is for."""

from collections.abc import Iterable
from typing import Any

import attrs

from dumb_actors.actors.commands import Command
from dumb_actors.actors.gates import EdgeGate, Gate, WaitGate
from dumb_actors.model.event import Cause, Event

__all__ = ["Opened", "cause_of_command", "seq_of_gate", "waits_for"]


def cause_of_command(command: Command) -> Cause:
    """Give *command* as the cause of what follows from it."""
    return Cause(
        kind="command", text=f"{command.action} asked for by {command.by}", by=command.by, seq=command.seq or None
    )


def seq_of_gate(gate: Gate) -> int | None:
    """Give the number of the last event of the service that *gate* is about; None: nothing has happened to it yet."""
    if isinstance(gate, EdgeGate):
        return gate.inlet.level.seq or None
    if isinstance(gate, WaitGate):
        return max((inlet.level.seq for inlet in gate.providers), default=0) or None
    return None


def waits_for(gates: Iterable[Gate]) -> list[dict[str, Any]]:
    """Say what is waited for, JSON-ready; `until` is there for what waits for a service and has no probe of its own."""
    return [
        {"what": gate.what, "signal": gate.kind, "dependency": gate.target}
        | ({"until": gate.edge.until} if isinstance(gate, EdgeGate) else {})
        for gate in gates
    ]


@attrs.define
class Opened:
    """
    Which gate of a wait opened last.

    One look may find several open. Those of declared dependencies are told apart by what happened to the dependencies,
    which is in the order in which it happened; the proof of a wait of its own is as late as its event.

    Attributes:
        seq: Of the event that says so; None: none had to open.
    """

    seq: int | None = None
    _led: int | None = None
    """What happened to the dependency; None for a wait of its own."""

    def clear(self) -> None:
        """Begin a wait."""
        self.seq = self._led = None

    def note(self, gate: Gate, event: Event) -> None:
        """Take the *event* that tells that *gate* opened or closed."""
        if not gate.is_open:
            return
        led = event.cause.seq if isinstance(gate, EdgeGate) else None
        if self.seq is None or led is None or self._led is None or led > self._led:
            self.seq, self._led = event.seq, led
