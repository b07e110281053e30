"""A service that writes numbered lines, and ends as it is told: `python writer.py NAME steady|short`."""

import os
import signal
import sys
import time

BATCH = 20
PAUSE_S = 0.005


def main() -> None:
    """Write `NAME PID NUMBER` until SIGTERM, or for some batches; the last line is `NAME PID end NUMBER`."""
    name, mode = sys.argv[1:3]
    told = False

    def tell(*_: object) -> None:
        nonlocal told
        told = True

    signal.signal(signal.SIGTERM, tell)
    number, batches = 0, 0
    while not told and (mode == "steady" or batches < 10):
        lines = []
        for _ in range(BATCH):
            number += 1
            lines.append(f"{name} {os.getpid()} {number}\n")
        write("".join(lines).encode())
        batches += 1
        time.sleep(PAUSE_S)
    write(f"{name} {os.getpid()} end {number}\n".encode())
    sys.exit(0 if told else 1)


def write(content: bytes) -> None:
    """Write all of *content*."""
    while content:
        content = content[os.write(1, content) :]


main()
