"""What is known of products, read from `knowledge.json`: from there on it is a value that is passed in."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from dumb_actors.model.knowledge import Conditional, Exemption, Knowledge, Provider, SoftLink

__all__ = ["load_knowledge"]


@cache
def load_knowledge() -> Knowledge:
    """Give the knowledge of the catalogue; its file is read at the first call."""
    text = resources.files(__package__).joinpath("knowledge.json").read_text(encoding="utf-8")
    read: dict[str, Any] = json.loads(text)
    return Knowledge(
        core=_needs(read["core"]),
        exemptions=tuple(Exemption(**{**item, "values": frozenset(item["values"])}) for item in read["exemptions"]),
        non_core=_needs(read["non_core"]),
        conditional=tuple(
            Conditional(source=item["source"], target=target, when=item["when"], flag=item.get("flag"))
            for item in read["conditional"]
            for target in item["targets"]
        ),
        providers=tuple(Provider(**item) for item in read["providers"]),
        soft=tuple(
            SoftLink(source=source, target=item["target"], signal=item["signal"])
            for item in read["soft"]
            for source in item["sources"]
        ),
        scoped=frozenset(read["scoped"]),
        names=MappingProxyType(read["names"]),
        aliases=MappingProxyType(read["aliases"]),
        known=frozenset(read["known"]),
        builtins=frozenset(read["builtins"]),
    )


def _needs(table: Mapping[str, list[str]]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({key: tuple(needs) for key, needs in table.items()})
