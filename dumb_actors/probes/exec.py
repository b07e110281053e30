"""Readiness by a program that knows: it ends with exit code 0."""

import shlex
from typing import Protocol

import trio

from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Exit, Launch, describe_argv
from dumb_actors.model.probe import Exec
from dumb_actors.probes.base import Answer, Stateless
from dumb_actors.probes.faults import describe_os
from dumb_actors.probes.loop import growing_interval

__all__ = ["ExecProbe", "Runner", "what_exec"]

LONGEST_S = 1.0
LONGEST_LINE = 200


class Runner(Protocol):
    """Runs small programs; this room starts none itself."""

    async def run(self, argv: tuple[str, ...], launch: Launch) -> tuple[Exit, bytes]:
        """
        Run *argv* with the environment and in the directory of *launch* until it ends, and leave nothing of it.

        Returns:
            How it ended, and the last of what it wrote.

        Raises:
            SpawnFailed, OSError: It could not be started.

        Cancellation: the program is killed, and whatever it started.
        """


class ExecProbe(Stateless):
    """Runs the program anew for each question; a program costs more than a connect, so up to 1 s lies in between."""

    def __init__(self, spec: Exec, launch: Launch, runner: Runner) -> None:
        self._argv = spec.exec
        self._launch = launch
        self._runner = runner

    @property
    def what(self) -> str:
        """See `Probe`."""
        return what_exec(self._argv)

    async def ask(self) -> Answer:
        """See `Probe`. Cutting it kills the program."""
        try:
            exit_, output = await self._runner.run(self._argv, self._launch)
        except SpawnFailed as error:
            return Answer(False, _shortened(str(error)))
        except OSError as error:
            return Answer(False, f"cannot start {shlex.quote(self._argv[0])}: {describe_os(error)}")
        text = f"exit code {exit_.code}" if exit_.code is not None else str(exit_)
        if exit_.code == 0:
            return Answer(True, text)
        line = _last_line(output)
        return Answer(False, f"{text}: {line}" if line else text)

    async def pause(self, waited_s: float) -> None:
        """Sleep for the growing interval."""
        await trio.sleep(growing_interval(waited_s, LONGEST_S))


def what_exec(argv: tuple[str, ...]) -> str:
    """Say what an `Exec` waits for."""
    return f"`{describe_argv(argv)}` to end with exit code 0"


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").splitlines()
    # What a terminal would act on is no text.
    shown = ("".join(char if char.isprintable() else " " for char in line).strip() for line in reversed(lines))
    return _shortened(next(filter(None, shown), ""))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + "…"
