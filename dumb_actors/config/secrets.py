"""
Show a configuration without its secrets, and take what was shown back as unchanged.

What is masked is decided by the same rules as in logs (`dumb_actors.model.known`): by name, by place in a command or an
address, and wherever such a value stands a second time.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from dumb_actors.config.layers import same
from dumb_actors.config.report import MISSING, Path, format_path, value_at
from dumb_actors.errors import ConfigError, ConfigFault
from dumb_actors.model.known import is_secret_place, known_secrets
from dumb_actors.model.secret import follows_option, secrets_in_text

__all__ = ["MASK", "masked", "unmask"]

MASK = "********"

_PLACEHOLDER = re.compile(r"\{\w+\}")

Also = Collection[tuple[str, ...]]


def masked(document: Mapping[str, Any], also: Also = (), *, at: Path = ()) -> Any:
    """
    Give what stands at *at* in *document*, with `********` for each secret in it; nothing is shared that was changed.

    Texts and numbers are masked as a whole where their name says so, else the part that is a secret; empty texts, null,
    true and false stay: they say that there is none.

    Args:
        document: The whole document.

        also: Paths that are secret whatever their name, from the top; `*` in one stands for any key.

    Raises:
        KeyError: Nothing stands at *at*.
    """
    shown = _mask(document, (), also, _by_length(document, also), is_secret=False)
    found = value_at(shown, at)
    if found is MISSING:
        raise KeyError(format_path(at))
    return found


def _by_length(document: Mapping[str, Any], also: Also) -> list[str]:
    return sorted(known_secrets(document, {}, also), key=lambda text: (-len(text), text))


def _mask(value: Any, path: tuple[str, ...], also: Also, known: list[str], *, is_secret: bool) -> Any:
    if isinstance(value, dict):
        return {
            key: _mask(
                item,
                (*path, key),
                also,
                known,
                is_secret=is_secret_place((*path, key), item, also, inherited=is_secret),
            )
            for key, item in value.items()
        }
    if isinstance(value, list):
        befores = ["", *(item if isinstance(item, str) else "" for item in value)]
        return [
            _mask(item, path, also, known, is_secret=is_secret or follows_option(before, item))
            for before, item in zip(befores, value, strict=False)
        ]
    if value is None or isinstance(value, bool) or value == "":
        return value
    if is_secret:
        return MASK
    return _mask_text(value, known) if isinstance(value, str) else value


def _mask_text(text: str, known: list[str]) -> str:
    # `{password}` gives nothing away, and a command that says so stays readable.
    spans = [(low, high) for low, high in secrets_in_text(text) if not _PLACEHOLDER.fullmatch(text, low, high)]
    for secret in known:
        place = text.find(secret)
        while place >= 0:
            spans.append((place, place + len(secret)))
            place = text.find(secret, place + 1)
    pieces, end = [], 0
    for low, high in sorted(spans):
        if low >= end:
            pieces += [text[end:low], MASK]
        end = max(end, high)
    return "".join([*pieces, text[end:]])


# --- the way back -----------------------------------------------------------------------------------------------------


def unmask(updates: Any, document: Mapping[str, Any], also: Also = (), *, at: Path = ()) -> Any:
    """
    Give *updates* with the real value for each mask in it, as far as it says which one is meant.

    A masked value is unchanged when it stands where it was shown. In an array an item with a mask is found again when
    it is shown exactly so, or stands at its old place in an array of the old length of which all others are found.

    Args:
        updates: What is to stand at *at*, whole or in part.

        document: The whole document as it is, of which the caller was shown `masked(document, also)`.

    Raises:
        ConfigError: Each mask that stands for nothing, or for more than one secret, with its path. A mask must never
            become a password.
    """
    faults: list[ConfigFault] = []
    shown = _mask(document, (), also, _by_length(document, also), is_secret=False)
    result = _restore(updates, value_at(shown, at), value_at(document, at), at, faults)
    if faults:
        raise ConfigError(faults, source="the request")
    return result


def _restore(given: Any, shown: Any, real: Any, path: Path, faults: list[ConfigFault]) -> Any:
    if not _has_mask(given):
        return given
    if same(given, shown):
        return real
    if isinstance(given, dict):
        return {
            key: _restore(item, value_at(shown, (key,)), value_at(real, (key,)), (*path, key), faults)
            for key, item in given.items()
        }
    if isinstance(given, list) and isinstance(shown, list):
        return list(_restore_items(given, shown, real, path, faults))
    problem = "the mask stands for nothing here" if shown is MISSING else "the masked value was changed"
    faults.append(_fault(path, problem))
    return given


def _has_mask(value: Any) -> bool:
    if isinstance(value, str):
        return MASK in value
    if isinstance(value, dict):
        return any(map(_has_mask, value.values()))
    return isinstance(value, list) and any(map(_has_mask, value))


def _restore_items(
    given: list[Any], shown: list[Any], real: list[Any], path: Path, faults: list[ConfigFault]
) -> Iterator[Any]:
    is_as_long = len(given) == len(shown)
    # An item that was edited is only taken for the one at its place when no other one could be meant.
    others_found = is_as_long and sum(not same(a, b) for a, b in zip(given, shown, strict=True)) == 1
    for index, item in enumerate(given):
        here = (*path, index)
        if not _has_mask(item):
            yield item
        elif is_as_long and same(item, shown[index]):
            yield real[index]
        else:
            meant = [value for value, looks in zip(real, shown, strict=True) if same(item, looks)]
            if meant and all(same(value, meant[0]) for value in meant):
                yield meant[0]
            elif not meant and others_found:
                yield _restore(item, shown[index], real[index], here, faults)
            else:
                problem = "the mask could stand for more than one secret" if meant else "the masked value was changed"
                faults.append(_fault(here, problem))
                yield item


def _fault(path: Path, problem: str) -> ConfigFault:
    return ConfigFault(
        path=format_path(path),
        problem=problem,
        expected="the value itself",
        hint=f"{MASK} means: as it was; send it only where it was shown",
    )
