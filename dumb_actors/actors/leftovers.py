"""What an earlier supervisor left of services that are not ours to run: it is stopped as it was configured then."""

import trio

from dumb_actors.actors.bus import EventBus
from dumb_actors.actors.ports import Adopted
from dumb_actors.actors.run import END_SLACK_S
from dumb_actors.model.event import Cause

__all__ = ["end_leftover"]


async def end_leftover(adopted: Adopted, bus: EventBus | None = None, why: str = "it is configured no more") -> None:
    """
    Stop a child by the steps that were recorded with it, and tell *bus*.

    Cancellation: without effect; it is bounded by the steps.
    """
    if adopted.child is None:
        return
    launch = adopted.launch
    budget = sum(step.wait for step in launch.stop) + END_SLACK_S
    with trio.CancelScope(shield=True, deadline=trio.current_time() + budget):
        await adopted.child.terminate(launch.stop)
        ending = await adopted.child.finish()
        if bus is not None:
            text = f"{launch.service!r} was left by an earlier supervisor and is stopped: {why}"
            detail = {"what": "leftover", "name": launch.service, "exit": str(ending.exit), "tree": ending.tree_empty}
            bus.publish("supervisor", Cause(kind="supervisor", text=text), detail=detail)
