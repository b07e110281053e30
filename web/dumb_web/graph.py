"""`GET /process/dependency-graph` and `GET /graph`: what needs what, why, and how it stands."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import attrs

from dumb_actors import TRUTH_TABLE, Neighbourhood, RequestError, Truth, UnknownService, WholeGraph
from dumb_web.context import Web
from dumb_web.errors import ApiError
from dumb_web.listing import builtin_standing
from dumb_web.neighbours import neighbourhood_of, scope_of
from dumb_web.processes import ProcessEntry, process_entries
from dumb_web.routes import Route
from dumb_web.snapshots import Status
from dumb_web.wire import Written, alike

__all__ = ["ROUTES"]

_TRUTH_TABLE = Written(TRUTH_TABLE)


# --- around one service -----------------------------------------------------------------------------------------------


@attrs.frozen
class GraphQuery:
    """
    The query of `GET /process/dependency-graph`.

    Attributes:
        process_name: Which service; the word for a kind of service, or a service key, does as well where only one
            service is meant.

        scope: `runtime`, or `all` for known cooperations as well. Another word is 400, not 422.
    """

    process_name: str
    scope: str = "runtime"


@attrs.frozen(kw_only=True)
class CoreService:
    """
    A kind of service that the catalogue knows as a core service.

    Attributes:
        name: Display name.

        key: Service key.

        dependencies: Keys of what it needs.
    """

    name: str
    key: str
    dependencies: Sequence[str]


@attrs.frozen(kw_only=True)
class DependencyGraphAnswer(Neighbourhood):
    """
    What one service needs and what needs it, directly, and everything that a page about it shows.

    Arrows point from the dependent (`source`) to the dependency (`target`).

    Attributes:
        core_services: The core services of the catalogue, in its order.

        processes: Every service and built-in, as in `GET /process/processes`.

        statuses: The status of each of them, by name.

        dependency_truth_table: What each signal means.

        updated_at: When this was read (UTC).
    """

    core_services: Sequence[CoreService]
    processes: Sequence[ProcessEntry]
    statuses: Mapping[str, Status]
    dependency_truth_table: Sequence[Truth]
    updated_at: str


async def dependency_graph(web: Web, query: GraphQuery) -> DependencyGraphAnswer:
    """Show what one service needs, and what needs it."""
    if not query.process_name.strip():
        raise ApiError(400, "process_name is required")
    scope = scope_of(query.scope)
    try:
        listed = web.listing.find_target(query.process_name)
    except UnknownService as error:
        raise ApiError(404, "Process not found", code=error.code, **error.detail) from None
    return alike(
        DependencyGraphAnswer,
        neighbourhood_of(web, listed, scope),
        core_services=core_services(web),
        processes=web.listing.once(process_entries),
        statuses=_statuses(web),
        dependency_truth_table=_TRUTH_TABLE,
        updated_at=_now(),
    )


def core_services(web: Web) -> list[CoreService]:
    """List the core services that the graph knows of."""
    knowledge = web.supervisor.graph.knowledge
    return [
        CoreService(name=knowledge.names.get(key, key), key=key, dependencies=needs)
        for key, needs in knowledge.core.items()
    ]


def _statuses(web: Web) -> dict[str, Status]:
    builtins = {builtin.name: builtin_standing(builtin).status for builtin in web.listing.builtins}
    return {**web.supervisor.statuses, **builtins}


def _now() -> str:
    return datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- all of it --------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class WholeGraphAnswer(WholeGraph):
    """
    Every service and every link between two of them, at one instant.

    Attributes:
        seq: Sequence number of the last event that is included: `GET /events?after=` goes on from here.

        updated_at: When this was read (UTC).
    """

    seq: int
    updated_at: str


async def graph(web: Web) -> WholeGraphAnswer:
    """Show the whole graph, as things stand."""
    return alike(WholeGraphAnswer, web.supervisor.whole_graph(), seq=web.supervisor.seq, updated_at=_now())


ROUTES = (
    Route("GET", "/process/dependency-graph", dependency_graph, errors=(RequestError, UnknownService)),
    Route("GET", "/graph", graph),
)
