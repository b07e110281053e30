"""Why and when the program ends: signals, a request to the API, or a failure of our own."""

import signal
from collections.abc import AsyncIterator
from typing import Final

import attrs
import trio

from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.cli.output import LineWriter

__all__ = ["STOPPING", "Ending"]

STOPPING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that ask for an orderly end."""


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
    """

    out: LineWriter
    alone: bool = True
    supervisor: Supervisor | None = None
    reason: str = ""
    is_failure: bool = False
    _asked: trio.Event = attrs.field(factory=trio.Event, init=False)

    @property
    def is_asked(self) -> bool:
        """Whether the program is to end."""
        return self._asked.is_set()

    def ask(self, reason: str, *, is_failure: bool = False) -> None:
        """Ask for an orderly end because of *reason*; a repeated call changes nothing but a failure is remembered."""
        self.is_failure = self.is_failure or is_failure
        if not self.is_asked:
            self.reason = reason
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
