"""
What was wished of each service, so that it survives a restart of the supervisor and of the machine.

A wish remembers the `enabled` of the configuration that it saw: a later edit of `enabled` wins over the wish, else the
wish wins. The file is `ROOT/config/wishes.json`; what others write into it beside our keys is kept.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH105, PTH108

import contextlib
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeGuard

import trio

from dumb_actors.errors import HostError, UnusablePath

__all__ = ["WISHES_FORMAT", "WishKeeper", "Wishes", "WishesTooNew", "open_wishes"]

WISHES_FORMAT = 1
"""Number in the file. It goes up when an older program would misread a newer file."""

KEPT_S = 30 * 86_400.0
"""The wish of a service that left the configuration is kept for so long: it may come back."""
SEEN_S = 86_400.0
"""A service that is still there is noted as such at most once in this time."""
PATIENCE_S = 5.0
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 60.0

_log = logging.getLogger(__name__)


class WishesTooNew(HostError):
    """The wishes were written by a newer version; nothing was changed. `.detail` has path and format."""

    code = "wishes-too-new"


class Wishes:
    """
    The wishes of one root; made by `load`.

    `decide` and `note` only change memory and belong to one thread. `save` blocks.

    Attributes:
        warnings: What was wrong with the file, each a sentence; empty when nothing was.
    """

    def __init__(
        self, path: str, document: dict[str, Any] | None = None, *, wall: Callable[[], float] = time.time
    ) -> None:
        self.warnings: tuple[str, ...] = ()
        self._path = path
        self._wall = wall
        self._document = {} if document is None else document
        found = self._document.get("wishes")
        self._wishes: dict[str, Any] = dict(found) if isinstance(found, dict) else {}
        self._there: set[str] = set()
        self._is_dirty = False

    @classmethod
    def load(cls, path: str, *, wall: Callable[[], float] = time.time) -> "Wishes":
        """
        Read the wishes; blocking.

        A file that is damaged is logged and named in `warnings`, moved to `<path>.damaged`, and taken for an empty one.

        Raises:
            WishesTooNew: It is of a newer format; nothing was changed.

            UnusablePath: It cannot be read.
        """
        try:
            raw = Path(path).read_bytes()
        except FileNotFoundError:
            return cls(path, wall=wall)
        except OSError as error:
            raise UnusablePath(path, "cannot read the wishes", error) from error
        try:
            return cls(path, _parse(raw, path), wall=wall)
        except (ValueError, RecursionError) as error:
            empty = cls(path, wall=wall)
            empty.warnings = (_put_aside(path, str(error)),)
            return empty

    def decide(self, name: str, enabled: bool) -> bool:  # noqa: FBT001  (the two facts of the question)
        """
        Tell whether a service is wished at boot, given what its configuration says now.

        An edit of `enabled` since the wish voids the wish, so that another edit back does not bring it back.
        """
        self._there.add(name)
        wish = self._wishes.get(name)
        if not _is_sound(wish):
            return enabled
        if wish["enabled"] is not enabled:
            del self._wishes[name]
            self._is_dirty = True
            return enabled
        if self._wall() - _seen(wish) > SEEN_S:
            self._is_dirty = True
        return bool(wish["wished"])

    def note(self, name: str, *, wished: bool, enabled: bool) -> None:
        """Remember what is wished now, and what the configuration says; to be saved later."""
        self._there.add(name)
        former = self._wishes.get(name)
        kept = former if isinstance(former, dict) else {}
        self._wishes[name] = {**kept, "wished": wished, "enabled": enabled, "at": self._wall()}
        self._is_dirty = True

    @property
    def is_dirty(self) -> bool:
        """Whether there is something to save."""
        return self._is_dirty

    def take(self) -> bytes:
        """Give what the file is to hold, for `write`, and count it as saved."""
        now = self._wall()
        for name in self._there & self._wishes.keys():
            if isinstance(self._wishes[name], dict):
                self._wishes[name]["seen"] = now
        self._wishes = {
            name: wish for name, wish in self._wishes.items() if not _is_sound(wish) or now - _seen(wish) <= KEPT_S
        }
        self._is_dirty = False
        document = {**self._document, "format": WISHES_FORMAT, "wishes": self._wishes}
        return json.dumps(document, indent=1).encode() + b"\n"

    def write(self, content: bytes) -> None:
        """
        Replace the file by *content*, and have it on the disk; blocking, in any one thread at a time.

        Raises:
            UnusablePath: It is not; the file is the former one, or the new one.
        """
        new = f"{self._path}.new"
        try:
            Path(self._path).parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self._path)
            _sync_directory(os.path.dirname(self._path))  # noqa: PTH120  (a text)
        except OSError as error:
            self.mark_unsaved()
            with contextlib.suppress(OSError):
                os.unlink(new)
            raise UnusablePath(self._path, "cannot write the wishes", error) from error

    def mark_unsaved(self) -> None:
        """Have the next `save` write, whatever was noted."""
        self._is_dirty = True

    def save(self) -> None:
        """Write the file if there is something to save; raises as `write` does, and then may be called again."""
        if self._is_dirty:
            self.write(self.take())


def _is_sound(wish: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(wish, dict) and isinstance(wish.get("wished"), bool) and isinstance(wish.get("enabled"), bool)


def _seen(wish: dict[str, Any]) -> float:
    """Give when its service was last known to be configured."""
    times = [at for key in ("at", "seen") if isinstance(at := wish.get(key), int | float)]
    return max(times, default=0.0)


def _parse(raw: bytes, path: str) -> dict[str, Any]:
    document = json.loads(raw)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    number = document.get("format")
    if type(number) is not int:
        raise ValueError("no format number")
    if number > WISHES_FORMAT:
        raise WishesTooNew(
            f"{path} has format {number}, this version understands up to {WISHES_FORMAT}; "
            "use the newer version, or move the file away",
            path=path,
            format=number,
        )
    if not isinstance(document.get("wishes"), dict):
        raise ValueError("no wishes in it")
    return document


def _put_aside(path: str, problem: str) -> str:
    aside = f"{path}.damaged"
    try:
        os.replace(path, aside)
    except OSError as error:
        aside = f"{path}, where it stays ({error.strerror})"
    text = f"{path} is damaged ({problem}) and is taken for empty: what is enabled is wished; it is kept as {aside}"
    _log.warning("wishes.damaged", extra={"path": path, "reason": problem})
    return text


def _sync_directory(path: str) -> None:
    fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# --- for actors -------------------------------------------------------------------------------------------------------


class WishKeeper:
    """
    Saves wishes behind the backs of those who note them; made by `open_wishes`.

    Whatever is noted while a save is under way goes into one more save.

    Attributes:
        warnings: As in `Wishes`.

        error: Why the last save failed; None: it did not. It is tried again, after growing pauses.
    """

    def __init__(self, wishes: Wishes) -> None:
        self.warnings = wishes.warnings
        self.error: UnusablePath | None = None
        self._wishes = wishes
        self._limiter = trio.CapacityLimiter(1)
        self._noted = self._settled = 0
        self._changed = trio.Event()
        self._progress = trio.Event()
        self._is_closing = False

    def decide(self, name: str, enabled: bool) -> bool:  # noqa: FBT001  (as in `Wishes`)
        """Tell whether a service is wished at boot; see `Wishes.decide`."""
        wished = self._wishes.decide(name, enabled)
        if self._wishes.is_dirty:
            self._wake()
        return wished

    def note(self, name: str, *, wished: bool, enabled: bool) -> None:
        """Remember what is wished now; never waits."""
        self._wishes.note(name, wished=wished, enabled=enabled)
        self._wake()

    def _wake(self) -> None:
        self._noted += 1
        self._changed.set()

    async def saved(self) -> None:
        """
        Return when all that was noted before is on the disk, or is known not to get there (`error`), or after 5 s.

        Cancellation: safe; it is saved nevertheless.
        """
        awaited = self._noted
        with trio.move_on_after(PATIENCE_S):
            while self._settled < awaited:
                await self._progress.wait()
            return
        _log.warning("wishes.slow", extra={"waited_s": PATIENCE_S})

    async def run(self) -> None:
        """Save what is noted until `close`; run once, by `open_wishes`."""
        pause = FIRST_RETRY_S
        while True:
            if not self._wishes.is_dirty:
                if self._is_closing:
                    return
                await self._changed.wait()
            self._changed = trio.Event()
            await self._save()
            if self.error is None:
                pause = FIRST_RETRY_S
            elif self._is_closing:
                return
            else:
                with trio.move_on_after(pause):
                    await self._changed.wait()
                pause = min(2 * pause, LONGEST_RETRY_S)

    async def _save(self) -> None:
        noted = self._noted
        if self._wishes.is_dirty:
            content = self._wishes.take()
            try:
                # Abandoned when the disk hangs and the program ends: the thread is a daemon.
                await trio.to_thread.run_sync(
                    self._wishes.write, content, limiter=self._limiter, abandon_on_cancel=True
                )
            except UnusablePath as error:
                if self.error is None:
                    _log.error("wishes.failed", extra={"reason": str(error)})
                self.error = error
            else:
                if self.error is not None:
                    _log.warning("wishes.recovered")
                self.error = None
        self._settled = max(self._settled, noted)
        progress, self._progress = self._progress, trio.Event()
        progress.set()

    def close(self) -> None:
        """Have `run` end after one more save, if there is something to save."""
        self._is_closing = True
        self._changed.set()


@asynccontextmanager
async def open_wishes(path: str, *, wall: Callable[[], float] = time.time) -> AsyncIterator[WishKeeper]:
    """
    Keep the wishes in *path* for the length of a block.

    The end of the block saves what is left, and waits at most 5 s for that. What the body raises comes out as it is.

    Raises:
        WishesTooNew, UnusablePath: As `Wishes.load`.

    Cancellation: what is left is saved nevertheless.
    """
    wishes = await trio.to_thread.run_sync(lambda: Wishes.load(path, wall=wall), abandon_on_cancel=True)
    keeper = WishKeeper(wishes)
    failure: BaseException | None = None
    scope = trio.CancelScope(shield=True)
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            with scope:
                await keeper.run()

        nursery.start_soon(run)
        try:
            yield keeper
        except BaseException as error:  # noqa: BLE001  (raised again below, outside the nursery that would wrap it)
            failure = error
        keeper.close()
        scope.deadline = trio.current_time() + PATIENCE_S
    if scope.cancelled_caught:
        _log.error("wishes.unsaved", extra={"path": path, "waited_s": PATIENCE_S})
    if failure is not None:
        raise failure
