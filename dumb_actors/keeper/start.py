"""Start the keeper's process."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Literal, TypeAlias

import attrs

from dumb_actors.process.procfs import MARKER_NAME

__all__ = ["Orphans", "Started", "log_path", "start_keeper"]

Orphans: TypeAlias = Literal["adopt", "stop"]
"""What the keeper does when its supervisor is gone: go on for the children, or end them."""

PROGRAM = str(Path(__file__).with_name("__main__.py"))

# Those that say how texts are written, and who we are ourselves a child of.
INHERITED = {"LANG", "TZ", MARKER_NAME}


@attrs.frozen
class Started:
    """
    A keeper that was just started.

    Attributes:
        process: To be reaped by its owner.

        pidfd: Readable when it has ended.

        control: Our end of the socket; when it is closed the keeper is on its own.
    """

    process: subprocess.Popen[bytes]
    pidfd: int
    control: socket.socket


def log_path(run_dir: str) -> str:
    """Give the path of the keeper's own log, which each one begins anew."""
    return f"{run_dir}/keeper.log"


def start_keeper(run_dir: str, orphans: Orphans, version: str, own: set[int]) -> Started:
    """
    Start a keeper for *run_dir*. Blocks for some milliseconds: call it in a `Spawner`.

    It has a session of its own, none of our descriptors, and works in `/`. Its pid is added to *own* before anybody
    can see the process.

    Raises:
        OSError: It cannot be started; nothing is left.
    """
    with contextlib.ExitStack() as opened:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        opened.callback(theirs.close)
        giving_up = opened.enter_context(contextlib.ExitStack())
        giving_up.callback(ours.close)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        diary = os.open(log_path(run_dir), flags, 0o600)
        opened.callback(os.close, diary)
        # utf8: paths come to it as texts, and must be the same bytes for both.
        python = [sys.executable, "-I", "-S", "-X", f"utf8={sys.flags.utf8_mode}"]
        process = subprocess.Popen(
            [*python, PROGRAM, str(theirs.fileno()), run_dir, orphans, version],
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=diary,
            stderr=diary,
            start_new_session=True,
            pass_fds=[theirs.fileno()],
        )
        own.add(process.pid)
        giving_up.callback(own.discard, process.pid)
        giving_up.callback(process.wait)
        giving_up.callback(process.kill)
        pidfd = os.pidfd_open(process.pid)
        giving_up.pop_all()
        return Started(process, pidfd, ours)


def _environment() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if name in INHERITED or name.startswith("LC_")}
