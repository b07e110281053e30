"""
One run of a service: the life of one child, from the wish to its end.

`Run.live` reads from top to bottom: wait, prepare, spawn, prove ready, announce, watch, end. Cancelling its scope
(`end()`) is stopping it, wherever it is.
"""

import logging
from collections.abc import Callable, Mapping

import attrs
import trio

from dumb_actors.actors.gates import EdgeGate, Gates
from dumb_actors.actors.launch import LaunchSettings, make_launch
from dumb_actors.actors.levels import Inlet
from dumb_actors.actors.ports import Answer, Child, Host
from dumb_actors.actors.state import ServiceState
from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Ending, Exit, Launch, describe_argv
from dumb_actors.model.event import Cause
from dumb_actors.model.phase import Phase
from dumb_actors.model.spec import ServiceSpec
from dumb_actors.probes.loop import wait_until_held

__all__ = ["Failure", "Run", "RunKit"]

log = logging.getLogger("dumb_actors.service")

END_SLACK_S = 30.0
"""How long the end of a child may take beyond its stop steps before we give up on it and say so."""


@attrs.frozen(kw_only=True)
class RunKit:
    """What all runs of one service share."""

    spec: ServiceSpec
    slug: str
    state: ServiceState
    host: Host
    gates: Gates
    inlets: Mapping[str, Inlet]
    settings: LaunchSettings
    digest: str


@attrs.frozen(kw_only=True)
class Failure:
    """
    Why a run ended although nobody asked for it.

    Attributes:
        cause, hint: What happened, and what would help.

        leader_ended: The child's leader is gone already, so that stop steps make no sense.

        last_lines: The last lines of its output, where there was a child.
    """

    cause: Cause
    hint: str = ""
    leader_ended: bool = False
    last_lines: tuple[str, ...] = ()


