"""Tell a person what happens to the services of this process: one line for each event that says something."""

import attrs
import trio

from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.cli.output import LineWriter
from dumb_actors.cli.telling import Seen, Teller, Told
from dumb_actors.errors import EventsLost, UnknownService

__all__ = ["Narrator"]


@attrs.frozen
class Narrator:
    """Writes what happens to the services of *supervisor* to *out*; what says nothing is left out, see `Teller`."""

    supervisor: Supervisor
    out: LineWriter

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tell everything until the supervisor has ended; started as soon as nothing can be missed any more."""
        teller = Teller(paint=self.out.paint, look=self._look)
        while True:
            async with self.supervisor.events() as events:
                task_status.started()
                task_status = trio.TASK_STATUS_IGNORED
                try:
                    async for event in events:
                        if event.kind != "snapshot":
                            self._put(teller, Told.of(event))
                except EventsLost as lost:
                    self.out.put(self.out.paint.dim(f"({lost})"))
                else:
                    return

    def _put(self, teller: Teller, told: Told) -> None:
        width = max((len(name) for name in self.supervisor.specs), default=0)
        for line in teller.lines(told, width):
            self.out.put(line)

    def _look(self, name: str) -> Seen | None:
        try:
            return Seen.of(self.supervisor.status(name), self.supervisor.log_path(name))
        except UnknownService:  # a new configuration took it away
            return None
