"""
Run a supervisor with its API until it is told to end: what `up` and `demo` have in common.

`run` reads from top to bottom: lock, configuration, sockets, services, and only then the web stack, since its import
takes longer than a start of everything else.
"""

import contextlib
import importlib
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

import attrs
import click
import trio

from dumb_actors import __version__
from dumb_actors.actors.opening import Opening, open_locked
from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.cli.check import fault_lines
from dumb_actors.cli.ending import STOPPING, Ending
from dumb_actors.cli.narrate import Narrator
from dumb_actors.cli.output import LineWriter
from dumb_actors.cli.ownlog import log_to, set_level
from dumb_actors.cli.paint import DONE, FAILED, exit_code_of, fail, for_how_long, paint_for
from dumb_actors.cli.reload import Reloader
from dumb_actors.cli.rootfiles import publish_api
from dumb_actors.config.load import Config
from dumb_actors.config.root import Root
from dumb_actors.config.settings import Orphans
from dumb_actors.config.sources import Sources
from dumb_actors.config.store import open_store
from dumb_actors.errors import ConfigError, DumbActorsError, PortTaken
from dumb_actors.process.limits import raise_nofile
from dumb_actors.process.rootlock import hold_root

if TYPE_CHECKING:
    from dumb_web.sockets import BoundSocket

__all__ = ["Plan", "Running", "WhenUp", "run_program"]

log = logging.getLogger("dumb_actors.cli")

GRACE_S = 3.0
"""How long answers under way may take when everything else is stopped."""


@attrs.frozen(kw_only=True)
class Running:
    """
    What `when_up` gets to see.

    Attributes:
        supervisor: Booted, perhaps not ready.

        urls: Where the API listens.

        booted_at: When the services were wished, Unix seconds.

        out: For what it has to say.
    """

    supervisor: Supervisor
    urls: tuple[str, ...]
    booted_at: float
    out: LineWriter


WhenUp: TypeAlias = Callable[[Running], Awaitable[bool | None]]
"""Called when the API answers. True or False ends the program, well or not; None leaves it running."""


@attrs.frozen(kw_only=True)
class Plan:
    """
    What is to be run.

    Attributes:
        root: Of everything.

        config: Path of the configuration.

        binds: Where the API listens; empty: as the configuration says.

        log_level: Of our own log; None: as the configuration says.

        when_up: See `WhenUp`.

        alone: Nothing in this process but the supervisor starts children.

        orphans: What happens to the services if this process is killed; None: as the configuration says.

        sources: Where values come from beside the file; None: our environment and `/run/secrets`.
    """

    root: Root
    config: str
    binds: tuple[str, ...] = ()
    log_level: str | None = None
    when_up: WhenUp | None = None
    alone: bool = True
    orphans: Orphans | None = None
    sources: Sources | None = None


def run_program(plan: Plan) -> int:
    """
    Run *plan* in the foreground until a signal, a request to the API or a failure of ours ends it.

    Everything is stopped then. What was wrong has been written to stderr.

    Returns:
        The exit code.
    """
    with LineWriter(sys.stdout) as out, LineWriter(sys.stderr) as err, log_to(err, plan.log_level or "warning"):
        return trio.run(_run, plan, out)


async def _run(plan: Plan, out: LineWriter) -> int:
    ending = Ending(out, alone=plan.alone)
    # SIGHUP stays ignored under nohup. SIGINT does not, although a script's `&` ignores it: who sends it means it.
    is_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    caught = [number for number in STOPPING if not (number == signal.SIGHUP and is_nohup)]
    with trio.open_signal_receiver(*caught, signal.SIGCHLD) as signals:
        async with trio.open_nursery() as nursery:
            # Around everything else: a second signal hastens also the very end.
            nursery.start_soon(ending.watch_signals, signals)
            try:
                code = await _run_locked(plan, ending, out)
            except DumbActorsError as error:
                _tell(error)
                code = exit_code_of(error)
            nursery.cancel_scope.cancel()
    return code


def _tell(error: DumbActorsError) -> None:
    if isinstance(error, ConfigError):
        click.echo("\n".join(fault_lines(error, paint_for(sys.stderr))), err=True, color=True)
        fail("nothing was started")
    elif isinstance(error, PortTaken):
        fail(f"{error}; choose another address with --bind")
    else:
        fail(str(error))


