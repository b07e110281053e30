"""The one loop that asks a probe until it holds: for waits before a start, and for readiness after it."""

from collections.abc import Callable

import trio

from dumb_actors.probes.base import Answer, Probe

__all__ = ["growing_interval", "wait_until_held"]

SHORTEST_S = 0.001
SHARE = 0.07


def growing_interval(waited_s: float, longest_s: float = 0.1) -> float:
    """
    Return the seconds until a probe that knows no event is asked again: 1 ms at first, then 7 % of the time waited.

    So the delay it adds is a small part of what was waited anyway, and a long wait costs ten questions a second.
    """
    return min(max(SHORTEST_S, SHARE * waited_s), longest_s)


async def wait_until_held(probe: Probe, report: Callable[[Answer], None], *, attempt_timeout: float = 5.0) -> Answer:
    """
    Ask *probe* until it holds.

    Args:
        probe: Entered here, and left when this ends in whatever way.

        report: Called with every answer, also the last.

        attempt_timeout: Seconds for one question; then the answer is that there was none.

    Returns:
        The answer that holds. There is no limit of time: the caller sets one.

    Cancellation: safe; leaves no watch, socket or task behind.
    """
    began = trio.current_time()
    with probe:
        while True:
            answer = await _ask(probe, attempt_timeout)
            report(answer)
            if answer.held:
                return answer
            await probe.pause(trio.current_time() - began)


async def _ask(probe: Probe, attempt_timeout: float) -> Answer:
    with trio.move_on_after(attempt_timeout):
        return await probe.ask()
    return Answer(False, f"no answer within {attempt_timeout:g} s")
