"""SIGHUP: read the configuration again and go over to it, or say what is wrong with it and go on as before."""

import contextlib
import logging

import trio

from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.cli.check import fault_lines
from dumb_actors.cli.output import LineWriter
from dumb_actors.config.load import Config
from dumb_actors.config.store import Broken, ConfigStore
from dumb_actors.errors import ConfigError, DumbActorsError
from dumb_actors.model.plan import Difference

__all__ = ["Reloader"]

log = logging.getLogger("dumb_actors.cli")

BY = "SIGHUP"


class Reloader:
    """
    Has the store of *supervisor* read its file whenever it is asked to, and takes every new configuration over.

    Args:
        out: Told what came of it.
    """

    def __init__(self, supervisor: Supervisor, out: LineWriter) -> None:
        assert supervisor.store is not None  # noqa: S101  (the program always has one)
        self._supervisor = supervisor
        self._store: ConfigStore = supervisor.store
        self._out = out
        self._broken: Broken | None = None
        # Any number of requests while one is served are one: what they want is the file as it is then.
        self._send, self._receive = trio.open_memory_channel[None](1)

    def ask(self) -> None:
        """Ask for a reload; never waits."""
        with contextlib.suppress(trio.WouldBlock, trio.ClosedResourceError):
            self._send.send_nowait(None)

    def close(self) -> None:
        """Let `run` come to its end."""
        self._send.close()

    async def run(self) -> None:
        """Serve until `close`; what goes wrong is told, and everything goes on as it was."""
        async with trio.open_nursery() as nursery:
            # Whoever changes the configuration, this one is who carries it out.
            nursery.start_soon(self._follow)
            async for _ in self._receive:
                await self._reload()
            nursery.cancel_scope.cancel()

    async def _reload(self) -> None:
        try:
            found = await self._store.reload()
        except DumbActorsError as error:
            self._out.put(f"the configuration was not reloaded: {error}")
            return
        self._tell_of_file(found.broken)
        if not found.changed and found.broken is None:
            config = self._store.config
            self._out.put(f"the configuration was reloaded: nothing differs for its {len(config.specs)} services")

    def _tell_of_file(self, broken: Broken | None) -> None:
        """Say that the file is broken, or that it is good again: here, in the log, and in an event."""
        if broken is not None:
            for line in fault_lines(broken.error, self._out.paint):
                self._out.put(line)
            revision = self._store.revision
            self._out.put(f"the configuration has faults; everything goes on as it was, at revision {revision}")
            log.warning("config.broken %s", broken.error)
            text = f"{_summary(broken.error)}; revision {revision} goes on counting"
            self._supervisor.tell_of_file("config_broken", text, by=BY)
        elif self._broken is not None:
            log.warning("config.mended %s", self._store.config.source)
            self._supervisor.tell_of_file("config_mended", f"{self._store.config.source} can be used again", by=BY)
        self._broken = broken

    async def _follow(self) -> None:
        while True:
            changed, config = self._store.changed, self._store.config
            if self._supervisor.config is not config:
                await self._take_over(config)
            await changed.wait()

    async def _take_over(self, config: Config) -> None:
        for warning in config.warnings:
            log.warning("config.warning %s", warning)
        try:
            found = await self._supervisor.reconfigure(config, by=self._store.made_by)
        except DumbActorsError as error:
            self._out.put(f"the configuration was not taken over: {error}")
        else:
            self._out.put(f"the configuration was reloaded: {_tell(found, config)}")


def _summary(error: ConfigError) -> str:
    more = f" and {len(error.faults) - 1} more" if len(error.faults) > 1 else ""
    return f"{error.source} cannot be used: {error.faults[0]}{more}"


def _tell(found: Difference, config: Config) -> str:
    parts = [
        f"{len(names)} {word} ({', '.join(names)})"
        for word, names in (
            ("new", found.added),
            ("changed", found.changed),
            ("removed", found.removed),
            ("enabled", found.enabled),
            ("disabled", found.disabled),
        )
        if names
    ]
    return ", ".join(parts) or f"nothing differs for its {len(config.specs)} services"
