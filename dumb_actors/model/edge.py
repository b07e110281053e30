"""
Why one service needs another: signals, how strong they are, and the edges that carry them.

Edges point from the dependent (`source`) to the dependency (`target`), as in the API document.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

import attrs

from dumb_actors.model.spec import OnLoss, Until

__all__ = [
    "DECLARED_RANK",
    "GUESS_RANK",
    "LABEL_RANK",
    "RANKS",
    "SIGNALS",
    "Broken",
    "Classification",
    "Edge",
    "Link",
    "Missing",
    "Signal",
    "Strength",
    "classify",
    "strongest",
]

Signal: TypeAlias = Literal[
    "depends_on",
    "core_service_map",
    "core_service_fields",
    "wait_for_url",
    "wait_for_dir",
    "wait_for_mounts",
    "rclone_provider_zurg",
    "rclone_provider_decypharr",
    "rclone_provider_nzbdav",
    "zilean_optional_integration",
    "non_core_dependency_map",
    "conditional_startup_map",
    "documented_integration",
]
"""Where an edge comes from; all but `depends_on` are those of the API document."""

Strength: TypeAlias = Literal["hard_runtime", "hard_configured", "soft_linkage"]

Classification: TypeAlias = Literal["hard", "linkage"]

_SOFT: frozenset[str] = frozenset({"zilean_optional_integration", "documented_integration"})

SIGNALS: Mapping[Signal, Strength] = MappingProxyType(
    {
        "core_service_map": "hard_runtime",
        "core_service_fields": "hard_configured",
        "wait_for_url": "hard_runtime",
        "wait_for_dir": "hard_runtime",
        "wait_for_mounts": "hard_runtime",
        "rclone_provider_zurg": "hard_runtime",
        "rclone_provider_decypharr": "hard_runtime",
        "rclone_provider_nzbdav": "hard_runtime",
        "zilean_optional_integration": "soft_linkage",
        "non_core_dependency_map": "hard_runtime",
        "conditional_startup_map": "hard_runtime",
        "documented_integration": "soft_linkage",
        "depends_on": "hard_runtime",
    }
)
"""The strength of each signal, in the order of the API document's truth table; ours comes last."""

RANKS: Mapping[Signal, int] = MappingProxyType(
    {
        "depends_on": 5,
        "wait_for_url": 5,
        "wait_for_dir": 5,
        "wait_for_mounts": 5,
        "rclone_provider_zurg": 5,
        "rclone_provider_decypharr": 5,
        "rclone_provider_nzbdav": 5,
        "non_core_dependency_map": 3,
        "conditional_startup_map": 3,
        "core_service_map": 2,
        "core_service_fields": 1,
        "zilean_optional_integration": 0,
        "documented_integration": 0,
    }
)
"""
Which signal gives way where signals contradict each other: the lower one.

5 is what the configuration declares: a circle of such is a fault. 4 is what a wait only lets guess (`Edge.guess`).
"""

DECLARED_RANK = 5
GUESS_RANK = 4
LABEL_RANK = 1

_ORDER: tuple[Strength, ...] = ("hard_runtime", "hard_configured", "soft_linkage")


def strongest(signals: Iterable[Signal]) -> Strength:
    """Give the strength of several signals together: that of the strongest. There must be one."""
    return min((SIGNALS[signal] for signal in signals), key=_ORDER.index)


def classify(strength: Strength) -> Classification:
    """Give the class of a strength: `linkage` for what never blocks a start."""
    return "linkage" if strength == "soft_linkage" else "hard"


@attrs.frozen(kw_only=True)
class Edge:
    """
    One reason why one service needs another.

    Attributes:
        source, target: The dependent and the dependency.

        signal: Where the edge comes from.

        until: What the source waits for: `ready`, `completed`, or `started` where a live child is enough, because the
            wait itself is the proof.

        always: True: it gates even when nobody wishes the target; False: it gates only while the target is wished.

        wait: Index of the wait in the source's `waits`; None for what comes from no wait.

        on_loss: What happens to the running source when the target is lost.

        gates: Whether it has a say in starting at all. Labels and soft links have none, nor has what gave way in a
            circle.

        guess: It was declared, but that the target is who is meant is a guess; in a circle it gives way to what is
            sure, and is no fault.
    """

    source: str
    target: str
    signal: Signal
    until: Until = "ready"
    always: bool = False
    wait: int | None = None
    on_loss: OnLoss = "keep"
    gates: bool = True
    guess: bool = False

    @property
    def rank(self) -> int:
        """How it stands where edges contradict each other: the higher one stays."""
        return GUESS_RANK if self.guess else RANKS[self.signal]


@attrs.frozen(kw_only=True)
class Link:
    """
    All reasons why one service needs another, together.

    Attributes:
        source, target: The dependent and the dependency.

        signals: Sorted, each once.

        gates: Whether one of them has a say in starting.
    """

    source: str
    target: str
    signals: tuple[Signal, ...]
    gates: bool

    @property
    def strength(self) -> Strength:
        """The strongest of its signals'."""
        return strongest(self.signals)

    @property
    def classification(self) -> Classification:
        """`hard`, or `linkage` for what never blocks a start."""
        return classify(self.strength)


@attrs.frozen(kw_only=True)
class Broken:
    """
    A circle of signals that contradict each other, and what gave way.

    Attributes:
        cycle: The services, each needs the next; the first is repeated at the end. The first pair gave way.

        signals: Those of the pair that gave way.
    """

    cycle: tuple[str, ...]
    signals: tuple[Signal, ...]

    @property
    def source(self) -> str:
        """Of the pair that gave way."""
        return self.cycle[0]

    @property
    def target(self) -> str:
        """Of the pair that gave way."""
        return self.cycle[1]


@attrs.frozen(kw_only=True)
class Missing:
    """
    A reference to a service that is not configured.

    Attributes:
        source: Who refers to it.

        reference: As it is written.

        signal: What the reference would have been.

        path: The place in the configuration, `$.seerr.instances.Main.core_service`; relative to the service's block
            (`core_service`) for specs that come from none.
    """

    source: str
    reference: str
    signal: Signal
    path: str
