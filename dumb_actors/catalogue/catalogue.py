"""The catalogue as a value: entries by key, their orders, and what the graph needs to know."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from dumb_actors.catalogue.entry import CatalogueEntry
from dumb_actors.catalogue.knowledge import knowledge_of
from dumb_actors.errors import ConfigError
from dumb_actors.model.knowledge import Knowledge

__all__ = ["Catalogue"]

FALLBACK_PORT = 7000


class Catalogue(Mapping[str, CatalogueEntry]):
    """
    What is known of named services; a mapping by service key that never changes.

    Attributes:
        faults: Files of the user's folder that are left out, one error for each, with what is wrong in it.
    """

    def __init__(
        self,
        entries: Mapping[str, CatalogueEntry],
        tables: Mapping[str, Mapping[str, Any]],
        *,
        token: str,
        faults: Iterable[ConfigError] = (),
    ) -> None:
        self._entries = MappingProxyType(dict(sorted(entries.items())))
        self._tables = tables
        self._token = token
        self.faults = tuple(faults)

    def __getitem__(self, key: str) -> CatalogueEntry:
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<Catalogue of {len(self)} services, {self._token}>"

    def token(self) -> str:
        """Give a text that is the same for the same files, in every process, and another one for others."""
        return self._token

    @cached_property
    def core_list(self) -> tuple[CatalogueEntry, ...]:
        """What the list of core services offers, in its order."""
        return tuple(sorted(self._offered("core"), key=lambda entry: (entry.listed.core, entry.key)))

    @cached_property
    def optional_list(self) -> tuple[CatalogueEntry, ...]:
        """What the list of optional services offers, in its order."""
        return tuple(sorted(self._offered("optional"), key=lambda entry: (entry.listed.optional, entry.key)))

    def _offered(self, which: str) -> list[CatalogueEntry]:
        found = (entry for entry in self.values() if getattr(entry.listed, which) is not None)
        return [entry for entry in found if not entry.listed.hidden]

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """Keys by the words, lower-case, that stand for them; a key itself is none of them."""
        return MappingProxyType({alias: entry.key for entry in self.values() for alias in sorted(entry.words)})

    def find(self, word: str) -> CatalogueEntry | None:
        """Give the entry that *word* means: a key, a display name or an alias, in any case; None: there is none."""
        key = word.strip().casefold()
        return self._entries.get(self.aliases.get(key, key))

    def fallback_port(self, key: str) -> int:
        """Give the port of a service for which neither the configuration nor the default block has one."""
        entry = self._entries.get(key)
        return (entry.ports.fallback if entry else None) or FALLBACK_PORT

    def knowledge(self) -> Knowledge:
        """Give what the graph needs to know; made once."""
        return self._knowledge

    @cached_property
    def _knowledge(self) -> Knowledge:
        return knowledge_of(self._tables)
