"""`GET /process/processes` and `GET /process`: what is configured."""

from typing import Any, Literal

import attrs

from dumb_actors import DependencyGraph, ServiceSpec, UnknownService, __version__, repo_url, sponsorship_url
from dumb_web.context import Answer, Route, Web
from dumb_web.errors import ApiError
from dumb_web.listing import API_KEY, Listed
from dumb_web.shapes import read_query

__all__ = ["ROUTES"]


@attrs.frozen
class OneProcess:
    """The query of `GET /process`; `scope` is checked by hand, for its status is 400."""

    process_name: str
    scope: str = "runtime"


async def list_processes(web: Web) -> Answer:
    """Answer every service and built-in, enabled or not, in the order of the configuration."""
    return {"processes": [entry_json(listed) for listed in web.listing]}


async def show_process(web: Web) -> Answer:
    """Answer one service, with its neighbours in the graph."""
    asked = read_query(OneProcess)
    if not asked.process_name.strip():
        raise ApiError(400, "process_name is required")
    if asked.scope not in {"runtime", "all"}:
        raise ApiError(400, "scope must be 'runtime' or 'all'", scope=asked.scope)
    try:
        listed = web.listing.find(asked.process_name)
    except UnknownService as error:
        raise ApiError(404, "Process not found", code=error.code, **error.detail) from None
    return process_json(listed, asked.process_name, web.supervisor.graph)


def process_json(listed: Listed, name: str, graph: DependencyGraph) -> dict[str, Any]:
    """Give the answer of `GET /process`, with the name as the caller wrote it."""
    entry = entry_json(listed)
    return {
        "process_name": name,
        "config": entry["config"],
        "version": entry["version"],
        "config_key": entry["config_key"],
        "update_status": None,
        "symlink_backup_status": None,
        "supports_manual_update": False,
        "parallel_groups": parallel_groups(listed.name, graph),
    }


def entry_json(listed: Listed) -> dict[str, Any]:
    """
    Give one entry of the list.

    `name` and `key` are the process name and the service key, as in the API document's example.
    """
    config = config_json(listed)
    return {
        "name": listed.name,
        "process_name": listed.name,
        "enabled": config["enabled"],
        "config": config,
        "version": __version__ if listed.key == API_KEY else None,
        "key": listed.key,
        "config_key": listed.key,
        "repo_url": repo_url(listed.key, config),
        "sponsorship_url": sponsorship_url(listed.key),
    }


def config_json(listed: Listed) -> dict[str, Any]:
    """
    Give a block as it was written.

    `process_name` and `enabled` are added where the block leaves them to their defaults: clients show only what has
    `config.enabled`.
    """
    if isinstance(listed, ServiceSpec):
        block = listed.config or {"command": list(listed.command)}
        return {"process_name": listed.name, "enabled": listed.enabled, **block}
    return {"process_name": listed.name, "enabled": listed.key == API_KEY, **listed.block}


Kind = Literal["parallel", "serial"]


def parallel_groups(name: str, graph: DependencyGraph) -> list[dict[str, Any]]:
    """
    Give who can start together before and after *name*: its direct neighbours, by spec 2.10.

    Every edge there is so far is hard, so both scopes give the same.
    """
    known = name in graph.names
    groups: list[tuple[str, str, Kind, tuple[str, ...]]] = [
        ("pre_core", "Parallel prerequisites", "parallel", graph.dependencies(name) if known else ()),
        ("core_target", "Core target", "serial", (name,)),
        ("post_core", "Dependents", "parallel", graph.dependents(name) if known else ()),
    ]
    return [
        {"id": id_, "label": label, "type": kind, "members": sorted(members)}
        for id_, label, kind, members in groups
        if members
    ]


ROUTES = (
    Route("GET", "/process/processes", list_processes),
    Route("GET", "/process", show_process),
)
