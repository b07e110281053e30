"""Kill a process at a chosen system call, by `strace`; the fixture `can_trace` tells whether that is permitted."""

import shutil
import subprocess
from pathlib import Path

import pytest

from .world import wait_for_end


class TraceRefused(Exception):
    """It may not be done here, and why."""


class Trap:
    """
    Kills *pid*, a stranger to us, in the *when*th call of *calls* that one of its threads makes from now on.

    Args:
        notes: A file for what was seen.

    Raises:
        TraceRefused: Nothing is attached.
    """

    def __init__(self, pid: int, calls: str, when: int, notes: Path) -> None:
        self._pid = pid
        self._notes = notes
        what = ["-e", f"trace={calls}", "-e", f"inject={calls}:signal=SIGKILL:when={when}"]
        self._process = subprocess.Popen(
            ["strace", "-f", "-p", str(pid), "-o", str(notes), *what], stderr=subprocess.PIPE, text=True
        )
        said = self._process.stderr.readline()
        if "attached" not in said:
            self.close()
            raise TraceRefused(said.strip())

    def wait(self) -> None:
        """Return when it has killed."""
        sprung = wait_for_end(self._pid)
        self.close()
        assert sprung, "no such call was made"
        assert "+++ killed by SIGKILL +++" in self._notes.read_text()

    def close(self) -> None:
        """Let go of the process, which goes on if it lives. Idempotent."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()
        self._process.stderr.close()


@pytest.fixture
def can_trace(tmp_path: Path) -> None:
    """Skip the test, with the reason, where no process can be traced."""
    if shutil.which("strace") is None:
        pytest.skip("NOT TESTED: the package `strace` is not installed")
    target = subprocess.Popen(["sleep", "1000"])
    try:
        Trap(target.pid, "openat", 1, tmp_path / "trial").close()
    except TraceRefused as refused:
        pytest.skip(f"NOT TESTED: a process may not be traced (ptrace) here: {refused}")
    finally:
        target.kill()
        target.wait()
