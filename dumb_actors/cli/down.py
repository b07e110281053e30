"""`down`: stop everything, and be sure of it."""

import os
import select
import sys
import time
from pathlib import Path

import click

from dumb_actors.cli.client import Answered, Api
from dumb_actors.cli.paint import paint_for
from dumb_actors.errors import ApiUnreachable, DumbActorsError

__all__ = ["bring_down"]

_PATIENCE_S = 1.0


def bring_down(api: Api, *, keep: bool = False) -> int | None:
    """
    Ask the supervisor to stop everything and end, and return when its process is gone; with *keep* services go on.

    While that takes long, stderr tells which services are not stopped yet.

    Returns:
        The pid that ended; None when it was not told to us and the API alone was watched.

    Raises:
        ApiUnreachable: There is no supervisor.

        Answered: It refused.
    """
    pid = api.file.visible_pid if api.file is not None else None
    # The descriptor first: once asked, it may end at any instant and its number be used again.
    watched = _open_pidfd(pid)
    try:
        answer = _ask(api, keep=keep)
        if watched is None:
            told = answer.get("pid")
            pid = told if isinstance(told, int) and _is_program(told) else None
            watched = _open_pidfd(pid)
        _wait(api, watched)
    finally:
        if watched is not None:
            os.close(watched)
    return pid


def _ask(api: Api, *, keep: bool) -> dict[str, object]:
    try:
        answer = api.post("/shutdown", {"keep": True} if keep else {}, timeout=10.0)
    except Answered as error:
        if error.body.get("code") != "shutting-down":
            raise
        return dict(error.body)  # somebody else was first: the same end
    return answer if isinstance(answer, dict) else {}


def _open_pidfd(pid: int | None) -> int | None:
    if pid is None:
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:  # gone, or in a name space of its own
        return None


def _is_program(pid: int) -> bool:
    """Whether that process is ours: the API may be that of a container, whose pids are others here."""
    try:
        return b"dumb" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _wait(api: Api, watched: int | None) -> None:
    """Wait for the process to end, or, where it cannot be seen, for the API to be gone."""
    told = ""
    while not _ended_within(watched, _PATIENCE_S):
        try:
            services = api.services()
        except ApiUnreachable:
            if watched is None:
                return
            continue
        except DumbActorsError:
            continue
        left = ", ".join(f"{each['process_name']} ({each['phase']})" for each in services if each.get("pid"))
        if left and left != told:
            click.echo(paint_for(sys.stderr).dim(f"not stopped yet: {left}"), err=True, color=True)
            told = left


def _ended_within(watched: int | None, seconds: float) -> bool:
    if watched is None:
        time.sleep(seconds)
        return False
    ready, _, _ = select.select([watched], [], [], seconds)
    return bool(ready)
