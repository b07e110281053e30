"""
The supervisor: owns the actors, knows the graph, and gives the one public view of both.

Its methods are what the REST API, the command line and embedding programs call; none of them looks into an actor beyond
`post`, `snapshot` and the `changed` signal.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import trio

from dumb_actors.actors.actor import ServiceActor
from dumb_actors.actors.bus import EventBus
from dumb_actors.actors.commands import Action, Dependencies
from dumb_actors.actors.dispatch import Dispatch, stop_budget_s
from dumb_actors.actors.launch import LaunchSettings
from dumb_actors.actors.leftovers import end_leftover
from dumb_actors.actors.masking import secrets_of
from dumb_actors.actors.memory import Memory
from dumb_actors.actors.plans import SupervisorPlans
from dumb_actors.actors.ports import Adopted, Host
from dumb_actors.actors.wiring import ActorFactory, Crew
from dumb_actors.config.load import Config
from dumb_actors.config.store import ConfigStore
from dumb_actors.errors import GaveUp, Refused, StartTimeout, StopTimeout
from dumb_actors.graph import planning
from dumb_actors.journal.durations import Durations
from dumb_actors.logs.redact import Redactor
from dumb_actors.logs.sink import GapNews
from dumb_actors.model.event import Cause, ServiceSnapshot
from dumb_actors.model.knowledge import NO_KNOWLEDGE, Knowledge
from dumb_actors.model.phase import Phase
from dumb_actors.model.plan import Difference, Plan
from dumb_actors.model.spec import ServiceSpec

__all__ = ["START_TIMEOUT_S", "Supervisor"]

START_TIMEOUT_S = 600.0


class Supervisor(SupervisorPlans):
    """
    Runs a set of services; made by `open_supervisor`.

    Names are matched exactly, then without regard to case and spaces.

    Attributes:
        config: The configuration they came from; None for specs made by hand.

        store: Where that is kept, when it can change; None: nowhere.

        found: What a person should know of what an earlier supervisor left, a sentence each.

        redactor: Masks the secrets of the configuration in what leaves this program.
    """

    config: Config | None = None
    store: ConfigStore | None = None
    redactor: Redactor

    def __init__(
        self,
        specs: Sequence[ServiceSpec],
        *,
        host: Host,
        settings: LaunchSettings,
        wall: Callable[[], float],
        make_actor: ActorFactory = ServiceActor,
        memory: Memory | None = None,
        knowledge: Knowledge = NO_KNOWLEDGE,
    ) -> None:
        super().__init__()
        self._memory = memory = memory or Memory()
        self._secrets = memory.secrets
        self.redactor = Redactor(self._secrets)
        self._bus = EventBus(
            mono=trio.current_time,
            wall=wall,
            take_snapshot=self._snapshot_at,
            first_seq=memory.first_seq,
            history=memory.history,
            mask=self._mask,
        )
        if memory.note_event is not None:
            self._bus.add_listener(memory.note_event)
        self.durations = Durations(memory.history)
        self._bus.add_listener(self.durations.note)
        self._has_ended = False
        self._settings = settings
        self._host = host
        self._crew = Crew(
            specs,
            host=host,
            bus=self._bus,
            settings=settings,
            make_actor=make_actor,
            knowledge=knowledge,
            slugs=host.known_slugs(),
        )
        self._dispatch = Dispatch(self._crew, memory.wishes)
        self._nursery: trio.Nursery | None = None
        # One change of the whole at a time: a reconfiguration, or the shutdown.
        self._turn = trio.Lock()
        self._leftovers = self._adopt()
        self.found = tuple(host.reports())
        for text in self.found:
            self._say("found", text, "an earlier supervisor")
        host.on_gap(self._note_gap)

    def _note_gap(self, service: str, news: GapNews) -> None:
        actor = self._crew.actors.get(service)
        if actor is None:
            return
        word = "takes its output again" if news.recovered else f"does not take its output: {news.reason}"
        text = f"its log file {word}" + (f"; {news.lost_bytes} bytes were lost" if news.recovered else "")
        detail = {"lost_bytes": news.lost_bytes, "reason": news.reason, "recovered": news.recovered}
        actor.state.note("output", Cause(kind="error", text=text), detail=detail)

    def _adopt(self) -> list[Adopted]:
        """Hand what an earlier supervisor left to the actors; give what belongs to none of them."""
        survivors = self._host.survivors()
        self._adopted = frozenset(survivors) & frozenset(self._crew.actors)
        for name, adopted in survivors.items():
            if name in self._crew.actors:
                actor = self._crew.actors[name]
                actor.adopt(adopted, self._dispatch.make("start", actor, by="an earlier supervisor"))
        for actor in self._crew.actors.values():
            actor.catch_up()
        return [adopted for name, adopted in survivors.items() if name not in self._crew.actors]

    async def run_actors(self) -> None:
        """Run every actor, also those that come later; called once, by `open_supervisor`, and cancelled by it."""
        async with trio.open_nursery() as self._nursery:
            self._run(self._crew.actors.values())
            for adopted in self._leftovers:
                self._nursery.start_soon(end_leftover, adopted, self._bus)
            await trio.sleep_forever()

    def _run(self, actors: Iterable[ServiceActor]) -> None:
        if self._nursery is not None:
            for actor in actors:
                self._nursery.start_soon(actor.run, name=f"actor {actor.spec.name}")

    # --- commands -----------------------------------------------------------------------------------------------------

    async def boot(self, *, by: str = "boot") -> tuple[str, ...]:
        """
        Wish the enabled services to run, and return their names; they come up by themselves, in their order.

        Where wishes are remembered, what somebody wished since a service was last enabled or disabled counts instead.
        What an earlier supervisor left running goes on if it is wished, and is stopped if it is not. The event of it
        (`booted`) names who is `wished`, who of them was `adopted`, and the `first` event of the boot.

        Raises:
            ShuttingDown: Nothing was wished.
        """
        wished = self._wished_at_boot()
        plan = self._plan_boot(self._scene_of_action)
        first = self._bus.seq + 1
        for step in plan.steps:
            self._dispatch.post("stop" if step.action == "stop" else "start", step.service, by=by, lasting=False)
        there = len(wished) - sum(step.action == "start" for step in plan.steps)
        found = f", {there} of them are there already" if there else ""
        adopted = sorted(self._adopted.intersection(wished))
        self._say(
            "booted", f"{len(wished)} services are wished{found}", by, wished=list(wished), adopted=adopted, first=first
        )
        await trio.lowlevel.checkpoint()
        return tuple(wished)

    async def start(
        self,
        name: str,
        *,
        dependencies: Dependencies = "start",
        timeout: float = START_TIMEOUT_S,
        by: str = "library",
    ) -> ServiceSnapshot:
        """
        Wish a service to run, and what it needs, and wait until it is ready.

        A service that runs already is left alone. Any number of concurrent starts give one child.

        Args:
            name: The service.

            dependencies: `start`: what it needs is wished too (what `depends_on` requires, and enabled providers of
                its waits); `wait`: it is only waited for; `ignore`: the service goes at once, whatever it waits for.

            timeout: Seconds; `math.inf` waits for ever.

            by: Who asks, for the events.

        Returns:
            The snapshot in which it is ready; for a one-shot, completed.

        Raises:
            UnknownService: No such name; nothing changed.

            StartTimeout: It is not ready in time; `.waiting` says what it waits for. The wish stays.

            StartFailed: It did not get ready: `.reason` tells why, `.retry_in_s` when it is tried again.

            GaveUp: The same, and it is in phase `failed`: it is not tried again by itself.

            Superseded: A stop came before it was ready.

            Busy: Its mailbox is full. ShuttingDown: The supervisor is ending. Nothing changed for this service.

        Cancellation: safe; the wish stays.
        """
        return await self._begin("start", name, dependencies=dependencies, timeout=timeout, by=by)

    async def restart(
        self,
        name: str,
        *,
        dependencies: Dependencies = "start",
        timeout: float = START_TIMEOUT_S,
        by: str = "library",
    ) -> ServiceSnapshot:
        """
        Stop a service if it runs, then start it; the same as `start` in everything else.

        Dependents keep running and are told of the loss and of the return.
        """
        return await self._begin("restart", name, dependencies=dependencies, timeout=timeout, by=by)

    async def _begin(
        self, action: Action, name: str, *, dependencies: Dependencies, timeout: float, by: str
    ) -> ServiceSnapshot:
        spec = self.find(name)
        # What there is to do for the others is the same for both.
        scene, startable = self._scene_of_action, self._startable
        plan = planning.plan_start(scene, spec.name, startable=startable, dependencies=dependencies)
        # All in one step, without a checkpoint: no actor moves before all of them are wished.
        also = [self._dispatch.post("start", other, by=by) for other in plan.services if other != spec.name]
        command = self._dispatch.post(action, spec.name, by=by, dependencies=dependencies, also=also)
        with trio.move_on_after(timeout):
            await self._memory.wishes.saved()
            return await command.wait()
        command.settle(StartTimeout(spec.name, timeout, self._why_not_ready(spec.name)))
        return await command.wait()

    async def stop(self, name: str, *, timeout: float | None = None, by: str = "library") -> ServiceSnapshot:
        """
        Stop a service, and wait until nothing of it is left; its dependents keep running and are told.

        A stop works in every phase; a stop during a stop joins it; one of a stopped service does nothing.

        Args:
            name: The service.

            timeout: Seconds; None: as long as its stop steps can take, and a margin.

            by: Who asks, for the events.

        Raises:
            UnknownService: No such name; nothing changed.

            StopTimeout: It is not done in time; the stop goes on.

            Busy, ShuttingDown: Nothing changed.

        Cancellation: safe; the stop goes on.
        """
        spec = self.find(name)
        command = self._dispatch.post("stop", spec.name, by=by)
        bound = stop_budget_s(spec) if timeout is None else timeout
        with trio.move_on_after(bound):
            await self._memory.wishes.saved()
            return await command.wait()
        text = f"{spec.name!r} has not stopped within {bound:g} s; it is {self.status(spec.name).phase}"
        command.settle(StopTimeout(text, service=spec.name, timeout=bound))
        return await command.wait()

    async def wait_ready(self, name: str, *, timeout: float = math.inf, after: int = 0) -> ServiceSnapshot:
        """
        Wait until a service is ready, without wishing anything.

        Args:
            name: The service.

            timeout: Seconds of the run's clock.

            after: Only a generation above this one counts: to wait for the next child, pass the present generation.

        Returns:
            The snapshot in which it was ready. It may have been lost again by the time this returns.

        Raises:
            UnknownService: No such name.

            GaveUp: It is in phase `failed`.

            StartTimeout: It is not ready in time; nothing was changed.

            ShuttingDown: The supervisor ends, and it will not get ready any more.

        Cancellation: safe; leaves nothing behind.
        """
        with trio.move_on_after(timeout):
            while True:
                actor = self._actor(name)  # another one after a reconfiguration
                snapshot = actor.snapshot()
                if snapshot.phase in {Phase.READY, Phase.COMPLETED} and snapshot.generation > after:
                    return snapshot
                if snapshot.phase is Phase.FAILED and snapshot.generation >= after:
                    raise GaveUp(snapshot.name, snapshot.reason)
                self._dispatch.check_open(actor.spec.name)
                await actor.state.changed.wait()
        raise StartTimeout(self.find(name).name, timeout, self._why_not_ready(name))

    async def reconfigure(self, new: Config | Sequence[ServiceSpec], *, by: str = "library") -> Difference:
        """
        Go over to a new set of services and touch only what differs.

        What is no longer there is stopped, dependents first; what changed is stopped and, if it was wished, started
        again in its new form when what it needs is ready; what is new and enabled is started, and so is what was
        disabled before; what is disabled now is stopped. All others go on as they are: same child, same generation.

        Args:
            new: The whole new set; a `Config` becomes `config`, and brings what is known of products.

            by: Who asks, for the events.

        Returns:
            What was found to differ. The stops are done by then; the starts are under way.

        Raises:
            ConfigError: The new set has faults; nothing was changed.

            ShuttingDown: The supervisor is ending.

        Cancellation: without effect while services are being stopped, which is bounded by their stop steps; a set that
        is half one and half the other would be nobody's.
        """
        change = self._change_to(new)
        async with self._turn:
            self._dispatch.check_open()
            found, plan = self._plan_change(change, self._scene_of_action)
            replaced = frozenset({*found.removed, *found.changed})
            self._dispatch.changing = replaced
            try:
                with trio.CancelScope(shield=True):
                    await self._dispatch.shut_down(replaced, plan.steps, by)
                self._run(self._crew.change(change.specs, change.graph, replaced=replaced))
            finally:
                self._dispatch.changing = frozenset()
            self.config = new if isinstance(new, Config) else self.config
            # The former ones stay: what was written before can still be read.
            self._secrets |= secrets_of(new)
            self.redactor = Redactor(self._secrets)
            self._apply_wishes(found, plan, by)
        return found

    def tell_of_file(self, what: Literal["config_broken", "config_mended"], text: str, *, by: str) -> None:
        """
        Say in an event what became of the file of the configuration; nothing else is changed.

        Args:
            what: It cannot be used and the last good revision goes on counting; or it can be used again.

            text: A sentence without a full stop.

            by: Who had it read.
        """
        self._say(what, text, by)

    def _apply_wishes(self, found: Difference, plan: Plan, by: str) -> None:
        text = f"{len(found.added)} new, {len(found.changed)} changed, {len(found.removed)} removed"
        self._say("reconfigured", text, by)
        stops = {step.service for step in plan.steps if step.action == "stop"}
        for name in found.disabled:
            # Who was started while others were being stopped is disabled all the same.
            if name in stops or not self._crew.actors[name].situation().is_at_rest:
                self._dispatch.post("stop", name, by=by)
        for step in plan.steps:
            if step.action == "start":
                self._dispatch.post("start", step.service, by=by)

    async def shutdown(self, *, by: str = "library") -> None:
        """
        Stop everything, dependents before what they depend on, all that can at once; then take no more commands.

        A second call joins the first. Bounded by the stop steps of the services.
        """
        self._dispatch.is_closed = True
        async with self._turn:  # a reconfiguration under way comes to its end first, which is bounded as well
            if not self._has_ended:
                self._say("shutdown", f"asked for by {by}", by)
                plan = planning.plan_shutdown(self._scene_of_action)
                await self._dispatch.shut_down(self.specs, plan.steps, by)
                self._has_ended = True
                self._say("ended", "everything is stopped", by)
                self._bus.close()

    @property
    def can_leave(self) -> bool:
        """Whether services can go on without this supervisor: somebody moves their output."""
        return self._host.can_leave

    async def leave(self, *, by: str = "library") -> None:
        """
        End this supervisor and leave its services running, for one that is opened later with `orphans="adopt"`.

        Services that are on their way come to rest and stay wished; those that are being stopped are stopped. The block
        of `open_supervisor` is to be left afterwards.

        Raises:
            Refused: Nobody would move their output meanwhile (it was opened without a keeper); nothing was changed.

        Cancellation: without effect; it takes as long as the stops under way.
        """
        if not self.can_leave:
            raise Refused("services can only be left running by a supervisor that has a keeper (orphans='adopt')")
        self._dispatch.is_closed = True
        async with self._turn:
            if self._has_ended:
                return
            with trio.CancelScope(shield=True):
                self._say("leaving", f"asked for by {by}", by)
                await self._dispatch.leave_all(by)
                self._host.leave()
                self._has_ended = True
                left = sum(actor.state.pid is not None for actor in self._crew.actors.values())
                self._say("left", f"{left} services go on without a supervisor", by)
                self._bus.close()

    def reap_orphans(self, *, alone: bool = False) -> None:
        """
        Collect what is left of daemons that came to us as sub-reaper; to be called at SIGCHLD.

        Args:
            alone: The caller vouches that nothing in this process starts children but this supervisor; then every
                orphan that ended is collected. Exit codes of other people's children are never taken otherwise.
        """
        self._host.reap_orphans(alone=alone)

    def hasten(self) -> None:
        """Skip what is left of every stop step: SIGKILL at once, also for stops that follow."""
        for actor in self._crew.actors.values():
            actor.hasten()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _mask(self, text: str) -> str:
        return self.redactor.text(text) if self._secrets else text

    def _say(self, what: str, text: str, by: str, **facts: Any) -> None:
        self._bus.publish("supervisor", Cause(kind="supervisor", text=text, by=by), detail={"what": what, **facts})
