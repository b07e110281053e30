"""
Find the secrets in a configuration and an environment: by the names under which they stand.

It errs on the side of masking, but for values whose masking would make logs unreadable: paths, short ones, words such
as `true`, references such as `{password}`, and what the same configuration gives as a name or a user as well
(`"user": "postgres", "password": "postgres"`).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from dumb_actors.model.secret import (
    NAMES,
    SHORTEST,
    follows_option,
    is_about,
    is_secret_name,
    is_url,
    secrets_in_text,
    words_of,
)

__all__ = ["is_secret_place", "known_secrets"]

HARMLESS = frozenset({"changed", "default", "disabled", "enabled", "optional", "required"})
REFERENCE = re.compile(r"\$?\{[\w.:-]+\}|\$\w+|%\w+%|<[^<>]+>")
PATH = re.compile(r"(?:/|\./|\.\./|~/)[\w.@+ ~/-]*")
LONGEST_SEGMENT = 24


def known_secrets(
    document: Mapping[str, Any], environ: Mapping[str, str], also: Collection[tuple[str, ...]] = ()
) -> frozenset[str]:
    """
    Give the secrets in a configuration and an environment, for a `Redactor`.

    They are: texts under a name such as `api_key`, `PGPASSWORD`, `plex_token` or `client_secret`, and all texts below
    it where that is an object (`api_keys`); in any other text `--password=…`, `--token …`, `Password=…;`,
    `…?api_key=…`, `Bearer …`, and the password of `scheme://user:password@host`.

    Args:
        document: The configuration as written; looked through as deep as it goes.

        environ: Environment variables by name.

        also: Paths in the document below which everything is a secret whatever its name; see `is_secret_place`.
    """
    found = {*_in_value(document, (), also, is_secret=False), *_in_value(environ, (), (), is_secret=False)}
    return frozenset(found - _names(document))


def is_secret_place(path: tuple[str, ...], value: Any, also: Collection[tuple[str, ...]], *, inherited: bool) -> bool:
    """
    Say whether what stands at *path* of a document is a secret, by its name, or by that of something above it.

    The name of a service or an instance says nothing about what is in its block.

    Args:
        value: What stands there.

        also: Paths that are secret whatever their name; `*` in one stands for any key.

        inherited: What stands above it is a secret.
    """
    if any(len(each) == len(path) and all(a in {"*", b} for a, b in zip(each, path, strict=True)) for each in also):
        return True
    if isinstance(value, Mapping) and ("process_name" in value or "instances" in value):
        return False
    return (inherited and not is_about(path[-1])) or is_secret_name(path[-1])


def _in_value(
    value: Any, path: tuple[str, ...], also: Collection[tuple[str, ...]], *, is_secret: bool
) -> Iterator[str]:
    if isinstance(value, str):
        if is_secret and not is_url(value):
            yield from _worth(value)
        yield from _in_text(value)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            here = (*path, str(name))
            yield from _in_value(inner, here, also, is_secret=is_secret_place(here, inner, also, inherited=is_secret))
    elif isinstance(value, list | tuple):
        before = ""
        for item in value:
            yield from _in_value(item, path, also, is_secret=is_secret or follows_option(before, item))
            before = item if isinstance(item, str) else ""


def _in_text(text: str) -> Iterator[str]:
    """Find secrets in a command, an argument, a connection string, a URL."""
    for begin, end in secrets_in_text(text):
        yield from _worth(text[begin:end])
        yield from _worth(unquote(text[begin:end]))


def _worth(value: str) -> Iterator[str]:
    """Give *value* if masking it hides something and leaves logs readable."""
    text = value.strip()
    is_path = PATH.fullmatch(text) is not None and max(map(len, text.split("/"))) <= LONGEST_SEGMENT
    if len(text) >= SHORTEST and not is_path and text.lower() not in HARMLESS and not REFERENCE.fullmatch(text):
        yield text


def _names(value: Any, name: str = "") -> set[str]:
    """Give what the configuration names openly: its keys, and values under `user`, `process_name` and the like."""
    if isinstance(value, Mapping):
        return {text for key, inner in value.items() for text in {str(key), *_names(inner, str(key))}}
    if isinstance(value, list | tuple):
        return {text for item in value for text in _names(item, name)}
    words = words_of(name)
    return {value} if isinstance(value, str) and words and words[-1] in NAMES else set()
