"""
The layers of a configuration, never mixed: each value is known with where it comes from.

From the lowest to the highest: defaults of the catalogue, the user's file, overrides (`.env`, environment, secret
files), changes in memory only, derived values. Objects are merged member by member, arrays are taken whole. Everything
here is pure, and no document that is passed in is changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import attrs

from dumb_actors.config.report import MISSING, Path, format_path, value_at
from dumb_actors.errors import ConfigFault

__all__ = [
    "BUILTINS",
    "FROM_DEFAULTS",
    "REMOVED",
    "Edit",
    "Layer",
    "Merged",
    "Origin",
    "Overlay",
    "apply_edits",
    "as_template",
    "difference",
    "edits_of",
    "merge",
    "same",
    "with_defaults",
    "with_origins",
]

Layer: TypeAlias = Literal["default", "file", "dotenv", "environment", "secret", "memory", "derived"]

REMOVED: Final = object()
"""As the value of an edit: the key is taken away."""

BUILTINS = {"dumb_api_service": ("dumb", "api_service"), "dumb_frontend": ("dumb", "frontend")}
"""Service keys of blocks that do not stand at the top of a document."""


@attrs.frozen
class Origin:
    """
    Where a value comes from.

    Attributes:
        layer: Its layer.

        source: What in that layer: the path of a file, the name of a variable, who changed it; may be empty.
    """

    layer: Layer
    source: str = ""

    def __str__(self) -> str:
        words = {
            "default": "the defaults of the catalogue",
            "file": "the file",
            "dotenv": "the .env file, variable",
            "environment": "the environment variable",
            "secret": "the secret file",
            "memory": "a change in memory only, by",
            "derived": "a derived value, by",
        }
        return f"{words[self.layer]} {self.source}".strip()


FROM_DEFAULTS: Final = Origin("default")


@attrs.frozen
class Edit:
    """
    One value of a document that is set or taken away.

    Attributes:
        path: Keys from the top down; arrays are set whole, so there are no indexes. Objects that are missing on the way
            are made.

        value: What is set, whole; `REMOVED`: the key is taken away.
    """

    path: tuple[str, ...]
    value: Any = attrs.field(repr=False)


@attrs.frozen
class Overlay:
    """A value of a layer above the file: `value` (or `REMOVED`) stands at `path` because `origin` says so."""

    path: tuple[str, ...]
    value: Any = attrs.field(repr=False)
    origin: Origin

    def as_edit(self) -> Edit:
        """Give the edit that carries it out."""
        return Edit(self.path, self.value)


@attrs.frozen(kw_only=True)
class Merged:
    """
    All layers laid over each other; made by `merge`.

    Attributes:
        document: The whole. To be read only.

        user: The user's layer of it.

        completed: That, and the defaults.

        overlays: What lies above the user's layer, the lowest first.

        source: Name of the file.
    """

    document: Mapping[str, Any] = attrs.field(repr=False)
    user: Mapping[str, Any] = attrs.field(repr=False)
    completed: Mapping[str, Any] = attrs.field(repr=False)
    overlays: tuple[Overlay, ...] = ()
    source: str = ""

    def origin(self, path: Path) -> Origin | None:
        """
        Tell where the value at *path* comes from; None where there is no value.

        An object comes from the layer in which it first stands; its members may come from others.
        """
        if value_at(self.document, path) is MISSING:
            return None
        for overlay in reversed(self.overlays):
            if path[: len(overlay.path)] == overlay.path and overlay.value is not REMOVED:
                return overlay.origin
        if value_at(self.user, path) is not MISSING:
            return Origin("file", self.source)
        if value_at(self.completed, path) is not MISSING:
            return FROM_DEFAULTS
        # An object that was made only to hold what stands below it, or did.
        return next((one.origin for one in self.overlays if one.path[: len(path)] == path), None)

    def origins(self, path: Path = ()) -> Iterator[tuple[Path, Origin]]:
        """Walk through every leaf below *path*, each with where it comes from; empty objects are leaves."""
        value = value_at(self.document, path)
        if isinstance(value, dict) and value:
            for key in value:
                yield from self.origins((*path, key))
        elif (origin := self.origin(path)) is not None:
            yield path, origin


# --- values -----------------------------------------------------------------------------------------------------------


def same(one: Any, other: Any) -> bool:
    """Tell whether two values of JSON are the same; 1 and 1.0 are, as JavaScript writes both alike, 1 and true not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def difference(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[Edit]:
    """Give the edits that make *new* of *old*, as small as they can be: member by member, arrays whole."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        if not same(old, new):
            yield Edit(path, new)
        return
    for key in old:
        if key not in new:
            yield Edit((*path, key), REMOVED)
    for key, value in new.items():
        if key in old:
            yield from difference(old[key], value, (*path, key))
        else:
            yield Edit((*path, key), value)


def edits_of(updates: Mapping[str, Any], current: Any, path: tuple[str, ...] = ()) -> Iterator[Edit]:
    """Give the edits that lay *updates* over *current*, which stands at *path*: member by member, arrays whole."""
    for key, value in updates.items():
        there = current.get(key) if isinstance(current, Mapping) else None
        if isinstance(value, dict) and isinstance(there, Mapping):
            yield from edits_of(value, there, (*path, key))
        else:
            yield Edit((*path, key), value)


def apply_edits(document: Mapping[str, Any], edits: Iterable[Edit]) -> dict[str, Any]:
    """
    Give *document* with *edits* carried out, in their order; what they do not touch is shared with it.

    A value on the way that is no object gives way to one.
    """
    result = dict(document)
    for edit in edits:
        _apply(result, edit.path, edit.value)
    return result


def _apply(target: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Change *target*, which is ours, and objects on the way in copies."""
    if not path:
        raise ValueError("an edit needs a path")
    for key in path[:-1]:
        inner = target.get(key)
        if not isinstance(inner, dict):
            if value is REMOVED:
                return
            inner = {}
        copy = dict(inner)
        target[key] = copy
        target = copy
    if value is REMOVED:
        target.pop(path[-1], None)
    else:
        target[path[-1]] = value


# --- layers -----------------------------------------------------------------------------------------------------------


def with_defaults(document: Mapping[str, Any], defaults: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """
    Give *document* with each of its blocks completed by the defaults for its service key.

    Only blocks that the document has are completed, and what it says goes before. Where the default is an `instances`
    map, its first member is the template of every instance; a name is never taken from a template, since two instances
    must not share one.

    Args:
        defaults: Default block by service key; `dumb_api_service` and `dumb_frontend` are those in `dumb`.
    """
    result = dict(document)
    for key, default in defaults.items():
        path = BUILTINS.get(key, (key,))
        block = value_at(result, path)
        if isinstance(block, dict):
            _apply(result, path, _complete_block(block, default))
    return result


def _complete_block(block: dict[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    templates = default.get("instances")
    if not isinstance(templates, Mapping) or not templates:
        return _complete(block, default)
    if "process_name" in block or not isinstance(block.get("instances"), dict):
        # A single block of a service that can have several: the template is its default as well.
        return _complete(block, {} if "instances" in block else as_template(default))
    template = {key: value for key, value in as_template(default).items() if key != "process_name"}
    instances = {
        name: _complete(inner, template) if isinstance(inner, dict) else inner
        for name, inner in block["instances"].items()
    }
    return {**block, "instances": instances}


def as_template(default: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the block that *default* is, or that it has as the template of its instances."""
    templates = default.get("instances")
    if not isinstance(templates, Mapping) or not templates:
        return default
    first = next(iter(templates.values()))
    return first if isinstance(first, Mapping) else {}


def _complete(block: dict[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    """Give *block* and, behind its own members, what only *default* has."""
    result = {
        key: _complete(value, default[key])
        if isinstance(value, dict) and isinstance(default.get(key), Mapping)
        else value
        for key, value in block.items()
    }
    return result | {key: _thaw(value) for key, value in default.items() if key not in block}


def _thaw(value: Any) -> Any:
    """Give *value* in the types of JSON: defaults may come in read-only ones."""
    if isinstance(value, Mapping):
        return {key: _thaw(item) for key, item in value.items()}
    return [_thaw(item) for item in value] if isinstance(value, list | tuple) else value


def merge(
    user: Mapping[str, Any],
    overlays: Iterable[Overlay] = (),
    *,
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
    source: str = "",
) -> Merged:
    """
    Lay the layers over each other.

    Args:
        user: The document of the user's file.

        overlays: What lies above it, the lowest first.

        defaults: As for `with_defaults`.

        source: Name of the file.
    """
    laid = tuple(overlays)
    completed = with_defaults(user, defaults or {})
    document = apply_edits(completed, (overlay.as_edit() for overlay in laid))
    return Merged(document=document, user=user, completed=completed, overlays=laid, source=source)


def with_origins(faults: Iterable[ConfigFault], merged: Merged) -> list[ConfigFault]:
    """Give *faults*, each with its origin where the value that is at fault does not stand in the file."""
    known = [(format_path(path), origin) for path, origin in merged.origins() if origin.layer != "file"]
    return [attrs.evolve(fault, origin=fault.origin or _origin_of(fault.path, known)) for fault in faults]


def _origin_of(path: str, known: Iterable[tuple[str, Origin]]) -> str:
    # Below a leaf there are only indexes of arrays, and objects in them.
    found = (origin for leaf, origin in known if path == leaf or path.startswith((f"{leaf}[", f"{leaf}.")))
    return str(next(found, ""))
