"""
One run of a service: the life of one child, from the wish to its end.

`Run.live` reads from top to bottom: wait, prepare, spawn, prove ready, announce, watch, end. Cancelling its scope
(`end()`) is stopping it, wherever it is.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
import trio

from dumb_actors.actors.causes import seq_of_gate, waits_for
from dumb_actors.actors.gates import EdgeGate, Gates
from dumb_actors.actors.launch import LaunchSettings, make_launch
from dumb_actors.actors.levels import Inlet
from dumb_actors.actors.liveness import watch_health
from dumb_actors.actors.outcome import Completion, Failure, Loss, Outcome, judge_spawn
from dumb_actors.actors.ports import Adopted, Answer, Child, Host
from dumb_actors.actors.state import ServiceState
from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Ending, Exit, Launch, describe_argv
from dumb_actors.model.event import Cause, Event
from dumb_actors.model.phase import Phase
from dumb_actors.model.probe import Notify, Settle
from dumb_actors.model.spec import ServiceSpec
from dumb_actors.probes.loop import wait_until_held

__all__ = ["Run", "RunKit"]

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


class Run:
    """
    One run.

    Args:
        kit: What all runs of the service share.

        cause: Why it is run.

        ignore_dependencies: Go without waiting for anything.

        on_ready: Called once, when the child is ready.

        adopted: A child that lives already, with the state that says so; None: the run makes its own.

    Attributes:
        launch: The order of its child, once there is one.

        has_left: A child was left running.
    """

    def __init__(
        self,
        kit: RunKit,
        *,
        cause: Cause,
        ignore_dependencies: bool,
        on_ready: Callable[[], None],
        adopted: Adopted | None = None,
    ) -> None:
        self._kit = kit
        self._state = kit.state
        self._cause = cause
        self._ignore_dependencies = ignore_dependencies
        self._on_ready = on_ready
        self._adopted = adopted
        self._is_leaving = False
        self.has_left = False
        self.launch: Launch | None = None
        self._end_cause = Cause(kind="supervisor", text="the supervisor is ending")
        self._scope = trio.CancelScope()
        self._grace = trio.CancelScope()
        self._ready_mono = math.inf
        self._exited_seq: int | None = None
        self._met: dict[EdgeGate, bool] = {}
        self._prepared: list[dict[str, Any]] = []

    # --- called by the actor's command side ---------------------------------------------------------------------------

    def end(self, cause: Cause) -> None:
        """End the run because of *cause*; a repeated call changes nothing."""
        if not self.is_ending:
            self._end_cause = cause
            self._scope.cancel()

    def leave(self, cause: Cause) -> None:
        """End the run and leave its child running; one that is being stopped is stopped."""
        self._is_leaving = not self.is_ending
        self.end(cause)

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

    async def live(self) -> Outcome | None:
        """
        Run the service once.

        Returns:
            None when `end()` was called; else how it ended. Nothing of the child is left in either case, but after
            `leave()`.
        """
        with self._scope:
            try:
                child, launch = await self._come_by_child()
            except SpawnFailed as error:
                return judge_spawn(error)
            self.launch = launch
            outcome: Outcome | None = None
            ending = Ending(exit=Exit())
            try:
                outcome = await self._watch(child, launch)
            finally:
                if self._is_leaving and outcome is None:
                    await self._let_go(child)
                else:
                    ending = await self._end_child(child, launch, outcome)
            if not self.is_ending:
                if isinstance(outcome, Failure):
                    cause = attrs.evolve(outcome.cause, seq=self._exited_seq)
                    return attrs.evolve(outcome, last_lines=ending.last_lines, cause=cause)
                return outcome
            # A stop in the same moment decides what follows, not the outcome.
            if self._state.phase is not Phase.STOPPING:
                self._state.become(Phase.STOPPING, self._end_cause)
        return None

    async def _come_by_child(self) -> tuple[Child, Launch]:
        if self._adopted is not None and self._adopted.child is not None:
            # What it needs was there when it was spawned; what is not any more was lost meanwhile.
            self._met = dict.fromkeys(self._kit.gates.edge_gates, True)
            return self._adopted.child, self._adopted.launch
        launch = await self._come_to_spawn()
        return await self._spawn(launch), launch

    async def _come_to_spawn(self) -> Launch:
        """Wait for what must hold and prepare, until both are done with nothing lost in between."""
        cause, generation = self._cause, 0
        while True:
            self._kit.gates.begin()
            closed = () if self._ignore_dependencies else self._kit.gates.closed
            self._state.opened.clear()
            self._state.become(Phase.WAITING, cause, detail={"waits_for": waits_for(closed)} if closed else None)
            for gate in closed:
                self._state.set_waiting(gate.what, gate.answer)
            await self._wait_for_gates()
            self._state.become(Phase.PREPARING, self._why_now())
            generation = generation or self._kit.host.next_generation(self._kit.slug)
            levels = {name: inlet.level for name, inlet in self._kit.inlets.items()}
            launch = make_launch(
                self._kit.spec, self._kit.slug, generation, self._kit.settings, levels, digest=self._kit.digest
            )
            begun_mono = trio.current_time()
            launch = await self._kit.host.prepare(launch)
            self._prepared = [{"hook": "look-up", "s": round(trio.current_time() - begun_mono, 6)}]
            while not self._state.wished:
                # No child for nothing: the stop that is in the mailbox ends this run, unless a start overtakes it.
                await self._state.changed.wait()
            if self._ignore_dependencies or self._kit.gates.still_open():
                # As of now: what is lost while the child is being spawned is a loss.
                self._met = {gate: gate.is_met for gate in self._kit.gates.edge_gates}
                return launch
            lost = self._kit.gates.closed
            text = f"lost again before the start: {', '.join(gate.what for gate in lost)}"
            cause = Cause(kind="dependency", text=text, seq=max(filter(None, map(seq_of_gate, lost)), default=None))

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
        return Cause(kind="dependency", text="everything it waits for holds", seq=self._state.opened.seq)

    async def _spawn(self, launch: Launch) -> Child:
        begun_mono = trio.current_time()
        with trio.CancelScope(shield=True):  # bounded by the host; half a child would be nobody's
            child = await self._kit.host.spawn(launch)
        cause = Cause(kind="spawn", text=f"spawned as pid {child.pid}")
        detail = {
            "argv": describe_argv(launch.argv),
            "prepared": self._prepared,
            "spawn_s": round(trio.current_time() - begun_mono, 6),
            "probe": "work" if self._is_ready_when_done else type(self._kit.spec.readiness).__name__.lower(),
            **child.facts,
        }
        self._state.note_spawned(launch.generation, child.pid, cause, detail)
        return child

    async def _watch(self, child: Child, launch: Launch) -> Outcome:
        """The child's own nursery: prove it ready, say so, and watch until something ends it."""
        outcomes: list[Outcome] = []
        async with trio.open_nursery() as nursery:

            async def end_by(judge: Callable[[], Awaitable[Outcome]]) -> None:
                outcomes.append(await judge())
                nursery.cancel_scope.cancel()

            async def exited() -> Outcome:
                return self._judge_exit(await child.wait())

            async def unhealthy() -> Outcome:
                return await self._watch_health(launch)

            nursery.start_soon(end_by, exited)
            # No task where there is nothing to be watched: a hundred services start at once.
            if self._met:
                nursery.start_soon(end_by, self._watch_dependencies)
            if launch.notify:
                nursery.start_soon(child.attend, self._hear)
            answer = await self._prove_ready(launch)
            if answer.held:
                self._announce(answer)
                nursery.start_soon(child.note_ready)
                if self._kit.spec.liveness is not None:
                    nursery.start_soon(end_by, unhealthy)
            else:
                outcomes.append(self._judge_not_ready(answer))
                nursery.cancel_scope.cancel()
        return outcomes[0]

    def _announce(self, answer: Answer) -> None:
        if self._state.phase is Phase.READY:  # adopted, and asked once more
            self._state.clear_waiting()
        else:
            self._state.become(Phase.READY, Cause(kind="probe", text=answer.text))
        self._ready_mono = trio.current_time()
        self._on_ready()

    def _hear(self, says: str) -> None:
        self._state.says = says

    async def _watch_health(self, launch: Launch) -> Outcome:
        """Return when it is unhealthy and that is a reason to restart it."""
        liveness = self._kit.spec.liveness
        if liveness is None or self._state.needs_restart:
            await trio.sleep_forever()
            raise AssertionError("unreachable")

        def note(answer: Answer) -> bool:
            return self._state.note_health(answer, liveness.threshold) and liveness.restart

        answer = await watch_health(liveness, lambda check: self._kit.host.probe(check, launch), note)
        text = f"unhealthy, {liveness.threshold} times in a row: {answer.text}"
        cause = Cause(kind="liveness", text=text, seq=self._state.unhealthy_seq)
        return Failure(cause=cause, ready_s=self._ready_s, hint="its log may tell why")

    @property
    def _ready_s(self) -> float:
        return max(0.0, trio.current_time() - self._ready_mono)

    async def _prove_ready(self, launch: Launch) -> Answer:
        """Ask the readiness probe until it holds or its time is over; the last answer tells which."""
        if self._is_ready_when_done:
            return await self._await_completion()
        if self._adopted is not None and self._adopted.was_ready and self._cannot_be_asked_again:
            return Answer(held=True, text="it was ready before")
        probe = self._kit.host.probe(self._kit.spec.readiness, launch)
        last = Answer(held=False, text="no answer yet")

        def note(answer: Answer) -> None:
            nonlocal last
            last = answer
            self._state.set_waiting(probe.what, answer.text)

        with trio.move_on_after(self._kit.spec.readiness.timeout):
            await wait_until_held(probe, note)
        return last

    @property
    def _is_ready_when_done(self) -> bool:
        return self._kit.spec.oneshot and isinstance(self._kit.spec.readiness, Settle)

    @property
    def _cannot_be_asked_again(self) -> bool:
        """Readiness that a child says or shows once only; and what is configured now may not be what it was made by."""
        return self._state.needs_restart or isinstance(self._kit.spec.readiness, Settle | Notify)

    async def _await_completion(self) -> Answer:
        """A one-shot is ready when it has ended as intended, which is not for a probe to find out."""
        self._state.set_waiting("its work to be done", None)
        with trio.move_on_after(self._kit.spec.readiness.timeout):
            await trio.sleep_forever()
        return Answer(held=False, text="it is still at work")

    async def _watch_dependencies(self) -> Outcome:
        """While the child lives, say which declared dependencies are lost and come back; return if it must go."""
        while True:
            for gate, was_met in self._met.items():
                if gate.is_met != was_met:
                    self._met[gate] = gate.is_met
                    event = self._tell_of(gate)
                    if not gate.is_met and gate.edge.on_loss != "keep":
                        cause = Cause(kind="dependency", text=f"{gate.target!r} was lost", seq=event.seq)
                        return Loss(cause=cause, again=gate.edge.on_loss == "restart")
            await self._state.changed.wait()

    def _tell_of(self, gate: EdgeGate) -> Event:
        follows = {"keep": "keeps running", "restart": "is restarted", "stop": "is stopped"}[gate.edge.on_loss]
        word = f"is {gate.edge.until}" if gate.is_met else f"was lost; this service {follows}"
        cause = Cause(kind="dependency", text=f"{gate.target!r} {word}", seq=seq_of_gate(gate))
        detail = {"dependency": gate.target, "held": gate.is_met, "on_loss": gate.edge.on_loss}
        return self._state.note("dependency", cause, detail=detail)

    # --- the end of a child -------------------------------------------------------------------------------------------

    async def _let_go(self, child: Child) -> None:
        with trio.CancelScope(shield=True):
            await child.leave()
        self.has_left = True

    async def _end_child(self, child: Child, launch: Launch, outcome: Outcome | None) -> Ending:
        """Leave nothing of *child*, by the stop steps unless its leader has ended; shielded and bounded in time."""
        cause = outcome.cause if outcome is not None else self._end_cause
        budget = sum(step.wait for step in launch.stop) + END_SLACK_S
        ending = Ending(exit=Exit(), tree_empty=False)
        with trio.CancelScope(shield=True, deadline=trio.current_time() + budget) as bound:
            if outcome is None or not outcome.leader_ended:
                self._state.become(Phase.STOPPING, cause)
                with self._grace:
                    await child.terminate(launch.stop)
            ending = await child.finish()
            if isinstance(outcome, Completion):
                await self._kit.host.note_completed(launch, completed=True)
        if bound.cancelled_caught:
            log.error("child.stuck service=%r pid=%d waited_s=%g", self._kit.spec.name, child.pid, budget)
        self._exited_seq = self._state.note_exited(ending, cause).seq
        return ending

    def _judge_exit(self, exit_: Exit) -> Outcome:
        spec, was_ready = self._kit.spec, self._state.phase is Phase.READY
        if spec.oneshot and exit_.code in spec.success_codes and spec.restart.policy != "always":
            return Completion(cause=Cause(kind="exit", text=f"{exit_}, as intended"))
        text = f"{exit_}" if was_ready or spec.oneshot else f"{exit_} before it was ready"
        hint = "a service is expected to stay in the foreground" if exit_.code == 0 else "its last lines may tell why"
        return Failure(cause=Cause(kind="exit", text=text), hint=hint, leader_ended=True, ready_s=self._ready_s)

    def _judge_not_ready(self, answer: Answer) -> Failure:
        text = f"not ready within {self._kit.spec.readiness.timeout:g} s: {answer.text}"
        return Failure(cause=Cause(kind="timeout", text=text), hint="see its log, or raise readiness.timeout")
