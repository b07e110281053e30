"""A service that writes what its test tells it to, and says when it has."""

import os
import shlex
from pathlib import Path

import trio

from dumb_actors import Log, ServiceSpec

SCRIPT = """
exec 3<>"$1" 4<>"$2"
echo up
while read first last <&3; do
    seq "$first" "$last"
    echo "$last" >&4
done
"""


class Told:
    """
    Two FIFOs between a test and a service; the service writes numbered lines.

    Attributes:
        spec: Of the service; ready when it can be told.

        last: The last number that it was told to write.
    """

    def __init__(self, place: Path, name: str = "told") -> None:
        paths = [place / f"{name}-orders", place / f"{name}-answers"]
        for path in paths:
            os.mkfifo(path)
        self._orders, self._answers = (os.open(path, os.O_RDWR | os.O_NONBLOCK) for path in paths)
        self.last = 0
        command = ["sh", "-c", SCRIPT, name, *map(str, paths)]
        self.spec = ServiceSpec(name, shlex.join(command), readiness=Log("^up$"))

    async def write(self, count: int) -> None:
        """Let it write *count* more lines; return when it has written them all, that is: when it was not held up."""
        first, self.last = self.last + 1, self.last + count
        os.write(self._orders, f"{first} {self.last}\n".encode())
        answer = b""
        while not answer.endswith(b"\n"):
            await trio.lowlevel.wait_readable(self._answers)
            answer += os.read(self._answers, 100)
        assert int(answer) == self.last

    def lines(self, first: int = 1) -> list[str]:
        """Give the lines that it has written from the number *first* on."""
        return [str(number) for number in range(first, self.last + 1)]

    def close(self) -> None:
        os.close(self._orders)
        os.close(self._answers)
