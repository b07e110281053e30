"""Children of a supervisor that is no more: made here without one, for it is gone in any case."""

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import attrs
from process_support import Words

from dumb_actors.process import procfs
from dumb_actors.process.lineage import descendants_of
from dumb_actors.process.record import Record

HOLD = "sh -c 'echo $$ > $1; sleep 1000; true' x $1"
"""Tells its pid, and holds on."""


@attrs.define(eq=False)
class Orphans:
    """
    Makes leaders whose parent has ended, or is another process of ours.

    Attributes:
        words: Through which they tell where they are.

        fifo: The output FIFO that they have.

        noted: Whom to end after the test.
    """

    words: Words
    fifo: str
    fifo_fd: int
    marker: str = attrs.field(factory=lambda: uuid.uuid4().hex)
    noted: set[tuple[int, int]] = attrs.field(factory=set)
    parents: list[subprocess.Popen[bytes]] = attrs.field(factory=list)

    def record(self, **changes: object) -> Record:
        facts: dict[str, object] = {
            "generation": 1,
            "service": "web",
            "slug": "web",
            "state": "running",
            "marker": self.marker,
            "fifo": self.fifo,
            "boot_id": procfs.boot_id(),
        }
        return Record(**(facts | changes))  # type: ignore[arg-type]

    def note(self, pid: int) -> tuple[int, int]:
        stat = procfs.read_stat(pid)
        assert stat is not None
        self.noted.add(stat.identity)
        return stat.identity

    async def leader(
        self, script: str, *, marked: bool = True, fifo: bool = True, kept: str | None = None
    ) -> tuple[int, int]:
        """
        Start a session leader that runs *script* with the words' path as $1, and wait until it says its pid.

        Its parent has ended afterwards; or, with *kept*, is a shell that does that.
        """
        script = f'echo $$ > "$1"; {script}'
        # The parent itself shows no sign of the generation.
        mark = f"env {procfs.MARKER_NAME}={self.marker} " if marked else ""
        # While a shell sends the output of one of its own commands elsewhere, its standard output is that.
        output = f"> {self.fifo if fifo else '/dev/null'} 2>&1"
        popen = subprocess.Popen(
            ["sh", "-c", f'{mark}setsid sh -c "$0" x "$1" {output} & {kept or ""}', script, self.words.path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=os.path.dirname(self.words.path),  # noqa: PTH120
            env={"PATH": os.environ["PATH"]},
            start_new_session=True,
        )
        self.parents.append(popen)
        pid = await self.words.number()
        if kept is None:
            popen.wait()
        return self.note(pid)

    def python(self, code: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Run a small Python program."""
        popen = subprocess.Popen([sys.executable, "-I", "-S", "-c", code, *arguments], stdin=subprocess.DEVNULL)
        self.parents.append(popen)
        return popen

    def clean_up(self) -> None:
        for popen in self.parents:
            if popen.poll() is None:
                popen.kill()
                popen.wait()
        for identity in self.noted:
            stat = procfs.read_stat(identity[0])
            if stat is not None and stat.identity == identity and not stat.is_dead:
                for pid in [stat.pid, *(below.pid for below in descendants_of(stat.pid))]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        # Where this process is their sub-reaper they are ours to collect.
        for pid, _ in self.noted:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


@contextlib.contextmanager
def open_orphans(words: Words, directory: Path) -> Iterator[Orphans]:
    path = directory.resolve() / "output"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    orphans = Orphans(words, str(path), descriptor)
    try:
        yield orphans
    finally:
        orphans.clean_up()
        os.close(descriptor)
