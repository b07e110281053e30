"""Open a supervisor inside the caller's own Trio program, and leave nothing behind."""

import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from dumb_actors.actors.host import OsHost
from dumb_actors.actors.launch import LaunchSettings
from dumb_actors.actors.running import run_supervisor
from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.config.load import Config, load_config
from dumb_actors.config.root import Root, default_root
from dumb_actors.config.specs import check_specs
from dumb_actors.errors import UnusablePath
from dumb_actors.model.spec import ServiceSpec

__all__ = ["open_supervisor"]

OF_OUR_MANAGER = ("NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_")
"""Beginnings of names that sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3) read."""


@asynccontextmanager
async def open_supervisor(
    config_or_specs: Config | str | Path | Sequence[ServiceSpec],
    *,
    root: str | Path | None = None,
    subreaper: bool = False,
    nofile: tuple[int, int] | None = None,
) -> AsyncIterator[Supervisor]:
    """
    Run a set of services for the length of a block.

    Nothing is started by itself: `await supervisor.boot()` starts the enabled services, `start()` one with what it
    needs. Leaving the block, in whatever way, stops everything in reverse order and leaves nothing; this is shielded
    from cancellation and bounded by the stop steps. No signal handler is installed, nothing global is changed.

    Args:
        config_or_specs: The path of a `dumb_config.json`, a `Config`, or specs made by hand.

        root: The directory for logs, run files and relative paths; None: the configuration's own, else
            `DUMB_ACTORS_ROOT` or `./dumb-root`. It is made when missing.

        subreaper: Make the calling process the sub-reaper of everything it starts, so that daemons that left their
            process group are found as well. It is a property of the whole process: programs that wait for any child
            (`waitpid(-1)`) must not use it.

        nofile: Limits (soft, hard) of open files that the services get; None: as ours. For a program that raised its
            own.

    Raises:
        ConfigError: Every fault of the configuration; nothing was started.

        UnusablePath: The root cannot be written; nothing was started.

        Whatever the body raises comes out as it is, not in a group.

    Cancellation: everything is stopped in order, then `Cancelled` goes on.
    """
    config, specs, where = await trio.to_thread.run_sync(_resolve, config_or_specs, root)
    await trio.to_thread.run_sync(_make_directories, where)
    settings = LaunchSettings(
        run_id=secrets.token_hex(6), root_dir=where.path, log_dir=where.log, environ=_environ_for_children(os.environ)
    )
    async with (
        OsHost.open(where.run, subreaper_on=subreaper, nofile=nofile) as host,
        run_supervisor(specs, host=host, settings=settings, wall=time.time) as supervisor,
    ):
        supervisor.config = config
        yield supervisor


def _environ_for_children(ours: Mapping[str, str]) -> dict[str, str]:
    """Leave out what our own service manager told us: a child must not say that we are ready, or take our sockets."""
    return {name: value for name, value in ours.items() if not name.startswith(OF_OUR_MANAGER)}


def _resolve(
    given: Config | str | Path | Sequence[ServiceSpec], root: str | Path | None
) -> tuple[Config | None, Sequence[ServiceSpec], Root]:
    if isinstance(given, Config):
        return given, given.specs, given.root
    where = Root(str(Path(root).absolute())) if root is not None else default_root(os.environ)
    if isinstance(given, str | Path):
        config = load_config(given, where)
        return config, config.specs, config.root
    check_specs(given)
    return None, tuple(given), where


def _make_directories(where: Root) -> None:
    for path in (where.path, where.log, where.run):
        try:
            Path(path).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnusablePath(path, "cannot make the directory", error) from error
        if not os.access(path, os.W_OK | os.X_OK):
            raise UnusablePath(path, "cannot write in the directory", PermissionError(13, "Permission denied"))
