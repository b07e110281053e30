"""
One generation's output, as the keeper has it.

Nothing but the standard library here.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH118

import contextlib
import os
from typing import Any

from dumb_actors.keeper.killing import Tree
from dumb_actors.logs.flow import LAST_BYTES, LAST_LINES, Flow
from dumb_actors.logs.order import FlowOrder
from dumb_actors.logs.parts import Position, parse_position
from dumb_actors.logs.pump import Pump
from dumb_actors.logs.reader import last_lines

__all__ = ["Kept"]


class Kept:
    """
    A flow, and what is known of the processes that write it.

    Attributes:
        number: The supervisor's for it.

        order: What the supervisor wants.

        flow: None before it is opened, and when it cannot be.

        fault: Why it cannot be opened.

        is_opened: That was tried. Set, as `is_finishing`, by whoever leads the pump.

        is_finishing: It is to end.
    """

    def __init__(self, number: int, order: FlowOrder, start: Position | None, held: int = -1) -> None:
        self.number = number
        self.order = order
        self.flow: Flow | None = None
        self.fault = ""
        self.is_opened = False
        self.is_finishing = False
        self._start = start
        self._held = held
        self._child: tuple[int, int, str, str | None] = (0, 0, "", None)
        self._lines: tuple[str, ...] = ()

    @classmethod
    def from_message(cls, message: dict[str, Any], held: int) -> "Kept":
        """
        Read an `add`, with the descriptor that came along; -1: none.

        Raises:
            ValueError, LookupError: It is none.
        """
        start = message.get("start")
        return cls(
            _whole(message["id"]),
            FlowOrder.from_json(message["order"]),
            parse_position(start) if isinstance(start, str) else None,
            held,
        )

    def note_child(self, message: dict[str, Any]) -> None:
        """
        Read a `child`.

        Raises:
            ValueError, LookupError: It is none; nothing is noted.
        """
        marker, cgroup = message["marker"], message.get("cgroup")
        if not isinstance(marker, str) or not isinstance(cgroup, str | None):
            raise ValueError("a marker is a text, a cgroup a text or null")
        self._child = (_whole(message["pid"]), _whole(message["start_ticks"]), marker, cgroup)

    def tree(self) -> Tree:
        """Give the processes that write it, as far as they are known."""
        # As the kernel spells it: the directory may have been told by another name.
        directory, name = os.path.split(self.order.fifo)
        return Tree(os.path.join(os.path.realpath(directory), name), *self._child)

    def open(self, pump: Pump) -> None:
        """Open FIFO and log, or note why the FIFO cannot be opened; may hang like the log's file system."""
        try:
            self.flow = self._adopt(pump)
        except (OSError, ValueError) as error:
            self.fault = str(error)
        finally:
            # Or it would never hang up.
            self.close_held()

    def close_held(self) -> None:
        """Close the descriptor that came along. Idempotent."""
        held, self._held = self._held, -1
        if held >= 0:
            os.close(held)

    def _adopt(self, pump: Pump) -> Flow:
        # A log that cannot be opened costs its own output, and is tried again by the sink.
        try:
            return pump.adopt(self.order, self._start, must_open=False)
        except FileNotFoundError:
            if self._held < 0:
                raise
        # Somebody has removed the name.
        order = self.order._replace(fifo=f"/proc/self/fd/{self._held}")
        flow = pump.adopt(order, self._start, must_open=False)
        flow.fifo = self.order.fifo
        return flow

    def read_lines(self) -> None:
        """Read the last lines for a flow that was not opened: a keeper that was killed may have finished it."""
        if self.order.log_path is not None:
            with contextlib.suppress(OSError, ValueError):
                self._lines = tuple(last_lines(self.order.log_path, LAST_LINES, self._start, limit=LAST_BYTES))

    def result(self) -> dict[str, object]:
        """Give what the supervisor is told when it is finished."""
        if self.flow is None:
            return {"lines": self._lines, "taken": 0, "lost": 0}
        lines = self.flow.lines or ()
        return {"lines": lines, "taken": self.flow.taken_bytes, "lost": self.flow.sink.lost_bytes}


def _whole(value: object) -> int:
    # True is an int for Python and none for us.
    if type(value) is not int or value < 0:
        raise ValueError("a number is whole, and 0 or more")
    return value
