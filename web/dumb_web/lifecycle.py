"""`POST /process/start-service`, `stop-service`, `restart-service`: commands to one service."""

import os
from typing import Annotated, Any, Literal

import attrs

from dumb_actors import (
    Builtin,
    DumbActorsError,
    Refused,
    ServiceError,
    ServiceSnapshot,
    StartTimeout,
    Supervisor,
    UnknownService,
)
from dumb_web.context import Answer, Route, Web
from dumb_web.errors import ApiError
from dumb_web.listing import API_KEY
from dumb_web.shapes import Range, read_body
from dumb_web.snapshots import waiting_json

__all__ = ["ROUTES"]

LONGEST_S = 86_400
DEFAULT_S = 600.0


@attrs.frozen
class StartRequest:
    """Body of a start or restart; `dependencies` and `timeout` (seconds until 504) are our own."""

    process_name: str
    dependencies: Literal["start", "wait", "ignore"] = "start"
    timeout: Annotated[float, Range(ge=0, le=LONGEST_S)] = DEFAULT_S


@attrs.frozen
class StopRequest:
    """Body of a stop."""

    process_name: str


async def start_service(web: Web) -> Answer:
    """Start a service and what it needs; answered when it is ready."""
    asked = await read_body(StartRequest)
    if isinstance(found := _find(web, asked.process_name), Builtin):
        return _start_builtin(found, asked.process_name)
    # Planned and started without a checkpoint between: what the plan says is what the start does.
    plan = web.supervisor.plan_start(found.name, dependencies=asked.dependencies)
    try:
        snapshot = await web.supervisor.start(
            found.name, dependencies=asked.dependencies, timeout=asked.timeout, by="api"
        )
    except DumbActorsError as error:
        raise _explain(error, web.supervisor, found.name, f"Unable to start the service '{found.name}'") from error
    also = [name for name in plan.services if name != found.name]
    return {**_done("started", asked.process_name, snapshot), "also_started": also}


async def restart_service(web: Web) -> Answer:
    """Stop a service if it runs, and start it."""
    asked = await read_body(StartRequest)
    if isinstance(found := _find(web, asked.process_name), Builtin):
        raise _refuse_builtin(found, "restarted")
    try:
        snapshot = await web.supervisor.restart(
            found.name, dependencies=asked.dependencies, timeout=asked.timeout, by="api"
        )
    except DumbActorsError as error:
        raise _explain(error, web.supervisor, found.name, f"Failed to restart {found.name}") from error
    return _done("restarted", asked.process_name, snapshot)


async def stop_service(web: Web) -> Answer:
    """Stop a service, answered when nothing of it is left; its dependents keep running and are named."""
    asked = await read_body(StopRequest)
    if isinstance(found := _find(web, asked.process_name), Builtin):
        return _stop_builtin(found, asked.process_name)
    effects = web.supervisor.plan_stop(found.name).effects
    snapshot = await web.supervisor.stop(found.name, by="api")
    dependents = [{"process_name": effect.service, "effect": effect.effect} for effect in effects]
    return {**_done("stopped", asked.process_name, snapshot), "dependents": dependents}


def _find(web: Web, name: str) -> Any:
    try:
        return web.listing.find(name)
    except UnknownService as error:
        raise ApiError(404, "Service not enabled or found", code=error.code, **error.detail) from None


def _done(what: str, name: str, snapshot: ServiceSnapshot) -> dict[str, Any]:
    """Make the answer to a command; *name* is as the caller wrote it."""
    return {
        "status": f"Service {what} successfully",
        "process_name": name,
        "phase": snapshot.phase,
        "pid": snapshot.pid,
        "generation": snapshot.generation,
    }


def _explain(error: DumbActorsError, supervisor: Supervisor, name: str, what: str) -> Exception:
    """Add to a failed start what the service itself has to say; other errors are as they are."""
    snapshot = supervisor.status(name)
    if isinstance(error, StartTimeout):
        facts = {**error.detail, "waiting": waiting_json(snapshot.waiting), "phase": snapshot.phase}
        return ApiError(504, f"{what}: {error}", code=error.code, **facts)
    if isinstance(error, ServiceError):
        reason = str(error.detail.get("reason") or error)
        facts = {**error.detail, "reason": reason, "hint": snapshot.hint, "last_lines": list(snapshot.last_lines)}
        return ApiError(500, f"{what}: {reason}", code=error.code, **facts)
    return error


# --- built-ins --------------------------------------------------------------------------------------------------------


def _start_builtin(builtin: Builtin, name: str) -> dict[str, Any]:
    if builtin.key != API_KEY:
        raise _refuse_builtin(builtin, "started")
    # Who asks us has the proof before it: this is what answers.
    return {
        "status": "Service started successfully",
        "process_name": name,
        "phase": "ready",
        "pid": os.getpid(),
        "generation": 0,
        "also_started": [],
    }


def _stop_builtin(builtin: Builtin, name: str) -> dict[str, Any]:
    if builtin.key == API_KEY:
        raise _refuse_builtin(builtin, "stopped")
    done = {"status": "Service stopped successfully", "process_name": name, "phase": "stopped"}
    return {**done, "pid": None, "generation": 0, "dependents": []}


def _refuse_builtin(builtin: Builtin, what: str) -> Refused:
    if builtin.key == API_KEY:
        text = f"{builtin.name!r} is this supervisor itself and cannot be {what} from here; `dumb-actors down` ends it"
    else:
        text = f'{builtin.name!r} cannot be {what}: it has no command; give its block dumb.frontend a "command"'
    return Refused(text, service=builtin.name)


ROUTES = (
    Route("POST", "/process/start-service", start_service),
    Route("POST", "/process/stop-service", stop_service),
    Route("POST", "/process/restart-service", restart_service),
)
