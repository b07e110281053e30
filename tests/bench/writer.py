"""The benchmarks' writer: lines to standard output, $2 bytes or (0) for ever; says on the FIFO $1 when and when not."""

import os
import sys

LINES = (b"x" * 99 + b"\n") * 640


def main(up: str, size: int) -> None:
    fd = os.open(up, os.O_WRONLY)
    os.write(fd, b"up\n")
    left = size
    while left > 0 or not size:
        left -= os.write(1, LINES if not size else LINES[:left])
    os.write(fd, b"done\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
