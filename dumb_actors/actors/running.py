"""Run a supervisor inside the caller's nursery, whatever stands behind its children."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import trio

from dumb_actors.actors.actor import ServiceActor
from dumb_actors.actors.launch import LaunchSettings
from dumb_actors.actors.memory import Memory
from dumb_actors.actors.ports import Host
from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.actors.wiring import ActorFactory
from dumb_actors.model.knowledge import NO_KNOWLEDGE, Knowledge
from dumb_actors.model.spec import ServiceSpec

__all__ = ["run_supervisor"]

SHUTDOWN_SLACK_S = 60.0


@asynccontextmanager
async def run_supervisor(
    specs: Sequence[ServiceSpec],
    *,
    host: Host,
    settings: LaunchSettings,
    wall: Callable[[], float],
    make_actor: ActorFactory = ServiceActor,
    memory: Memory | None = None,
    knowledge: Knowledge = NO_KNOWLEDGE,
) -> AsyncIterator[Supervisor]:
    """Run a supervisor on *host* for the length of a block; what `open_supervisor` and the simulation share."""
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        supervisor = Supervisor(
            specs,
            host=host,
            settings=settings,
            wall=wall,
            make_actor=make_actor,
            memory=memory,
            knowledge=knowledge,
        )
        actors_scope = trio.CancelScope(shield=True)
        nursery.start_soon(_run_actors, supervisor, actors_scope)
        try:
            yield supervisor
        except BaseException as error:  # noqa: BLE001  (raised again below, outside the nursery that would wrap it)
            failure = error
        try:
            await _shut_down(supervisor)
        except BaseException as error:  # noqa: BLE001  (a second Ctrl-C, in the middle of it; raised again below)
            failure = failure or error
            supervisor.hasten()
            await _shut_down(supervisor)
        finally:
            actors_scope.cancel()
    if failure is not None:
        raise failure


async def _shut_down(supervisor: Supervisor) -> None:
    budget = sum(step.wait for spec in supervisor.specs.values() for step in spec.stop) + SHUTDOWN_SLACK_S
    with trio.CancelScope(shield=True, deadline=trio.current_time() + budget):
        await supervisor.shutdown(by="the end of its block")


async def _run_actors(supervisor: Supervisor, scope: trio.CancelScope) -> None:
    """Shielded: a cancelled caller gets an orderly shutdown, and only its end cancels the actors."""
    with scope:
        await supervisor.run_actors()
