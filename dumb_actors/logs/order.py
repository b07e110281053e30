"""
The order for one flow: what one generation's output comes from and goes to.

Nothing but the standard library here: an order goes to the keeper as JSON.
"""

from typing import NamedTuple

__all__ = ["FlowOrder"]


class FlowOrder(NamedTuple):
    """
    What is to be moved where.

    Attributes:
        fifo: Path of the FIFO; the child's standard output and error.

        log_path: The log file, made with mode 0600 when it is missing, and its directories; None: discard.

        log_size: Bytes in one file, then it is rotated at the next line's end; 0 or less: it is never rotated.

        log_count: How many rotated files are kept.

        generation: Whose output; noted in the index; 0: not known.

        uid, gid: Whom the FIFO belongs to, so that a child of another user can reopen its standard output; -1: us.
    """

    fifo: str
    log_path: str | None
    log_size: int
    log_count: int
    generation: int = 0
    uid: int = -1
    gid: int = -1

    def to_json(self) -> dict[str, str | int | None]:
        """Give it as an object for JSON."""
        return self._asdict()

    @classmethod
    def from_json(cls, value: object) -> "FlowOrder":
        """
        Read what `to_json` gave; fields that have a default may be missing.

        Raises:
            ValueError: It is nothing of that kind; the message names the field.
        """
        if not isinstance(value, dict):
            raise ValueError("an order is an object")
        if unknown := value.keys() - set(cls._fields):
            raise ValueError(f"an order has no field {min(map(str, unknown))!r}")
        fields = {**cls._field_defaults, **value}
        if missing := [name for name in cls._fields if name not in fields]:
            raise ValueError(f"an order needs the field {missing[0]!r}")
        if fields["log_path"] is not None:
            _check_path("log_path", fields["log_path"])
        _check_path("fifo", fields["fifo"])
        for name in ("log_size", "log_count", "generation", "uid", "gid"):
            # True is an int for Python and none for us.
            if type(fields[name]) is not int:
                raise ValueError(f"{name!r} is a whole number")
        if fields["generation"] < 0 or fields["uid"] < -1 or fields["gid"] < -1:
            raise ValueError("a generation is 0 or more, a user and a group -1 or more")
        return cls(**fields)


def _check_path(name: str, value: object) -> None:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"{name!r} is a path")
