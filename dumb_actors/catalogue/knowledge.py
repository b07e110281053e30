"""
What the dependency graph needs to know of products, from the tables of the files.

A supervisor needs this before its first service can start. So it is made of the tables as they are parsed, without
entries, and of our own files only the beginning is parsed, where the tables stand that are read here. A test holds it
against the files as a whole.
"""

import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, TypeAlias

from dumb_actors.catalogue.files import own_content, own_files, stamp
from dumb_actors.model.knowledge import Conditional, Exemption, Knowledge, Provider, SoftLink

__all__ = ["aliases_of", "catalogue_warnings", "knowledge_of", "load_knowledge"]

Tables: TypeAlias = Mapping[str, Mapping[str, Any]]

_OTHER_TABLE = re.compile(r"^\[(?!\[?(?:core|listed|conditional|providers)\b)", re.MULTILINE)
_DEFAULT = re.compile(r"^\[(?:block|instances)\b", re.MULTILINE)


def load_knowledge(folder: str | os.PathLike[str] | None = None) -> Knowledge:
    """
    Give what the catalogue knows for the graph; read once.

    Args:
        folder: The user's own, as for `load_catalogue`.
    """
    if folder is None or not stamp(folder):
        return _own_knowledge()
    from dumb_actors.catalogue.loading import load_catalogue

    return load_catalogue(folder).knowledge()


def catalogue_warnings(folder: str | os.PathLike[str]) -> tuple[str, ...]:
    """Give the faults of the files in the user's *folder* that are left out, each with its file and place."""
    if not stamp(folder):
        return ()
    from dumb_actors.catalogue.loading import load_catalogue

    return tuple(f"{error.source}: {fault}" for error in load_catalogue(folder).faults for fault in error.faults)


@cache
def _own_knowledge() -> Knowledge:
    return knowledge_of({key: _head(own_content(key).decode()) for key in own_files()})


def _head(text: str) -> Mapping[str, Any]:
    """Parse what stands above the first table that is not read here, and whether there is a default block."""
    other = _OTHER_TABLE.search(text)
    head = tomllib.loads(text[: other.start()] if other else text)
    return {**head, "block": {}} if _DEFAULT.search(text) else head


def aliases_of(key: str, table: Mapping[str, Any]) -> frozenset[str]:
    """Give the words, lower-case, that stand for *key* in requests, without the key itself."""
    names = {table["name"], table.get("listed", {}).get("optional_name") or table["name"], *table.get("aliases", ())}
    return frozenset(name.casefold() for name in names) - {key}


def knowledge_of(tables: Tables) -> Knowledge:
    """Give what the graph needs to know of the files with these *tables*, which must be right."""
    tables = dict(sorted(tables.items(), key=lambda item: (item[1].get("order", math.inf), item[0])))
    cores = {key: table["core"] for key, table in tables.items() if "core" in table}
    known = frozenset(key for key, table in tables.items() if "block" in table or table.get("instances"))
    ordered = sorted(cores, key=lambda key: (cores[key]["order"], key))
    return Knowledge(
        core=MappingProxyType({key: tuple(cores[key].get("needs", ())) for key in ordered}),
        exemptions=tuple(_exemption(key, rule) for key in ordered for rule in cores[key].get("unless", ())),
        non_core=MappingProxyType({key: tuple(table["needs"]) for key, table in tables.items() if table.get("needs")}),
        conditional=tuple(Conditional(source=key, **_target(need)) for key, need in _items(tables, "conditional")),
        providers=tuple(Provider(source=key, **_target(flag)) for key, flag in _items(tables, "providers")),
        soft=tuple(SoftLink(source=key, **_target(use)) for key, use in _items(tables, "uses")),
        scoped=frozenset(key for key, table in tables.items() if table.get("scoped")),
        names=MappingProxyType({key: tables[key]["name"] for key in tables if key in known or key in cores}),
        aliases=MappingProxyType({alias: key for key, table in tables.items() for alias in aliases_of(key, table)}),
        known=known,
        builtins=frozenset(key for key, table in tables.items() if table.get("builtin")),
    )


def _items(tables: Tables, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((key, item) for key, table in tables.items() for item in table.get(name, ()))


def _target(item: Mapping[str, Any]) -> dict[str, Any]:
    """Call the service that is referred to as the graph does."""
    found = {"target" if name == "service" else name: value for name, value in item.items()}
    # What the block has is compared in lower case.
    return {**found, "value": found["value"].casefold()} if "value" in found else found


def _exemption(source: str, rule: Mapping[str, Any]) -> Exemption:
    """A blank field counts where it is an exception whatever the branch: the graph does not look at branches."""
    values = {value.casefold() for value in rule["values"]}
    blanks = {rule["blank"], *rule.get("blank_by_branch", {}).values()}
    blank = {""} if {value.casefold() for value in blanks} <= values else set()
    return Exemption(source=source, target=rule["service"], field=rule["field"], values=frozenset(values | blank))
