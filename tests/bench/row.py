"""What a row of the table is."""

from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias, TypedDict

import attrs

__all__ = ["MOVERS", "Opening", "Row", "Sample"]

Sample: TypeAlias = tuple[float, float]
"""Ours, and the floor; in seconds unless the row says otherwise."""


class Opening(TypedDict, total=False):
    """How a supervisor is opened."""

    orphans: Literal["stop", "adopt"]
    keeper: bool


MOVERS: dict[str, Opening] = {"thread": {}, "keeper": {"orphans": "adopt", "keeper": True}}
"""Who moves the output, and how a supervisor is opened for that."""


@attrs.frozen
class Row:
    """
    One row of the table.

    Attributes:
        name: What is measured.

        floor: What it is measured against.

        measure: Called several times.

        unit: Of what is printed.

        factor: What a sample is multiplied by for that.
    """

    name: str
    floor: str
    measure: Callable[[], Awaitable[Sample]]
    unit: str = "ms"
    factor: float = 1000
