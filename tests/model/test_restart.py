"""The restart decision: delays, jitter, window, crash loop, giving up."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumb_actors.model.restart import RestartPolicy, decide


def delays(policy: RestartPolicy, count: int, *, every_s: float = 1000.0) -> list[float | None]:
    ends = [index * every_s for index in range(count)]
    return [decide(policy, ends[: i + 1], ends[i], 0.5).delay_s for i in range(count)]


def test_delays_are_taken_in_turn_then_double_up_to_the_bound() -> None:
    policy = RestartPolicy(delays=(0, 1, 2, 4), max_delay=20)
    assert delays(policy, 8) == [0, 1, 2, 4, 8, 16, 20, 20]


def test_five_ends_within_the_window_are_a_crash_loop_that_goes_on_at_the_longest_delay() -> None:
    policy = RestartPolicy(delays=(0,), max_delay=60, window=60)
    ends = [0.0, 1.0, 2.0, 3.0, 4.0]
    before = decide(policy, ends[:4], 3.0, 0.5)
    loop = decide(policy, ends, 4.0, 0.5)
    assert (before.crash_loop, loop.crash_loop, loop.delay_s, loop.recent) == (False, True, 60, 5)


def test_a_limit_gives_up_and_says_why() -> None:
    policy = RestartPolicy(limit=2, window=10)
    assert decide(policy, [0.0, 1.0], 1.0, 0.5).delay_s is not None
    given_up = decide(policy, [0.0, 1.0, 2.0], 2.0, 0.5)
    assert (given_up.delay_s, given_up.crash_loop) == (None, False)
    assert "3 times within 10 s, more than its limit of 2" in given_up.reason
    assert decide(policy, [0.0, 1.0, 50.0], 50.0, 0.5).delay_s is not None  # the first two are out of the window


def test_never_means_never() -> None:
    assert decide(RestartPolicy(policy="never"), [0.0], 0.0, 0.5).delay_s is None


@given(st.floats(0, 1), st.integers(1, 400), st.floats(0, 1e6), st.floats(0.1, 1e6))
def test_jitter_stays_within_a_tenth_and_nothing_overflows(
    chance: float, count: int, longest: float, window: float
) -> None:
    policy = RestartPolicy(max_delay=longest, window=window)
    ends = [float(i) for i in range(count)]
    sure = decide(policy, ends, ends[-1], 0.5).delay_s
    moved = decide(policy, ends, ends[-1], chance).delay_s
    assert sure is not None
    assert moved is not None
    assert math.isfinite(moved)
    assert abs(moved - sure) <= 0.1 * sure + 1e-9
    assert sure <= longest


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"policy": "sometimes"}, "policy"),
        ({"delays": ()}, "at least one"),
        ({"delays": (-1,)}, "0 or more"),
        ({"limit": 0}, "1 or more"),
        ({"window": 0}, "above 0"),
    ],
)
def test_nonsense_is_refused_in_words(fields, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RestartPolicy(**fields)
