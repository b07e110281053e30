"""Validators of the values' fields; each raises `ValueError` with a sentence that names the field."""

import re
from collections.abc import Mapping
from types import MappingProxyType

import attrs

__all__ = [
    "LAST_LIMIT",
    "LIMITS",
    "MEMORY",
    "UNLIMITED",
    "at_least_one",
    "limits",
    "not_empty",
    "not_negative",
    "octal",
    "port",
    "positive",
    "run_as",
    "split_run_as",
    "umask",
    "variable_pattern",
]

UNLIMITED = -1
"""As a limit: none at all; not for `MEMORY`."""

MEMORY = "memory_mb"
"""The one limit that is for all processes of a service together, and therefore a control group's."""

LIMITS: Mapping[str, int] = MappingProxyType(
    {
        "nofile": 16,
        "nproc": 1,
        "core": 0,
        "fsize_mb": 1,
        "cpu_s": 1,
        "stack_mb": 1,
        "address_space_mb": 1,
        MEMORY: 1,
    }
)
"""What can be limited, and the least that each may be: below it no program starts at all."""

# The kernel takes the highest number for "do not change".
_LAST_ID = 2**32 - 2
# More than any machine has, and far from where a number of megabytes times 2**20 leaves 63 bits.
LAST_LIMIT = 2**40


def positive(instance: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError(f"{attribute.name!r} must be a number of seconds above 0, not {value!r}")


def not_negative(instance: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ValueError(f"{attribute.name!r} must be a number of seconds, 0 or more, not {value!r}")


def port(instance: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise ValueError(f"{attribute.name!r} must be a port from 1 to 65535, not {value!r}")


def not_empty(instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{attribute.name!r} must be a text that is not empty, not {value!r}")


def at_least_one(instance: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{attribute.name!r} must be a whole number of 1 or more, not {value!r}")


def octal(text: str) -> int | None:
    """Give the umask that *text* writes in octal digits, `"0022"`; None when it does not."""
    return int(text, 8) if re.fullmatch(r"0?[0-7]{1,3}", text, re.ASCII) else None


def umask(instance: object, attribute: "attrs.Attribute[int | None]", value: int | None) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0o777):
        raise ValueError(f'{attribute.name!r} must be octal digits from "0000" to "0777", not {value!r}')


def split_run_as(text: str) -> tuple[str | int, str | int | None]:
    """
    Take `user` or `user:group` apart; what is written in digits is an id, anything else a name.

    Raises:
        ValueError: It is neither; the message says what is wrong with it.
    """
    user, colon, group = text.partition(":")
    return _principal(user), _principal(group) if colon else None


def _principal(text: str) -> str | int:
    if not text:
        raise ValueError("a name is empty")
    if re.fullmatch(r"[0-9]+", text, re.ASCII):
        if len(text) > 10 or int(text) > _LAST_ID:
            raise ValueError(f"an id is above {_LAST_ID}")
        return int(text)
    if re.search(r"[\s:/,]", text) or not text.isprintable() or text[0] in "-+":
        raise ValueError("no user or group can have such a name")
    return text


def run_as(instance: object, attribute: "attrs.Attribute[str | None]", value: str | None) -> None:
    if value is None:
        return
    try:
        split_run_as(value)
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{attribute.name!r} must be `user` or `user:group`, not {value!r}: {error}") from None


def limits(instance: object, attribute: "attrs.Attribute[Mapping[str, int]]", value: Mapping[str, int]) -> None:
    for name, limit in value.items():
        if name not in LIMITS:
            raise ValueError(f"{attribute.name!r} knows no {name!r}, only {', '.join(LIMITS)}")
        whole = isinstance(limit, int) and not isinstance(limit, bool)
        if (limit != UNLIMITED or name == MEMORY) and not (whole and LIMITS[name] <= limit <= LAST_LIMIT):
            raise ValueError(f"{attribute.name!r}: {name!r} must be a whole number from {LIMITS[name]}, not {limit!r}")


def variable_pattern(instance: object, attribute: "attrs.Attribute[tuple[str, ...]]", value: tuple[str, ...]) -> None:
    if not all(isinstance(name, str) and name and not set(name) & set("=\0") for name in value):
        raise ValueError(f"{attribute.name!r} must be names of variables, with `*` for any letters, not {value!r}")
