"""Events and snapshots: all that anybody outside an actor gets to know about it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import attrs

from dumb_actors.model.child import Exit
from dumb_actors.model.phase import Phase, WireStatus, wire_status

__all__ = ["Cause", "CauseKind", "Event", "EventKind", "Health", "Restarts", "ServiceSnapshot", "Snapshot", "Waiting"]

EventKind: TypeAlias = Literal[
    "snapshot",  # first events of a subscription: the present state of one service
    "phase",  # a transition; detail: last_lines after a failure, delay_s to backoff, again when a loss stopped it,
    # command (its id) on the first that a command leads to, waits_for to waiting: what, signal, dependency, until
    "spawned",  # a child lives; detail: pid, argv, prepared: hook and seconds of each, spawn_s, probe
    "adopted",  # a child that an earlier supervisor left was taken over; detail: pid, was_ready
    "output",  # its log file does not take what it writes, or does again; detail: lost_bytes, reason, recovered
    "exited",  # nothing of it is left; detail: exit, tree_empty, tree_proof, swept
    # something a waiting service waits for came to hold, or was lost again; detail: condition, signal, dependency, held
    "condition",
    "dependency",  # a dependency of a running service was lost or came back; detail: dependency, held, on_loss
    "health",  # a watched service became unhealthy or healthy again; detail: healthy, count, threshold
    "crash_loop",  # it ends again and again; detail: exits, window_s, next_delay_s
    "command",  # a command was accepted; detail: id, command, dependencies, also: commands that it brought along
    "answer",  # a command was answered; detail: id, command, outcome
    # the whole; detail: what (booted, reconfigured, config_broken, shutdown, ended, left, …); of booted: see `boot`
    "supervisor",
]

CauseKind: TypeAlias = Literal[
    "command", "dependency", "exit", "probe", "spawn", "timeout", "liveness", "restart", "error", "supervisor"
]


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

        seq: The number of the event that led to this, where that is known: the command, the exit, what happened to the
            dependency.
    """

    kind: CauseKind
    text: str
    by: str = ""
    seq: int | None = None


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
class Health:
    """
    What is known of the health of a ready service.

    Attributes:
        healthy: Whether its checks held, or have not failed often enough yet; None: it is not watched, or not ready.

        reason: What the last failed check said; empty when none failed.

        count, threshold: Failures in a row, and how many make it unhealthy; 0 when it is not watched.
    """

    healthy: bool | None = None
    reason: str = ""
    count: int = 0
    threshold: int = 0


@attrs.frozen(kw_only=True)
class Restarts:
    """
    Restarts that nobody asked for, of one service, since the supervisor began; times are Unix seconds.

    Attributes:
        attempts, successes, failures: How many were begun, became ready, and ended before that.

        recent: Unexpected ends within the window of its policy.

        crash_loop: It ends again and again.

        next_at: When the next attempt is due; None: none is pending.

        last_at: When the last attempt began.

        last_failure: Why the last attempt failed; empty when it did not.

        last_reasons: Why it ended the last five times, oldest first.
    """

    attempts: int = 0
    successes: int = 0
    failures: int = 0
    recent: int = 0
    crash_loop: bool = False
    next_at: float | None = None
    last_at: float | None = None
    last_failure: str = ""
    last_reasons: tuple[str, ...] = ()


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

        last_exit_reason: Why, in words: what its health check said if that was the reason, else how it ended.

        last_lines: The last output lines of the previous child where it failed.

        restarts: How often a command restarted it.

        health: Of a watched service.

        healing: Restarts that nobody asked for.

        says: What the service last said of itself by sd_notify (`STATUS=`); empty when it did not.

        needs_restart: Its configuration changed in a way that its running child does not know.
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
    health: Health = Health()
    healing: Restarts = Restarts()
    says: str = ""
    needs_restart: bool = False
    last_exit_reason: str = ""

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
