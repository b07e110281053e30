"""
Before a spawn: is there such a directory and such a program?

Asked in a thread, with a deadline. What was found on local file systems is remembered, see `trails.py`; then the thread
that spawns looks whether it still holds.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import attrs
import trio

from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import describe_argv
from dumb_actors.process.trails import MountWatch, Trail, walk

__all__ = ["LookAgain", "Lookup"]

LOOKUP_TIMEOUT_S = 5.0
"""A dead network mount answers never; everything else answers in milliseconds."""


_Key: TypeAlias = tuple[str, str, str | None]
"""Program, directory, `PATH`."""


class LookAgain(Exception):
    """What was remembered does not hold any more; raised to the host that makes children, never beyond."""


@attrs.frozen
class _Fault:
    """What is wrong, with which path."""

    number: int
    path: str
    text: str


@attrs.define(eq=False)
class Lookup:
    """
    Finds programs and directories without ever freezing anybody: at most one thread hangs for each service.

    A thread that hangs on a dead mount keeps its service's only slot until the mount answers; other services have
    slots of their own.

    Attributes:
        remembers: Remember what was found on local file systems; who asks the same at the same time waits for the first
            answer. It holds a descriptor until `close`.
    """

    remembers: bool = False
    _slots: dict[str, trio.CapacityLimiter] = attrs.field(init=False, factory=dict)
    _trails: dict[_Key, Trail] = attrs.field(init=False, factory=dict)
    _asking: dict[_Key, trio.Event] = attrs.field(init=False, factory=dict)
    _mounts: MountWatch = attrs.field(init=False, factory=MountWatch)

    def remembered(self, program: str, cwd: str, env_path: str | None) -> Trail | None:
        """
        Give how the same was found before, if that can be looked at again without danger (`Trail.holds`).

        It does not block and asks no file system but for the table of mounts.
        """
        self._devices()
        return self._trails.get((program, cwd, env_path))

    def close(self) -> None:
        """Close the table of mounts, and forget. Idempotent."""
        self._mounts.close()
        self._trails.clear()

    async def check_launch(
        self,
        argv: Sequence[str],
        cwd: str,
        env_path: str | None,
        *,
        service: str,
        timeout_s: float = LOOKUP_TIMEOUT_S,
    ) -> str:
        """
        Find the program that a spawn would execute, and check its directory. Nothing is started.

        Args:
            argv: Program and arguments. A program with a slash is relative to *cwd*, others are searched in *env_path*.

            cwd: Absolute directory that the program will run in.

            env_path: `PATH` of the child's environment; None: the system's default.

            service: Whose launch this is.

            timeout_s: Upper bound in seconds of the run's clock.

        Returns:
            The absolute path of the program.

        Raises:
            SpawnFailed: The program is missing (ENOENT) or not executable (EACCES), the directory is missing or none
                (ENOENT, ENOTDIR), nothing answered in time (ETIMEDOUT), or the command is empty (None).

        Cancellation: safe and at once; the thread may end later.
        Source: the search is execvp(3)'s: a file that may not be executed is passed over and reported if none follows.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if not argv:
            raise SpawnFailed(f"{service!r} has no command", errno=None, argv=argv, cwd=cwd, path="")
        found: str | _Fault = _Fault(errno.ETIMEDOUT, cwd, f"no answer from the file system within {timeout_s:g} s")
        with trio.move_on_after(timeout_s):
            found = await self._ask((argv[0], cwd, env_path), service)
        if isinstance(found, str):
            return found
        message = f"cannot start {describe_argv(tuple(argv))} in {cwd}: {found.text}"
        raise SpawnFailed(message, errno=found.number, argv=argv, cwd=cwd, path=found.path)

    async def _ask(self, key: _Key, service: str) -> str | _Fault:
        if key in self._asking and self.remembers:
            await self._asking[key].wait()
            trail = self.remembered(*key)
            if trail is not None:
                return trail.program
        is_first = key not in self._asking
        if is_first:
            self._asking[key] = trio.Event()
        try:
            return await self._ask_in_thread(key, service)
        finally:
            if is_first:
                self._asking.pop(key).set()

    async def _ask_in_thread(self, key: _Key, service: str) -> str | _Fault:
        slot = self._slots.setdefault(service, trio.CapacityLimiter(1))
        devices = self._devices()
        found, trail = await trio.to_thread.run_sync(_explore, key, devices, abandon_on_cancel=True, limiter=slot)
        # Only if nothing was mounted meanwhile.
        if trail is not None and self._devices() is devices:
            self._trails[key] = trail
        return found

    def _devices(self) -> frozenset[int]:
        return self._mounts.devices(self._trails.clear) if self.remembers else frozenset()


