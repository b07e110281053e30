"""`demo`: a chain of real programs in a temporary root, run by the same code as `up`, and the proof that it works."""

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
import trio

from dumb_actors.cli.demo_programs import find_programs, wrap_for_postgres
from dumb_actors.cli.demo_proof import Proof, prove
from dumb_actors.cli.demo_stack import CADDY, Stack, write_stack
from dumb_actors.cli.paint import FAILED, fail
from dumb_actors.cli.up import Plan, Running, run_program
from dumb_actors.config.root import Root
from dumb_actors.config.sources import Sources
from dumb_actors.errors import DumbActorsError, GaveUp
from dumb_actors.model.event import ServiceSnapshot

__all__ = ["run_demo"]

_MARK = "DUMB_ACTORS_DEMO"
_READY_TIMEOUT_S = 120.0


def run_demo(*, once: bool, binds: Sequence[str], keep_root: bool) -> int:
    """
    Run the demo in the foreground.

    Args:
        once: Leave after the proof.

        binds: Where the API listens; empty: a free port.

        keep_root: Leave the temporary root.

    Returns:
        The exit code: failed too when the proof failed, or when something was left behind.

    Raises:
        HostError: Its programs are not installed, or cannot be run.
    """
    programs = find_programs()
    with _temporary_root(keep=keep_root) as root:
        wrapper = wrap_for_postgres(programs.postgres_bin, root.path)
        stack = write_stack(root, programs, wrapper)
        click.echo(f"the demo's root is {root.path}, its configuration {stack.config}")
        if wrapper:
            click.echo(f"PostgreSQL refuses root, so it runs through `{shlex.join(wrapper)}`")
        os.environ[_MARK] = root.path  # inherited by everything that is started
        code = run_program(
            Plan(
                root=root,
                config=stack.config,
                binds=tuple(binds) or ("127.0.0.1:0",),
                log_level="warning",
                when_up=partial(_prove, stack, root, once=once),
                alone=False,  # the proof starts psql
                orphans="stop",  # its root is temporary
                # It runs as it is written, whatever variables there are on this machine.
                sources=Sources(environ={}, secrets_dir=None),
            )
        )
        left = _left_behind(root)
    if left:
        fail("left behind: " + ", ".join(left))
        return FAILED
    where = f"{root.path} is kept" if keep_root else f"{root.path} is removed"
    click.echo(f"nothing is left: no process, and {where}")
    return code


@contextmanager
def _temporary_root(*, keep: bool) -> Iterator[Root]:
    path = tempfile.mkdtemp(prefix="dumb-demo-")
    Path(path).chmod(0o711)  # the user that PostgreSQL runs as must get through to its own directory
    try:
        yield Root(path)
    finally:
        if not keep:
            shutil.rmtree(path)


# --- the proof --------------------------------------------------------------------------------------------------------


async def _prove(stack: Stack, root: Root, running: Running, *, once: bool) -> bool | None:
    """Wait for the stack, ask it, and say what came back; see `WhenUp` for the answer."""
    failures = await _wait_ready(running)
    proofs: list[Proof] = []
    if not failures:
        proofs = await prove(stack)
        failures = [proof.error for proof in proofs if proof.error]
    out, paint = running.out, running.out.paint
    out.put("")
    for line in _summary(running):
        out.put(line)
    if proofs:
        out.put("")
    for proof in proofs:
        mark = paint("failed", "red") if proof.error else paint("proved", "green")
        out.put(f"{mark}  {proof.what}" + (f": {proof.error}" if proof.error else ""))
    if failures:
        out.put("")
        fail("the demo failed\n" + "\n".join(failures))
        return False
    if once:
        return True
    for line in _what_to_try(stack, root, running):
        out.put(line)
    return None


