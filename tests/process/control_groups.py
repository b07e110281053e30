"""Ground for tests of control groups: a group of the kernel's that a test may do with as it likes."""

import contextlib
import itertools
import os
import select
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from dumb_actors.process.cgroup import Cgroup

__all__ = ["Ground", "ground"]

_numbers = itertools.count()


@attrs.frozen
class Ground:
    """
    A group made for one test.

    Attributes:
        mount, group: Where version 2 is mounted, and the path of the group below that.

        proc: Directory with `cgroup` and `mountinfo` of a process that is in this group, as far as one believes them.
    """

    mount: Path
    group: str
    proc: Path

    @property
    def path(self) -> Path:
        return Path(f"{self.mount}{self.group}")

    def pretend_in(self, group: str, mountinfo: str | None = None) -> str:
        """Write what a process in *group* finds about itself; gives the directory."""
        line = f"40 31 0:38 / {self.mount} rw,relatime - cgroup2 cgroup2 rw\n"
        (self.proc / "cgroup").write_text(f"4:memory:/elsewhere\n1:name=systemd:/\n0::{group}\n")
        (self.proc / "mountinfo").write_text(f"31 23 0:28 / /tmp rw - tmpfs tmpfs rw\n{mountinfo or line}")
        return str(self.proc)


def _our_place() -> tuple[Path, str] | None:
    own = next((line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line[:3] == "0::"), None)
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 ") and before.split()[3] == "/" and own is not None and ".." not in own:
            return Path(before.split()[4]), own.rstrip("/")
    return None


def _clear(path: Path) -> None:
    """Kill who is left and remove everything; waits for the kernel's notice."""
    cgroup = Cgroup(str(path))
    with (path / "cgroup.events").open() as events, contextlib.closing(select.epoll()) as notice:
        notice.register(events, select.EPOLLPRI)
        cgroup.kill()
        while not cgroup.is_empty() and "populated 1" in os.pread(events.fileno(), 4096, 0).decode():
            notice.poll()
    assert cgroup.remove()


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    place = _our_place()
    if os.geteuid() != 0 or place is None:
        pytest.skip("needs root, and control groups of version 2")
    mount, own = place
    group = f"{own}/dumb-actors-test-{os.getpid()}-{next(_numbers)}"
    try:
        Path(f"{mount}{group}").mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    proc = tmp_path / "proc"
    proc.mkdir()
    made = Ground(mount, group, proc)
    yield made
    _clear(made.path)
