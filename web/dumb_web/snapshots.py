"""Snapshots as JSON, for whoever shows one: times in Unix seconds, phases and statuses as their words."""

from collections.abc import Sequence
from typing import Any

from dumb_actors import Exit, Phase, ServiceSnapshot, Waiting

__all__ = ["exit_json", "health_of", "is_up", "restart_json", "service_json", "waiting_json"]

UNHEALTHY_THRESHOLD = 3


def waiting_json(waiting: Sequence[Waiting]) -> list[dict[str, Any]]:
    """Give what a service waits for: `what`, `since` and the probe's `last_answer`."""
    return [{"what": w.what, "since": w.since_at, "last_answer": w.last_answer} for w in waiting]


def exit_json(ended: Exit | None) -> dict[str, Any] | None:
    """Give how a child ended, in facts and in words."""
    if ended is None:
        return None
    return {"code": ended.code, "signal": ended.signal, "core_dumped": ended.core_dumped, "text": str(ended)}


def service_json(snapshot: ServiceSnapshot, log_path: str) -> dict[str, Any]:
    """Give everything that is known about a service, and where its output goes."""
    return {
        "process_name": snapshot.name,
        "config_key": snapshot.key,
        "enabled": snapshot.enabled,
        "status": snapshot.status,
        "phase": snapshot.phase,
        "wished": snapshot.wished,
        "generation": snapshot.generation,
        "pid": snapshot.pid,
        "since": snapshot.since_at,
        "started_at": snapshot.started_at,
        "ready_at": snapshot.ready_at,
        "reason": snapshot.reason,
        "hint": snapshot.hint,
        "waiting": waiting_json(snapshot.waiting),
        "dependencies": dict(snapshot.dependencies),
        "last_exit": exit_json(snapshot.last_exit),
        "last_exit_at": snapshot.last_exit_at,
        "last_lines": list(snapshot.last_lines),
        "restarts": snapshot.restarts,
        "log_path": log_path,
    }


def is_up(snapshot: ServiceSnapshot) -> bool:
    """Say whether a service is where a wished one should be."""
    return snapshot.phase in {Phase.READY, Phase.COMPLETED}


def health_of(snapshot: ServiceSnapshot) -> tuple[bool, str | None]:
    """Say whether a service is healthy, and why not."""
    if is_up(snapshot):
        return True, None
    if snapshot.waiting:
        return False, "; ".join(str(waiting) for waiting in snapshot.waiting)
    if snapshot.phase is Phase.STOPPED:
        return False, "Process not running"
    return False, f"{snapshot.phase}: {snapshot.reason}" if snapshot.reason else str(snapshot.phase)


def restart_json(snapshot: ServiceSnapshot | None) -> dict[str, Any]:
    """
    Give the `restart` object of the API document, all 13 keys; None stands for the API itself.

    The counters are those of automatic restarts, which do not exist yet: they are 0. Restarts by command do not count.
    """
    ended = snapshot.last_exit if snapshot is not None else None
    failed = snapshot is not None and snapshot.phase is Phase.FAILED
    return {
        "restart_attempts": 0,
        "restart_successes": 0,
        "restart_failures": 0,
        "recent_restart_attempts": 0,
        "pending": snapshot is not None and snapshot.phase is Phase.BACKOFF,
        "next_restart_time": None,
        "disabled": snapshot is not None and not snapshot.wished and snapshot.generation > 0,
        "last_restart_time": None,
        "last_failure_reason": snapshot.reason if snapshot is not None and failed else None,
        "last_exit_time": snapshot.last_exit_at if snapshot is not None else None,
        "last_exit_reason": str(ended) if ended is not None else None,
        "unhealthy_count": 0,
        "unhealthy_threshold": UNHEALTHY_THRESHOLD,
    }
