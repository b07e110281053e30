"""`GET /process/service-status`, `/process/capabilities`, `/health`, `/status`: what is, from memory."""

import os
from typing import Any

import attrs

from dumb_actors import Builtin, UnknownService, __version__
from dumb_web.context import Answer, Route, Web
from dumb_web.errors import ApiError
from dumb_web.listing import API_KEY
from dumb_web.shapes import read_query
from dumb_web.snapshots import health_of, is_up, restart_json, service_json, waiting_json

__all__ = ["ROUTES"]

CAPABILITIES = (
    "optional_only_onboarding",
    "optional_service_options",
    "manual_update_check",
    "seerr_sync",
    "auto_update_start_time",
    "symlink_repair",
    "symlink_repair_async",
    "symlink_manifest_backup",
    "symlink_manifest_backup_async",
    "symlink_job_status",
    "symlink_job_latest",
    "symlink_manifest_restore",
    "symlink_manifest_restore_async",
    "symlink_manifest_compare",
    "symlink_backup_schedule",
    "symlink_backup_manifest_list",
    "symlink_manifest_file_list",
)
OFFERED: frozenset[str] = frozenset()
"""The capabilities that exist: clients hide what is false, and believe what is true."""


@attrs.frozen
class StatusQuery:
    """The query of `GET /process/service-status`."""

    process_name: str
    include_health: bool = False


async def service_status(web: Web) -> Answer:
    """Answer the state of one service, and why it is so."""
    asked = read_query(StatusQuery)
    try:
        found = web.listing.find(asked.process_name)
    except UnknownService as error:
        raise ApiError(404, "Process not found", code=error.code, **error.detail) from None
    if isinstance(found, Builtin):
        return _builtin_status(found, asked)
    snapshot = web.supervisor.status(found.name)
    state = {"status": snapshot.status, "phase": snapshot.phase, "wished": snapshot.wished, "reason": snapshot.reason}
    answer = {"process_name": asked.process_name, **state, "waiting": waiting_json(snapshot.waiting)}
    return {**answer, **_health(*health_of(snapshot), restart_json(snapshot))} if asked.include_health else answer


def _builtin_status(builtin: Builtin, asked: StatusQuery) -> dict[str, Any]:
    """Give the state of a built-in: the API runs, for it answers; a front end without a command does not."""
    runs = builtin.key == API_KEY
    answer: dict[str, Any] = {
        "process_name": asked.process_name,
        "status": "running" if runs else "stopped",
        "phase": "ready" if runs else "stopped",
        "wished": runs,
        "reason": f"pid {os.getpid()}, version {__version__}" if runs else "it has no command",
        "waiting": [],
    }
    why = None if runs else "Process not running"
    return {**answer, **_health(runs, why, restart_json(None))} if asked.include_health else answer


def _health(healthy: bool, why: str | None, restart: dict[str, Any]) -> dict[str, Any]:  # noqa: FBT001
    return {"healthy": healthy, "health_reason": why, "restart": restart}


async def capabilities(web: Web) -> Answer:
    """Answer which features exist."""
    return {name: name in OFFERED for name in CAPABILITIES}


async def health(web: Web) -> Answer:
    """Answer whether everything that is wished is up; 200 in both cases."""
    wished = [service for service in web.supervisor.snapshot().services.values() if service.wished]
    faults = [f"{service.name}: {health_of(service)[1]}" for service in wished if not is_up(service)]
    return {"status": "unhealthy", "details": " | ".join(faults)} if faults else {"status": "healthy"}


async def status(web: Web) -> Answer:
    """Answer everything about every service."""
    snapshot = web.supervisor.snapshot()
    config = web.supervisor.config
    return {
        "seq": snapshot.seq,
        "at": snapshot.at,
        "version": __version__,
        "pid": os.getpid(),
        "root": None if config is None else config.root.path,
        "services": [
            service_json(service, web.supervisor.log_path(service.name)) for service in snapshot.services.values()
        ],
    }


ROUTES = (
    Route("GET", "/process/service-status", service_status),
    Route("GET", "/process/capabilities", capabilities),
    Route("GET", "/health", health),
    Route("GET", "/status", status),
)
