"""Where services come from, and how their makers are supported: from the tables of their files, without entries."""

from collections.abc import Mapping
from typing import Any

from dumb_actors.catalogue.files import known_keys, own_tables

__all__ = ["repo_url", "sponsorship_url"]


def repo_url(key: str, block: Mapping[str, Any]) -> str | None:
    """
    Give the address of where a service comes from.

    Args:
        key: Its service key, `dumb_api_service` for the API.

        block: Its block; `repo_owner` and `repo_name`, when it has both, go before what the catalogue knows.

    Returns:
        A URL; None when neither knows.
    """
    if url := _github(block):
        return url
    if key not in known_keys():
        return None
    table = own_tables(key)
    blocks: list[Mapping[str, Any]] = [*table.get("instances", {}).values(), table.get("block", {})]
    return _links(key).get("repository") or _github(blocks[0])


def _github(block: Mapping[str, Any]) -> str | None:
    owner, name = block.get("repo_owner"), block.get("repo_name")
    if owner and name and isinstance(owner, str) and isinstance(name, str):
        return f"https://github.com/{owner}/{name}"
    return None


def sponsorship_url(key: str) -> str | None:
    """Give the address where the makers of the service with *key* take support; None when there is none."""
    return _links(key).get("sponsorship") if key in known_keys() else None


def _links(key: str) -> Mapping[str, str]:
    links: Mapping[str, str] = own_tables(key).get("links", {})
    return links