class Run:
    """
    One run.

    Args:
        kit: What all runs of the service share.

        cause: Why it is run.

        ignore_dependencies: Go without waiting for anything.

        on_ready: Called once, when the child is ready.
    """

    def __init__(self, kit: RunKit, *, cause: Cause, ignore_dependencies: bool, on_ready: Callable[[], None]) -> None:
        self._kit = kit
        self._state = kit.state
        self._cause = cause
        self._ignore_dependencies = ignore_dependencies
        self._on_ready = on_ready
        self._end_cause = Cause(kind="supervisor", text="the supervisor is ending")
        self._scope = trio.CancelScope()
        self._grace = trio.CancelScope()

    # --- called by the actor's command side ---------------------------------------------------------------------------

    def end(self, cause: Cause) -> None:
        """End the run because of *cause*; a repeated call changes nothing."""
        if not self.is_ending:
            self._end_cause = cause
            self._scope.cancel()

    @property
    def is_ending(self) -> bool:
        """Whether `end()` was called."""
        return self._scope.cancel_called

    @property
    def end_cause(self) -> Cause:
        """Why it ends."""
        return self._end_cause

    def hasten(self) -> None:
        """Skip what is left of the stop steps: SIGKILL."""
        self._grace.cancel()

    def stop_waiting(self) -> None:
        """Go now, whatever it waits for."""
        self._ignore_dependencies = True
        self._state.changed.fire()

    # --- one run, top to bottom ---------------------------------------------------------------------------------------

    async def live(self) -> Failure | None:
        """
        Run the service once.

        Returns:
            None when `end()` was called; else what went wrong. Nothing of the child is left in either case.
        """
        with self._scope:
            try:
                launch = await self._come_to_spawn()
                child = await self._spawn(launch)
            except SpawnFailed as error:
                hint = f"check the command and {error.path}" if error.path else "give it a command"
                return Failure(cause=Cause(kind="spawn", text=str(error)), hint=hint)
            failure: Failure | None = None
            try:
                failure = await self._watch(child, launch)
            finally:
                ending = await self._end_child(child, failure)
            if not self.is_ending:
                return attrs.evolve(failure, last_lines=ending.last_lines)
            # A stop in the same moment decides what follows, not the failure.
            if self._state.phase is not Phase.STOPPING:
                self._state.become(Phase.STOPPING, self._end_cause)
        return None

    async def _come_to_spawn(self) -> Launch:
        """Wait for what must hold and prepare, until both are done with nothing lost in between."""
        cause, generation = self._cause, 0
        while True:
            self._state.become(Phase.WAITING, cause)
            self._kit.gates.begin()
            for gate in self._kit.gates.closed:
                self._state.set_waiting(gate.what, gate.answer)
            await self._wait_for_gates()
            self._state.become(Phase.PREPARING, self._why_now())
            generation = generation or self._kit.host.next_generation(self._kit.slug)
            levels = {name: inlet.level for name, inlet in self._kit.inlets.items()}
            launch = make_launch(
                self._kit.spec, self._kit.slug, generation, self._kit.settings, levels, digest=self._kit.digest
            )
            await self._kit.host.prepare(launch)
            if not self._state.wished:
                await trio.sleep_forever()  # the stop that is in the mailbox ends this run; no child for nothing
            if self._ignore_dependencies or self._kit.gates.still_open():
                return launch
            lost = ", ".join(gate.what for gate in self._kit.gates.closed)
            cause = Cause(kind="dependency", text=f"lost again before the start: {lost}")

    async def _wait_for_gates(self) -> None:
        if self._kit.gates.is_empty:
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._cancel_when_ignored, nursery.cancel_scope)
            await self._kit.gates.wait_open()
            nursery.cancel_scope.cancel()

    async def _cancel_when_ignored(self, scope: trio.CancelScope) -> None:
        while not self._ignore_dependencies:
            await self._state.changed.wait()
        scope.cancel()

    def _why_now(self) -> Cause:
        if self._ignore_dependencies:
            return Cause(kind="command", text="dependencies are ignored, as asked", by=self._cause.by)
        if self._kit.gates.is_empty:
            return self._cause
        return Cause(kind="dependency", text="everything it waits for holds")

    async def _spawn(self, launch: Launch) -> Child:
        with trio.CancelScope(shield=True):  # bounded by the host; half a child would be nobody's
            child = await self._kit.host.spawn(launch)
        cause = Cause(kind="spawn", text=f"spawned as pid {child.pid}")
        self._state.note_spawned(launch.generation, child.pid, cause, {"argv": describe_argv(launch.argv)})
        return child

    async def _watch(self, child: Child, launch: Launch) -> Failure:
        """The child's own nursery: prove it ready, say so, and watch until it ends or turns out not to get ready."""
        failures: list[Failure] = []
        async with trio.open_nursery() as nursery:

            async def watch_exit() -> None:
                failures.append(self._judge_exit(await child.wait()))
                nursery.cancel_scope.cancel()

            nursery.start_soon(watch_exit)
            nursery.start_soon(self._tell_of_dependencies)
            answer = await self._prove_ready(launch)
            if answer.held:
                self._state.become(Phase.READY, Cause(kind="probe", text=answer.text))
                self._on_ready()
                await trio.sleep_forever()
            failures.append(self._judge_not_ready(answer))
            nursery.cancel_scope.cancel()
        return failures[0]

    async def _prove_ready(self, launch: Launch) -> Answer:
        """Ask the readiness probe until it holds or its time is over; the last answer tells which."""
        probe = self._kit.host.probe(self._kit.spec.readiness, launch)
        last = Answer(held=False, text="no answer yet")

        def note(answer: Answer) -> None:
            nonlocal last
            last = answer
            self._state.set_waiting(probe.what, answer.text)

        with trio.move_on_after(self._kit.spec.readiness.timeout):
            await wait_until_held(probe, note)
        return last

    async def _tell_of_dependencies(self) -> None:
        """While the child lives, say which of its declared dependencies are lost and which came back."""
        gates = self._kit.gates.edge_gates
        held = {gate: gate.look() if self._ignore_dependencies else True for gate in gates}
        while True:
            for gate in gates:
                if gate.look() != held[gate]:
                    held[gate] = gate.is_open
                    self._tell_of(gate)
            await self._state.changed.wait()

    def _tell_of(self, gate: EdgeGate) -> None:
        word = "is back" if gate.is_open else "was lost; this service keeps running"
        cause = Cause(kind="dependency", text=f"{gate.target!r} {word}")
        self._state.note("dependency", cause, detail={"dependency": gate.target, "held": gate.is_open})

    # --- the end of a child -------------------------------------------------------------------------------------------

    async def _end_child(self, child: Child, failure: Failure | None) -> Ending:
        """Leave nothing of *child*, by the stop steps unless its leader has ended; shielded and bounded in time."""
        cause = failure.cause if failure is not None else self._end_cause
        budget = sum(step.wait for step in self._kit.spec.stop) + END_SLACK_S
        ending = Ending(exit=Exit(), tree_empty=False)
        with trio.CancelScope(shield=True, deadline=trio.current_time() + budget) as bound:
            if failure is None or not failure.leader_ended:
                self._state.become(Phase.STOPPING, cause)
                with self._grace:
                    await child.terminate(self._kit.spec.stop)
            ending = await child.finish()
        if bound.cancelled_caught:
            log.error("child.stuck service=%r pid=%d waited_s=%g", self._kit.spec.name, child.pid, budget)
        self._state.note_exited(ending, cause)
        return ending

    def _judge_exit(self, exit_: Exit) -> Failure:
        text = f"{exit_}" if self._state.phase is Phase.READY else f"{exit_} before it was ready"
        hint = "a service is expected to stay in the foreground" if exit_.code == 0 else "its last lines may tell why"
        return Failure(cause=Cause(kind="exit", text=text), hint=hint, leader_ended=True)

    def _judge_not_ready(self, answer: Answer) -> Failure:
        text = f"not ready within {self._kit.spec.readiness.timeout:g} s: {answer.text}"
        return Failure(cause=Cause(kind="timeout", text=text), hint="see its log, or raise readiness.timeout")
