"""Where services come from, and how their makers are supported."""

from collections.abc import Mapping
from typing import Any

from dumb_actors.catalogue.files import known_keys
from dumb_actors.catalogue.loading import own_entry

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
    entry = own_entry(key)
    return entry.links.repository or _github(entry.template())


def _github(block: Mapping[str, Any]) -> str | None:
    owner, name = block.get("repo_owner"), block.get("repo_name")
    if owner and name and isinstance(owner, str) and isinstance(name, str):
        return f"https://github.com/{owner}/{name}"
    return None


def sponsorship_url(key: str) -> str | None:
    """Give the address where the makers of the service with *key* take support; None when there is none."""
    return own_entry(key).links.sponsorship if key in known_keys() else None
