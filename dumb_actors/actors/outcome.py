"""How a run of a service ends by itself."""

import errno
from typing import TypeAlias

import attrs

from dumb_actors.errors import SpawnFailed
from dumb_actors.model.event import Cause

__all__ = ["Completion", "Failure", "Loss", "Outcome", "judge_spawn"]


@attrs.frozen(kw_only=True)
class Failure:
    """
    A run ended unexpectedly.

    Attributes:
        cause, hint: What happened, and what would help.

        leader_ended: The child's leader is gone already, so that stop steps make no sense.

        is_final: Another attempt would end the same way.

        ready_s: How long the child was ready.

        last_lines: The last lines of its output, where there was a child.
    """

    cause: Cause
    hint: str = ""
    leader_ended: bool = False
    is_final: bool = False
    ready_s: float = 0.0
    last_lines: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Completion:
    """A one-shot ended as intended."""

    cause: Cause
    leader_ended: bool = True


@attrs.frozen(kw_only=True)
class Loss:
    """A dependency was lost whose edge says that the child is not to outlive it; `again`: it is to come back."""

    cause: Cause
    again: bool
    leader_ended: bool = False


Outcome: TypeAlias = Failure | Completion | Loss
"""How a run ended by itself."""


# What another attempt would find as it is; anything else (no descriptors, no memory, a full disk) may pass.
_LASTING = frozenset(
    {
        errno.ENOENT,
        errno.EACCES,
        errno.EPERM,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOEXEC,
        errno.E2BIG,
        errno.EINVAL,
    }
)


def judge_spawn(error: SpawnFailed) -> Failure:
    """Say whether another attempt would end the same way as a spawn that failed, and what would help."""
    is_final = error.errno is None or error.errno in _LASTING
    hint = f"check {error.path}" if error.path else "give it a command"
    return Failure(cause=Cause(kind="spawn", text=str(error)), hint=hint if is_final else "", is_final=is_final)