async def _run_locked(plan: Plan, ending: Ending, out: LineWriter) -> int:
    from dumb_web.sockets import bind  # late, as all of dumb_web; this part of it is small

    async with contextlib.AsyncExitStack() as held:
        await held.enter_async_context(hold_root(plan.root.path, plan.root.run))
        store = await open_store(plan.config, plan.root, sources=plan.sources)
        config = store.config
        set_level(plan.log_level or config.settings.log_level)
        for warning in config.warnings:
            log.warning("config.warning %s", warning)
        sockets = [
            held.enter_context(await trio.to_thread.run_sync(bind, address))
            for address in plan.binds or _binds_of(config)
        ]
        how = Opening(
            subreaper=True,
            nofile=raise_nofile(),  # the services get the limits that we had
            orphans=plan.orphans or config.settings.orphans,
            keeper=True,
            cgroups=config.settings.cgroups == "auto",
        )
        async with open_locked(config, config.specs, plan.root, how) as supervisor:
            supervisor.store = store
            ending.supervisor = supervisor
            return await _run_supervisor(supervisor, sockets, plan, ending, out)


def _binds_of(config: Config) -> tuple[str]:
    host, port = config.settings.api_host, config.settings.api_port
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}",)


async def _run_supervisor(
    supervisor: Supervisor, sockets: "Sequence[BoundSocket]", plan: Plan, ending: Ending, out: LineWriter
) -> int:
    """Boot, serve, wait for the end, and stop everything while the API still answers."""
    web_end = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(Narrator(supervisor, out).run)
        reloader = Reloader(supervisor, out)
        nursery.start_soon(reloader.run)
        ending.reload = reloader.ask
        _tell_adopted(supervisor, out)
        booted_at = time.time()
        if not ending.is_asked:
            await supervisor.boot()
        nursery.start_soon(_serve, supervisor, sockets, plan, ending, out, web_end, booted_at)
        await ending.wait()
        began = trio.current_time()
        if ending.keep:
            await supervisor.leave(by=ending.reason)
            left = [name for name, one in supervisor.snapshot().services.items() if one.pid is not None]
            out.put(f"{len(left)} services go on without a supervisor; `dumb-actors up` takes them over")
        else:
            await supervisor.shutdown(by=ending.reason)
            took = for_how_long(trio.current_time() - began)
            out.put(f"everything is stopped, in {took} (asked for by {ending.reason})")
        reloader.close()
        web_end.set()
    return FAILED if ending.is_failure else DONE


def _tell_adopted(supervisor: Supervisor, out: LineWriter) -> None:
    for text in supervisor.found:
        out.put(text)
    there = [one for one in supervisor.snapshot().services.values() if one.pid is not None]
    if there:
        names = ", ".join(one.name for one in there)
        out.put(f"took over {len(there)} services that an earlier supervisor left running: {names}")
        for one in there:
            if one.needs_restart:
                out.put(f"{one.name} runs as it was configured before; restart it for its new configuration")


# --- the web stack ----------------------------------------------------------------------------------------------------


def _import_web() -> tuple[ModuleType, ModuleType]:
    importlib.import_module("dumb_web.connections")
    return importlib.import_module("dumb_web.app"), importlib.import_module("dumb_web.serve")


async def _serve(
    supervisor: Supervisor,
    sockets: "Sequence[BoundSocket]",
    plan: Plan,
    ending: Ending,
    out: LineWriter,
    web_end: trio.Event,
    booted_at: float,
) -> None:
    """Serve the API until *web_end*; a failure here is told and ends the program in order."""
    try:
        # In a thread: the import would keep the actors waiting for half a second.
        app_room, serve_room = await trio.to_thread.run_sync(_import_web)
        if web_end.is_set():
            return  # it was told to end meanwhile, and everything is stopped
        app = app_room.create_app(
            supervisor,
            on_shutdown=lambda: ending.ask("the API"),
            on_leave=lambda: ending.ask("the API", keep=True),
        )
        async with trio.open_nursery() as nursery:
            urls = await nursery.start(partial(serve_room.serve, app, sockets, shutdown=web_end, grace=GRACE_S))
            with publish_api(plan.root, urls[0], __version__):
                for url in urls:
                    out.put(f"listening on {url}")
                if plan.when_up is not None:
                    running = Running(supervisor=supervisor, urls=tuple(urls), booted_at=booted_at, out=out)
                    await _call_when_up(plan.when_up, running, ending)
                await web_end.wait()
    except Exception as error:
        # The edge of the web stack: whatever it is, the services must not go on without anybody to ask.
        log.exception("web.failed")
        fail(f"the API failed, so everything is stopped: {_innermost(error)!r}")
        ending.ask("the failure of the API", is_failure=True)


def _innermost(error: BaseException) -> BaseException:
    return _innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def _call_when_up(when_up: WhenUp, running: Running, ending: Ending) -> None:
    """Let *when_up* do its work unless the program ends meanwhile."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_at_end, ending, nursery.cancel_scope)
        is_well = await when_up(running)
        if is_well is not None:
            ending.ask("the demo", is_failure=not is_well)
        nursery.cancel_scope.cancel()


async def _cancel_at_end(ending: Ending, scope: trio.CancelScope) -> None:
    await ending.wait()
    scope.cancel()
