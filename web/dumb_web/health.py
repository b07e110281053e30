"""Health in the words of the Process Management API (spec 1.6 and 5.8)."""

import attrs

from dumb_actors import Phase, ServiceSnapshot

__all__ = ["RestartFacts", "health_of", "restart_facts"]

UNHEALTHY_THRESHOLD = 3
"""What the API document says for a service that is not watched."""


@attrs.frozen(kw_only=True)
class RestartFacts:
    """
    Restarts that nobody asked for, in the words of the Process Management API; times are Unix seconds.

    Attributes:
        restart_attempts, restart_successes, restart_failures: How many were begun, became ready, and ended before that.

        recent_restart_attempts: Those within the window of its policy, at the last unexpected end.

        pending: A restart waits for its time.

        next_restart_time: When that is; null: none waits.

        disabled: It was stopped by a command, and is not restarted.

        last_restart_time: When the last attempt began.

        last_failure_reason: Why the last attempt failed, or why it was given up.

        last_exit_time, last_exit_reason: When and how the previous child ended.

        unhealthy_count, unhealthy_threshold: Failed checks in a row, and how many make it unhealthy.
    """

    restart_attempts: int = 0
    restart_successes: int = 0
    restart_failures: int = 0
    recent_restart_attempts: int = 0
    pending: bool = False
    next_restart_time: float | None = None
    disabled: bool = False
    last_restart_time: float | None = None
    last_failure_reason: str | None = None
    last_exit_time: float | None = None
    last_exit_reason: str | None = None
    unhealthy_count: int = 0
    unhealthy_threshold: int = UNHEALTHY_THRESHOLD


def restart_facts(snapshot: ServiceSnapshot) -> RestartFacts:
    """Give the `restart` object of the API document, all 13 keys."""
    healing, health = snapshot.healing, snapshot.health
    gave_up = snapshot.reason if snapshot.phase is Phase.FAILED else ""
    return RestartFacts(
        restart_attempts=healing.attempts,
        restart_successes=healing.successes,
        restart_failures=healing.failures,
        recent_restart_attempts=min(healing.recent, healing.attempts),
        pending=healing.next_at is not None,
        next_restart_time=healing.next_at,
        disabled=not snapshot.wished and snapshot.generation > 0,
        last_restart_time=healing.last_at,
        last_failure_reason=gave_up or healing.last_failure or None,
        last_exit_time=snapshot.last_exit_at,
        last_exit_reason=snapshot.last_exit_reason or None,
        unhealthy_count=health.count,
        unhealthy_threshold=health.threshold or UNHEALTHY_THRESHOLD,
    )


def health_of(snapshot: ServiceSnapshot) -> tuple[bool, str | None]:
    """
    Say whether a service is healthy, and why not: in the document's words where it has some, else in ours.

    A one-shot that has done its work is healthy and says `Process idle`, as the document's idle services do.
    """
    if snapshot.phase is Phase.READY:
        failing = snapshot.health.healthy is False
        return not failing, (snapshot.health.reason or "Process not healthy") if failing else None
    if snapshot.phase is Phase.COMPLETED:
        return True, "Process idle"
    if snapshot.waiting:
        return False, "; ".join(str(waiting) for waiting in snapshot.waiting)
    if snapshot.phase in {Phase.STOPPED, Phase.FAILED, Phase.BACKOFF}:
        return False, "Process not running"  # why is in `reason`
    return False, f"{snapshot.phase}: {snapshot.reason}" if snapshot.reason else str(snapshot.phase)
