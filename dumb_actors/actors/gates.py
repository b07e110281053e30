"""
Gates: what must hold before a child of a service is spawned, and how it is found out.

An edge of `depends_on`, or of what is known of products, is open while the dependency's level meets its `until`; one
that is not `always` also while nobody wishes the dependency. A wait (`wait_for_url`, `wait_for_dir`) is open once its
own probe held while each of its providers that is a service of ours and wished had a live child; a new child of one
must prove it anew. A service goes when all its gates are open at once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import attrs
import trio

from dumb_actors.actors.levels import Changed, Inlet
from dumb_actors.actors.ports import Answer, Probe
from dumb_actors.graph.gating import without_repeats
from dumb_actors.graph.planning import what_edge, what_wait
from dumb_actors.graph.waits import wait_signal
from dumb_actors.model.edge import Edge
from dumb_actors.model.spec import WaitSpec
from dumb_actors.probes.loop import wait_until_held

__all__ = ["EdgeGate", "Gate", "GateReport", "Gates", "WaitGate"]

GateReport: TypeAlias = Callable[["Gate"], None]
"""Called when a gate opens or closes, and when its answer changes."""


@attrs.define(eq=False)
class Gate:
    """One thing that must hold; `answer` is the last that was heard of it."""

    what: str
    kind: str
    target: str | None = None
    is_open: bool = False
    answer: str | None = None


@attrs.define(eq=False)
class EdgeGate(Gate):
    """A dependency that is declared, or that follows from what is known."""

    edge: Edge = attrs.field(kw_only=True)
    inlet: Inlet = attrs.field(kw_only=True)

    def look(self) -> bool:
        """Take over the present level; tell whether the gate is open."""
        level = self.inlet.level
        self.answer = str(level)
        self.is_open = self.is_met or not (self.edge.always or level.wished)
        return self.is_open

    @property
    def is_met(self) -> bool:
        """Whether the dependency itself is as it should be; an optional one that nobody wishes is not."""
        return self.inlet.level.meets(self.edge.until)


@attrs.define(eq=False)
class WaitGate(Gate):
    """A wait of its own with a probe, and the services that provide what is waited for."""

    wait: WaitSpec = attrs.field(kw_only=True)
    providers: tuple[Inlet, ...] = attrs.field(kw_only=True)

    def is_provided(self) -> bool:
        """Tell whether every provider that is wished has a live child, or is a one-shot that has done its work."""
        return all(inlet.level.meets("started") or not inlet.level.wished for inlet in self.providers)

    def generations(self) -> tuple[int, ...]:
        """Give the generations of the providers: a proof is worth no more than the child it was about."""
        return tuple(inlet.level.generation for inlet in self.providers)

    def missing(self) -> str:
        """Say which provider is not there."""
        lost = next(i for i in self.providers if i.level.wished and not i.level.meets("started"))
        return f"{lost.target!r}, which provides it, is {lost.level}"


class Gates:
    """
    All gates of one service.

    Args:
        edges: The service's edges in the graph.

        waits: Its waits.

        inlets: The levels of its dependencies, by name.

        changed: Fired whenever a level changed.

        make_probe: Gives the probe for a wait.

        report: Told of each gate that opens or closes.
    """

    def __init__(
        self,
        edges: Sequence[Edge],
        waits: Sequence[WaitSpec],
        inlets: Mapping[str, Inlet],
        *,
        changed: Changed,
        make_probe: Callable[[WaitSpec], Probe],
        report: GateReport,
    ) -> None:
        self._changed = changed
        self._make_probe = make_probe
        self._report = report
        self.edge_gates: tuple[EdgeGate, ...] = ()
        self.wait_gates = tuple(WaitGate(what_wait(wait), wait_signal(wait), wait=wait, providers=()) for wait in waits)
        self.rewire(edges, inlets)

    def rewire(self, edges: Sequence[Edge], inlets: Mapping[str, Inlet]) -> None:
        """Take over the edges of a new set of specs, also while somebody waits; gates of edges that stay stay."""
        present = {(gate.edge, id(gate.inlet)): gate for gate in self.edge_gates}
        self.edge_gates = tuple(
            present.get((edge, id(inlets[edge.target])))
            or EdgeGate(what_edge(edge), edge.signal, edge.target, edge=edge, inlet=inlets[edge.target])
            for edge in without_repeats(edges)
        )
        for index, gate in enumerate(self.wait_gates):
            targets = [edge.target for edge in edges if edge.wait == index]
            gate.target = targets[0] if targets else None
            gate.providers = tuple(inlets[target] for target in targets)

    @property
    def is_empty(self) -> bool:
        """Whether the service waits for nothing at all."""
        return not (self.edge_gates or self.wait_gates)

    @property
    def closed(self) -> tuple[Gate, ...]:
        """The gates that are not open, in order of the configuration."""
        return tuple(gate for gate in (*self.edge_gates, *self.wait_gates) if not gate.is_open)

    def still_open(self) -> bool:
        """Look again at everything that can be looked at without waiting."""
        for edge_gate in self.edge_gates:
            edge_gate.look()
        for wait_gate in self.wait_gates:
            if not wait_gate.is_provided():
                wait_gate.is_open = False
        return not self.closed

    def begin(self) -> None:
        """Take a first look, before a wait: nothing that a former run proved counts."""
        for edge_gate in self.edge_gates:
            edge_gate.look()
        for wait_gate in self.wait_gates:
            wait_gate.is_open = False
            wait_gate.answer = None

    async def wait_open(self) -> None:
        """Return when every gate is open, all at the same time. Probes run only inside this call."""
        async with trio.open_nursery() as nursery:
            for gate in self.wait_gates:
                nursery.start_soon(self._keep, gate)
            await self._all_open()
            nursery.cancel_scope.cancel()

    async def _all_open(self) -> None:
        while True:
            before = [(gate, gate.is_open) for gate in self.edge_gates]
            for gate, was_open in before:
                if gate.look() != was_open:
                    self._report(gate)
            if not self.closed:
                return
            await self._changed.wait()

    async def _keep(self, gate: WaitGate) -> None:
        """Prove *gate* whenever its providers are there, and void the proof when they go or are replaced."""
        while True:
            while not gate.is_provided():
                gate.answer = gate.missing()
                await self._changed.wait()
            generations = gate.generations()
            if not await self._probe(gate, generations):
                continue
            self._set(gate, is_open=True)
            while self._proof_stands(gate, generations):
                await self._changed.wait()
            self._set(gate, is_open=False)

    async def _probe(self, gate: WaitGate, generations: tuple[int, ...]) -> bool:
        """Ask until the probe holds, or until the answer would be about a child that is gone; tell which it was."""
        held = False

        def note(answer: Answer) -> None:
            gate.answer = answer.text

        async def cancel_when_void(scope: trio.CancelScope) -> None:
            while self._proof_stands(gate, generations):
                await self._changed.wait()
            scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancel_when_void, nursery.cancel_scope)
            await wait_until_held(self._make_probe(gate.wait), note)
            held = self._proof_stands(gate, generations)
            nursery.cancel_scope.cancel()
        return held

    @staticmethod
    def _proof_stands(gate: WaitGate, generations: tuple[int, ...]) -> bool:
        return gate.is_provided() and gate.generations() == generations

    def _set(self, gate: WaitGate, *, is_open: bool) -> None:
        if gate.is_open != is_open:
            gate.is_open = is_open
            self._report(gate)
            self._changed.fire()
