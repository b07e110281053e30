"""What the benchmarks share: the child, the FIFO on which children report, and the bare way of doing the same."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import trio

from dumb_actors import Log, ServiceSpec, Settle

CHILD = str(Path(__file__).with_name("child.sh"))
RUN_S = 0.05
"""How long a child of the chain rows takes to get ready."""


@attrs.frozen
class World:
    """
    A temporary place with FIFOs: `up` for the children's reports, `go` for a word to a writer that waits, `stay` from
    which nothing ever comes.
    """

    path: Path
    up_fd: int
    go_fd: int

    @classmethod
    @contextlib.contextmanager
    def make(cls) -> Iterator["World"]:
        """Make a world for the length of a block."""
        with tempfile.TemporaryDirectory(prefix="dumb-bench-") as folder:
            names = ("up", "go", "stay")
            for name in names:
                os.mkfifo(f"{folder}/{name}")
            # Read-write, so that opening never blocks on either side.
            fds = [os.open(f"{folder}/{name}", os.O_RDWR | os.O_NONBLOCK) for name in names]
            try:
                yield cls(Path(folder), fds[0], fds[1])
            finally:
                for fd in fds:
                    os.close(fd)

    def argv(self, ready_after_s: float = 0) -> list[str]:
        """Give the command of a child that gets ready after *ready_after_s*."""
        return ["sh", CHILD, f"{self.path}/up", f"{ready_after_s:g}", f"{self.path}/stay"]

    async def wait_up(self, count: int) -> None:
        """Return when *count* children have reported."""
        seen = 0
        while seen < count:
            await trio.lowlevel.wait_readable(self.up_fd)
            seen += os.read(self.up_fd, 65536).count(b"\n")

    def go(self) -> None:
        """Let the writer begin that has reported; so what it reports next cannot be taken for that."""
        os.write(self.go_fd, b"go")

    def specs(self, layers: int, width: int, *, timed: bool) -> list[ServiceSpec]:
        """Make *layers* of *width* services each, each layer depending on the whole layer before it."""
        return [
            ServiceSpec(
                f"s{layer}-{index}",
                self.argv(RUN_S if timed else 0),
                depends_on=[f"s{layer - 1}-{i}" for i in range(width)] if layer else [],
                readiness=Log("^ready$") if timed else Settle(0),
            )
            for layer in range(layers)
            for index in range(width)
        ]


def spawn_bare(argv: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start a child the plain way, its output on a pipe."""
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True)


def spawn_bare_in_threads(argv: Sequence[str], count: int, threads: int = 4) -> "list[subprocess.Popen[bytes]]":
    """Start *count* children with plain `Popen` in as many threads as our spawner has."""
    children: list[subprocess.Popen[bytes]] = []
    share = [count // threads + (index < count % threads) for index in range(threads)]

    def work(amount: int) -> None:
        children.extend(spawn_bare(argv) for _ in range(amount))

    workers = [threading.Thread(target=work, args=(amount,)) for amount in share]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return children


def stop_bare(children: "Sequence[subprocess.Popen[bytes]]") -> None:
    """Send SIGTERM to every group, then wait for every leader."""
    for child in children:
        os.killpg(child.pid, signal.SIGTERM)
    for child in children:
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
