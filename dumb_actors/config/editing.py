"""Decide what a change does to each layer; pure but for the text that it makes."""

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import attrs

from dumb_actors.config.layers import REMOVED, Edit, Origin, Overlay, apply_edits, difference, same
from dumb_actors.config.read import parse_document
from dumb_actors.config.report import MISSING, Path, format_path, value_at
from dumb_actors.config.sources import Loaded
from dumb_actors.config.splice import splice
from dumb_actors.errors import ConfigError, ConfigFault, InternalError

__all__ = ["Planned", "keep_memory", "plan_change", "write_text"]

_DEPTH_LIMIT = 90
_TOO_LARGE = 10**4000


@attrs.frozen(kw_only=True)
class Planned:
    """
    What a change does.

    Attributes:
        edits: What differs, as small as it can be.

        user: The user's layer after it.

        memory: The changes in memory after it.
    """

    edits: tuple[Edit, ...]
    user: dict[str, Any]
    memory: tuple[Overlay, ...]


def plan_change(loaded: Loaded, edits: Sequence[Edit], *, persist: bool, by: str) -> Planned:
    """
    Find what *edits* change of *loaded*, and in which layer.

    Raises:
        ConfigError: A value is none of JSON.
    """
    _check(edits, loaded.merged.source)
    before = dict(loaded.merged.document)
    after = apply_edits(before, edits)
    found = list(difference(before, after))
    touched = [edit.path for edit in edits]
    if persist:
        found += _promoted(loaded, after, touched, {edit.path for edit in found})
        touched += [edit.path for edit in found]
        memory = [one for one in loaded.memory if not any(_meet(one.path, path) for path in touched)]
        return Planned(edits=tuple(found), user=apply_edits(loaded.merged.user, found), memory=tuple(memory))
    paths = [edit.path for edit in found]
    kept = [one for one in loaded.memory if not any(_is_below(one.path, path) for path in paths)]
    new = [
        Overlay(edit.path, edit.value if edit.value is REMOVED else deepcopy(edit.value), Origin("memory", by))
        for edit in found
    ]
    return Planned(edits=tuple(found), user=dict(loaded.merged.user), memory=(*kept, *new))


def _promoted(
    loaded: Loaded, after: dict[str, Any], touched: Sequence[tuple[str, ...]], done: set[tuple[str, ...]]
) -> Iterator[Edit]:
    """Give the changes in memory that the edits name and leave as they are: now they are to be written."""
    for one in loaded.memory:
        if one.path not in done and any(_meet(one.path, path) for path in touched):
            value = value_at(after, one.path)
            written = value_at(loaded.merged.user, one.path)
            if value is MISSING and written is not MISSING:
                yield Edit(one.path, REMOVED)
            elif value is not MISSING and (written is MISSING or not same(value, written)):
                yield Edit(one.path, value)


def _is_below(path: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return path[: len(other)] == other


def _meet(path: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return _is_below(path, other) or _is_below(other, path)


def keep_memory(loaded: Loaded, content: bytes, source: str) -> tuple[Overlay, ...]:
    """Give the changes in memory that outlive *content* in the file: those of values that it does not change."""
    user = parse_document(content, source)
    if not isinstance(user, dict):
        return loaded.memory
    edited = [edit.path for edit in difference(dict(loaded.merged.user), user)]
    return tuple(one for one in loaded.memory if not any(_meet(one.path, path) for path in edited))


def write_text(loaded: Loaded, user: dict[str, Any], source: str) -> bytes:
    """Give the user's file with the document *user* in it; the very same bytes where nothing differs."""
    if same(dict(loaded.merged.user), user):
        return loaded.content
    content = splice(loaded.content.decode(), user).encode()
    if not same(parse_document(content, source), user):
        raise InternalError(f"{source} was not changed: what would have been written is not what was meant")
    return content


def _check(edits: Sequence[Edit], source: str) -> None:
    """Refuse what JSON cannot carry: it would be refused when it is read, too late."""
    faults = [
        ConfigFault(path=format_path(path), problem=f"JSON cannot carry this: {why}", kind="syntax")
        for edit in edits
        for path, why in [
            *_not_json("", edit.path),
            *([] if edit.value is REMOVED else _not_json(edit.value, edit.path)),
        ]
    ]
    if faults:
        raise ConfigError(faults, source=source)


def _not_json(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Find the values below *path* that JSON does not know, each with the reason."""
    if len(path) > _DEPTH_LIMIT:
        yield path[:5], f"nested deeper than {_DEPTH_LIMIT} levels"
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, str):
                yield from _not_json(key, path)
                yield from _not_json(item, (*path, key))
            else:
                yield path, "a key that is no text"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _not_json(item, (*path, index))
    elif reason := _why_not(value):
        yield path, reason


def _why_not(value: Any) -> str:
    if isinstance(value, str):
        return "half of a surrogate pair" if any("\ud800" <= letter <= "\udfff" for letter in value) else ""
    if isinstance(value, float):
        return "" if math.isfinite(value) else "a number that is none"
    if isinstance(value, int):
        return "" if abs(value) < _TOO_LARGE else "a number of too many digits"
    return "" if value is None else f"a {type(value).__name__}"
