"""
What stands in for `typing` in the keeper's process, which is to stay small: the real one takes 1 MB, with `re`.

The modules of ours that the keeper shares with the supervisor use five names of it, and four of these mean nothing
while a program runs. Whoever asks for another name gets it from the real module, which is imported then.
"""

import sys
from collections import namedtuple

__all__ = ["TYPE_CHECKING", "Any", "NamedTuple", "Protocol", "TypeAlias", "stand_in"]

TYPE_CHECKING = False


class Any:
    """Anything."""


class Protocol:
    """Base of what only says what others are like."""


class TypeAlias:
    """Says that a name is one of a type."""


class _Maker(type):
    """Makes a named tuple of a class with annotations."""

    def __new__(cls, name: str, bases: tuple[type, ...], names: dict[str, object]) -> type:
        if not bases:
            return super().__new__(cls, name, bases, names)
        fields = list(names.get("__annotations__", ()))  # type: ignore[call-overload]  # a dict
        defaults = [names.pop(field) for field in fields if field in names]
        made = namedtuple(name, fields, defaults=defaults)  # type: ignore[misc]  # noqa: PYI024
        for attribute in names.keys() - {"__annotations__", "__qualname__", "__classcell__"}:
            setattr(made, attribute, names[attribute])
        return made


NamedTuple = _Maker("NamedTuple", (), {})


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    sys.modules.pop("typing", None)
    import typing

    return getattr(typing, name)


def stand_in() -> None:
    """Take the place of `typing`, for modules that are imported from now on."""
    # Since 3.14 annotations are not there yet when a class is made.
    if sys.version_info < (3, 14) and "typing" not in sys.modules:
        sys.modules["typing"] = sys.modules[__name__]
