"""
A supervisor in a process of its own, to be killed: `python -m tests.faults.runner ROOT [KILL_AT]`.

It adopts what is there, boots, says `ready` when everything is, and then does what its standard input says: `stop` or
`leave`. With KILL_AT it kills itself before that call of those that change something outside of it: it opens, writes,
renames, removes or makes a file, or starts a program.
"""

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import trio

from dumb_actors import DependsOn, Log, RestartPolicy, ServiceSpec, StopStep, open_supervisor

CALLS = ("open", "write", "pwrite", "writev", "rename", "replace", "unlink", "mkfifo", "mkdir", "ftruncate", "chmod")
WRITER = str(Path(__file__).with_name("writer.py"))
PYTHON = [sys.executable, "-I", "-S", WRITER]

# A daemon in the old manner beside its leader: two forks and a session of its own.
DAEMON = 'setsid sh -c "setsid sleep 1000 & exec sleep 1000" & echo "daemon up"; exec sleep 1000'


def specs() -> list[ServiceSpec]:
    """Give the services: two that write for ever, one that ends again and again, one with a daemon."""
    steady = [
        ServiceSpec(
            name,
            [*PYTHON, name, "steady"],
            depends_on=[DependsOn(other) for other in others],
            readiness=Log(rf"^{name} \d+ 1$"),
            log_size=50_000,
            log_count=1000,
            stop=[StopStep(signal="SIGTERM", wait=10)],
        )
        for name, others in (("first", ()), ("second", ("first",)))
    ]
    short = ServiceSpec(
        "short",
        [*PYTHON, "short", "short"],
        restart=RestartPolicy(delays=(0.0,), window=0.001),
        readiness=Log(r"^short \d+ 1$"),
        log_size=50_000,
        log_count=1000,
    )
    daemon = ServiceSpec("daemon", ["sh", "-c", DAEMON], readiness=Log("^daemon up$"))
    return [*steady, short, daemon]


def kill_before(number: int) -> None:
    """Replace the calls by ones that count, and kill this process before the *number*th."""
    count = itertools.count(1)

    def counted(call):
        def wrapper(*args, **kwargs):
            if next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return wrapper

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))
    subprocess.Popen.__init__ = counted(subprocess.Popen.__init__)


async def main(root: str) -> None:
    async with open_supervisor(specs(), root=root, orphans="adopt", subreaper=True) as supervisor:
        await supervisor.boot()
        for name in supervisor.specs:
            await supervisor.wait_ready(name)
        print("ready", flush=True)
        word = await trio.to_thread.run_sync(sys.stdin.readline)
        if word.strip() == "leave":
            await supervisor.leave()
    print("ended", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        kill_before(int(sys.argv[2]))
    trio.run(main, sys.argv[1])