async def _wait_ready(running: Running) -> list[str]:
    failures: list[str] = []

    async def wait_one(name: str) -> None:
        try:
            await running.supervisor.wait_ready(name, timeout=_READY_TIMEOUT_S)
        except GaveUp as error:
            lines = running.supervisor.status(name).last_lines[-3:]
            failures.append("\n".join([str(error), *(f"| {line}" for line in lines)]))
            nursery.cancel_scope.cancel()  # its dependents would wait for ever
        except DumbActorsError as error:
            failures.append(str(error))

    async with trio.open_nursery() as nursery:
        for name in running.supervisor.specs:
            nursery.start_soon(wait_one, name)
    return failures


# --- what is shown ----------------------------------------------------------------------------------------------------


def _summary(running: Running) -> Iterator[str]:
    paint = running.out.paint
    services = list(running.supervisor.snapshot().services.values())
    width = max(len(service.name) for service in services)
    yield paint.dim(f"{'SERVICE':<{width}}  PHASE    {'SPAWNED':>8}  {'READY':>8}  WAITED FOR")
    for service in services:
        needs = ", ".join(service.dependencies) or "-"
        times = f"{_after(running, service.started_at):>8}  {_after(running, service.ready_at):>8}"
        yield f"{paint(service.name.ljust(width), bold=True)}  {paint.phase(service.phase, 7)}  {times}  {needs}"
    yield paint.dim(f"{'':<{width}}  (after the start of the demo; {_makespan(running, services)})")


def _after(running: Running, at: float | None) -> str:
    return "-" if at is None else f"{at - running.booted_at:.2f} s"


def _makespan(running: Running, services: Sequence[ServiceSnapshot]) -> str:
    times = [service.ready_at for service in services]
    ready = [at for at in times if at is not None]
    return f"all ready after {max(ready) - running.booted_at:.2f} s" if len(ready) == len(times) else "not all ready"


def _what_to_try(stack: Stack, root: Root, running: Running) -> Iterator[str]:
    name = Path(sys.argv[0]).name
    program = "dumb-actors" if name == "dumb-actors" and shutil.which(name) else _program_path()
    url = running.urls[0]
    yield ""
    yield f"the API is at {url}; in another terminal:"
    yield f"  export DUMB_ACTORS_ROOT={root.path}"
    commands = [
        (f"{program} status", "everything in a table"),
        (f"{program} status {CADDY}", "everything about one"),
        (f"{program} stop WebDAV", "what happens to the others?"),
        (f"{program} restart PostgreSQL", "by SIGINT, with its data"),
        (f"{program} logs -f {CADDY}", "its output, as it comes"),
        (f"curl {stack.url}", "through the whole chain"),
        *([(f"curl {url}/process/processes", "the REST API")] if url.startswith("http") else []),
        (f"{program} down", "stop everything from there"),
    ]
    width = max(len(command) for command, _ in commands)
    yield from (f"  {command.ljust(width)}  {running.out.paint.dim('# ' + why)}" for command, why in commands)
    yield "Ctrl-C stops everything in order and removes the root."


def _program_path() -> str:
    path = Path(sys.argv[0])
    return shlex.quote(str(path)) if path.name == "dumb-actors" else f"{shlex.quote(sys.executable)} -m dumb_actors"


# --- what is left -----------------------------------------------------------------------------------------------------


def _left_behind(root: Root) -> list[str]:
    """List processes that were started from this demo: by the mark in their environment, or by their directory."""
    mark = f"{_MARK}={root.path}\0".encode()
    found = []
    for path in Path("/proc").iterdir():
        if not path.name.isdigit() or int(path.name) == os.getpid():
            continue
        try:
            is_ours = mark in (path / "environ").read_bytes() + b"\0" or _is_below(path / "cwd", root)
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # it ended, or is another user's
        if is_ours:
            found.append(f"pid {path.name} ({command[:80]})")
    return found


def _is_below(link: Path, root: Root) -> bool:
    return f"{link.readlink()}/".startswith(f"{root.path}/")
