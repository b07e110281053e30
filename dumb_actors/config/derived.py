"""
Values that we derived at run time, in `ROOT/config/derived.json`: apart from what the user wrote, with who and why.

A derived value remembers the value that it replaces, and counts only as long as that stands there: a later edit of it
wins. Everything here blocks, but for `live`.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from dumb_actors.config.durable import replace_file
from dumb_actors.config.layers import Origin, Overlay, apply_edits, same
from dumb_actors.config.report import MISSING, value_at
from dumb_actors.errors import HostError, UnusablePath

__all__ = ["DERIVED_FORMAT", "Derived", "DerivedTooNew", "live", "load_derived", "save_derived"]

DERIVED_FORMAT = 1
"""Number in the file. It goes up when an older program would misread a newer file."""


class DerivedTooNew(HostError):
    """The derived values were written by a newer version; nothing was changed. `.detail` has path and format."""

    code = "derived-too-new"


@attrs.frozen(kw_only=True)
class Derived:
    """
    A value that was derived.

    Attributes:
        path: Of the value.

        value: What it is to be.

        instead_of: What stood there when it was derived; `None` also where nothing did.

        by, why: Who derived it, and for what reason, a sentence.

        at: When, Unix seconds.
    """

    path: tuple[str, ...]
    value: Any
    instead_of: Any
    by: str
    why: str
    at: float

    def as_overlay(self) -> Overlay:
        """Give it as a layer."""
        return Overlay(self.path, self.value, Origin("derived", f"{self.by}: {self.why}" if self.why else self.by))


def live(derived: Iterable[Derived], document: Mapping[str, Any]) -> tuple[Derived, ...]:
    """Give those of *derived* that count, *document* being what the layers below say."""
    kept: list[Derived] = []
    below = dict(document)
    for one in derived:
        there = value_at(below, one.path)
        if same(None if there is MISSING else there, one.instead_of):
            kept.append(one)
            below = apply_edits(below, [one.as_overlay().as_edit()])
    return tuple(kept)


def load_derived(path: str) -> tuple[tuple[Derived, ...], str]:
    """
    Read the derived values.

    Returns:
        The values, and what was wrong with the file: a sentence, empty when nothing was. A file that is damaged is
        taken for an empty one: what it said is derived again when it is needed.

    Raises:
        DerivedTooNew: It is of a newer format; nothing was changed.

        UnusablePath: It cannot be read.
    """
    try:
        document = json.loads(Path(path).read_bytes())
    except FileNotFoundError:
        return (), ""
    except OSError as error:
        raise UnusablePath(path, "cannot read the derived values", error) from error
    except (ValueError, RecursionError) as error:
        return (), f"{path} is damaged ({error}) and is taken for empty"
    try:
        return _read(document, path), ""
    except (KeyError, TypeError, ValueError) as error:
        return (), f"{path} is damaged ({error!r}) and is taken for empty"


def _read(document: Any, path: str) -> tuple[Derived, ...]:
    number = document["format"]
    if type(number) is int and number > DERIVED_FORMAT:
        raise DerivedTooNew(
            f"{path} has format {number}, this version understands up to {DERIVED_FORMAT}; "
            "use the newer version, or move the file away",
            path=path,
            format=number,
        )
    names = [field.name for field in attrs.fields(Derived)]
    found = [Derived(**{name: one[name] for name in names}) for one in document["values"]]
    if not all(isinstance(one.path, list) and one.path and all(isinstance(s, str) for s in one.path) for one in found):
        raise ValueError("a path that is none")
    return tuple(attrs.evolve(one, path=tuple(one.path)) for one in found)


def save_derived(path: str, derived: Iterable[Derived]) -> None:
    """
    Replace the file, durably.

    Raises:
        UnusablePath: It is the former one, or the new one.
    """
    document = {
        "format": DERIVED_FORMAT,
        "values": [attrs.asdict(one) for one in derived],
    }
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnusablePath(path, "cannot make the directory of", error) from error
    replace_file(path, json.dumps(document, indent=1).encode() + b"\n", what="write the derived values in")
