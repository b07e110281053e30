"""What a supervisor knows from the time before it, and what it leaves for the time after it."""

from collections.abc import Callable, Sequence
from typing import Protocol

import attrs

from dumb_actors.model.event import Event

__all__ = ["Memory", "NoWishes", "WishBook"]


class WishBook(Protocol):
    """What was wished, over restarts of the supervisor and of the machine."""

    def decide(self, name: str, enabled: bool) -> bool:  # noqa: FBT001  (the two facts of the question)
        """Tell whether a service is wished at boot, given what its configuration says now."""

    def note(self, name: str, *, wished: bool, enabled: bool) -> None:
        """Remember what is wished now, and what the configuration said then; does not wait for the disk."""

    async def saved(self) -> None:
        """Return when all that was noted before is on the disk, or is known not to get there."""


class NoWishes:
    """Remembers nothing: what is enabled is wished."""

    def decide(self, name: str, enabled: bool) -> bool:  # noqa: FBT001
        """Give *enabled*."""
        return enabled

    def note(self, name: str, *, wished: bool, enabled: bool) -> None:
        """Do nothing."""

    async def saved(self) -> None:
        """Return at once."""


@attrs.frozen(kw_only=True)
class Memory:
    """
    The memory of one supervisor; the default remembers nothing.

    Attributes:
        first_seq: Events are numbered from the next one on.

        history: The last events before that.

        note_event: Called with each event.

        wishes: See `WishBook`.

        secrets: What nobody is to read in an event or a log.
    """

    first_seq: int = 0
    history: Sequence[Event] = ()
    note_event: Callable[[Event], None] | None = None
    wishes: WishBook = attrs.field(factory=NoWishes)
    secrets: frozenset[str] = frozenset()
