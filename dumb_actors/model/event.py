"""Events and snapshots: all that anybody outside an actor gets to know about it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import attrs

from dumb_actors.model.child import Exit
from dumb_actors.model.phase import Phase, WireStatus, wire_status

__all__ = ["Cause", "CauseKind", "Event", "EventKind", "ServiceSnapshot", "Snapshot", "Waiting"]

EventKind: TypeAlias = Literal[
    "snapshot",  # first events of a subscription: the present state of one service
    "phase",  # a transition
    "spawned",  # a child lives; detail: pid, argv
    "exited",  # nothing of it is left; detail: exit, tree_empty, tree_proof, swept
    "condition",  # something a waiting service waits for came to hold, or was lost again; detail: condition, held
    "dependency",  # a dependency of a running service was lost or came back; detail: dependency, held, generation
    "command",  # a command was accepted; detail: id, command, dependencies
    "answer",  # a command was answered; detail: id, command, outcome
    "supervisor",  # the whole: detail: what (booted, shutdown, ended)
]

CauseKind: TypeAlias = Literal["command", "dependency", "exit", "probe", "spawn", "timeout", "error", "supervisor"]


def _frozen_map(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(value))


@attrs.frozen(kw_only=True)
class Cause:
    """
    Why something happened.

    Attributes:
        kind: The sort of cause.

        text: One sentence for a person, without a full stop.

        by: Who gave the command (`api`, `cli`, `boot`, `library`, …); empty for what nobody asked for.
    """

    kind: CauseKind
    text: str
    by: str = ""


@attrs.frozen(kw_only=True)
class Event:
    """
    One thing that happened.

    Attributes:
        seq: Sequence number, without gaps over the whole supervisor; a snapshot event carries that of the last event
            it includes.

        kind: What sort of event; see `EventKind`.

        service: Name; empty for events of the supervisor itself.

        generation: Of the service's latest child; 0 before the first.

        from_phase, to_phase: The transition; equal where the event is none.

        cause: Why.

        mono: Monotonic time of the run's clock, seconds: for intervals.

        at: Wall time, Unix seconds: for display.

        detail: Further facts, JSON-ready; the keys are listed with `EventKind`.
    """

    seq: int
    kind: EventKind
    service: str
    generation: int
    from_phase: Phase
    to_phase: Phase
    cause: Cause
    mono: float
    at: float
    detail: Mapping[str, Any] = attrs.field(factory=dict, converter=_frozen_map)

    @property
    def phase(self) -> Phase:
        """The phase after the event."""
        return self.to_phase


@attrs.frozen(kw_only=True)
class Waiting:
    """
    One thing a service waits for.

    Attributes:
        what: In words: `PostgreSQL to be ready`, `http://127.0.0.1:8080/dav/ to answer`.

        since_at, since_mono: Since when it is waited for, wall and monotonic seconds.

        last_answer: The last thing the probe or the dependency said; None before the first.
    """

    what: str
    since_at: float
    since_mono: float
    last_answer: str | None = None

    def __str__(self) -> str:
        return f"waits for {self.what}" + (f" (last answer: {self.last_answer})" if self.last_answer else "")


@attrs.frozen(kw_only=True)
class ServiceSnapshot:
    """
    The state of one service at one instant.

    Attributes:
        name, key, enabled: From its spec.

        phase: See `Phase`; `status` is its word on the wire.

        wished: Whether it is wished to run.

        generation: Of the latest child, 0 before the first.

        pid: Of the live child's leader; None when there is none.

        since_at: Since when it is in this phase (Unix seconds).

        started_at, ready_at: When the present child was spawned and proved ready; None when it is not.

        reason: Why it is where it is: a sentence; for `failed` what went wrong.

        hint: What would help; may be empty.

        waiting: What it waits for right now; empty unless in `waiting` or, for its readiness, in `starting`.

        dependencies: State of each dependency as it was last told: `{"PostgreSQL": "ready"}`.

        last_exit, last_exit_at: How and when the previous child ended.

        last_lines: The last output lines of the previous child where it failed.

        restarts: How often a command restarted it.
    """

    name: str
    key: str
    enabled: bool
    phase: Phase
    wished: bool
    generation: int
    pid: int | None
    since_at: float
    started_at: float | None
    ready_at: float | None
    reason: str
    hint: str
    waiting: tuple[Waiting, ...]
    dependencies: Mapping[str, str] = attrs.field(converter=_frozen_map)
    last_exit: Exit | None
    last_exit_at: float | None
    last_lines: tuple[str, ...]
    restarts: int

    @property
    def status(self) -> WireStatus:
        """The word of the REST API: `running`, `stopped` or `idle`."""
        return wire_status(self.phase)


@attrs.frozen(kw_only=True)
class Snapshot:
    """Every service at one instant; `seq` is the sequence number of the last event it includes."""

    seq: int
    at: float
    services: Mapping[str, ServiceSnapshot] = attrs.field(converter=_frozen_map)
