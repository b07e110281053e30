"""
The phases of a service and the legal transitions: everything that says so lives in this file.

A run reads `stopped → waiting → preparing → starting → ready → stopping → stopped`. The other arrows are what can go
wrong or be asked for on the way. `backoff` and `completed` have their rows here so that every reader of phases (wire,
tables, colours) already knows them.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from dumb_actors.errors import IllegalTransition

__all__ = [
    "LIVE",
    "RESTING",
    "TRANSITIONS",
    "Phase",
    "WireStatus",
    "check_transition",
    "has_child",
    "is_ready",
    "meets",
    "wire_status",
]

WireStatus = Literal["running", "stopped", "idle"]


class Phase(StrEnum):
    """Where a service is in its life; the values are the words on the wire."""

    STOPPED = "stopped"
    WAITING = "waiting"
    PREPARING = "preparing"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    BACKOFF = "backoff"
    COMPLETED = "completed"
    FAILED = "failed"


LIVE = frozenset({Phase.STARTING, Phase.READY, Phase.STOPPING})
"""Phases in which a child exists."""

RESTING = frozenset({Phase.STOPPED, Phase.COMPLETED, Phase.FAILED})
"""Phases in which nothing happens until a command comes."""

TRANSITIONS: Mapping[Phase, frozenset[Phase]] = MappingProxyType(
    {
        # To starting or completed: what an earlier supervisor left behind is taken over.
        Phase.STOPPED: frozenset({Phase.WAITING, Phase.STARTING, Phase.COMPLETED}),
        Phase.WAITING: frozenset({Phase.PREPARING, Phase.STOPPED, Phase.FAILED}),
        # Back to waiting: a dependency was lost between the last look and the spawn.
        Phase.PREPARING: frozenset({Phase.STARTING, Phase.WAITING, Phase.STOPPED, Phase.FAILED, Phase.BACKOFF}),
        Phase.STARTING: frozenset({Phase.READY, Phase.STOPPING, Phase.BACKOFF, Phase.COMPLETED, Phase.FAILED}),
        Phase.READY: frozenset({Phase.STOPPING, Phase.BACKOFF, Phase.COMPLETED, Phase.FAILED}),
        Phase.STOPPING: frozenset({Phase.STOPPED, Phase.BACKOFF, Phase.COMPLETED, Phase.FAILED}),
        Phase.BACKOFF: frozenset({Phase.WAITING, Phase.STOPPED, Phase.FAILED}),
        Phase.COMPLETED: frozenset({Phase.WAITING, Phase.STOPPED}),
        Phase.FAILED: frozenset({Phase.WAITING, Phase.STOPPED}),
    }
)
"""From each phase, the phases that may follow. A phase never follows itself."""

_WIRE: Mapping[Phase, WireStatus] = MappingProxyType(
    {
        Phase.STOPPED: "stopped",
        Phase.WAITING: "idle",
        Phase.PREPARING: "idle",
        Phase.STARTING: "running",
        Phase.READY: "running",
        Phase.STOPPING: "running",
        Phase.BACKOFF: "idle",
        Phase.COMPLETED: "idle",
        Phase.FAILED: "stopped",
    }
)


def wire_status(phase: Phase) -> WireStatus:
    """
    Give the `status` word of the REST API for *phase*.

    Source: the API document knows three words only; its existing client can stop what is `idle` and not what is
    `stopped`, which is why everything that is wished and has no child is `idle`.
    """
    return _WIRE[phase]


def has_child(phase: Phase) -> bool:
    """Tell whether a child lives in *phase* that is not being stopped."""
    return phase in LIVE and phase is not Phase.STOPPING


def is_ready(phase: Phase) -> bool:
    """Tell whether readiness was proved and the child still lives; a one-shot that has done its work counts."""
    return phase in {Phase.READY, Phase.COMPLETED}


def meets(phase: Phase, until: Literal["started", "ready", "completed"]) -> bool:
    """Tell whether a dependent that waits *until* may go while its dependency is in *phase*."""
    if until == "completed":
        return phase is Phase.COMPLETED
    return is_ready(phase) or (until == "started" and has_child(phase))


def check_transition(service: str, before: Phase, after: Phase) -> None:
    """
    Raise unless *after* may follow *before*.

    Raises:
        IllegalTransition: The table has no such arrow. The caller must not have changed anything yet.
    """
    if after not in TRANSITIONS[before]:
        raise IllegalTransition(
            f"{service!r} cannot go from {before} to {after}; this is a defect, please report it",
            service=service,
            before=str(before),
            after=str(after),
        )
