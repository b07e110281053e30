"""What the tests of this folder share: launches, children, and a FIFO through which children speak."""

import os
import signal
import uuid
from pathlib import Path

import attrs
import trio

from dumb_actors.model.child import Launch
from dumb_actors.process import procfs
from dumb_actors.process.child import OwnChild, spawn_child
from dumb_actors.process.leader import Leader
from dumb_actors.process.lineage import Lineage
from dumb_actors.process.spawner import Spawner


def is_alive(pid: int) -> bool:
    """Tell whether a process is there and not a zombie."""
    stat = procfs.read_stat(pid)
    return stat is not None and not stat.is_dead


async def ended(pid: int) -> None:
    """Return when a process, anybody's, has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        await trio.lowlevel.wait_readable(pidfd)
    finally:
        os.close(pidfd)


class Words:
    """A FIFO through which children tell where they are: one word in a line."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        os.mkfifo(path)
        # Read-write, so that it never shows an end of file between two writers.
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._buffer = b""

    async def word(self) -> str:
        while b"\n" not in self._buffer:
            await trio.lowlevel.wait_readable(self._descriptor)
            self._buffer += os.read(self._descriptor, 4096)
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode().strip()

    async def number(self) -> int:
        return int(await self.word())

    def close(self) -> None:
        os.close(self._descriptor)


@attrs.define
class NoOutput:
    """The output of a child that nobody reads."""

    lines: tuple[str, ...] = ("last line",)
    finished: int = 0

    async def finish(self) -> tuple[str, ...]:
        self.finished += 1
        await trio.lowlevel.checkpoint()
        return self.lines


@attrs.define(eq=False)
class Place:
    """Makes launches and children in a directory."""

    directory: str
    spawner: Spawner
    lineage: Lineage = attrs.field(factory=Lineage)
    children: list[OwnChild] = attrs.field(factory=list)

    def launch(self, *argv: str, generation: int = 1, **env: str) -> Launch:
        return Launch(
            service="web",
            slug="web",
            generation=generation,
            argv=argv,
            cwd=self.directory,
            env={"PATH": os.environ["PATH"], **env},
            marker=uuid.uuid4().hex,
            log_path=None,
        )

    async def spawn(self, launch: Launch, **options: object) -> OwnChild:
        settings = {"output_fd": None, "output": NoOutput(), "subreaper": False, "lineage": self.lineage} | options
        child = await spawn_child(self.spawner, launch, **settings)  # type: ignore[arg-type]
        self.children.append(child)
        return child

    def clean_up(self) -> None:
        """End what a failed test left, so that the next one does not fail for it."""
        for child in self.children:
            leader = child._leader
            if isinstance(leader, Leader) and leader._popen.returncode is None:
                leader.signal_group(signal.SIGKILL)
                leader._popen.wait()
                os.close(leader._pidfd)

    async def shell(self, script: str, *arguments: str, **options: object) -> OwnChild:
        """Run a script; its arguments are $1 and so on."""
        return await self.spawn(self.launch("sh", "-c", script, "sh", *arguments), **options)
