"""What is known about named services, as data: which there are, who needs whom, and where they come from."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["repo_url", "sponsorship_url"]


@cache
def _links() -> Mapping[str, Mapping[str, str | None]]:
    text = resources.files(__name__).joinpath("links.json").read_text(encoding="utf-8")
    links: dict[str, dict[str, str | None]] = json.loads(text)["links"]
    return links


def repo_url(key: str, block: Mapping[str, Any]) -> str | None:
    """
    Give the address of where a service comes from.

    Args:
        key: Its service key, `dumb_api_service` for the API.

        block: Its block; `repo_owner` and `repo_name`, when it has both, go before what the catalogue knows.

    Returns:
        A URL; None when neither knows.
    """
    owner, name = block.get("repo_owner"), block.get("repo_name")
    if owner and name and isinstance(owner, str) and isinstance(name, str):
        return f"https://github.com/{owner}/{name}"
    return _links().get(key, {}).get("repo_url")


def sponsorship_url(key: str) -> str | None:
    """Give the address where the makers of the service with *key* take support; None when there is none."""
    return _links().get(key, {}).get("sponsorship_url")
