"""Where the data of this distribution is; what needs no more than that costs nothing to import."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["SUFFIX", "Stamp", "known_keys", "own_content", "own_files", "own_tables", "shared_file", "stamp"]

Stamp: TypeAlias = tuple[tuple[str, int, int, int], ...]
"""The files of a folder in a certain state: the name, time of change, size and inode of each."""

SUFFIX = ".toml"

# Not by `importlib.resources`: its import alone takes longer than reading every file.
_HERE = Path(__file__).parent


@cache
def own_files() -> Mapping[str, Path]:
    """Give the files of the services by key; the folder is looked at once."""
    folder = _HERE / "services"
    names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))  # noqa: PTH208 (nothing but names)
    return {name.removesuffix(SUFFIX): folder / name for name in names}


@cache
def own_content(key: str) -> bytes:
    """Give the content of our file for *key*; read once."""
    return own_files()[key].read_bytes()


@cache
def own_tables(key: str) -> Mapping[str, Any]:
    """Give the tables of our file for *key*; parsed once, to be read only."""
    import tomllib  # takes longer to import than everything else here

    try:
        return tomllib.loads(own_content(key).decode())
    except tomllib.TOMLDecodeError as error:
        error.add_note(f"in {own_files()[key]}")
        raise


def shared_file() -> Path:
    """Give the file of what all entries share."""
    return _HERE / "options.toml"


@cache
def known_keys() -> frozenset[str]:
    """Give the keys of the services that this distribution knows, from the names of the files alone."""
    return frozenset(own_files())


def stamp(folder: str | os.PathLike[str]) -> Stamp:
    """
    Tell the present state of a user's *folder* apart from others, without reading its files; empty without any.

    An entry without a name stands for a folder that cannot be read, with the number of the error.
    """
    try:
        with os.scandir(folder) as found:
            files = [(one.name, *_state(one)) for one in found if one.name.endswith(SUFFIX) and one.name[0] != "."]
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        return (("", error.errno or 0, 0, 0),)
    return tuple(sorted(files))


def _state(file: "os.DirEntry[str]") -> tuple[int, int, int]:
    try:
        state = file.stat()
    except OSError:  # a link to nowhere: who reads it says so
        return (0, 0, 0)
    return (state.st_mtime_ns, state.st_size, state.st_ino)
