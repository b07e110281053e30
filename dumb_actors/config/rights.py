"""What a service may do, as it is written: `run_as`, `umask`, `limits`, and which of our variables it gets."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NewType

from dumb_actors.config.report import Path, Report, did_you_mean
from dumb_actors.config.strict import StructureHook, Wrong, each, unquote_hint
from dumb_actors.model import fields

__all__ = ["RIGHTS_HOOKS", "Limits", "RunAs", "Umask", "Variables", "check_rights", "default_run_as"]

RunAs = NewType("RunAs", str)
Umask = NewType("Umask", int)
Limits = NewType("Limits", dict[str, int])
Variables = NewType("Variables", tuple[str, ...])

# They mount with rights that only root has. Source: the API's specification, section 5.3, step 6.
_STAY_ROOT = frozenset({"rclone"})
_UNLIMITED = "unlimited"


# --- hooks ------------------------------------------------------------------------------------------------------------


def _run_as(value: Any, _: Any) -> str:
    expected = 'a user, or "user:group", each by name or id'
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Wrong(expected=expected)
    try:
        fields.split_run_as(str(value))
    except ValueError as error:
        raise Wrong(str(error), expected=expected) from None
    return str(value)


def _umask(value: Any, _: Any) -> int:
    expected = 'a text of octal digits from "0000" to "0777", such as "0022"'
    if isinstance(value, int) and not isinstance(value, bool):
        # JSON knows no octal numbers: 22 could be meant as 0022 or as 0026.
        raise Wrong(expected=expected, hint="put it in double quotes")
    if not isinstance(value, str):
        raise Wrong(expected=expected)
    number = fields.octal(value)
    if number is None:
        octal = value[2:] if value[:2] in {"0o", "0O"} else ""
        raise Wrong("is no umask", expected=expected, hint=f'write it as "0{octal}"' if fields.octal(octal) else "")
    return number


def _limits(value: Any, _: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        raise Wrong(expected='an object such as {"nofile": 65536}')
    written = ((name, (name, limit)) for name, limit in value.items() if limit is not None or name not in fields.LIMITS)
    return dict(each(written, _limit, int))


def _limit(pair: tuple[str, Any], _: Any) -> tuple[str, int]:
    name, value = pair
    least = fields.LIMITS.get(name)
    if least is None:
        raise Wrong(
            "nothing of that name can be limited",
            expected="one of " + ", ".join(fields.LIMITS),
            hint=did_you_mean(name, fields.LIMITS),
        )
    either = "" if name == fields.MEMORY else f', or "{_UNLIMITED}"'
    if either and value == _UNLIMITED:
        return name, fields.UNLIMITED
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= fields.LAST_LIMIT:
        problem = "is no limit" if isinstance(value, int) and not isinstance(value, bool) else "wrong type"
        raise Wrong(problem, expected=f"a whole number, {least} or more{either}", hint=unquote_hint(value))
    return name, value


def _variables(value: Any, _: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        quoted = isinstance(value, str)
        raise Wrong(expected="an array of names", hint="put it in square brackets" if quoted else "")
    return tuple(each(enumerate(value), _variable, str))


def _variable(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise Wrong(expected="the name of a variable, with `*` for any letters")
    if not value or set(value) & set("=\0"):
        raise Wrong("cannot be the name of a variable")
    return value


RIGHTS_HOOKS: Mapping[Any, StructureHook] = MappingProxyType(
    {RunAs: _run_as, Umask: _umask, Limits: _limits, Variables: _variables}
)
"""Hooks for the types above."""


# --- who runs it ------------------------------------------------------------------------------------------------------


def default_run_as(key: str, puid: int | None, pgid: int | None, ids: tuple[int, int]) -> str | None:
    """
    Give who runs a service whose block does not say it.

    Args:
        key: Its service key.

        puid, pgid: Of the document.

        ids: Our own user and group. Only root can become somebody else; the others' services are their own.
    """
    if puid is None or ids[0] != 0 or key in _STAY_ROOT:
        return None
    return f"{puid}" if pgid is None else f"{puid}:{pgid}"


def check_rights(run_as: str | None, ids: tuple[int, int], path: Path, report: Report) -> None:
    """
    Note a fault at *path* where *run_as* is certain to be refused, because we are not root.

    Only ids are compared. What a name means is looked up at each start: the user may be made later than this file, and
    a directory service that does not answer must not keep a configuration from being read.
    """
    if ids[0] != 0 and run_as is not None and any(_differences(run_as, ids)):
        problem = f"only root can run a service as somebody else, and this is user {ids[0]}, group {ids[1]}"
        report.fault(path, problem, hint="take it away, or start the supervisor as root")


def _differences(run_as: str, ids: tuple[int, int]) -> Iterator[bool]:
    for wanted, ours in zip(fields.split_run_as(run_as), ids, strict=True):
        yield isinstance(wanted, int) and wanted != ours
