"""How soon a keeper that has ended is replaced."""

from collections import deque

import attrs

__all__ = ["Pace"]


@attrs.define
class Pace:
    """
    At once; but one that ends again and again is replaced after 1 s, 2 s and so on.

    Attributes:
        limit: So many ends within *window_s* seconds are a crash loop.

        longest_s: No delay is longer. It leaves room for *limit* ends in the window, so that a loop stays one.
    """

    limit: int = 5
    window_s: float = 60.0
    longest_s: float = 8.0
    _ends: deque[float] = attrs.field(init=False, factory=deque)
    _delay_s: float = attrs.field(init=False, default=0.0)

    def delay_after(self, now: float) -> float:
        """Note an end at *now*, seconds of any clock that does not go back; give how long to wait."""
        self._ends.append(now)
        while self._ends[0] < now - self.window_s:
            self._ends.popleft()
        if len(self._ends) < self.limit:
            self._delay_s = 0.0
        else:
            self._delay_s = min(max(1.0, self._delay_s * 2), self.longest_s)
        return self._delay_s
