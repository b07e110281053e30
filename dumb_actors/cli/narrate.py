"""Tell a person what happens: one line for each change of phase that says something."""

from collections.abc import Iterator
from datetime import datetime

import attrs
import trio

from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.cli.output import LineWriter
from dumb_actors.errors import EventsLost
from dumb_actors.model.event import Event, ServiceSnapshot
from dumb_actors.model.phase import Phase

__all__ = ["Narrator", "stamp"]

_NAME_LIMIT = 32
_PHASE_WIDTH = 8
_REASON_LIMIT = 300


def stamp(at: float) -> str:
    """Write an instant (Unix seconds) as local time with milliseconds."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S.%f")[:-3]


@attrs.frozen
class Narrator:
    """
    Writes what happens to the services of *supervisor* to *out*.

    Left out is what says nothing: preparing, waiting that is over at once, and the stop of what had failed.
    """

    supervisor: Supervisor
    out: LineWriter

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tell everything until the supervisor has ended; started as soon as nothing can be missed any more."""
        while True:
            async with self.supervisor.events() as events:
                task_status.started()
                task_status = trio.TASK_STATUS_IGNORED
                try:
                    async for event in events:
                        self._tell(event)
                except EventsLost as lost:
                    self.out.put(self.out.paint.dim(f"({lost})"))
                else:
                    return

    def _tell(self, event: Event) -> None:
        if event.kind == "dependency":
            self._line(event, "", event.cause.text)
        if event.kind != "phase" or event.phase is Phase.PREPARING:
            return
        now = self.supervisor.status(event.service)
        if event.phase is Phase.WAITING:
            # By the time this is read it may be over; then there was nothing to wait for.
            if now.phase is Phase.WAITING and now.waiting:
                self._line(event, event.phase, "; ".join(f"for {waiting.what}" for waiting in now.waiting))
            return
        if event.phase is Phase.STOPPED and event.from_phase is Phase.FAILED:
            return  # nothing of it was there
        self._line(event, event.phase, event.cause.text)
        if event.phase is Phase.FAILED:
            for line in self._what_would_help(event, now):
                self.out.put(f"{'':14}{line}")

    def _line(self, event: Event, phase: str, text: str) -> None:
        paint = self.out.paint
        width = min(max((len(name) for name in self.supervisor.specs), default=0), _NAME_LIMIT)
        short = text if len(text) <= _REASON_LIMIT else text[: _REASON_LIMIT - 1] + "…"
        name = paint(event.service.ljust(width), bold=True)
        line = f"{paint.dim(stamp(event.at))}  {name}  {paint.phase(phase, _PHASE_WIDTH)}  {short}"
        self.out.put(line.rstrip())

    def _what_would_help(self, event: Event, now: ServiceSnapshot) -> Iterator[str]:
        if now.hint:
            yield f"hint: {now.hint}"
        yield from (f"| {line}" for line in now.last_lines[-5:])
        if event.cause.kind != "spawn":  # else there was no output
            yield f"its log: {self.supervisor.log_path(now.name)}"
