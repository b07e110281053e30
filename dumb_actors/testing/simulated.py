"""
Simulated processes: the same actors on a virtual clock, thousands of runs a minute.

A `SimulatedHost` stands where the operating system stands. Each service behaves as its `Behaviour` says; time is Trio's
clock, so with `trio.testing.MockClock(autojump_threshold=0)` nothing really waits.
"""

import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import attrs
import trio

from dumb_actors.actors.actor import ServiceActor
from dumb_actors.actors.launch import LaunchSettings
from dumb_actors.actors.memory import Memory
from dumb_actors.actors.ports import Adopted, Answer, Listener
from dumb_actors.actors.running import run_supervisor
from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.actors.wiring import ActorFactory
from dumb_actors.errors import SpawnFailed
from dumb_actors.logs.sink import GapNews
from dumb_actors.model.child import Ending, Exit, Launch
from dumb_actors.model.knowledge import NO_KNOWLEDGE, Knowledge
from dumb_actors.model.plan import Check
from dumb_actors.model.probe import Directory, Mount, ProbeSpec, Settle, Url, WaitSpec
from dumb_actors.model.spec import ServiceSpec, StopStep

__all__ = ["Behaviour", "SimulatedHost", "open_simulation"]


@attrs.frozen(kw_only=True)
class Behaviour:
    """
    How one child of a simulated service behaves; times in seconds of the run's clock.

    Attributes:
        ready_after: From its spawn until its readiness probe holds; infinite: never.

        unhealthy_after: From its spawn until its probes cease to hold; infinite: never.

        exits_after: From its spawn until it ends by itself; infinite: never.

        exit: How it ends by itself.

        stop_takes: From the first stop signal to its end; infinite: only SIGKILL ends it.

        prepare_takes, spawn_takes: What its preparation and its spawn cost.

        spawn_error: The spawn fails with this text; None: it works.
    """

    ready_after: float = 0.05
    unhealthy_after: float = math.inf
    exits_after: float = math.inf
    exit: Exit = attrs.field(factory=lambda: Exit(code=1))
    stop_takes: float = 0.01
    prepare_takes: float = 0.0
    spawn_takes: float = 0.0
    spawn_error: str | None = None


@attrs.define(eq=False)
class SimulatedChild:
    """A child that exists only as times; see `Behaviour`."""

    pid: int
    launch: Launch
    behaviour: Behaviour
    host: "SimulatedHost"
    spawned_mono: float
    facts: Mapping[str, Any] = attrs.field(factory=dict, init=False)
    _ends_mono: float = attrs.field(init=False)
    _exit: Exit = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._ends_mono = self.spawned_mono + self.behaviour.exits_after
        self._exit = self.behaviour.exit

    async def wait(self) -> Exit:
        """Return when it ends by itself."""
        await trio.sleep_until(self._ends_mono)
        return self._exit

    async def attend(self, tell: Callable[[str], None]) -> None:
        """It says nothing of itself."""
        await trio.lowlevel.checkpoint()

    async def terminate(self, steps: tuple[StopStep, ...]) -> None:
        """Let each step's wait pass, or less where the child ends before."""
        stopped_mono = trio.current_time() + self.behaviour.stop_takes
        if steps and stopped_mono < self._ends_mono:
            self._ends_mono, self._exit = stopped_mono, Exit(signal=steps[0].signal or "SIGTERM")
        for step in steps:
            with trio.move_on_after(step.wait):
                await trio.sleep_until(self._ends_mono)
                return

    async def note_ready(self) -> None:
        """Remember it for the next supervisor."""
        await trio.lowlevel.checkpoint()
        self.host.ready.add(self.pid)

    async def leave(self) -> None:
        """Live on."""
        await trio.lowlevel.checkpoint()

    async def finish(self) -> Ending:
        """End it now if it lives."""
        await trio.lowlevel.checkpoint()
        exit_ = self._exit if trio.current_time() >= self._ends_mono else Exit(signal="SIGKILL")
        self.host.live[self.launch.service].remove(self)
        return Ending(exit=exit_, tree_proof="cgroup", last_lines=(f"generation {self.launch.generation}",))


