"""Two services that need each other, inside a Trio program of your own: no server, no configuration file."""

import socket
import sys
import tempfile
from functools import partial

import trio

import dumb_actors
from dumb_actors import ServiceSpec, Tcp, Url


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def main(root: str) -> None:
    files, mirror = free_port(), free_port()
    serve = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]
    specs = [
        # `web` waits until `files` accepts connections, and is ready itself when it answers with 200.
        ServiceSpec("web", [*serve, str(mirror)], depends_on=["files"], readiness=Url(f"http://127.0.0.1:{mirror}/")),
        ServiceSpec("files", [*serve, str(files)], readiness=Tcp(files)),
    ]
    async with dumb_actors.open_supervisor(specs, root=root) as supervisor, trio.open_nursery() as nursery:
        nursery.start_soon(tell, supervisor)
        web = await supervisor.start("web")  # and what it needs
        print(f"{web.name} is {web.phase}, pid {web.pid}; it needed {dict(web.dependencies)}")
        print(f"a stop of 'files' would touch: {[effect.service for effect in supervisor.plan_stop('files').effects]}")
        nursery.cancel_scope.cancel()
    # Leaving the block stopped everything, in reverse order, and left nothing behind.
    print("everything is gone")


async def tell(supervisor: dumb_actors.Supervisor) -> None:
    async with supervisor.events() as events:
        async for event in events:
            if event.kind == "phase":
                print(f"  {event.service}: {event.phase} ({event.cause.text})")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        trio.run(partial(main, directory))
