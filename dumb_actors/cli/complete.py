"""Shell completion: click's scripts, and the names of services from the supervisor that runs."""

import os
import re

import click
from click.shell_completion import CompletionItem, get_completion_class

from dumb_actors.catalogue import known_keys
from dumb_actors.cli.client import find_api
from dumb_actors.cli.options import root_of
from dumb_actors.errors import DumbActorsError

__all__ = ["PROGRAM", "SHELLS", "complete_key", "complete_service", "script_for"]

PROGRAM = "dumb-actors"
SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_DUMB_ACTORS_COMPLETE"
_TIMEOUT_S = 1.0
"""Somebody is waiting with a finger on the key."""


def script_for(cli: click.Command, shell: str) -> str:
    """Give the script that makes *shell*, one of `SHELLS`, complete the arguments of *cli*."""
    made = get_completion_class(shell)
    if made is None:
        raise ValueError(f"click knows no completion for {shell!r}")
    return made(cli, {}, PROGRAM, _VARIABLE).source()


def complete_service(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Give the names of services that begin with *incomplete*; none when no supervisor answers at once."""
    try:
        api = find_api(context.params.get("url"), root_of(context.params.get("root")))
        services = api.services(timeout=_TIMEOUT_S)
    except DumbActorsError:
        return []  # a prompt is no place for an error message
    given = set(context.params.get("names") or ())
    names = [str(service["process_name"]) for service in services]
    found = [name for name in names if name.casefold().startswith(incomplete.casefold()) and name not in given]
    return [CompletionItem(_quoted(name)) for name in found]


def complete_key(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Give the keys of the services that are known beforehand and begin with *incomplete*."""
    return [CompletionItem(key) for key in sorted(known_keys()) if key.startswith(incomplete.casefold())]


def _quoted(name: str) -> str:
    """Quote *name* where bash would take it for several words: its script inserts what it gets as it is."""
    if os.environ.get(_VARIABLE) != "bash_complete" or re.fullmatch(r"[\w@%+=:,./-]+", name):
        return name
    if os.environ.get("COMP_WORDS", "").split("\n")[-1].startswith(("'", '"')):
        return name  # within the quotes that were typed
    # No backslashes: the script's `read` takes them away.
    return f'"{name}"' if "'" in name else f"'{name}'"
