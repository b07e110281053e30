"""Where services are found by what others know of them: a name, a key, a port, a path. Made once for a set of specs."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from dumb_actors.graph.references import Reference, core_references, ports_of
from dumb_actors.model.knowledge import Knowledge
from dumb_actors.model.names import squeeze
from dumb_actors.model.spec import ServiceSpec

__all__ = ["Index", "MountPoints"]

Parts: TypeAlias = tuple[str, ...]


def _parts(path: str) -> Parts:
    """Split a path into its components; two paths are the same when these are."""
    path = posixpath.normpath(path) if path else ""
    anchor = ("/",) if path.startswith("/") else ()
    return anchor + tuple(part for part in path.split("/") if part and part != ".")


class MountPoints:
    """Who provides which directory; component by component: `/mnt/a` is not below `/mnt/ab`."""

    def __init__(self, provided: Iterable[tuple[str, str]]) -> None:
        self._at: dict[Parts, list[str]] = {}
        self._below: dict[Parts, list[str]] = {}
        for name, path in provided:
            parts = _parts(path)
            if len(parts) < 2:
                continue  # nobody provides the root
            self._at.setdefault(parts, []).append(name)
            for length in range(1, len(parts)):
                self._below.setdefault(parts[:length], []).append(name)

    def around(self, path: str) -> list[tuple[str, ...]]:
        """List those who provide *path* or a directory that contains it, the deepest directory first."""
        parts = _parts(path)
        if parts in {(), ("/",)}:
            return []
        lengths = range(len(parts), 1, -1)
        return [tuple(dict.fromkeys(self._at[parts[:n]])) for n in lengths if parts[:n] in self._at]

    def below(self, path: str) -> tuple[str, ...]:
        """List those who provide something inside *path*."""
        parts = _parts(path)
        return () if parts in {(), ("/",)} else tuple(dict.fromkeys(self._below.get(parts, ())))


class Index:
    """
    The ways to a service.

    Attributes:
        specs: By name.

        knowledge: What is known of their kinds.

        by_key: Names, in order, by service key.

        by_port: Names, in order, by a port that they listen on.

        by_token: The name whose token it is; of several the last.

        mounts: By directory.

        references: What each service names in `core_service(s)`, by its name.

        squeezed: Names as requests write them.

        enabled_keys: Keys of which some service is enabled.

        labels: The same as tokens. Who names the only service of a kind by its process name names the kind as well.
    """

    def __init__(self, specs: Sequence[ServiceSpec], knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.specs: Mapping[str, ServiceSpec] = {spec.name: spec for spec in specs}
        self.squeezed = frozenset(map(squeeze, self.specs))
        self.by_token = {self.token(name): name for name in self.specs}
        self.by_key: dict[str, list[str]] = {}
        self.by_port: dict[int, list[str]] = {}
        for name, spec in self.specs.items():
            if spec.key:
                self.by_key.setdefault(spec.key, []).append(name)
            for port in dict.fromkeys((*spec.ports, *ports_of(spec.config))):
                self.by_port.setdefault(port, []).append(name)
        self.mounts = MountPoints((name, path) for name, spec in self.specs.items() for path in spec.provides)
        self.references: Mapping[str, tuple[Reference, ...]] = {
            name: tuple(core_references(spec.config)) for name, spec in self.specs.items()
        }
        self.labels: Mapping[str, frozenset[str]] = {
            name: frozenset(token for reference in found for token in self._kinds(reference.text))
            for name, found in self.references.items()
        }
        self._place = {name: number for number, name in enumerate(self.specs)}
        self._owned: dict[tuple[str, str], list[str]] = {}
        for name, labels in self.labels.items():
            for label in labels:
                self._owned.setdefault((self.specs[name].key, label), []).append(name)
        self.enabled_keys = frozenset(spec.key for spec in self.specs.values() if spec.enabled)

    def token(self, text: str) -> str:
        """Give the word that *text* is looked up by: trimmed, lower-case, an alias replaced by its key."""
        word = text.strip().lower()
        return self.knowledge.aliases.get(word, word)

    def _kinds(self, text: str) -> Iterator[str]:
        token = self.token(text)
        yield token
        key = self.specs[self.by_token[token]].key if token in self.by_token else ""
        if len(self.by_key.get(key, ())) == 1:
            yield key

    def exists(self, text: str) -> bool:
        """Tell whether *text* means anything that is there."""
        token = self.token(text)
        return token in self.by_token or token in self.by_key or token in self.knowledge.builtins

    def resolve(self, text: str, source: str) -> Sequence[str]:
        """
        Find the services that *text*, in the block of *source*, means; without *source* itself.

        A process name goes before a key. Of a key whose instances belong to somebody, only those count that belong to
        the source, or to somebody that the source belongs to.
        """
        token = self.token(text)
        if token in self.by_token:
            return [name for name in (self.by_token[token],) if name != source]
        if token in self.knowledge.scoped:
            found = self.owned(token, self.labels[source] | self.own_tokens(source))
        else:
            found = self.by_key.get(token, [])
        return [name for name in found if name != source]

    def own_tokens(self, name: str) -> frozenset[str]:
        """Give the words that mean *name* itself, or its kind."""
        return frozenset({self.specs[name].key, self.token(name)} - {""})

    def owned(self, key: str, owners: Iterable[str], also: Iterable[str] = ()) -> list[str]:
        """List the services of the kind *key* that name one of *owners*, and those of that kind among *also*."""
        found = {name for owner in owners for name in self._owned.get((key, owner), ())}
        found.update(name for name in also if self.specs[name].key == key)
        return sorted(found, key=self._place.__getitem__)
