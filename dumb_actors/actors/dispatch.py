"""How commands get to the actors: made, numbered, posted, and their answers published."""

import contextlib
import itertools
from collections.abc import Collection, Sequence
from functools import partial

import trio

from dumb_actors.actors.actor import ServiceActor
from dumb_actors.actors.commands import Action, Command, Dependencies, Outcome
from dumb_actors.actors.memory import WishBook
from dumb_actors.actors.wiring import Crew
from dumb_actors.errors import Busy, DumbActorsError, ShuttingDown
from dumb_actors.model.event import Cause
from dumb_actors.model.plan import Step
from dumb_actors.model.spec import ServiceSpec

__all__ = ["Dispatch", "stop_budget_s"]

STOP_SLACK_S = 40.0
"""Beyond a service's own stop steps: its actor's bound for leaving nothing, and a margin."""


def stop_budget_s(spec: ServiceSpec) -> float:
    """How long a stop of *spec* may take."""
    return sum(step.wait for step in spec.stop) + STOP_SLACK_S


class Dispatch:
    """
    Sends commands to the actors of a crew.

    Attributes:
        is_closed: Set when the supervisor ends: only shutdowns go through then.

        changing: Names whose actors are being replaced: commands to them are refused meanwhile.
    """

    def __init__(self, crew: Crew, wishes: WishBook) -> None:
        self.is_closed = False
        self._wishes = wishes
        self.changing: frozenset[str] = frozenset()
        self._crew = crew
        self._ids = itertools.count(1)

    def check_open(self, name: str = "") -> None:
        """Raise `ShuttingDown` when the supervisor ends."""
        if self.is_closed:
            raise ShuttingDown("the supervisor is shutting down", service=name)

    def post(
        self,
        action: Action,
        name: str,
        *,
        by: str,
        dependencies: Dependencies = "start",
        lasting: bool = True,
        also: Sequence[Command] = (),
    ) -> Command:
        """
        Send a command; what is wished changes at once, and with *lasting* for later supervisors as well.

        Args:
            also: Commands that were sent to other services for its sake; its event names them.

        Raises:
            ShuttingDown, Busy: Nothing was sent.
        """
        self.check_open(name)
        if name in self.changing:
            raise Busy(f"{name!r} is being reconfigured; try again when that is done", service=name)
        actor = self._crew.actors[name]
        command = self.make(action, actor, by=by, dependencies=dependencies)
        command.also = tuple(other.id for other in also)
        actor.post(command)
        if lasting:
            self._wishes.note(name, wished=action != "stop", enabled=actor.spec.enabled)
        return command

    def make(self, action: Action, actor: ServiceActor, *, by: str, dependencies: Dependencies = "start") -> Command:
        """Make a command with a number of its own, whose answer will be an event."""
        return Command(
            id=next(self._ids),
            action=action,
            service=actor.spec.name,
            by=by,
            dependencies=dependencies,
            on_answer=partial(_note_answer, actor),
        )

    async def shut_down(self, names: Collection[str], steps: Sequence[Step], by: str) -> None:
        """Shut the actors of *names* down, in the order of the stops among *steps*; who has none is at rest."""
        gone = {name: trio.Event() for name in names}

        async def stop_one(name: str, after: Sequence[str]) -> None:
            for other in after:
                if other in gone:
                    await gone[other].wait()
            await self._end_one(self._crew.actors[name], "shutdown", by)
            gone[name].set()

        async with trio.open_nursery() as nursery:
            after = {step.service: step.after for step in steps if step.action == "stop"}
            for name in gone:
                nursery.start_soon(stop_one, name, after.get(name, ()))

    async def leave_all(self, by: str) -> None:
        """End every actor without its child; those that are being stopped come to their end."""
        async with trio.open_nursery() as nursery:
            for actor in self._crew.actors.values():
                nursery.start_soon(self._end_one, actor, "leave", by)

    async def _end_one(self, actor: ServiceActor, action: Action, by: str) -> None:
        command = self.make(action, actor, by=by)
        with contextlib.suppress(ShuttingDown):  # an earlier shutdown has ended it
            while True:
                try:
                    actor.post(command)
                except Busy:  # the actor is taking commands out of its mailbox right now
                    await actor.state.changed.wait()
                else:
                    break
            with trio.move_on_after(stop_budget_s(actor.spec)):
                await command.wait()


def _note_answer(actor: ServiceActor, command: Command, outcome: Outcome) -> None:
    text = str(outcome) if isinstance(outcome, DumbActorsError) else str(outcome.phase)
    code = outcome.code if isinstance(outcome, DumbActorsError) else "done"
    cause = Cause(kind="command", text=f"{command.action} answered: {text}", by=command.by)
    detail = {"id": command.id, "command": command.action, "outcome": code}
    actor.state.note("answer", cause, detail=detail)
