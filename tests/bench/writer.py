"""
The benchmarks' writer: lines to standard output, $3 bytes or (0) for ever.

It says on the FIFO $1 that it runs, waits for a word from the FIFO $2, and says when it is done.
"""

import os
import sys

LINES = (b"x" * 99 + b"\n") * 640


def main(up: str, go: str, size: int) -> None:
    fd = os.open(up, os.O_WRONLY)
    waiting = os.open(go, os.O_RDONLY)
    os.write(fd, b"up\n")
    os.read(waiting, 2)
    left = size
    while left > 0 or not size:
        left -= os.write(1, LINES if not size else LINES[:left])
    os.write(fd, b"done\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
