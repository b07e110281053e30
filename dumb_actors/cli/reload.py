"""SIGHUP: read the configuration again and go over to it, or say what is wrong with it and go on as before."""

import contextlib
import logging

import trio

from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.cli.check import fault_lines
from dumb_actors.cli.output import LineWriter
from dumb_actors.config.load import Config, load_config
from dumb_actors.config.root import Root
from dumb_actors.errors import ConfigError, DumbActorsError
from dumb_actors.model.plan import Difference

__all__ = ["Reloader"]

log = logging.getLogger("dumb_actors.cli")


class Reloader:
    """
    Reloads the configuration of *supervisor* whenever it is asked to, one at a time.

    Args:
        path, root: What was loaded in the beginning.

        out: Told what came of it.
    """

    def __init__(self, supervisor: Supervisor, path: str, root: Root, out: LineWriter) -> None:
        self._supervisor = supervisor
        self._path = path
        self._root = root
        self._out = out
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
        async for _ in self._receive:
            try:
                config = await trio.to_thread.run_sync(load_config, self._path, self._root)
                for warning in config.warnings:
                    log.warning("config.warning %s", warning)
                found = await self._supervisor.reconfigure(config, by="SIGHUP")
            except ConfigError as error:
                for line in fault_lines(error, self._out.paint):
                    self._out.put(line)
                self._out.put("the configuration has faults; everything goes on as it was")
            except DumbActorsError as error:
                self._out.put(f"the configuration was not reloaded: {error}")
            else:
                self._out.put(f"the configuration was reloaded: {_tell(found, config)}")


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
