"""The memory of a service's unexpected ends, and what follows from it by its restart policy."""

import random

import attrs

from dumb_actors.model.event import Cause, Restarts
from dumb_actors.model.restart import Decision, RestartPolicy, decide

__all__ = ["Healing"]

KEPT_REASONS = 5


class Healing:
    """
    Counts unexpected ends and decides on restarts; `counts` is for the snapshots.

    Args:
        policy: Of the service.

        seed: Of the jitter: the same seed gives the same delays.
    """

    def __init__(self, policy: RestartPolicy, seed: str) -> None:
        self.counts = Restarts()
        self._policy = policy
        self._random = random.Random(seed)  # noqa: S311  (jitter, no secret)
        self._ends_mono: list[float] = []
        self._is_attempt = False

    def __len__(self) -> int:
        """How many unexpected ends count at present."""
        return len(self._ends_mono)

    def forget(self) -> None:
        """Begin anew: somebody asked for a start, or the service was stopped."""
        self._ends_mono.clear()
        self._is_attempt = False
        self.counts = attrs.evolve(self.counts, recent=0, crash_loop=False, next_at=None, last_reasons=())

    def begin(self, at: float) -> None:
        """An attempt that nobody asked for begins at *at* (Unix seconds)."""
        self._is_attempt = True
        self.counts = attrs.evolve(self.counts, attempts=self.counts.attempts + 1, next_at=None, last_at=at)

    def succeed(self) -> None:
        """The child is ready."""
        if self._is_attempt:
            self._is_attempt = False
            self.counts = attrs.evolve(self.counts, successes=self.counts.successes + 1, last_failure="")

    def end(self, cause: Cause, *, ran_s: float, now_mono: float, at: float) -> Decision:
        """
        Take an unexpected end and decide what follows.

        Args:
            cause: Why it ended.

            ran_s: Seconds it was ready; long enough, and earlier ends are forgotten.

            now_mono, at: Now, on the run's clock and in Unix seconds.
        """
        if ran_s >= self._policy.window:
            self._ends_mono.clear()
        self._ends_mono.append(now_mono)
        decision = decide(self._policy, self._ends_mono, now_mono, self._random.random())
        failed, self._is_attempt = self._is_attempt, False
        self.counts = attrs.evolve(
            self.counts,
            failures=self.counts.failures + failed,
            recent=decision.recent,
            crash_loop=decision.crash_loop,
            next_at=None if decision.delay_s is None else at + decision.delay_s,
            last_failure=decision.reason or (cause.text if failed else self.counts.last_failure),
            last_reasons=(*self.counts.last_reasons, cause.text)[-KEPT_REASONS:],
        )
        return decision
