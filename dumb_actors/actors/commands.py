"""Commands to a service actor, their answers, and the mailbox they arrive in."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import attrs
import trio

from dumb_actors.errors import Busy, DumbActorsError, ShuttingDown
from dumb_actors.model.event import ServiceSnapshot

__all__ = ["MAILBOX_SIZE", "Action", "Command", "Dependencies", "Mailbox", "Outcome"]

Action: TypeAlias = Literal["start", "stop", "restart", "shutdown", "leave"]
"""`shutdown` and `leave` end the actor: the one with its child, the other without it."""

Dependencies: TypeAlias = Literal["start", "wait", "ignore"]
"""What a start does about dependencies: start them too, only wait for them, or go without."""

Outcome: TypeAlias = ServiceSnapshot | DumbActorsError

MAILBOX_SIZE = 64


@attrs.define(eq=False, kw_only=True)
class Command:
    """
    One command to one service.

    Attributes:
        id: Unique in the supervisor; events about the command carry it.

        action, service: What, and to whom.

        by: Who gave it.

        dependencies: For starts and restarts.

        also: Ids of the commands that were given to other services for its sake.

        seq: The number of the event that tells of it; 0: it is not told.

        on_answer: Told once, when the command is answered.
    """

    id: int
    action: Action
    service: str
    by: str
    dependencies: Dependencies = "start"
    also: tuple[int, ...] = ()
    seq: int = 0
    on_answer: Callable[["Command", Outcome], None]
    joined: "list[Command]" = attrs.field(factory=list)
    _outcome: Outcome | None = None
    _answered: trio.Event = attrs.field(factory=trio.Event)

    def answer(self, outcome: Outcome) -> None:
        """Answer it, and those that joined it."""
        for command in (self, *self.joined):
            command.settle(outcome)

    def settle(self, outcome: Outcome) -> None:
        """Answer this one alone, as when its caller's time is over; once answered it stays as it is."""
        if self._outcome is None:
            self._outcome = outcome
            self._answered.set()
            self.on_answer(self, outcome)

    async def wait(self) -> ServiceSnapshot:
        """Return the answer; raise it where it is an error."""
        await self._answered.wait()
        if isinstance(self._outcome, DumbActorsError):
            raise self._outcome
        assert self._outcome is not None  # noqa: S101  (set before the event)
        return self._outcome


class Mailbox:
    """The commands to one service, in order, at most `MAILBOX_SIZE` that are not taken yet."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._send, self._receive = trio.open_memory_channel[Command](MAILBOX_SIZE)
        self._last: Command | None = None

    def put(self, command: Command) -> None:
        """
        Queue *command*; never blocks.

        A start right behind a start that nobody has taken yet, or a stop behind a stop, joins it: that is how any
        number of concurrent starts needs one place.

        Raises:
            Busy: The mailbox is full; nothing was queued.

            ShuttingDown: The actor takes no more commands.
        """
        last = self._last
        if last is not None and last.action == command.action and last.dependencies == command.dependencies:
            last.joined.append(command)
            return
        try:
            self._send.send_nowait(command)
        except trio.WouldBlock:
            raise Busy(
                f"{self._service!r} has {MAILBOX_SIZE} commands waiting already", service=self._service
            ) from None
        except trio.BrokenResourceError:
            raise ShuttingDown("the supervisor is shutting down", service=self._service) from None
        self._last = command

    async def get(self) -> Command:
        """Take the oldest command; cancelling this loses none."""
        command = await self._receive.receive()
        if self._last is command:
            self._last = None
        return command

    def close(self) -> None:
        """Take no more commands; those that nobody took are answered with `ShuttingDown`."""
        self._last = None
        while True:
            try:
                command = self._receive.receive_nowait()
            except trio.WouldBlock:
                break
            command.answer(ShuttingDown("the supervisor is shutting down", service=self._service))
        self._receive.close()
