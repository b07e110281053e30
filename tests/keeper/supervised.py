"""
A supervisor for tests to kill: opens a stream for each script, starts it, says the pids, and waits.

`python -m tests.keeper.supervised ROOT ORPHANS HOW SCRIPT...`; HOW is `early`: kills itself before the keeper is at
work; `lonely`: the same before any child; `stay`: leaves its block by `stay`; `forge`: tells of a stranger by a wrong
start, as the first child.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import trio

from dumb_actors.keeper.client import Keeper
from dumb_actors.process import procfs
from dumb_actors.process.spawner import Spawner
from tests.keeper.keeper_support import order


def start(script: str, root: str, marker: str, output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["sh", "-c", script, "sh", root],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={**os.environ, procfs.MARKER_NAME: marker},
        start_new_session=True,
    )


async def main(*arguments: str) -> None:
    root, orphans, how, *scripts = arguments
    children: list[subprocess.Popen[bytes]] = []
    with Spawner(threads=1) as spawner:
        async with Keeper(f"{root}/run", spawner=spawner, own=set(), orphans=orphans) as keeper:  # type: ignore[arg-type]
            for number, script in enumerate(scripts):
                stream = await keeper.open(order(Path(root), f"s{number}"))
                if how == "lonely":
                    await keeper_is_started(keeper)
                    os.kill(os.getpid(), signal.SIGKILL)
                marker = f"test.{Path(root).name}.s{number}.1"
                child = start(script, root, marker, stream.child_fd)
                children.append(child)
                stat = procfs.read_stat(child.pid)
                assert stat is not None
                ticks = stat.start_ticks
                keeper.tell_child(stream, pid=child.pid, start_ticks=ticks, marker=marker)
                if how == "forge" and not number:
                    stranger = int(Path(root, "stranger").read_text())
                    keeper.tell_child(stream, pid=stranger, start_ticks=1, marker=marker)
            if how == "early":
                await keeper_is_started(keeper)
                os.kill(os.getpid(), signal.SIGKILL)
            keeper.begin()
            await keeper.wait_ready()
            # The keeper has heard all of it by then.
            await (await keeper.open(order(Path(root), "last"))).finish()
            print(json.dumps({"keeper": keeper.pid, "children": [child.pid for child in children]}), flush=True)
            if how == "stay":
                await keeper.stay()
            else:
                await trio.sleep_forever()


async def keeper_is_started(keeper: Keeper) -> None:
    """Return when its process is there, and long before it is at work."""
    while keeper.pid is None:
        await trio.lowlevel.checkpoint()


trio.run(main, *sys.argv[1:])
