"""`GET /process/processes` and `GET /process`: what is configured."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from dumb_actors import (
    ParallelGroup,
    RequestError,
    ServiceSpec,
    UnknownService,
    __version__,
    repo_url,
    sponsorship_url,
)
from dumb_web.context import Web
from dumb_web.errors import ApiError
from dumb_web.listing import API_KEY, Listed, Listing
from dumb_web.neighbours import neighbourhood_of, scope_of
from dumb_web.routes import Route
from dumb_web.wire import Written

__all__ = ["ROUTES", "ProcessEntry", "process_entries"]


@attrs.frozen
class OneProcess:
    """
    The query of `GET /process`.

    Attributes:
        process_name: Which service.

        scope: `runtime` or `all`: which dependencies count for `parallel_groups`. Another word is 400, not 422.
    """

    process_name: str
    scope: str = "runtime"


@attrs.frozen(kw_only=True)
class ProcessEntry:
    """
    What is configured about one service or built-in.

    Attributes:
        name, process_name: Its unique name.

        enabled: Whether it is started at boot.

        config: Its block of the configuration, as it was written.

        version: Version, where it is known.

        key, config_key: Service key.

        repo_url, sponsorship_url: Where it comes from, and how to support it, where that is known.
    """

    name: str
    process_name: str
    enabled: bool
    config: Mapping[str, Any]
    version: str | None
    key: str
    config_key: str
    repo_url: str | None
    sponsorship_url: str | None


@attrs.frozen(kw_only=True)
class ProcessList:
    """Every service and built-in, in the order of the configuration."""

    processes: Sequence[ProcessEntry]


@attrs.frozen(kw_only=True)
class Process:
    """
    One service and its neighbours.

    Attributes:
        process_name: As it was asked for.

        config: Its block of the configuration, as it was written.

        version: Version, where it is known.

        config_key: Service key.

        update_status, symlink_backup_status: Null: there are no such jobs yet.

        supports_manual_update: False, for the same reason.

        parallel_groups: What starts before it, and after it.
    """

    process_name: str
    config: Mapping[str, Any]
    version: str | None
    config_key: str
    update_status: None = None
    symlink_backup_status: None = None
    supports_manual_update: bool = False
    parallel_groups: Sequence[ParallelGroup]


async def list_processes(web: Web) -> ProcessList:
    """List every service and built-in, enabled or not, in the order of the configuration."""
    return ProcessList(processes=web.listing.once(process_entries))


async def show_process(web: Web, query: OneProcess) -> Process:
    """Show one service, with its neighbours in the graph."""
    if not query.process_name.strip():
        raise ApiError(400, "process_name is required")
    scope = scope_of(query.scope)
    try:
        listed = web.listing.find(query.process_name)
    except UnknownService as error:
        raise ApiError(404, "Process not found", code=error.code, **error.detail) from None
    entry = process_entry(listed)
    return Process(
        process_name=query.process_name,
        config=entry.config,
        version=entry.version,
        config_key=entry.config_key,
        parallel_groups=neighbourhood_of(web, listed, scope).parallel_groups,
    )


def process_entries(listing: Listing) -> Written[ProcessEntry]:
    """Give the whole list; for `Listing.once`."""
    return Written(map(process_entry, listing))


def process_entry(listed: Listed) -> ProcessEntry:
    """
    Give one entry of the list.

    `name` and `key` are the process name and the service key, as in the API document's example.
    """
    config = config_of(listed)
    return ProcessEntry(
        name=listed.name,
        process_name=listed.name,
        enabled=config["enabled"],
        config=config,
        version=__version__ if listed.key == API_KEY else None,
        key=listed.key,
        config_key=listed.key,
        repo_url=repo_url(listed.key, config),
        sponsorship_url=sponsorship_url(listed.key),
    )


def config_of(listed: Listed) -> dict[str, Any]:
    """
    Give a block as it was written.

    `process_name` and `enabled` are added where the block leaves them to their defaults: clients show only what has
    `config.enabled`.
    """
    if isinstance(listed, ServiceSpec):
        block = listed.config or {"command": list(listed.command)}
        return {"process_name": listed.name, "enabled": listed.enabled, **block}
    return {"process_name": listed.name, "enabled": listed.key == API_KEY, **listed.block}


ROUTES = (
    Route("GET", "/process/processes", list_processes),
    Route("GET", "/process", show_process, errors=(RequestError, UnknownService)),
)
