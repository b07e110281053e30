"""The values of the page about one service in the graph, with the names and in the shape that they have on the wire."""

from typing import Literal, TypeAlias

import attrs

from dumb_actors.model.edge import Broken, Classification, Missing, Signal, Strength
from dumb_actors.model.phase import Phase, WireStatus, wire_status

__all__ = [
    "Context",
    "ContextCore",
    "DependencyRow",
    "DependentRow",
    "GaveWay",
    "GroupId",
    "LinkedRow",
    "NeighbourEdge",
    "NeighbourNode",
    "Neighbourhood",
    "ParallelGroup",
    "RowState",
    "Scope",
    "Standing",
    "StartupItem",
    "StartupTarget",
]

Scope: TypeAlias = Literal["runtime", "all"]
"""`runtime`: only what can hold up a start, or is configured so; `all`: known cooperations as well."""

RowState: TypeAlias = Literal["running", "stopped", "disabled", "missing"]
"""Of all processes that a row is about: one runs; else one is enabled; else there is one; there is none."""

GroupId: TypeAlias = Literal["pre_core", "core_target", "post_core"]


@attrs.frozen
class Standing:
    """
    How one service stands at this moment.

    Attributes:
        phase: Where it is in its life.

        enabled: Whether it is started at boot.

        wished: Whether it is wished to run.
    """

    phase: Phase
    enabled: bool
    wished: bool

    @property
    def status(self) -> WireStatus:
        """The phase in the three words of the Process Management API."""
        return wire_status(self.phase)


# --- rows -------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class DependencyRow:
    """
    A kind of service that the target needs, by what is known of products.

    Attributes:
        key: Its service key.

        label: Its display name, else the name of its first process, else the key.

        state: Of all its processes that count together.

        process_count: How many count.

        scoped: Its processes belong to certain services: only those count that belong to the target.

        starter_process_name: Which process to start: the first that is enabled, else the first; null: there is none.

        signals: Which map says so: exactly one.

        classification, strength: Of that signal.
    """

    key: str
    label: str
    state: RowState
    process_count: int
    scoped: bool
    starter_process_name: str | None
    signals: tuple[Signal, ...]
    classification: Classification
    strength: Strength


@attrs.frozen(kw_only=True)
class DependentRow:
    """
    A kind of service that needs the target, by what is known of products.

    Attributes:
        key, label, state: Of that service, as in a `DependencyRow`.

        missing_deps: Keys of what it needs and is not running.

        signals: Which map says so: exactly one.

        classification, strength: Of that signal.
    """

    key: str
    label: str
    state: RowState
    missing_deps: tuple[str, ...]
    signals: tuple[Signal, ...]
    classification: Classification
    strength: Strength


@attrs.frozen(kw_only=True)
class LinkedRow:
    """
    A process that is linked with the target.

    Attributes:
        process_name, key, label, state: Of that process.

        signals: Why, sorted. Of a dependent usually the first that applies; of a dependency all.

        classification, strength: Of the strongest of them.
    """

    process_name: str
    key: str
    label: str
    state: RowState
    signals: tuple[Signal, ...]
    classification: Classification
    strength: Strength


@attrs.frozen(kw_only=True)
class StartupItem:
    """
    One step in the order of starting.

    Attributes:
        key, label, state: Of the kind of service.

        signals, classification, strength: Why it stands there.
    """

    key: str
    label: str
    state: RowState
    signals: tuple[Signal, ...]
    classification: Classification
    strength: Strength


@attrs.frozen(kw_only=True)
class StartupTarget:
    """
    The target as the first step of the order, where others need it and it needs nobody.

    Attributes:
        key, label, state: Of the target.

        strength: Always the same.
    """

    key: str
    label: str
    state: RowState
    strength: Strength = "hard_configured"


