"""`POST /process/start-service`, `stop-service`, `restart-service`: commands to one service."""

import os
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NoReturn

import attrs

from dumb_actors import (
    Builtin,
    Busy,
    DumbActorsError,
    GaveUp,
    Phase,
    Refused,
    ServiceError,
    ServiceSnapshot,
    ShuttingDown,
    StartFailed,
    StartTimeout,
    StopTimeout,
    Superseded,
    Supervisor,
    UnknownService,
)
from dumb_web.builtins import refuse_builtin
from dumb_web.context import Web
from dumb_web.errors import ApiError
from dumb_web.finding import find_listed
from dumb_web.listing import API_KEY
from dumb_web.planning import PlanAnswer, plan_one
from dumb_web.routes import Route
from dumb_web.snapshots import waiting_for
from dumb_web.structure import Range

__all__ = ["ROUTES"]

LONGEST_S = 86_400
DEFAULT_S = 600.0


@attrs.frozen
class DryRun:
    """
    The query of a command.

    Attributes:
        dry_run: Change nothing, and answer what the command would do. Our own addition.
    """

    dry_run: bool = False


@attrs.frozen
class StartRequest:
    """
    Body of a start or restart.

    Attributes:
        process_name: Which service.

        dependencies: `start`: what it needs is started too; `wait`: it is only waited for; `ignore`: the service goes
            at once. Our own addition.

        timeout: Seconds until 504 is answered; the wish stays. Our own addition.
    """

    process_name: str
    dependencies: Literal["start", "wait", "ignore"] = "start"
    timeout: Annotated[float, Range(ge=0, le=LONGEST_S)] = DEFAULT_S


@attrs.frozen
class StopRequest:
    """
    Body of a stop.

    Attributes:
        process_name: Which service.
    """

    process_name: str


@attrs.frozen(kw_only=True)
class Done:
    """
    A command that was carried out.

    Attributes:
        process_name: As it was asked for.

        phase: Where the service is now.

        pid: Of its child; null when there is none.

        generation: Of its latest child; 0 before the first.
    """

    process_name: str
    phase: Phase
    pid: int | None
    generation: int


@attrs.frozen(kw_only=True)
class Started(Done):
    """
    The service is ready, or completed if it is a one-shot.

    Attributes:
        also_started: What it needs and was started along.
    """

    status: Literal["Service started successfully"] = "Service started successfully"
    also_started: Sequence[str]


@attrs.frozen(kw_only=True)
class Restarted(Done):
    """The service was restarted and is ready."""

    status: Literal["Service restarted successfully"] = "Service restarted successfully"


@attrs.frozen(kw_only=True)
class Touched:
    """
    A service that is touched by the stop of another.

    Attributes:
        process_name: Its name.

        effect: What happens to it.
    """

    process_name: str
    effect: str


@attrs.frozen(kw_only=True)
class Stopped(Done):
    """
    Nothing of the service is left.

    Attributes:
        dependents: Who needs it, directly or not, and what happens to them.
    """

    status: Literal["Service stopped successfully"] = "Service stopped successfully"
    dependents: Sequence[Touched]


async def start_service(web: Web, query: DryRun, body: StartRequest) -> Started | PlanAnswer:
    """Start a service and what it needs; answered when it is ready."""
    if query.dry_run:
        return PlanAnswer(plan=await plan_one(web, "start", body.process_name, dependencies=body.dependencies))
    if isinstance(found := find_listed(web, body.process_name), Builtin):
        return _start_builtin(found, body.process_name)
    # Planned and started without a checkpoint between: what the plan says is what the start does.
    plan = web.supervisor.plan_start(found.name, dependencies=body.dependencies)
    try:
        snapshot = await web.supervisor.start(
            found.name, dependencies=body.dependencies, timeout=body.timeout, by="api"
        )
    except DumbActorsError as error:
        _explain(error, web.supervisor, found.name, f"Unable to start the service '{found.name}'")
    also = [name for name in plan.services if name != found.name]
    return Started(process_name=body.process_name, **_facts(snapshot), also_started=also)


async def restart_service(web: Web, query: DryRun, body: StartRequest) -> Restarted | PlanAnswer:
    """Stop a service if it runs, and start it; answered when it is ready."""
    if query.dry_run:
        return PlanAnswer(plan=await plan_one(web, "restart", body.process_name, dependencies=body.dependencies))
    if isinstance(found := find_listed(web, body.process_name), Builtin):
        raise refuse_builtin(found, "restarted")
    try:
        snapshot = await web.supervisor.restart(
            found.name, dependencies=body.dependencies, timeout=body.timeout, by="api"
        )
    except DumbActorsError as error:
        _explain(error, web.supervisor, found.name, f"Failed to restart {found.name}")
    return Restarted(process_name=body.process_name, **_facts(snapshot))


async def stop_service(web: Web, query: DryRun, body: StopRequest) -> Stopped | PlanAnswer:
    """Stop a service; answered when nothing of it is left. Its dependents are named, and what happens to them."""
    if query.dry_run:
        return PlanAnswer(plan=await plan_one(web, "stop", body.process_name))
    if isinstance(found := find_listed(web, body.process_name), Builtin):
        return _stop_builtin(found, body.process_name)
    effects = web.supervisor.plan_stop(found.name).effects
    snapshot = await web.supervisor.stop(found.name, by="api")
    touched = [Touched(process_name=effect.service, effect=effect.effect) for effect in effects]
    return Stopped(process_name=body.process_name, **_facts(snapshot), dependents=touched)


def _facts(snapshot: ServiceSnapshot) -> dict[str, Any]:
    return {"phase": snapshot.phase, "pid": snapshot.pid, "generation": snapshot.generation}


def _explain(error: DumbActorsError, supervisor: Supervisor, name: str, what: str) -> NoReturn:
    """Add to a failed start what the service itself has to say; other errors are as they are."""
    if not isinstance(error, StartTimeout | ServiceError):
        raise error
    snapshot = supervisor.status(name)
    facts: dict[str, Any] = {"service": name, **error.detail}
    if isinstance(error, StartTimeout):
        facts |= {"waiting": waiting_for(snapshot.waiting), "phase": snapshot.phase}
        raise ApiError(504, f"{what}: {error}", code=error.code, **facts) from error
    reason = str(error.detail.get("reason") or error)
    facts |= {"reason": reason, "hint": snapshot.hint, "last_lines": snapshot.last_lines}
    facts.setdefault("retry_in_s", None)
    raise ApiError(500, f"{what}: {reason}", code=error.code, **facts) from error


# --- built-ins --------------------------------------------------------------------------------------------------------


def _start_builtin(builtin: Builtin, name: str) -> Started:
    if builtin.key != API_KEY:
        raise refuse_builtin(builtin, "started")
    # Who asks us has the proof before it: this is what answers.
    return Started(process_name=name, phase=Phase.READY, pid=os.getpid(), generation=0, also_started=[])


def _stop_builtin(builtin: Builtin, name: str) -> Stopped:
    if builtin.key == API_KEY:
        raise refuse_builtin(builtin, "stopped")
    return Stopped(process_name=name, phase=Phase.STOPPED, pid=None, generation=0, dependents=[])


COMMANDS = (UnknownService, Refused, Superseded, Busy, ShuttingDown)
STARTS = (*COMMANDS, StartTimeout, StartFailed, GaveUp)

ROUTES = (
    Route("POST", "/process/start-service", start_service, errors=STARTS),
    Route("POST", "/process/stop-service", stop_service, errors=(*COMMANDS, StopTimeout)),
    Route("POST", "/process/restart-service", restart_service, errors=STARTS),
)
