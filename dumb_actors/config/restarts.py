"""`restart` and the exit codes of a one-shot, as they are written."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NewType, get_args

import cattrs

from dumb_actors.config.strict import StructureHook, Wrong, each, make_converter, unquote_hint
from dumb_actors.model.restart import Policy, RestartPolicy

__all__ = ["RESTART_HOOKS", "ExitCodes", "OwnRestart", "delays"]

OwnRestart = NewType("OwnRestart", RestartPolicy)
ExitCodes = NewType("ExitCodes", tuple[int, ...])


def _restart(value: Any, _: Any) -> RestartPolicy:
    if isinstance(value, str):
        return RestartPolicy(policy=_converter().get_structure_hook(Policy)(value, Policy))
    if not isinstance(value, dict):
        words = ", ".join(get_args(Policy))
        raise Wrong(expected=f'one of {words}, or an object such as {{"policy": "on-failure", "limit": 5}}')
    return _converter().structure(value, RestartPolicy)


def delays(value: Any, _: Any) -> tuple[float, ...]:
    """Take *value* when it is an array of numbers of seconds, at least one."""
    if not isinstance(value, list):
        raise Wrong(expected="an array of seconds", hint="put it in square brackets" if _is_number(value) else "")
    if not value:
        raise Wrong("is empty", expected="an array of seconds, at least one")
    return tuple(each(enumerate(value), _delay, float))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _delay(value: Any, kind: Any) -> float:
    number: float = _converter().get_structure_hook(float)(value, kind)
    if number < 0:
        raise Wrong("wrong value", expected="a number of seconds, 0 or more")
    return number


def _exit_codes(value: Any, _: Any) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise Wrong(expected="an array of exit codes", hint="put it in square brackets" if _is_number(value) else "")
    if not value:
        raise Wrong("is empty: it could never succeed", expected="an array of exit codes, at least one")
    return tuple(dict.fromkeys(each(enumerate(value), _exit_code, int)))


def _exit_code(value: Any, _: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(expected="a whole number from 0 to 255", hint=unquote_hint(value))
    if not 0 <= value <= 255:
        raise Wrong("is no exit code", expected="a whole number from 0 to 255")
    return value


@cache
def _converter() -> cattrs.Converter:
    return make_converter({tuple[float, ...]: delays})


RESTART_HOOKS: Mapping[Any, StructureHook] = MappingProxyType({OwnRestart: _restart, ExitCodes: _exit_codes})
"""Hooks for the types above."""
