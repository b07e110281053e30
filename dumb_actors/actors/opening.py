"""Open a supervisor inside the caller's own Trio program, and leave nothing behind."""

import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import attrs
import trio

from dumb_actors.actors.host import HostSettings, OsHost
from dumb_actors.actors.launch import LaunchSettings
from dumb_actors.actors.masking import secrets_of
from dumb_actors.actors.memory import Memory
from dumb_actors.actors.running import run_supervisor
from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.config.load import Config, load_config
from dumb_actors.config.root import Root, default_root
from dumb_actors.config.settings import Orphans
from dumb_actors.config.specs import check_specs
from dumb_actors.config.wishes import open_wishes
from dumb_actors.errors import UnusablePath
from dumb_actors.journal.writing import open_journal
from dumb_actors.model.knowledge import NO_KNOWLEDGE
from dumb_actors.model.spec import ServiceSpec
from dumb_actors.process.rootlock import hold_root

__all__ = ["Opening", "open_locked", "open_supervisor"]

OF_OUR_MANAGER = ("NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_")
"""Beginnings of names that sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3) read."""


@attrs.frozen(kw_only=True)
class Opening:
    """
    How a supervisor is opened; see `open_supervisor` for `subreaper`, `nofile` and `orphans`.

    Attributes:
        keeper: Output is moved by a process of its own that outlives us.

        journal: Events are kept on disk.

        cgroups: Each service gets a control group of its own where one is delegated to us.
    """

    subreaper: bool = False
    nofile: tuple[int, int] | None = None
    orphans: Orphans = "stop"
    keeper: bool = False
    journal: bool = True
    cgroups: bool = False


@asynccontextmanager
async def open_supervisor(
    config_or_specs: Config | str | Path | Sequence[ServiceSpec],
    *,
    root: str | Path | None = None,
    subreaper: bool = False,
    nofile: tuple[int, int] | None = None,
    orphans: Orphans = "stop",
    keeper: bool | None = None,
    journal: bool = True,
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

        orphans: What happens to the services when this program is killed (SIGKILL, or a defect of the interpreter).
            `stop`: with a keeper they are ended within a second, without one when the root is opened the next time.
            `adopt`: they go on, and the next one who opens the root with `adopt` takes them over as they are; what was
            wished is remembered as well. It implies a keeper.

        keeper: Start the keeper, a small process that moves the output of the services and outlives this program.
            None: as `orphans` needs it. Without it a thread of this program does that.

        journal: Keep the history of events in `ROOT/log/journal`.

    Raises:
        ConfigError: Every fault of the configuration; nothing was started.

        RootLocked: Another supervisor runs on this root; nothing was started.

        UnusablePath: The root cannot be written; nothing was started.

        HostError: What an earlier, newer version of this program left cannot be understood; nothing was started.

        Whatever the body raises comes out as it is, not in a group.

    Cancellation: everything is stopped in order, then `Cancelled` goes on.
    """
    config, specs, where = await trio.to_thread.run_sync(_resolve, config_or_specs, root)
    await trio.to_thread.run_sync(_make_directories, where)
    how = Opening(
        subreaper=subreaper,
        nofile=nofile,
        orphans=orphans,
        keeper=orphans == "adopt" if keeper is None else keeper or orphans == "adopt",
        journal=journal,
    )
    async with hold_root(where.path, where.run), open_locked(config, specs, where, how) as supervisor:
        yield supervisor


@asynccontextmanager
async def open_locked(
    config: Config | None, specs: Sequence[ServiceSpec], where: Root, how: Opening
) -> AsyncIterator[Supervisor]:
    """Do what `open_supervisor` does, for a caller that holds the root already; its directories are made."""
    await trio.to_thread.run_sync(_make_directories, where)
    settings = LaunchSettings(
        run_id=secrets.token_hex(6), root_dir=where.path, log_dir=where.log, environ=_environ_for_children(os.environ)
    )
    async with (
        _open_memory(where, how, secrets_of(config or specs)) as memory,
        OsHost.open(_host_settings(where, how, settings)) as host,
    ):
        if how.orphans == "stop":
            await host.end_orphans()
        knowledge = NO_KNOWLEDGE if config is None else config.knowledge
        async with run_supervisor(
            specs, host=host, settings=settings, wall=time.time, memory=memory, knowledge=knowledge
        ) as supervisor:
            supervisor.config = config
            supervisor.journal_dir = _journal_dir(where) if how.journal else None
            yield supervisor


def _host_settings(where: Root, how: Opening, settings: LaunchSettings) -> HostSettings:
    return HostSettings(
        run_dir=where.run,
        run_id=settings.run_id,
        subreaper=how.subreaper,
        nofile=how.nofile,
        keeper=how.orphans if how.keeper else None,
        version=version("dumb-actors"),
        environ=settings.environ,
        cgroups=how.cgroups,
    )


def _journal_dir(where: Root) -> str:
    return f"{where.log}/journal"


@asynccontextmanager
async def _open_memory(where: Root, how: Opening, secrets: frozenset[str]) -> AsyncIterator[Memory]:
    """Open what outlives the supervisor: the journal of events, and, where services do, what was wished of them."""
    async with AsyncExitStack() as opened:
        memory = Memory(secrets=secrets)
        if how.journal:
            journal = await opened.enter_async_context(open_journal(_journal_dir(where)))
            memory = attrs.evolve(memory, first_seq=journal.first_seq, history=journal.history, note_event=journal.note)
        if how.orphans == "adopt":
            wishes = await opened.enter_async_context(open_wishes(f"{where.config}/wishes.json"))
            memory = attrs.evolve(memory, wishes=wishes)
        yield memory


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
