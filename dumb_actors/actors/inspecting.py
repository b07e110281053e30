"""What a start of a service would find on this machine, asked by the code that a start uses."""

import errno
import os
import stat
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import attrs
import trio

from dumb_actors.actors.outcome import judge_spawn
from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Launch
from dumb_actors.model.plan import Check
from dumb_actors.model.probe import Directory, Mount, WaitSpec
from dumb_actors.probes.mounts import mount_at
from dumb_actors.process.identity import Identities
from dumb_actors.process.listening import Listener, find_listeners
from dumb_actors.process.lookup import Lookup
from dumb_actors.process.privileges import Tools, wrap

__all__ = ["Inspector"]

T = TypeVar("T")

TIMEOUT_S = 5.0


@attrs.define(eq=False, kw_only=True)
class Inspector:
    """
    Looks, and changes nothing.

    Attributes:
        identities, lookup, tools: Those of the host.
    """

    identities: Identities
    lookup: Lookup
    tools: Tools = attrs.field(factory=Tools)
    _threads: trio.CapacityLimiter = attrs.field(init=False, factory=lambda: trio.CapacityLimiter(8))

    async def inspect(self, launch: Launch, waits: Sequence[WaitSpec]) -> list[Check]:
        """Give what a start of *launch*, which waits for *waits*, would find; see `Host`."""
        looks: list[Callable[[], Awaitable[list[Check]]]] = []
        if launch.run_as is not None:
            looks.append(partial(self._check_user, launch))
        looks.append(partial(self._check_program, launch))
        if launch.limits:
            looks.append(partial(self._check_limits, launch))
        looks += [partial(self._check_log, launch, path) for path in (launch.log_path, launch.stderr_path) if path]
        looks += [partial(self._check_wait, launch, wait) for wait in waits if isinstance(wait, Directory | Mount)]
        found: dict[int, list[Check]] = {}

        async def look(index: int) -> None:
            found[index] = await looks[index]()

        # All at once: a file system that hangs costs its deadline once.
        async with trio.open_nursery() as nursery:
            for index in range(len(looks)):
                nursery.start_soon(look, index)
        return [check for index in sorted(found) for check in found[index]]

    async def listeners(self, ports: Sequence[int]) -> list[Listener]:
        """Find who listens on *ports*; see `Host`. Nothing is known when that takes too long."""
        return await self._in_thread(partial(find_listeners, frozenset(ports)), otherwise=[])

    async def _check_user(self, launch: Launch) -> list[Check]:
        who = launch.run_as or ""
        try:
            known = await self.identities.identify(launch)
            # Cheap: it looks at the system's own directories only.
            wrap(launch.argv or ("",), env={}, uid=known.uid, gid=known.gid, groups=known.groups, tools=self.tools)
        except SpawnFailed as error:
            return [_failed(launch, "user", who, error)]
        return [_well(launch, "user", who, f"runs as user {known.uid}, group {known.gid}")]

    async def _check_program(self, launch: Launch) -> list[Check]:
        try:
            program = await self.lookup.check_launch(
                launch.argv, launch.cwd, launch.env.get("PATH"), service=launch.service
            )
        except SpawnFailed as error:
            # The directory is looked at first; a program that is there is not known to be without it.
            if error.path == launch.cwd:
                return [_failed(launch, "directory", launch.cwd, error)]
            program_name = launch.argv[0] if launch.argv else ""
            well = [_well(launch, "directory", launch.cwd, "the directory is there")] if launch.argv else []
            return [*well, _failed(launch, "program", program_name, error)]
        return [
            _well(launch, "directory", launch.cwd, "the directory is there"),
            _well(launch, "program", launch.argv[0], f"found as {program}"),
        ]

    async def _check_limits(self, launch: Launch) -> list[Check]:
        names = ", ".join(launch.limits)
        try:
            wrap(launch.argv or ("",), env={}, limits=launch.limits, tools=self.tools)
        except SpawnFailed as error:
            return [_failed(launch, "limits", names, error)]
        return [_well(launch, "limits", names, "the limits can be set")]

    async def _check_log(self, launch: Launch, path: str) -> list[Check]:
        problem = await self._in_thread(partial(_log_problem, path), otherwise="no answer from the file system")
        if not problem:
            return [_well(launch, "log", path, "the log can be written")]
        text = f"the log {path} cannot be written: {problem}"
        hint = "it would run, and what it writes would be lost"
        return [Check(service=launch.service, kind="log", subject=path, ok=False, text=text, fatal=False, hint=hint)]

    async def _check_wait(self, launch: Launch, wait: Directory | Mount) -> list[Check]:
        path = wait.directory if isinstance(wait, Directory) else wait.mount
        is_there = await self._in_thread(partial(_is_there, wait), otherwise=None)
        word = "exists" if isinstance(wait, Directory) else "is mounted"
        text = f"{path} {word}" if is_there else f"{path} does not answer" if is_there is None else f"{path}: not yet"
        hint = "" if is_there else "it waits for that"
        return [
            Check(
                service=launch.service, kind="wait", subject=path, ok=bool(is_there), text=text, fatal=False, hint=hint
            )
        ]

    async def _in_thread(self, look: Callable[[], T], *, otherwise: T) -> T:
        """Call *look* in a thread, and give *otherwise* when a file system does not answer."""
        with trio.move_on_after(TIMEOUT_S):
            return await trio.to_thread.run_sync(look, abandon_on_cancel=True, limiter=self._threads)
        return otherwise


def _well(launch: Launch, kind: str, subject: str, text: str) -> Check:
    return Check(service=launch.service, kind=kind, subject=subject, ok=True, text=text)  # type: ignore[arg-type]


def _failed(launch: Launch, kind: str, subject: str, error: SpawnFailed) -> Check:
    judged = judge_spawn(error)
    return Check(
        service=launch.service,
        kind=kind,  # type: ignore[arg-type]
        subject=subject,
        ok=False,
        text=str(error),
        hint=judged.hint,
    )


def _log_problem(path: str) -> str:
    """Say why a log cannot be written to *path*; empty when it can. Missing directories are made at the start."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  (texts throughout, as the log's own code has them)
    except FileNotFoundError:
        return _cannot_make(path)
    except OSError as error:
        return error.strerror or str(error)
    if not stat.S_ISREG(mode):
        return "it is no file"
    return "" if os.access(path, os.W_OK) else os.strerror(errno.EACCES)


def _cannot_make(path: str) -> str:
    for parent in Path(path).parents:
        try:
            mode = parent.stat().st_mode
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"{parent}: {error.strerror}"
        if not stat.S_ISDIR(mode):
            return f"{parent}: {os.strerror(errno.ENOTDIR)}"
        return "" if os.access(parent, os.W_OK | os.X_OK) else f"{parent}: {os.strerror(errno.EACCES)}"
    return ""


def _is_there(wait: Directory | Mount) -> bool:
    if isinstance(wait, Mount):
        return mount_at(wait.mount) is not None
    return Path(wait.directory).is_dir()
