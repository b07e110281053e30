"""Watching the health of a ready service: ask, wait, ask again, until it has failed too often in a row."""

from collections.abc import Callable

import trio

from dumb_actors.actors.ports import Answer, Probe
from dumb_actors.model.probe import CheckSpec, Liveness, Tcp

__all__ = ["watch_health"]


async def watch_health(
    liveness: Liveness, make_probe: Callable[[CheckSpec], Probe], note: Callable[[Answer], bool]
) -> Answer:
    """
    Ask all checks every `interval` seconds, beginning `grace` seconds from now.

    Args:
        liveness: What to ask, and how often.

        make_probe: Gives the probe for a check.

        note: Told the result of each round; True ends the watch.

    Returns:
        The answer that ended it.

    Cancellation: safe; leaves nothing behind.
    """
    await trio.sleep(liveness.grace)
    while True:
        answer = await _ask_all(liveness, make_probe)
        if note(answer):
            return answer
        await trio.sleep(liveness.interval)


async def _ask_all(liveness: Liveness, make_probe: Callable[[CheckSpec], Probe]) -> Answer:
    """Give the first answer that does not hold, else the last that does."""
    answer = Answer(held=True, text="healthy")
    for check in liveness.checks:
        with make_probe(check) as probe:
            answer = Answer(held=False, text=f"no answer within {liveness.timeout:g} s")
            with trio.move_on_after(liveness.timeout):
                answer = await probe.ask()
        if not answer.held:
            return Answer(held=False, text=_complaint(check, probe.what, answer.text))
    return answer


def _complaint(check: CheckSpec, what: str, text: str) -> str:
    """Say which check failed; for a port in the words of the API document (spec 1.6), which clients show."""
    return f"Port {check.host}:{check.tcp} not responding" if isinstance(check, Tcp) else f"{what}: {text}"
