"""
The user's file on disk, with its revisions: what `ConfigStore` does in threads. Everything here blocks.

A link is followed: what it points to is replaced, and the link stays.
"""

import logging
import os
from collections.abc import Callable

from dumb_actors.config.durable import locked, replace_file
from dumb_actors.config.read import read_file
from dumb_actors.config.revisions import Changed, Revision, Revisions, digest_of
from dumb_actors.errors import UnusablePath

__all__ = ["ConfigFile", "FileChanged"]

_log = logging.getLogger(__name__)


class FileChanged(Exception):
    """Somebody else changed the file since it was read; nothing was written. Never leaves the store."""


class ConfigFile:
    """
    The file at *path*; *wall* gives the time for its revisions.

    Attributes:
        problem: Why revisions cannot be kept; empty: they are.
    """

    def __init__(self, path: str, revisions: Revisions, *, wall: Callable[[], float]) -> None:
        self.path = path
        self.problem = ""
        self._revisions = revisions
        self._wall = wall

    def now(self) -> float:
        """Give the time, Unix seconds."""
        return self._wall()

    def read(self) -> bytes:
        """Give what is in it; `ConfigError` when it cannot be read."""
        return read_file(self.path)

    def open(self, content: bytes) -> Revision:
        """
        Tell which revision *content*, which is in the file, is; a new one if it was edited since the last.

        Where that cannot be noted it is only logged, and told in `problem`: the file can be used all the same.

        Raises:
            RevisionTooNew: A newer version kept them.
        """
        digest = digest_of(content)
        try:
            with locked(self._real):
                self._revisions.settle(digest)
                last = next(iter(self._revisions.all()[::-1]), None)
                if last is not None and last.digest == digest and last.changed != "memory":
                    return last
                by = _why_new(last, digest, self.path)
                found = self._make(self._revisions.last_number() + 1, by, "file", digest)
                self._revisions.prepare(found, content)
                self._revisions.commit(found.number)
                return found
        except UnusablePath as error:
            self._note_problem(error)
            return self._make(1, "the first start", "file", digest)

    def write(self, content: bytes, *, known: bytes, after: int, by: str) -> Revision:
        """
        Replace the file by *content*, as the revision that follows *after*.

        Args:
            known: What is in the file, as far as the caller knows.

        Raises:
            FileChanged: Something else is in it. Nothing was changed.

            UnusablePath: It cannot be written, nor its revision noted. It is the old one, or, if only the very last
                step failed, the new one.
        """
        real = self._real
        expected = digest_of(known)

        def check() -> None:
            if self._digest() != expected:
                raise FileChanged

        with locked(real):
            check()
            revision = self._make(max(after, self._revisions.last_number()) + 1, by, "file", digest_of(content))
            self._revisions.prepare(revision, content)
            try:
                replace_file(real, content, check=check, what="write the configuration")
            except BaseException:
                if self._digest() != revision.digest:
                    self._revisions.withdraw(revision.number)
                raise
            try:
                self._revisions.commit(revision.number)
            except UnusablePath as error:
                # The file is written; what is pending is made valid by the next who opens it.
                self._note_problem(error)
        return revision

    def note(self, content: bytes, *, after: int, by: str, changed: Changed) -> Revision:
        """Note a revision that does not write the file, which holds *content*; a failure is logged, as in `open`."""
        try:
            with locked(self._real):
                number = max(after, self._revisions.last_number()) + 1
                revision = self._make(number, by, changed, digest_of(content))
                self._revisions.prepare(revision, content)
                self._revisions.commit(number)
        except UnusablePath as error:
            self._note_problem(error)
            return self._make(after + 1, by, changed, digest_of(content))
        self.problem = ""
        return revision

    def content(self, number: int) -> bytes | None:
        """Give the file as it was at revision *number*; None: that is not kept."""
        return self._revisions.content(number)

    def revisions(self) -> tuple[Revision, ...]:
        """Give those that are kept, the oldest first."""
        return self._revisions.all()

    @property
    def _real(self) -> str:
        return os.path.realpath(self.path)

    def _digest(self) -> str:
        try:
            with open(self._real, "rb") as file:  # noqa: PTH123  (a text)
                return digest_of(file.read())
        except OSError:
            return ""

    def _make(self, number: int, by: str, changed: Changed, digest: str) -> Revision:
        return Revision(number=number, at=self._wall(), by=by, changed=changed, digest=digest, source=self.path)

    def _note_problem(self, error: UnusablePath) -> None:
        if not self.problem:
            _log.warning("config.revisions_failed %s", error)
        self.problem = str(error)


def _why_new(last: Revision | None, digest: str, source: str) -> str:
    if last is None:
        return "the first start"
    if last.source != source:
        return "another file"
    return "a restart, which lost changes in memory" if last.digest == digest else "edit of the file"
