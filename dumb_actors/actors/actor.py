"""
The service actor: one Trio task, one mailbox, at most one live child at a time.

Commands only change what is wished and end the run under way where that asks for it; what a run does is in `run.py`.
"""

import logging
from collections.abc import Mapping, Sequence

import trio

from dumb_actors.actors.bus import EventBus
from dumb_actors.actors.commands import Command, Mailbox, Outcome
from dumb_actors.actors.gates import Gate, Gates
from dumb_actors.actors.launch import LaunchSettings, spec_digest
from dumb_actors.actors.levels import Inlet, Outlet
from dumb_actors.actors.ports import Host
from dumb_actors.actors.run import Failure, Run, RunKit
from dumb_actors.actors.state import ServiceState
from dumb_actors.errors import GaveUp, ShuttingDown, Superseded
from dumb_actors.model.event import Cause, ServiceSnapshot
from dumb_actors.model.graph import Edge
from dumb_actors.model.phase import RESTING, Phase
from dumb_actors.model.spec import ServiceSpec

__all__ = ["ServiceActor"]

log = logging.getLogger("dumb_actors.service")


class ServiceActor:
    """
    Runs one service.

    Args:
        spec, slug: The service, and the name of its files.

        host: Makes children and probes.

        bus: Gets the events.

        settings: What all children have in common.

        edges: What it needs, from the graph.

        inlets: The levels of what it needs, by name.

        outlets: The channels to those who need it.
    """

    def __init__(
        self,
        spec: ServiceSpec,
        slug: str,
        *,
        host: Host,
        bus: EventBus,
        settings: LaunchSettings,
        edges: Sequence[Edge],
        inlets: Mapping[str, Inlet],
        outlets: Sequence[Outlet],
    ) -> None:
        self.spec = spec
        self.state = ServiceState(spec, bus, tuple(outlets))
        self._inlets = inlets
        self._gates = Gates(
            edges,
            spec.waits,
            inlets,
            changed=self.state.changed,
            make_probe=lambda wait: host.probe(wait, None),
            report=self._report_gate,
        )
        self._kit = RunKit(
            spec=spec,
            slug=slug,
            state=self.state,
            host=host,
            gates=self._gates,
            inlets=inlets,
            settings=settings,
            digest=spec_digest(spec),
        )
        self._mailbox = Mailbox(spec.name)
        # What the commands taken so far ask for, and who waits for it.
        self._go: Command | None = None
        self._closing = False
        self._hasten = False
        self._starts: list[Command] = []
        self._stops: list[Command] = []
        self._run: Run | None = None

    # --- from outside the task ----------------------------------------------------------------------------------------

    def post(self, command: Command) -> None:
        """
        Accept *command*: what is wished changes at once, what is follows.

        Raises:
            Busy: The mailbox is full; nothing changed.

            ShuttingDown: The actor has ended; nothing changed.
        """
        self._mailbox.put(command)
        self.state.note_command(command)
        self.state.wish(wished=command.action in {"start", "restart"})

    def hasten(self) -> None:
        """Skip what is left of the stop steps, now and in later stops: SIGKILL at once."""
        self._hasten = True
        if self._run is not None:
            self._run.hasten()

    def snapshot(self) -> ServiceSnapshot:
        """Freeze the present state."""
        if self.state.phase is Phase.WAITING:
            for gate in self._gates.closed:
                self.state.set_waiting(gate.what, gate.answer)
        return self.state.snapshot({name: str(inlet.level.phase) for name, inlet in self._inlets.items()})

    # --- the task -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the mailbox until a shutdown command; cancelling this ends the child in the same orderly way."""
        try:
            async with trio.open_nursery() as nursery:
                for inlet in self._inlets.values():
                    nursery.start_soon(inlet.follow, self.state.changed)
                while not self._closing:
                    await self._do_next()
                nursery.cancel_scope.cancel()
        finally:
            self._mailbox.close()
            self._answer(self._starts, ShuttingDown("the supervisor has ended", service=self.spec.name))
            self._answer(self._stops, self.snapshot())

    async def _do_next(self) -> None:
        """Run the service where that is wished, else take a command. The actor's edge: no error gets past it."""
        try:
            if self._go is not None:
                await self._run_once(self._go)
            else:
                self._take(await self._mailbox.get())
        except Exception as error:  # noqa: BLE001  (a defect here is this service's failure, and nobody else's)
            self._fail_internally(error)

    async def _run_once(self, why: Command) -> None:
        """Run the service once while commands are taken; afterwards it is at rest."""
        self._run = Run(
            self._kit,
            cause=_cause_of(why),
            ignore_dependencies=why.dependencies == "ignore",
            on_ready=lambda: self._answer(self._starts, self.snapshot()),
        )
        if self._hasten:
            self._run.hasten()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._take_commands)
                failure = await self._run.live()
                nursery.cancel_scope.cancel()
            if failure is not None:
                self._give_up(failure, self._run)
            self._rest(self._run.end_cause)
        finally:
            self._run = None

    async def _take_commands(self) -> None:
        while True:
            self._take(await self._mailbox.get())

    # --- commands -----------------------------------------------------------------------------------------------------

    def _take(self, command: Command) -> None:
        """Change what is wished, and end the run under way where that asks for it."""
        match command.action:
            case "start":
                self._take_start(command)
            case "restart":
                self.state.restarts += 1
                self._starts.append(command)
                self._go = command
                if self._run is not None:
                    self._run.end(_cause_of(command))
            case "stop" | "shutdown":
                self._closing = self._closing or command.action == "shutdown"
                self._take_stop(command)

    def _take_start(self, command: Command) -> None:
        run = self._run
        if run is not None and not run.is_ending:
            if self.state.phase is Phase.READY:
                command.answer(self.snapshot())
                return
            if command.dependencies == "ignore":
                run.stop_waiting()
        self._go = command
        self._starts.append(command)

    def _take_stop(self, command: Command) -> None:
        self._go = None
        self._stops.append(command)
        starts, self._starts = self._starts, []
        for start in starts:
            start.answer(Superseded(self.spec.name, start.action, command.action))
        if self._run is not None:
            self._run.end(_cause_of(command))
        else:
            self._rest(_cause_of(command))

    def _rest(self, cause: Cause) -> None:
        """Be stopped, unless it failed and nobody asked for a stop; then answer the stops."""
        phase = self.state.phase
        if phase not in RESTING or (self._stops and phase is not Phase.STOPPED):
            self.state.become(Phase.STOPPED, cause)
        self._answer(self._stops, self.snapshot())

    @staticmethod
    def _answer(commands: list[Command], outcome: Outcome) -> None:
        waiting = commands.copy()
        commands.clear()
        for command in waiting:
            command.answer(outcome)

    # --- failure ------------------------------------------------------------------------------------------------------

    def _give_up(self, failure: Failure, run: Run) -> None:
        """Go to `failed` and answer the starts that wait for this run."""
        detail = {"last_lines": list(failure.last_lines)}
        self.state.become(Phase.FAILED, failure.cause, hint=failure.hint, detail=detail)
        if not run.is_ending:  # else a stop or restart came in the same moment and decides what follows
            self._go = None
            self._answer(self._starts, GaveUp(self.spec.name, failure.cause.text))

    def _fail_internally(self, error: Exception) -> None:
        log.error("service.internal_error service=%r", self.spec.name, exc_info=error)
        self._go = None
        text = f"internal error: {_innermost(error)!r}; please report it, the traceback is in our log"
        cause = Cause(kind="error", text=text)
        if self.state.phase not in RESTING:
            self.state.become(Phase.FAILED, cause)
        self._answer(self._starts, GaveUp(self.spec.name, cause.text))
        self._answer(self._stops, self.snapshot())

    def _report_gate(self, gate: Gate) -> None:
        word = "holds" if gate.is_open else "does not hold any more"
        cause = Cause(kind="dependency", text=f"{gate.what}: {word}")
        if gate.is_open:
            self.state.clear_waiting(gate.what)
        else:
            self.state.set_waiting(gate.what, gate.answer)
        detail = {"condition": gate.what, "signal": gate.kind, "target": gate.target, "held": gate.is_open}
        self.state.note("condition", cause, detail=detail)


def _cause_of(command: Command) -> Cause:
    return Cause(kind="command", text=f"{command.action} asked for by {command.by}", by=command.by)


def _innermost(error: BaseException) -> BaseException:
    """Unwrap what nurseries wrapped, as long as there is one only."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
