"""
What follows an unexpected end: the policy, and the decision.

Pure: the time and the random number are arguments.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import attrs

from dumb_actors.model.fields import at_least_one, not_negative, positive

__all__ = ["CRASH_LOOP_EXITS", "Decision", "Policy", "RestartPolicy", "decide"]

Policy: TypeAlias = Literal["on-failure", "always", "never"]


def _delays(instance: object, attribute: "attrs.Attribute[tuple[float, ...]]", value: tuple[float, ...]) -> None:
    if not value or any(isinstance(d, bool) or not isinstance(d, int | float) or not d >= 0 for d in value):
        raise ValueError(f"{attribute.name!r} must be seconds of 0 or more, at least one, not {list(value)!r}")


@attrs.frozen(kw_only=True)
class RestartPolicy:
    """
    What follows an unexpected end.

    Attributes:
        policy: `never`, `on-failure` or `always`. The last two differ for one-shots only: `always` runs one again even
            when it did its work. Any end of a daemon is unexpected, whatever its exit code.

        delays: Seconds before the first, second, … restart; from the last on they double, up to `max_delay`.

        max_delay: Upper bound in seconds.

        limit: After so many unexpected ends within `window` the service is given up; None: never, but five of them
            are called a crash loop and the next attempts wait `max_delay`.

        window: Seconds; also how long a child must run for the count to begin anew.
    """

    policy: Policy = attrs.field(
        default="on-failure", validator=attrs.validators.in_(("on-failure", "always", "never"))
    )
    delays: tuple[float, ...] = attrs.field(default=(0.0, 1.0, 2.0, 4.0), converter=tuple, validator=_delays)
    max_delay: float = attrs.field(default=60.0, validator=not_negative)
    limit: int | None = attrs.field(default=None, validator=attrs.validators.optional(at_least_one))
    window: float = attrs.field(default=60.0, validator=positive)


CRASH_LOOP_EXITS = 5
"""So many unexpected ends within the window are a crash loop."""

JITTER = 0.1


@attrs.frozen(kw_only=True)
class Decision:
    """
    What follows.

    Attributes:
        delay_s: Seconds until the next attempt; None: it is given up.

        recent: Unexpected ends within the window, this one included.

        crash_loop: It ends again and again.

        reason: Why it is given up, or empty.
    """

    delay_s: float | None
    recent: int
    crash_loop: bool = False
    reason: str = ""


def decide(policy: RestartPolicy, ends_mono: Sequence[float], now_mono: float, chance: float) -> Decision:
    """
    Decide what follows an unexpected end at *now_mono*.

    Args:
        policy: Of the service.

        ends_mono: When it ended unexpectedly since it last ran for the window's length or was started by somebody,
            this time included; ascending, seconds.

        now_mono: Now.

        chance: A random number from 0 to 1: the delay is moved by up to 10 % either way, so that services that failed
            together do not come back together.
    """
    recent = sum(1 for end in ends_mono if now_mono - end <= policy.window)
    if policy.policy == "never":
        return Decision(delay_s=None, recent=recent, reason="its policy is never to restart")
    if policy.limit is not None and recent > policy.limit:
        reason = f"it ended {recent} times within {policy.window:g} s, more than its limit of {policy.limit}"
        return Decision(delay_s=None, recent=recent, crash_loop=recent >= CRASH_LOOP_EXITS, reason=reason)
    crash_loop = recent >= CRASH_LOOP_EXITS
    delay_s = policy.max_delay if crash_loop else _delay(policy, len(ends_mono))
    return Decision(delay_s=delay_s * (1 + JITTER * (2 * chance - 1)), recent=recent, crash_loop=crash_loop)


def _delay(policy: RestartPolicy, attempt: int) -> float:
    """Give the delay before the *attempt*-th restart, counted from 1."""
    given = policy.delays
    if attempt <= len(given):
        return min(given[attempt - 1], policy.max_delay)
    doublings = min(attempt - len(given), 60)
    return min(max(given[-1], 1.0) * 2.0**doublings, policy.max_delay)