def _explore(key: _Key, devices: frozenset[int]) -> tuple[str | _Fault, Trail | None]:
    """Find the program, and note the way to it where that is worth to be remembered."""
    found = _find(*key)
    if isinstance(found, _Fault) or not devices:
        return found, None
    program, cwd, env_path = key
    passed = []
    for path in _candidates(program, cwd, env_path):
        passed.append(path)
        if path == found:
            break
    steps = walk([cwd, *passed], devices)
    # One that was passed over although it is there may not be executable now, and be so the next time.
    if steps is None or any(steps.get(path) is not None for path in passed[:-1]):
        return found, None
    return found, Trail(found, cwd, steps)


def _find(program: str, cwd: str, env_path: str | None) -> str | _Fault:
    fault = _directory_fault(cwd)
    if fault is not None:
        return fault
    denied: _Fault | None = None
    for path in _candidates(program, cwd, env_path):
        fault = _program_fault(path)
        if fault is None:
            return path
        # What stands in the way is worth more to a reader than "not found" in the last directory of PATH.
        if fault.number != errno.ENOENT and denied is None:
            denied = fault
    missing = f"the program {program} was not found" + ("" if "/" in program else " in PATH")
    return denied or _Fault(errno.ENOENT, program, f"{missing}: {os.strerror(errno.ENOENT)}")


def _candidates(program: str, cwd: str, env_path: str | None) -> Iterator[str]:
    if "/" in program:
        yield str(Path(cwd, program))
        return
    for directory in (os.defpath if env_path is None else env_path).split(os.pathsep):
        # An empty entry means the working directory; a relative one is relative to it.
        yield str(Path(cwd, directory, program))


def _directory_fault(cwd: str) -> _Fault | None:
    try:
        mode = Path(cwd).stat().st_mode
    except (OSError, ValueError) as error:
        return _fault(cwd, "the directory", error)
    if not stat.S_ISDIR(mode):
        return _Fault(errno.ENOTDIR, cwd, f"the directory {cwd}: {os.strerror(errno.ENOTDIR)}")
    if not os.access(cwd, os.X_OK):
        return _Fault(errno.EACCES, cwd, f"the directory {cwd}: {os.strerror(errno.EACCES)}")
    return None


def _program_fault(path: str) -> _Fault | None:
    try:
        mode = Path(path).stat().st_mode
    except NotADirectoryError:  # an entry of PATH that is a file
        return _Fault(errno.ENOENT, path, "")
    except (OSError, ValueError) as error:
        return _fault(path, "the program", error)
    if not stat.S_ISREG(mode):
        return _Fault(errno.EACCES, path, f"the program {path} is not a file: {os.strerror(errno.EACCES)}")
    if not os.access(path, os.X_OK):
        return _Fault(errno.EACCES, path, f"the program {path} is not executable: {os.strerror(errno.EACCES)}")
    return None


def _fault(path: str, what: str, error: OSError | ValueError) -> _Fault:
    number = error.errno if isinstance(error, OSError) else None
    text = error.strerror if isinstance(error, OSError) else str(error)
    return _Fault(number or errno.EINVAL, path, f"{what} {path}: {text}")
