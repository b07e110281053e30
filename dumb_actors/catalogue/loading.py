"""
The catalogue of this distribution, and what the user lays over it.

Nothing is read before it is asked for, and nothing twice: our files once in a process, the user's when they change.
"""

import hashlib
import os
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from dumb_actors.catalogue.catalogue import Catalogue
from dumb_actors.catalogue.entry import CatalogueEntry
from dumb_actors.catalogue.files import SUFFIX, Stamp, own_content, own_files, own_tables, stamp
from dumb_actors.catalogue.reading import is_key, make_entry, merge, parse
from dumb_actors.catalogue.references import reference_faults
from dumb_actors.errors import ConfigError, ConfigFault

__all__ = ["load_catalogue"]

Tables: TypeAlias = Mapping[str, Any]


@cache
def _own_catalogue() -> Catalogue:
    tables = {key: own_tables(key) for key in own_files()}
    entries = {key: make_entry(key, table, f"{key}{SUFFIX}") for key, table in tables.items()}
    for key in entries:
        if faults := list(reference_faults(key, entries)):
            raise ConfigError(faults, source=f"{key}{SUFFIX}")
    return Catalogue(entries, tables, token=_token({key: own_content(key) for key in entries}))


def load_catalogue(folder: str | os.PathLike[str] | None = None) -> Catalogue:
    """
    Give the catalogue, with the files of *folder* laid over ours.

    A file `<key>.toml` in it is merged over ours of that name, table by table, or adds a service that is not known. One
    that is wrong is left out, as a whole, and told of in `Catalogue.faults`; the others count.

    Args:
        folder: `ROOT/config/catalogue`; need not be there. None: ours alone.

    Returns:
        The same object as long as no file has changed.
    """
    if folder is None:
        return _own_catalogue()
    return _load(os.fspath(folder), stamp(folder))


@lru_cache(maxsize=8)
def _load(folder: str, files: Stamp) -> Catalogue:
    own = _own_catalogue()
    if not files:
        return own
    users: dict[str, CatalogueEntry] = {}
    contents: dict[str, bytes] = {}
    tables: dict[str, Tables] = {}
    faults: list[ConfigError] = []
    for name, *numbers in files:
        if not name:
            faults.append(_unreadable(Path(folder), f"cannot be read: {os.strerror(numbers[0])}"))
            continue
        key, path = name.removesuffix(SUFFIX), Path(folder, name)
        try:
            contents[key] = _read(path)
            tables[key] = _user_tables(key, contents[key], _shown(path))
            users[key] = make_entry(key, tables[key], _shown(path))
        except ConfigError as error:
            faults.append(error)
    faults += _drop_dangling(own, users, Path(folder))
    entries = {**own, **users}
    return Catalogue(
        entries,
        {key: tables[key] if key in users else own_tables(key) for key in entries},
        token=f"{own.token()}+{_token({key: contents[key] for key in users})}",
        faults=faults,
    )


def _read(path: Path) -> bytes:
    try:
        # What is no file is not opened: a pipe would never end.
        if path.exists() and not path.is_file():
            raise _unreadable(path, "is no file")
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from None


def _unreadable(path: Path, problem: str) -> ConfigError:
    return ConfigError([ConfigFault(path="$", problem=problem, kind="syntax")], source=_shown(path))


def _shown(path: Path) -> str:
    """Write a path so that it can be shown: names of files may be no text at all."""
    return str(path).encode(errors="replace").decode()


def _user_tables(key: str, content: bytes, source: str) -> Tables:
    """Give the tables of a user's file, laid over ours of that name where there is one."""
    if not is_key(key):
        hint = "lower-case letters, digits, _ and -"
        fault = ConfigFault(path="$", problem="the name of the file is no service key", got=ascii(key), hint=hint)
        raise ConfigError([fault], source=source)
    tables = parse(content, source)
    return merge(tables, own_tables(key)) if key in own_files() else tables


def _drop_dangling(own: Catalogue, users: dict[str, CatalogueEntry], folder: Path) -> list[ConfigError]:
    """Take those of *users* out that refer to what is not there, until the rest holds together."""
    errors: list[ConfigError] = []
    while True:
        entries = {**own, **users}
        wrong = {key: found for key in users if (found := list(reference_faults(key, entries)))}
        if not wrong:
            return errors
        for key, found in wrong.items():
            del users[key]
            errors.append(ConfigError(found, source=_shown(folder / f"{key}{SUFFIX}")))


def _token(contents: Mapping[str, bytes]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for key, content in sorted(contents.items()):
        digest.update(f"{key} {len(content)} ".encode() + content)
    return digest.hexdigest()
