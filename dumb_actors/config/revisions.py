"""
The last revisions of the user's file, in `ROOT/config/revisions`, one file of mode 0600 for each.

A revision is noted as *pending* before the file is replaced and made valid after it: so a writer that is killed in
between leaves either the old file and a pending record that is void, or the new file and one that is to be made valid.
Everything here blocks.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH105

import base64
import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs

from dumb_actors.config.durable import replace_file, sync_directory
from dumb_actors.errors import HostError, UnusablePath

__all__ = ["KEPT", "REVISIONS_FORMAT", "Changed", "Revision", "RevisionTooNew", "Revisions", "digest_of"]

REVISIONS_FORMAT = 1
"""Number in each file. It goes up when an older program would misread a newer file."""

KEPT = 20

Changed: TypeAlias = Literal["file", "override", "memory", "derived"]
"""What was changed: the user's file, or a layer above it, by which the file stayed as it was."""

_NAME = re.compile(r"(\d{8,})\.json(\.pending)?")


class RevisionTooNew(HostError):
    """The revisions were written by a newer version; nothing was changed. `.detail` has path and format."""

    code = "revision-too-new"


@attrs.frozen(kw_only=True)
class Revision:
    """
    One revision of a configuration.

    Attributes:
        number: Counts up over restarts.

        at: When it came to be, Unix seconds.

        by: Who made it.

        changed: What was changed; see `Changed`.

        digest: SHA-256 of the user's file at that time, in hexadecimal digits.

        source: Path of that file.
    """

    number: int
    at: float
    by: str
    changed: Changed
    digest: str
    source: str


def digest_of(content: bytes) -> str:
    """Give the SHA-256 of *content* in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


class Revisions:
    """
    The revisions in one directory; belongs to who holds the lock of the file.

    Args:
        directory: Made when missing.

        keep: So many of the last ones.
    """

    def __init__(self, directory: str, *, keep: int = KEPT) -> None:
        self.directory = directory
        self._keep = keep

    def settle(self, digest: str) -> None:
        """Decide what a killed writer left pending, given the digest of the file as it is."""
        for number, path in self._files(pending=True):
            found = self._load(path)
            if found is not None and found[0].digest == digest:
                os.replace(path, self._path(number))
            else:
                path.unlink(missing_ok=True)

    def all(self) -> tuple[Revision, ...]:
        """
        Give those that are kept, the oldest first. What is damaged is left out.

        Raises:
            RevisionTooNew: One is of a newer format.

            UnusablePath: The directory cannot be read.
        """
        found = (self._load(path) for _, path in self._files())
        return tuple(one[0] for one in found if one is not None)

    def last_number(self) -> int:
        """Give the highest number that was ever given out and is still to be seen; 0: none."""
        numbers = [number for number, _ in [*self._files(), *self._files(pending=True)]]
        return max(numbers, default=0)

    def content(self, number: int) -> bytes | None:
        """Give the user's file as it was at revision *number*; None: that is not kept, or is damaged."""
        found = self._load(self._path(number))
        return None if found is None else found[1]

    def prepare(self, revision: Revision, content: bytes) -> None:
        """
        Note *revision* as pending, durably.

        Raises:
            UnusablePath: It is not.
        """
        document = {
            "format": REVISIONS_FORMAT,
            **attrs.asdict(revision),
            "content": base64.b64encode(content).decode("ascii"),
        }
        try:
            Path(self.directory).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UnusablePath(self.directory, "cannot make the directory", error) from error
        raw = json.dumps(document, indent=1).encode() + b"\n"
        replace_file(str(self._pending(revision.number)), raw, what="note the revision in")

    def commit(self, number: int) -> None:
        """
        Make the pending revision *number* valid, and forget the oldest.

        Raises:
            UnusablePath: It is still pending; the next `settle` makes it valid.
        """
        try:
            os.replace(self._pending(number), self._path(number))
            sync_directory(self.directory)
            for _, path in self._files()[: -self._keep]:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise UnusablePath(self.directory, "cannot note the revision in", error) from error

    def withdraw(self, number: int) -> None:
        """Forget the pending revision *number*: the file was not replaced."""
        with contextlib.suppress(OSError):
            self._pending(number).unlink()

    def _path(self, number: int) -> Path:
        return Path(self.directory, f"{number:08d}.json")

    def _pending(self, number: int) -> Path:
        return Path(self.directory, f"{number:08d}.json.pending")

    def _files(self, *, pending: bool = False) -> list[tuple[int, Path]]:
        found: Iterable[str] = ()
        try:
            found = os.listdir(self.directory)  # noqa: PTH208  (names are wanted)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise UnusablePath(self.directory, "cannot read the revisions in", error) from error
        matches = (_NAME.fullmatch(name) for name in found)
        return sorted(
            (int(match[1]), Path(self.directory, match[0]))
            for match in matches
            if match is not None and bool(match[2]) is pending
        )

    @staticmethod
    def _load(path: Path) -> tuple[Revision, bytes] | None:
        try:
            document = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        return _read_revision(document, str(path)) if isinstance(document, dict) else None


def _read_revision(document: dict[str, Any], path: str) -> tuple[Revision, bytes] | None:
    number = document.get("format")
    if type(number) is int and number > REVISIONS_FORMAT:
        raise RevisionTooNew(
            f"{path} has format {number}, this version understands up to {REVISIONS_FORMAT}; "
            "use the newer version, or move the directory away",
            path=path,
            format=number,
        )
    try:
        revision = Revision(**{field.name: document[field.name] for field in attrs.fields(Revision)})
        content = base64.b64decode(document["content"], validate=True)
    except (KeyError, TypeError, ValueError):
        return None
    return (revision, content) if digest_of(content) == revision.digest and type(revision.number) is int else None
