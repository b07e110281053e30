"""
The service actor: one Trio task, one mailbox, at most one live child at a time.

Commands only change what is wished and end the run under way where that asks for it; what a run does is in `run.py`.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import trio

from dumb_actors.actors.bus import EventBus
from dumb_actors.actors.causes import cause_of_command, seq_of_gate
from dumb_actors.actors.commands import Command, Mailbox
from dumb_actors.actors.commands import Outcome as CommandOutcome
from dumb_actors.actors.gates import Gate, Gates
from dumb_actors.actors.healing import Healing
from dumb_actors.actors.launch import LaunchSettings, spec_digest
from dumb_actors.actors.levels import Inlet, Outlet
from dumb_actors.actors.outcome import Completion, Failure, Loss, Outcome
from dumb_actors.actors.ports import Adopted, Host
from dumb_actors.actors.run import Run, RunKit
from dumb_actors.actors.state import ServiceState
from dumb_actors.errors import GaveUp, ShuttingDown, StartFailed, Superseded
from dumb_actors.graph.scene import Situation
from dumb_actors.model.child import Launch
from dumb_actors.model.edge import Edge
from dumb_actors.model.event import Cause, ServiceSnapshot
from dumb_actors.model.phase import RESTING, Phase
from dumb_actors.model.restart import Decision
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
        self._bus = bus
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
        self._healing = Healing(spec.restart, f"{settings.run_id}.{slug}")
        # What the commands taken so far ask for, and who waits for it.
        self._go: Command | None = None
        self._why = Cause(kind="supervisor", text="not started yet")
        self._resume_mono = -math.inf
        self._untaken = 0
        self._closing = False
        self._is_left = False
        self._hasten = False
        self._starts: list[Command] = []
        self._stops: list[Command] = []
        self._run: Run | None = None
        self._adopted: Adopted | None = None
        self._done: Launch | None = None  # what it says on disk: this one-shot has done its work
        self._nursery: trio.Nursery | None = None

    # --- from outside the task ----------------------------------------------------------------------------------------

    def post(self, command: Command) -> None:
        """
        Accept *command*: what is wished changes at once, what is follows.

        Raises:
            Busy: The mailbox is full; nothing changed.

            ShuttingDown: The actor has ended; nothing changed.
        """
        self._mailbox.put(command)
        self._untaken += 1
        self.state.note_command(command)
        if command.action != "leave":
            self.state.wish(wished=command.action in {"start", "restart"})

    def adopt(self, adopted: Adopted, command: Command) -> None:
        """
        Take over what an earlier supervisor left; before `run`, and at once in the eyes of everybody.

        *command* stands for the start that it goes back to.
        """
        changed = adopted.launch.digest not in {"", self._kit.digest}
        self.state.note_adopted(adopted, needs_restart=changed)
        if adopted.child is None:
            self._done = adopted.launch
            return
        self._adopted = adopted
        self._go, self._why = command, Cause(kind="supervisor", text=self.state.reason)

    def catch_up(self) -> None:
        """Look at what the dependencies are, before `run`."""
        for inlet in self._inlets.values():
            inlet.catch_up()

    def rewire(
        self, spec: ServiceSpec, edges: Sequence[Edge], inlets: Mapping[str, Inlet], outlets: Sequence[Outlet]
    ) -> None:
        """Take its place in a new set of specs; *spec* is the same to a child. Nothing of a run is touched."""
        fresh = [inlet for target, inlet in inlets.items() if self._inlets.get(target) is not inlet]
        self.spec = spec
        self._inlets = inlets
        self._kit = attrs.evolve(self._kit, spec=spec, inlets=inlets)
        self._gates.rewire(edges, inlets)
        for inlet in fresh:
            if self._nursery is not None:
                self._nursery.start_soon(inlet.follow, self.state.changed)
        self.state.rewire(spec, tuple(outlets))

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

    def situation(self) -> Situation:
        """Say how it stands, for a plan; a look at fields, cheaper than a snapshot."""
        state, closed = self.state, frozenset[int]()
        if state.phase is Phase.WAITING:
            closed = frozenset(index for index, gate in enumerate(self._gates.wait_gates) if not gate.is_open)
        return Situation(wished=state.wished, phase=state.phase, reason=state.reason, closed_waits=closed)

    # --- the task -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the mailbox until a shutdown command; cancelling this ends the child in the same orderly way."""
        try:
            async with trio.open_nursery() as self._nursery:
                for inlet in self._inlets.values():
                    self._nursery.start_soon(inlet.follow, self.state.changed)
                while not self._closing:
                    await self._do_next()
                self._nursery.cancel_scope.cancel()
        finally:
            self._nursery = None
            self._mailbox.close()
            self._answer(self._starts, ShuttingDown("the supervisor has ended", service=self.spec.name))
            self._answer(self._stops, self.snapshot())

    async def _do_next(self) -> None:
        """Run the service where that is wished, else take a command. The actor's edge: no error gets past it."""
        try:
            if self._go is not None and trio.current_time() >= self._resume_mono:
                await self._void_done()
                await self._run_once(self._go)
            elif self._go is None:
                self._take(await self._mailbox.get())
            else:
                with trio.CancelScope(deadline=self._resume_mono):
                    self._take(await self._mailbox.get())
            if self.state.phase is not Phase.COMPLETED and not self._is_left:
                await self._void_done()
        except Exception as error:  # noqa: BLE001  (a defect here is this service's failure, and nobody else's)
            self._fail_internally(error)

    async def _run_once(self, go: Command) -> None:
        """Run the service once while commands are taken; afterwards it is at rest, or waits for its next attempt."""
        adopted, self._adopted = self._adopted, None
        if self._why.kind == "restart":
            self._healing.begin(self._bus.wall())
            self.state.healing = self._healing.counts
        self._run = run = Run(
            self._kit,
            cause=self._why,
            ignore_dependencies=go.dependencies == "ignore",
            on_ready=self._succeed,
            adopted=adopted,
        )
        if self._hasten:
            run.hasten()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._take_commands)
                outcome = await run.live()
                nursery.cancel_scope.cancel()
            if outcome is not None:
                self._follow_up(outcome, run)
            if run.has_left:
                self._answer(self._stops, self.snapshot())
            else:
                self._rest(run.end_cause)
        finally:
            self._run = None

    async def _void_done(self) -> None:
        """Let what the one-shot has done count no more for a later supervisor."""
        if self._done is not None:
            done, self._done = self._done, None
            await self._kit.host.note_completed(done, completed=False)

    async def _take_commands(self) -> None:
        while True:
            self._take(await self._mailbox.get())

    # --- commands -----------------------------------------------------------------------------------------------------

    def _take(self, command: Command) -> None:
        """Change what is wished, and end the run under way where that asks for it."""
        self._untaken -= 1 + len(command.joined)
        match command.action:
            case "start":
                self._take_start(command)
            case "restart":
                self.state.restarts += 1
                self._starts.append(command)
                self._ask_to_run(command)
                if self._run is not None:
                    self._run.end(cause_of_command(command))
            case "stop" | "shutdown":
                self._closing = self._closing or command.action == "shutdown"
                self._take_stop(command)
            case "leave":
                self._closing = self._is_left = True
                self._take_leave(command)

    def _take_start(self, command: Command) -> None:
        run = self._run
        if run is not None and not run.is_ending:
            if self.state.phase is Phase.READY:
                command.answer(self.snapshot())
                return
            if command.dependencies == "ignore":
                run.stop_waiting()
        self._starts.append(command)
        self._ask_to_run(command)

    def _ask_to_run(self, command: Command) -> None:
        """Run as soon as it can be; what went wrong before is forgotten."""
        self._go, self._why, self._resume_mono = command, cause_of_command(command), -math.inf
        self._forget()

    def _forget(self) -> None:
        self._healing.forget()
        self.state.healing = self._healing.counts

    def _take_stop(self, command: Command) -> None:
        self._go = None
        self._forget()
        self._stops.append(command)
        starts, self._starts = self._starts, []
        for start in starts:
            start.answer(Superseded(self.spec.name, start.action, command.action))
        if self._run is not None:
            self._run.end(cause_of_command(command))
        else:
            self._rest(cause_of_command(command))

    def _take_leave(self, command: Command) -> None:
        """End without the child; a service that is only on its way comes to rest, its wish stays."""
        self._go = None
        self._stops.append(command)
        self._answer(self._starts, ShuttingDown("the supervisor ends and leaves its services", service=self.spec.name))
        if self._run is not None:
            self._run.leave(cause_of_command(command))
        else:
            self._answer(self._stops, self.snapshot())

    def _rest(self, cause: Cause) -> None:
        """Be stopped unless there is a reason to be something else; then answer the stops."""
        phase = self.state.phase
        is_at_rest = phase in RESTING or (phase is Phase.BACKOFF and self._go is not None)
        if not is_at_rest or (self._stops and phase is not Phase.STOPPED):
            self.state.become(Phase.STOPPED, cause)
        self._answer(self._stops, self.snapshot())

    @staticmethod
    def _answer(commands: list[Command], outcome: CommandOutcome) -> None:
        waiting = commands.copy()
        commands.clear()
        for command in waiting:
            command.answer(outcome)

    # --- how a run ended by itself ------------------------------------------------------------------------------------

    def _succeed(self) -> None:
        """It is ready, or has done its work: the starts that wait are answered."""
        self._healing.succeed()
        self.state.healing = self._healing.counts
        self._answer(self._starts, self.snapshot())

    def _follow_up(self, outcome: Outcome, run: Run) -> None:
        """Do what follows from *outcome*, unless a command that came in the same moment decides that."""
        match outcome:
            case Completion():
                self.state.become(Phase.COMPLETED, outcome.cause)
                self._done = run.launch
                if not run.is_ending:
                    self._go = None
                    self._succeed()
            case Loss():
                self.state.become(Phase.STOPPED, outcome.cause, detail={"again": outcome.again})
                if not run.is_ending:
                    self._follow_loss(outcome)
            case Failure():
                self._follow_failure(outcome, run)

    def _follow_loss(self, loss: Loss) -> None:
        self._why = loss.cause
        if not loss.again:
            self._go = None
            if not self._untaken:  # else somebody has wished anew
                self.state.wish(wished=False)
            self._answer(self._starts, GaveUp(self.spec.name, loss.cause.text))

    def _follow_failure(self, failure: Failure, run: Run) -> None:
        """By its policy: another attempt, at once or later, or none."""
        detail: dict[str, Any] = {"last_lines": list(failure.last_lines)}
        if failure.is_final or run.is_ending:
            self._give_up(failure.cause, failure.hint, detail, run)
            return
        now, was_loop = trio.current_time(), self._healing.counts.crash_loop
        decision = self._healing.end(failure.cause, ran_s=failure.ready_s, now_mono=now, at=self._bus.wall())
        self.state.healing = self._healing.counts
        if decision.crash_loop and not was_loop:
            self._tell_of_loop(decision, failure.cause.seq)
        if decision.delay_s is None:
            text = failure.cause.text
            if self.spec.restart.policy != "never":
                text += f"; {decision.reason}"
            self._give_up(attrs.evolve(failure.cause, text=text), failure.hint, detail, run)
            return
        self._resume_mono = now + decision.delay_s
        detail.update(delay_s=decision.delay_s, recent=decision.recent)
        when = "at once" if decision.delay_s == 0 else f"in {decision.delay_s:.1f} s"
        cause = attrs.evolve(failure.cause, text=f"{failure.cause.text}; next attempt {when}")
        event = self.state.become(Phase.BACKOFF, cause, hint=failure.hint, detail=detail)
        text = f"attempt {len(self._healing)} after: {failure.cause.text}"
        self._why = Cause(kind="restart", text=text, seq=event.seq)
        self._answer(self._starts, StartFailed(self.spec.name, failure.cause.text, decision.delay_s))

    def _tell_of_loop(self, decision: Decision, exited_seq: int | None) -> None:
        policy = self.spec.restart
        text = f"crash loop: it ended {decision.recent} times within {policy.window:g} s"
        detail = {"exits": decision.recent, "window_s": policy.window, "next_delay_s": decision.delay_s}
        self.state.note("crash_loop", Cause(kind="restart", text=text, seq=exited_seq), detail=detail)

    def _give_up(self, cause: Cause, hint: str, detail: Mapping[str, Any], run: Run) -> None:
        """Go to `failed`, and answer the starts that wait for this run."""
        self.state.become(Phase.FAILED, cause, hint=hint, detail=detail)
        if not run.is_ending:  # else a stop or restart came in the same moment and decides what follows
            self._go = None
            self._answer(self._starts, GaveUp(self.spec.name, cause.text))

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
        cause = Cause(kind="dependency", text=f"{gate.what}: {word}", seq=seq_of_gate(gate))
        if gate.is_open:
            self.state.clear_waiting(gate.what)
        else:
            self.state.set_waiting(gate.what, gate.answer)
        detail = {"condition": gate.what, "signal": gate.kind, "dependency": gate.target, "held": gate.is_open}
        self.state.opened.note(gate, self.state.note("condition", cause, detail=detail))


def _innermost(error: BaseException) -> BaseException:
    """Unwrap what nurseries wrapped, as long as there is one only."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
