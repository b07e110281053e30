"""An answer to "why?": what led to the phase of a service, link by link, down to its root."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import attrs

from dumb_actors.model.event import CauseKind
from dumb_actors.model.phase import Phase, WireStatus, wire_status

__all__ = ["ROOTS", "Branch", "CausalLink", "Explanation", "LinkKind"]

LinkKind: TypeAlias = Literal[
    "state",  # where a service is, up to the instant that is explained
    "spawned",  # a child was started
    "condition",  # the last thing that a start waited for came to hold
    "again",  # it was started again because its former child had ended
    "attempts",  # it had ended and was tried again several times before that
    "loss",  # it was ended because something that it needs was lost
    "adopted",  # a supervisor took it over from an earlier one
    "seen",  # it is explained elsewhere in the same answer
    # From here on what may be a root.
    "answer",  # what a probe answered last
    "exit",  # a child ended by itself, or was ended by somebody else
    "out_of_memory",  # the kernel ended it because its memory limit was reached
    "timeout",  # it was not ready in time
    "unhealthy",  # its checks failed too often
    "spawn",  # its program could not be started
    "error",  # a defect of ours
    "command",  # somebody asked for it
    "boot",  # the boot wished it
    "reload",  # the configuration was changed
    "shutdown",  # everything was stopped
    "supervisor",  # an earlier supervisor was killed, or left its services
    "not_wished",  # nothing has asked for it: it is disabled, was stopped before, or there was no boot
    "unknown",  # the journal does not go back so far
]

ROOTS: frozenset[LinkKind] = frozenset(
    {
        "answer",
        "exit",
        "out_of_memory",
        "timeout",
        "unhealthy",
        "spawn",
        "error",
        "command",
        "boot",
        "reload",
        "shutdown",
        "supervisor",
        "not_wished",
        "unknown",
    }
)
"""Where an explanation may end."""


def _frozen_map(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(value))


@attrs.frozen(kw_only=True)
class CausalLink:
    """
    One step of an explanation; each is explained by the next one.

    Attributes:
        kind: See `LinkKind`.

        text: A sentence for a person, without times.

        service: Whom it is about; empty for the supervisor.

        generation: Of its child then; 0 before the first.

        seq: The event that tells of it; None where none does.

        at: When it happened, Unix seconds; for a `state` since when it is so. None: not known.

        cause: The kind of the event's cause; None without an event.

        by: Who asked for it; empty for what nobody asked for.

        facts: More about it, JSON-ready, as far as known: `exit`, `code`, `signal`, `ran_s`, `last_lines` and `pid` of
            a child; `phase`, `next_at`, `attempt`, `waits_for` and `begun` of a state; `what` and `answer` of a probe;
            `dependency` and `on_loss`; `command`; `count` and `ends` of attempts.

        hint: What would help; empty where nothing is to be done.
    """

    kind: LinkKind
    text: str
    service: str
    generation: int = 0
    seq: int | None = None
    at: float | None = None
    cause: CauseKind | None = None
    by: str = ""
    facts: Mapping[str, Any] = attrs.field(factory=dict, converter=_frozen_map)
    hint: str = ""


@attrs.frozen(kw_only=True)
class Branch:
    """
    One of several things that a service waits for.

    Attributes:
        what: In words, as in the service's status.

        chain: Why it does not hold, from the present down to the root.

        branches: As in `Explanation`.
    """

    what: str
    chain: tuple[CausalLink, ...]
    branches: tuple["Branch", ...] = ()


@attrs.frozen(kw_only=True)
class Explanation:
    """
    Why a service is where it is, or was.

    Attributes:
        service: Its name; the configured one, or that of a service which has left the configuration.

        phase: Where it is; None: the journal does not tell.

        at: The instant that is explained, Unix seconds.

        summary: Its phase in one sentence.

        chain: From its phase down to the root; the last link is of one of the kinds in `ROOTS` unless there are
            branches, or it is `seen`, or it is too long (`complete` is then False).

        branches: Where the chain ends in a service that waits for several things: each of them, what is not there
            first.

        hint: What would help; empty where nothing is to be done, or nothing is known.

        complete: The whole story is there: nothing of it was too old for the journal, or too long to be told.
    """

    service: str
    phase: Phase | None
    at: float
    summary: str
    chain: tuple[CausalLink, ...]
    branches: tuple[Branch, ...] = ()
    hint: str = ""
    complete: bool = True

    @property
    def status(self) -> WireStatus | None:
        """The word of the REST API for its phase."""
        return None if self.phase is None else wire_status(self.phase)
