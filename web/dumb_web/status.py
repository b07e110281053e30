"""`GET /process/service-status`, `/health`, `/status`: what is, from memory."""

import os
from collections.abc import Sequence
from typing import Literal

import attrs

from dumb_actors import Builtin, ConfigStore, Phase, ServiceSnapshot, Snapshot, UnknownService, __version__
from dumb_web.context import Web
from dumb_web.errors import ApiError
from dumb_web.health import RestartFacts, health_of, restart_facts
from dumb_web.listing import builtin_standing
from dumb_web.routes import Route
from dumb_web.snapshots import ServiceState, Status, WaitingFor, service_state, waiting_for
from dumb_web.wire import alike

__all__ = ["ROUTES", "Overview", "overview"]


# --- one service ------------------------------------------------------------------------------------------------------


@attrs.frozen
class StatusQuery:
    """
    The query of `GET /process/service-status`.

    Attributes:
        process_name: Which service.

        include_health: Tell of health and restarts, too.
    """

    process_name: str
    include_health: bool = False


@attrs.frozen(kw_only=True)
class ServiceStatus:
    """
    The state of one service.

    Attributes:
        process_name: As it was asked for.

        status: Its phase in the three words of the Process Management API.

        phase: Where it is in its life.

        wished: Whether it is wished to run.

        reason: Why it is where it is.

        waiting: What it waits for right now.
    """

    process_name: str
    status: Status
    phase: Phase
    wished: bool
    reason: str
    waiting: Sequence[WaitingFor]


@attrs.frozen(kw_only=True)
class ServiceStatusWithHealth(ServiceStatus):
    """
    The state of one service, and its health.

    Attributes:
        healthy: Whether it is where it should be, and its checks hold.

        health_reason: Why it is not; `Process idle` for a one-shot that has done its work; else null.

        restart: Restarts that nobody asked for.
    """

    healthy: bool
    health_reason: str | None
    restart: RestartFacts


async def service_status(web: Web, query: StatusQuery) -> ServiceStatus | ServiceStatusWithHealth:
    """Tell the state of one service, and why it is so."""
    try:
        found = web.listing.find(query.process_name)
    except UnknownService as error:
        raise ApiError(404, "Process not found", code=error.code, **error.detail) from None
    if isinstance(found, Builtin):
        state, health, restart = *_of_builtin(found, query.process_name), RestartFacts()
    else:
        snapshot = web.supervisor.status(found.name)
        waiting = waiting_for(snapshot.waiting)
        state = alike(ServiceStatus, snapshot, process_name=query.process_name, waiting=waiting)
        health, restart = health_of(snapshot), restart_facts(snapshot)
    if not query.include_health:
        return state
    return alike(ServiceStatusWithHealth, state, healthy=health[0], health_reason=health[1], restart=restart)


def _of_builtin(builtin: Builtin, name: str) -> tuple[ServiceStatus, tuple[bool, str | None]]:
    """Give the state of a built-in: the API runs, for it answers; a front end without a command does not."""
    standing = builtin_standing(builtin)
    runs = standing.wished
    state = ServiceStatus(
        process_name=name,
        status=standing.status,
        phase=standing.phase,
        wished=runs,
        reason=f"pid {os.getpid()}, version {__version__}" if runs else "it has no command",
        waiting=[],
    )
    return state, (runs, None if runs else "Process not running")


# --- all of them ------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Healthy:
    """Everything that is wished is up and healthy."""

    status: Literal["healthy"] = "healthy"


@attrs.frozen(kw_only=True)
class Unhealthy:
    """
    Something that is wished is not up, or not healthy.

    Attributes:
        details: What, and why; parts are divided by ` | `.
    """

    status: Literal["unhealthy"] = "unhealthy"
    details: str


@attrs.frozen(kw_only=True)
class BrokenConfig:
    """
    What is wrong with the file of the configuration.

    Attributes:
        since: Since when that is known (Unix seconds).

        faults: Every fault, a sentence each, with its place.
    """

    since: float
    faults: Sequence[str]


@attrs.frozen(kw_only=True)
class ConfigState:
    """
    The state of the configuration.

    Attributes:
        revision: The one that counts.

        source: The file.

        broken: Why the file cannot be used, so that the last good revision goes on counting; null: it is good.

        unsaved: Paths of changes in memory only, which a restart loses.
    """

    revision: int
    source: str
    broken: BrokenConfig | None
    unsaved: Sequence[str]


@attrs.frozen(kw_only=True)
class Overview:
    """
    Everything about every service, at one instant.

    Attributes:
        seq: Sequence number of the last event that is included: `GET /events?after=` goes on from here.

        at: The instant (Unix seconds).

        version, pid: Of the supervisor.

        root: Its root directory; null for services made by hand.

        config: Its configuration; null where that cannot change.

        services: In the order of the configuration.
    """

    seq: int
    at: float
    version: str
    pid: int
    root: str | None
    config: ConfigState | None
    services: Sequence[ServiceState]


async def health(web: Web) -> Healthy | Unhealthy:
    """Tell whether everything that is wished is up and healthy; 200 in both cases."""
    wished = [service for service in web.supervisor.snapshot().services.values() if service.wished]
    faults = [_fault(service) for service in wished if not health_of(service)[0]]
    return Unhealthy(details=" | ".join(faults)) if faults else Healthy()


def _fault(service: ServiceSnapshot) -> str:
    """Name what is wrong with a service, and why it does not run."""
    why = f": {service.reason}" if service.phase in {Phase.FAILED, Phase.BACKOFF} and service.reason else ""
    return f"{service.name}: {health_of(service)[1]}{why}"


async def status(web: Web) -> Overview:
    """Tell everything about every service, from memory."""
    return overview(web, web.supervisor.snapshot())


def overview(web: Web, snapshot: Snapshot) -> Overview:
    """Give everything in *snapshot*."""
    config = web.supervisor.config
    return Overview(
        seq=snapshot.seq,
        at=snapshot.at,
        version=__version__,
        pid=os.getpid(),
        root=None if config is None else str(config.root.path),
        config=_config_state(web.supervisor.store),
        services=[service_state(one, web.supervisor.log_path(one.name)) for one in snapshot.services.values()],
    )


def _config_state(store: ConfigStore | None) -> ConfigState | None:
    if store is None:
        return None
    view = store.read()
    broken = None
    if view.broken is not None:
        broken = BrokenConfig(since=view.broken.since, faults=[str(fault) for fault in view.broken.error.faults])
    unsaved = [".".join(path) for path in view.unsaved]
    return ConfigState(revision=view.revision, source=store.config.source, broken=broken, unsaved=unsaved)


ROUTES = (
    Route("GET", "/process/service-status", service_status, errors=(UnknownService,)),
    Route("GET", "/health", health),
    Route("GET", "/status", status),
)
