"""A service that says itself when it is ready, and what it does, by sd_notify: `READY=1` and `STATUS=...`."""

import sys
import tempfile
from functools import partial

import trio

from dumb_actors import Notify, ServiceSpec, open_supervisor

# Any library for sd_notify does it; the protocol is one datagram to the socket in the environment, see sd_notify(3).
SERVICE = """
import os, signal, socket
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))
notify.send(b"STATUS=Loading 3 of 3 libraries")
notify.send(b"READY=1\\nSTATUS=Serving 3 libraries")
signal.pause()
"""


async def main(root: str) -> None:
    specs = [
        ServiceSpec("library", [sys.executable, "-c", SERVICE], readiness=Notify()),
        ServiceSpec("reader", ["sleep", "infinity"], depends_on=["library"]),
    ]
    async with open_supervisor(specs, root=root) as supervisor:
        library = await supervisor.start("library")
        print(f"library is {library.phase} ({library.reason}) and says: {supervisor.status('library').says}")
        reader = await supervisor.start("reader")
        print(f"reader is {reader.phase}; it waited for {dict(reader.dependencies)}")
    print("everything is gone")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        trio.run(partial(main, directory))
