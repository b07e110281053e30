"""
Change a configuration and die before the Nth call that does something: `python store_killer.py DIRECTORY ACTION`.

For every N a child does the change and kills itself, and another one tells what is there then. Says a line of JSON for
each; the last one is of the N before which the change was done.
"""

import itertools
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import trio
from store_support import PORT, Home

from dumb_actors.config.layers import Edit
from dumb_actors.config.store import ConfigStore

CALLS = ("open", "write", "fsync", "replace", "unlink", "mkdir", "fchmod", "fchown")


async def act(home: Home, action: str) -> None:
    store = await home.open()
    # What is done before the change is none of this.
    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))
    match action:
        case "persist":
            await store.change([Edit(PORT, 6000)], persist=True, by="writer")
        case "restore":
            await store.restore(1, by="writer")
        case "memory":
            await store.change([Edit(PORT, 6000)], persist=False, by="writer")
        case "derive":
            await store.derive(PORT, 6000, by="writer", why="it is taken")


def counted(call: Callable) -> Callable:
    def wrapper(*args, **kwargs):
        if next(COUNT) == KILL_AT:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)

    return wrapper


async def tell(home: Home) -> None:
    """Say what is there, then show that it can be changed again, and that the first revision is still to be had."""
    before = home.path.read_text()
    store = await home.open()
    said = {
        "file": before,
        "revision": store.revision,
        "by": store.made_by,
        "port": store.config.document["db"]["port"],
        "written": store.read().user["db"]["port"],
        "untouched": home.path.read_text() == before,
    }
    said |= await go_on(home, store)
    print(json.dumps(said), flush=True)


async def go_on(home: Home, store: ConfigStore) -> dict[str, object]:
    await store.change([Edit(("tz",), "UTC")], persist=True)
    await store.restore(1)
    await store.underive(PORT, by="a test")
    numbers = [one.number for one in await store.revisions()]
    pending = [each.name for each in (home.path.parent / "revisions").iterdir() if not each.name.endswith("json")]
    return {"first": home.path.read_text(), "numbers": numbers, "left": sorted(home.left()), "pending": pending}


def in_child(work: Callable, *args) -> bool:
    """Run in a child of our own, which has one thread as we have; gives whether it came to its end."""
    pid = os.fork()
    if not pid:
        try:
            trio.run(work, *args)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001  (it ends here, and is told)
            print(json.dumps({"error": repr(error)}), flush=True)
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


async def prepare(home: Home, action: str) -> None:
    store = await home.open()
    if action == "restore":
        await store.change([Edit(PORT, 7000)], persist=True)


if __name__ == "__main__":
    for KILL_AT in itertools.count(1):
        COUNT = itertools.count(1)
        home = Home(Path(sys.argv[1], str(KILL_AT)))
        assert in_child(prepare, home, sys.argv[2])
        done = in_child(act, home, sys.argv[2])
        in_child(tell, home)
        if done:
            break
