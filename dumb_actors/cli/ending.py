"""Why and when the program ends: signals, a request to the API, or a failure of our own."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import Final

import attrs
import trio

from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.cli.output import LineWriter

__all__ = ["STOPPING", "Ending"]

STOPPING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that ask for an orderly end; SIGHUP only when the terminal is gone, else it reloads the configuration."""


@attrs.define(eq=False)
class Ending:
    """
    One end of the program, whoever asks for it first; only the first one's reason counts.

    Attributes:
        out: Told why, at once.

        alone: Nothing in this process starts children but the supervisor, so every orphan may be collected.

        supervisor: What is to be hastened and asked to collect orphans; None before there is one.

        reason: Who or what asked for the end; empty before.

        is_failure: It ends because something of ours failed.

        keep: The services are to go on.

        reload: Called at SIGHUP; None: that ends the program as well.
    """

    out: LineWriter
    alone: bool = True
    supervisor: Supervisor | None = None
    reason: str = ""
    is_failure: bool = False
    keep: bool = False
    reload: Callable[[], None] | None = None
    _terminals: tuple[int, ...] = attrs.field(init=False)
    _asked: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self._terminals = _terminals()

    @property
    def is_asked(self) -> bool:
        """Whether the program is to end."""
        return self._asked.is_set()

    def ask(self, reason: str, *, is_failure: bool = False, keep: bool = False) -> None:
        """
        Ask for an orderly end because of *reason*; with *keep* the services go on.

        A repeated call changes nothing, but a failure is remembered.
        """
        self.is_failure = self.is_failure or is_failure
        if not self.is_asked:
            self.reason = reason
            self.keep = keep
            self._asked.set()

    async def wait(self) -> None:
        """Return when somebody asked."""
        await self._asked.wait()

    async def watch_signals(self, signals: AsyncIterator[int]) -> None:
        """Act on signals until cancelled: the first asks for the end, a second hastens it."""
        async for number in signals:
            if number == signal.SIGCHLD:
                if self.supervisor is not None:
                    self.supervisor.reap_orphans(alone=self.alone)
            elif number == signal.SIGHUP and self.reload is not None and self._terminals == _terminals():
                self.reload()
            elif self.is_asked:
                self._hasten(signal.Signals(number).name)
            else:
                name = signal.Signals(number).name
                self.out.put(f"{name}: stopping everything in order; once more to kill at once")
                self.ask(name)

    def _hasten(self, name: str) -> None:
        self.out.put(f"{name} again: killing what is left")
        if self.supervisor is not None:
            self.supervisor.hasten()


def _terminals() -> tuple[int, ...]:
    """Give which of our standard streams are a terminal; one that hung up is none."""
    return tuple(fd for fd in (0, 1, 2) if _is_terminal(fd))


def _is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False
