"""Validators of the values' fields; each raises `ValueError` with a sentence that names the field."""

import attrs

__all__ = ["at_least_one", "not_empty", "not_negative", "port", "positive"]


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
