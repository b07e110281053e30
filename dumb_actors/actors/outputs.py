"""From the order for a child to the streams that take its output, whoever moves the bytes."""

from collections.abc import Callable
from typing import TypeAlias

import attrs

from dumb_actors.actors.hosted import JointOutput, StreamLike
from dumb_actors.keeper.client import Keeper, KeptFlow, KeptStream
from dumb_actors.logs.flow import Flow
from dumb_actors.logs.mover import FlowOrder, Mover
from dumb_actors.logs.parts import Position
from dumb_actors.model.child import Launch

__all__ = ["Outputs", "Ways"]

AnyFlow: TypeAlias = Flow | KeptFlow


@attrs.frozen
class Ways:
    """
    The FIFOs of one generation, open and not moved yet.

    Attributes:
        out: Of its standard output.

        err: Of its standard error, where that goes its own way.
    """

    out: AnyFlow
    err: AnyFlow | None = None

    @property
    def start(self) -> Position:
        """Where in the log the generation begins."""
        return self.out.sink.start if isinstance(self.out, Flow) else self.out.start

    def finish(self) -> None:
        """Close and remove them: there is no child for them."""
        for flow in (self.out, self.err):
            if flow is not None:
                flow.finish()

    def close(self) -> None:
        """Close them; they stay, for whoever has them open."""
        for flow in (self.out, self.err):
            if flow is not None:
                flow.close()


@attrs.frozen
class Outputs:
    """
    Opens and adopts the output of children.

    Attributes:
        mover: A thread of ours, or the keeper, which outlives us.

        directory: Of the FIFOs.
    """

    mover: Mover | Keeper
    directory: str

    def fifo_of(self, launch: Launch) -> str:
        """Give the path of a generation's FIFO."""
        return f"{self.directory}/{launch.slug}.{launch.generation}"

    def fifo_err_of(self, launch: Launch) -> str | None:
        """Give the path of the FIFO of its standard error alone, where it has one."""
        return None if launch.stderr_path is None else f"{self.fifo_of(launch)}.err"

    def opening(self, launch: Launch) -> Callable[[], Ways]:
        """
        Give the blocking function that makes the FIFOs of a new generation; its result goes to `add`.

        It raises `UnusablePath`, leaving nothing.
        """
        open_out = self.mover.opening(self._order(launch, self.fifo_of(launch), launch.log_path))
        fifo_err = self.fifo_err_of(launch)
        if fifo_err is None:
            return lambda: Ways(open_out())
        open_err = self.mover.opening(self._order(launch, fifo_err, launch.stderr_path))
        return lambda: _both(open_out, open_err, lambda flow: flow.finish())

    def adopting(self, launch: Launch, start: Position | None) -> Callable[[], Ways]:
        """
        Give the blocking function that opens the FIFOs of a generation that runs; its result goes to `add`.

        It raises `UnusablePath`, leaving everything as it was.
        """
        open_out = self.mover.adopting(self._order(launch, self.fifo_of(launch), launch.log_path), start)
        fifo_err = self.fifo_err_of(launch)
        if fifo_err is None:
            return lambda: Ways(open_out())
        open_err = self.mover.adopting(self._order(launch, fifo_err, launch.stderr_path), None)
        return lambda: _both(open_out, open_err, lambda flow: flow.close())

    def add(self, ways: Ways, launch: Launch) -> JointOutput:
        """Begin to move, without a checkpoint."""
        streams = [self._add(ways.out, launch.log_path)]
        if ways.err is not None:
            streams.append(self._add(ways.err, launch.stderr_path))
        return JointOutput(tuple(streams))

    def tell_child(
        self, output: JointOutput, *, pid: int, start_ticks: int, marker: str, cgroup: str | None = None
    ) -> None:
        """Tell the keeper, if there is one, whose output that is."""
        for stream in output.streams:
            if isinstance(self.mover, Keeper) and isinstance(stream, KeptStream):
                self.mover.tell_child(stream, pid=pid, start_ticks=start_ticks, marker=marker, cgroup=cgroup)

    def _add(self, flow: AnyFlow, log_path: str | None) -> StreamLike:
        # A flow is given back to whom it came from.
        return self.mover.add(flow, log_path)  # type: ignore[arg-type]

    def _order(self, launch: Launch, fifo: str, log_path: str | None) -> FlowOrder:
        return FlowOrder(
            fifo=fifo,
            log_path=log_path,
            log_size=launch.log_size,
            log_count=launch.log_count,
            generation=launch.generation,
            uid=-1 if launch.uid is None else launch.uid,
            gid=-1 if launch.gid is None else launch.gid,
        )


def _both(
    open_out: Callable[[], AnyFlow], open_err: Callable[[], AnyFlow], give_up: Callable[[AnyFlow], object]
) -> Ways:
    out = open_out()
    try:
        return Ways(out, open_err())
    except BaseException:
        give_up(out)
        raise
