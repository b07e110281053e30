"""Real mounts for tests; the fixtures `can_mount` and `can_mount_fuse` tell whether they are permitted."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SERVER = Path(__file__).with_name("fuse_server.py")


class MountRefused(Exception):
    """It may not be done here, and why."""


def mount(point: Path) -> None:
    """Mount a tmpfs."""
    done = subprocess.run(["mount", "-t", "tmpfs", "none", str(point)], check=False, capture_output=True, text=True)
    if done.returncode:
        raise MountRefused(done.stderr.strip())


def unmount(point: Path) -> None:
    subprocess.run(["umount", "--lazy", str(point)], check=True)


@contextmanager
def point_in(parent: Path, name: str = "mnt") -> Iterator[Path]:
    """Make a directory to mount on; whatever is mounted there afterwards is unmounted."""
    point = parent / name
    point.mkdir()
    try:
        yield point
    finally:
        _clear(point)


def _clear(point: Path) -> None:
    while subprocess.run(["umount", "--lazy", str(point)], check=False, capture_output=True).returncode == 0:
        pass


class Fuse:
    """A FUSE file system with a server that can hang, and be killed."""

    def __init__(self, point: Path) -> None:
        self._server = subprocess.Popen(
            [sys.executable, SERVER, point], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        if self._line() != "mounted":
            assert self._server.stderr is not None
            said = self._server.stderr.read().decode()
            self.close()
            raise MountRefused(said.splitlines()[-1])

    def _line(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline().decode().strip()

    def tell(self, word: str) -> None:
        """`answer` or `hang`; returns when it is so."""
        assert self._server.stdin is not None
        self._server.stdin.write(f"{word}\n".encode())
        self._server.stdin.flush()
        assert self._line() == word

    def kill(self) -> None:
        self._server.kill()
        self._server.wait()

    def close(self) -> None:
        self.kill()
        for stream in (self._server.stdin, self._server.stdout, self._server.stderr):
            assert stream is not None
            stream.close()


@contextmanager
def fuse_on(point: Path) -> Iterator[Fuse]:
    fuse = Fuse(point)
    try:
        yield fuse
    finally:
        fuse.close()


# Fixtures and no marks, because only trying tells; not inside the tests, because there pytest-trio loses the reason.
@pytest.fixture
def can_mount(tmp_path: Path) -> None:
    """Skip the test, with the reason, where nothing can be mounted."""
    try:
        with point_in(tmp_path, "trial") as point:
            mount(point)
    except MountRefused as refused:
        pytest.skip(f"may not mount here: {refused}")


@pytest.fixture
def can_mount_fuse(tmp_path: Path) -> None:
    """Skip the test, with the reason, where no FUSE file system can be mounted."""
    try:
        with point_in(tmp_path, "trial-fuse") as point, fuse_on(point):
            pass
    except MountRefused as refused:
        pytest.skip(f"may not mount FUSE here: {refused}")