# --- the picture ------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class NeighbourNode:
    """
    A process in the picture.

    Attributes:
        id, process_name: Its unique name, twice.

        key: Service key.

        label: The name to be shown.

        state: For the target and for what is to be started first the status of the process, else that of its row.
    """

    id: str
    process_name: str
    key: str
    label: str
    state: Literal["running", "stopped", "idle", "disabled", "unknown"]


@attrs.frozen(kw_only=True)
class NeighbourEdge:
    """
    An arrow of the picture, from the dependent to the dependency.

    Attributes:
        source, target: The dependent and the dependency: names of nodes.

        signals: Why, sorted.

        strength, classification: Of the strongest of them.

        gates: Whether a start of the source waits for the target at present. Labels never do, nor does what gave way
            in a circle, nor, as a rule, an inferred edge to what nobody wishes to run.
    """

    source: str
    target: str
    signals: tuple[Signal, ...]
    strength: Strength
    classification: Classification
    gates: bool


@attrs.frozen(kw_only=True)
class ParallelGroup:
    """
    Services that are started together, before or after another one.

    Attributes:
        id: `pre_core`: what it needs; `core_target`: itself; `post_core`: what needs it.

        label: The same for people.

        type: Whether they are started at once or one by one.

        members: Their names, sorted.
    """

    id: GroupId
    label: str
    type: Literal["parallel", "serial"]
    members: tuple[str, ...]


@attrs.frozen(kw_only=True)
class GaveWay:
    """
    A circle of signals that contradict each other, and the pair that gave way.

    Attributes:
        cycle: Services each of which needs the next; the first is repeated at the end.

        source, target: The pair that gave way: it is shown, and does not hold up a start.

        signals: Those of the pair.
    """

    cycle: tuple[str, ...]
    source: str
    target: str
    signals: tuple[Signal, ...]

    @classmethod
    def of(cls, broken: Broken) -> "GaveWay":
        """Write *broken* out."""
        return cls(cycle=broken.cycle, source=broken.source, target=broken.target, signals=broken.signals)


# --- the whole --------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ContextCore:
    """
    The target as a kind of service.

    Attributes:
        key: Service key.

        name: Display name, else the name of the process.

        dependencies: Keys of what a core service of this kind needs, whatever this one is configured to do.
    """

    key: str
    name: str
    dependencies: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Context:
    """
    How to read the answer.

    Attributes:
        mode: `core`: something is known of what it needs; `dependency`: only of what needs it.

        key: Service key of the target.

        core: The target as a kind of service.
    """

    mode: Literal["core", "dependency"]
    key: str
    core: ContextCore


@attrs.frozen(kw_only=True)
class Neighbourhood:
    """
    What one service needs, and what needs it: its direct neighbours.

    Attributes:
        process_name, config_key: Of the target.

        scope: Which links were asked for.

        context: How to read the answer.

        startup_order: Kinds of service in the order of starting.

        dependency_rows, dependent_rows: Kinds of service that it needs, and that need it.

        linked_outgoing_rows, linked_incoming_rows: Processes that it needs, and that need it.

        nodes, edges: The picture.

        parallel_groups: What can start at once before it, and after it.

        cycles_broken: Circles through it, and what gave way in each.

        missing: What its configuration refers to and is not there.
    """

    process_name: str
    config_key: str
    scope: Scope
    context: Context
    startup_order: tuple[StartupItem | StartupTarget, ...]
    dependency_rows: tuple[DependencyRow, ...] = ()
    dependent_rows: tuple[DependentRow, ...] = ()
    linked_outgoing_rows: tuple[LinkedRow, ...] = ()
    linked_incoming_rows: tuple[LinkedRow, ...] = ()
    nodes: tuple[NeighbourNode, ...]
    edges: tuple[NeighbourEdge, ...] = ()
    parallel_groups: tuple[ParallelGroup, ...]
    cycles_broken: tuple[GaveWay, ...] = ()
    missing: tuple[Missing, ...] = ()