@attrs.define(eq=False)
class SimulatedProbe:
    """Holds from `holds_mono` on; what is asked of the world (`truth`) instead of a child may change at any time."""

    what: str
    holds_mono: float = -math.inf
    ceases_mono: float = math.inf
    truth: tuple["SimulatedHost", str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def ask(self) -> Answer:
        """Answer from the clock and the world's truths."""
        await trio.lowlevel.checkpoint()
        if self.truth is not None and not self.truth[0].truths.get(self.truth[1], True):
            return Answer(held=False, text="connection refused")
        if trio.current_time() >= self.ceases_mono:
            return Answer(held=False, text="it does not answer any more")
        held = trio.current_time() >= self.holds_mono
        return Answer(held=held, text="it answers" if held else "not yet")

    async def pause(self, waited_s: float) -> None:
        """Sleep until the answer can change."""
        if self.truth is not None and not self.truth[0].truths.get(self.truth[1], True):
            await self.truth[0].truth_changed()
        elif trio.current_time() >= self.ceases_mono:
            await trio.sleep_forever()
        else:
            await trio.sleep_until(self.holds_mono)


class SimulatedHost:
    """
    A world of simulated processes.

    Args:
        behaviours: How the children of each service behave: one for all, or a sequence for its first, second, … child
            (the last one repeats). Services that are not mentioned behave as `Behaviour()`.

    Attributes:
        live: The children that live, by service; more than one at a time is a defect of the actor.

        overlaps: The services that ever had two live children at once.

        ready: Pids of children that proved ready.

        completed: The orders of one-shots that have done their work, by service.

        listening: Who has which ports; nobody, unless a test says so.

        truths: Whether a wait (its URL or directory) holds; what is not mentioned holds. Change it with `set_truth`.
    """

    def __init__(self, behaviours: Mapping[str, Behaviour | Sequence[Behaviour]] | None = None) -> None:
        self._behaviours = dict(behaviours or {})
        self._generations: dict[str, int] = {}
        self._spawns: dict[str, int] = {}
        self._next_pid = 1000
        self._truth_changed = trio.Event()
        self.live: dict[str, list[SimulatedChild]] = {}
        self.overlaps: list[str] = []
        self.ready: set[int] = set()
        self.completed: dict[str, Launch] = {}
        self.can_leave = True
        self.truths: dict[str, bool] = {}
        self.listening: list[Listener] = []

    def survivors(self) -> Mapping[str, Adopted]:
        """Give the children that live: an earlier simulation on this host may have left them."""
        done = {name: Adopted(launch=launch, child=None) for name, launch in self.completed.items()}
        alive = {
            name: Adopted(launch=children[-1].launch, child=children[-1], was_ready=children[-1].pid in self.ready)
            for name, children in self.live.items()
            if children
        }
        return {**done, **alive}

    def known_slugs(self) -> Mapping[str, str]:
        """Give none: names are all there is."""
        return {}

    def leave(self) -> None:
        """Do nothing: simulated children live as long as the host."""

    async def note_completed(self, launch: Launch, *, completed: bool) -> None:
        """Remember it for the next supervisor."""
        await trio.lowlevel.checkpoint()
        if completed:
            self.completed[launch.service] = launch
        else:
            self.completed.pop(launch.service, None)

    def set_truth(self, wait: str, *, holds: bool) -> None:
        """Let the wait for this URL or directory hold, or not, from now on."""
        self.truths[wait] = holds
        self._truth_changed.set()
        self._truth_changed = trio.Event()

    async def truth_changed(self) -> None:
        """Return at the next `set_truth`."""
        await self._truth_changed.wait()

    def set_behaviour(self, service: str, behaviour: Behaviour | Sequence[Behaviour]) -> None:
        """Let the next children of *service* behave so."""
        self._behaviours[service] = behaviour

    def behaviour(self, service: str) -> Behaviour:
        """Give the behaviour of the service's next child."""
        found = self._behaviours.get(service, Behaviour())
        if isinstance(found, Behaviour):
            return found
        return found[min(self._spawns.get(service, 0), len(found) - 1)]

    def next_generation(self, slug: str) -> int:
        """Count up."""
        self._generations[slug] = self._generations.get(slug, 0) + 1
        return self._generations[slug]

    def reports(self) -> Sequence[str]:
        """Nothing was found."""
        return ()

    def on_gap(self, tell: Callable[[str, GapNews], None]) -> None:
        """There are no logs."""

    async def prepare(self, launch: Launch) -> Launch:
        """Take the time that the behaviour says."""
        await trio.sleep(self.behaviour(launch.service).prepare_takes)
        return launch

    async def inspect(self, launch: Launch, waits: Sequence[WaitSpec]) -> Sequence[Check]:
        """Find the program unless the behaviour of the next child says that its spawn fails."""
        await trio.lowlevel.checkpoint()
        error = self.behaviour(launch.service).spawn_error
        return [
            Check(
                service=launch.service,
                kind="program",
                subject=launch.argv[0],
                ok=error is None,
                text=error or f"found as {launch.argv[0]}",
            )
        ]

    async def listeners(self, ports: Sequence[int]) -> Sequence[Listener]:
        """Give those of `listening`."""
        await trio.lowlevel.checkpoint()
        return [listener for listener in self.listening if listener.port in ports]

    async def spawn(self, launch: Launch) -> SimulatedChild:
        """Make a child, or fail as the behaviour says."""
        behaviour = self.behaviour(launch.service)
        self._spawns[launch.service] = self._spawns.get(launch.service, 0) + 1
        await trio.sleep(behaviour.spawn_takes)
        if behaviour.spawn_error is not None:
            raise SpawnFailed(behaviour.spawn_error, errno=2, argv=launch.argv, cwd=launch.cwd, path=launch.argv[0])
        self._next_pid += 1
        child = SimulatedChild(self._next_pid, launch, behaviour, self, trio.current_time())
        siblings = self.live.setdefault(launch.service, [])
        siblings.append(child)
        if len(siblings) > 1:
            self.overlaps.append(launch.service)
        return child

    def reap_orphans(self, *, alone: bool = False) -> list[int]:
        """There are none."""
        return []

    def probe(self, spec: ProbeSpec, launch: Launch | None) -> SimulatedProbe:
        """Make a probe: of a child, by its behaviour; of the world, by `truths`."""
        if launch is None:
            subject = (
                spec.url if isinstance(spec, Url) else getattr(spec, "directory", getattr(spec, "mount", str(spec)))
            )
            return SimulatedProbe(subject, truth=(self, subject))
        child = self.live[launch.service][-1]
        takes = spec.settle if isinstance(spec, Settle) else child.behaviour.ready_after
        ceases = child.spawned_mono + child.behaviour.unhealthy_after
        return SimulatedProbe("its readiness", child.spawned_mono + takes, ceases)


def _subject(wait: ProbeSpec) -> str:
    match wait:
        case Url():
            return wait.url
        case Directory():
            return wait.directory
        case Mount():
            return wait.mount
        case _:
            return str(wait)


@asynccontextmanager
async def open_simulation(
    specs: Sequence[ServiceSpec],
    host: SimulatedHost | None = None,
    *,
    make_actor: ActorFactory = ServiceActor,
    memory: Memory | None = None,
    knowledge: Knowledge = NO_KNOWLEDGE,
) -> AsyncIterator[Supervisor]:
    """
    Run a supervisor over simulated processes for the length of a block; nothing is started by itself.

    What lives on *host* already, because an earlier simulation was left by `Supervisor.leave`, is adopted.
    """
    settings = LaunchSettings(run_id="simulation", root_dir="/simulated", log_dir="/simulated/log", environ={})
    async with run_supervisor(
        specs,
        host=host or SimulatedHost(),
        settings=settings,
        wall=lambda: 1_700_000_000.0 + trio.current_time(),
        make_actor=make_actor,
        memory=memory,
        knowledge=knowledge,
    ) as supervisor:
        yield supervisor
