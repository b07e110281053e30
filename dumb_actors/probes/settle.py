"""Readiness of a service that offers no proof: it has outlived a short time."""

from typing import Self

import trio

from dumb_actors.model.spec import Settle
from dumb_actors.probes.base import Answer, Stateless

__all__ = ["SettleProbe"]


class SettleProbe(Stateless):
    """Holds once `settle` seconds have passed since it was entered; enter it right after the spawn."""

    def __init__(self, spec: Settle) -> None:
        self._settle_s = spec.settle
        self._until = 0.0

    @property
    def what(self) -> str:
        """See `Probe`."""
        return f"{self._settle_s:g} s to pass"

    def __enter__(self) -> Self:
        self._until = trio.current_time() + self._settle_s
        return self

    async def ask(self) -> Answer:
        """See `Probe`."""
        await trio.lowlevel.checkpoint()
        if trio.current_time() >= self._until:
            return Answer(True, f"settled for {self._settle_s:g} s")
        return Answer(False, f"settles for {self._settle_s:g} s")

    async def pause(self, waited_s: float) -> None:
        """Sleep until it holds."""
        await trio.sleep_until(self._until)
