"""What was found wrong in a document: where it is, what stands there, and what may be shown of it."""

import difflib
import re
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import attrs

from dumb_actors.errors import ConfigFault

__all__ = ["MISSING", "Path", "Report", "did_you_mean", "format_path", "show", "value_at"]

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the top of the document down to a value."""

MISSING: Final = object()
"""What stands at a path that leads nowhere; None is a value of JSON."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(r"key|token|pass|pwd|secret|auth|credential|claim", re.IGNORECASE)
# What stands below these carries passwords under any name.
_PRIVATE = frozenset({"command", "env", "exec"})
_TEXT_LIMIT = 60


def format_path(path: Path) -> str:
    """Write *path* as JSON path: `$.rclone.instances['my one'].command[0]`."""
    return "$" + "".join(_format_step(step) for step in path)


def _format_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _IDENTIFIER.fullmatch(step):
        return f".{step}"
    text = step.replace("\\", "\\\\").replace("'", "\\'")
    # A line break or an escape sequence in a key must not reach a terminal or a log as it is.
    return "['" + (text if text.isprintable() else ascii(text)[1:-1]) + "']"


def value_at(value: Any, path: Path) -> Any:
    """Give what stands at *path* in *value*; `MISSING` when the path leads nowhere."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return MISSING
    return value


def is_secret(path: Path) -> bool:
    """Tell whether a field of *path* is named like something that must not be shown."""
    # The names of services and instances are no fields: a service called "Keycloak" is no secret.
    fields = path[1:] if len(path) > 1 else path
    fields = fields[2:] if fields[:1] == ("instances",) else fields
    return any(isinstance(step, str) and _SECRET.search(step) for step in fields)


def show(value: Any, path: Path) -> str | None:
    """
    Describe *value* in a form that is short and gives no secret away.

    Objects and arrays are counted, never shown. Texts of commands and environments neither: they carry passwords under
    any name. None when there is no value.
    """
    if value is MISSING:
        return None
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict | list):
        kind = "object" if isinstance(value, dict) else "array"
        return f"an empty {kind}" if not value else f"an {kind} of {len(value)}"
    if is_secret(path):
        return "***"
    if isinstance(value, str):
        return _show_text(value, hidden=not _PRIVATE.isdisjoint(path))
    return _shorten(str(value)) if isinstance(value, float) or abs(value) < 10**30 else "a number of many digits"


def _show_text(text: str, *, hidden: bool) -> str:
    if not text:
        return '""'
    if hidden:
        return f"a text of {len(text)} characters"
    if "//" in text:
        text = re.sub(r"//[^/\s]*@", "//***@", text)
        text = re.sub(r"([?&][^=&#\s]*=)[^&#\s]*", r"\1***", text)
    text = _shorten(text)
    return f'"{text}"' if text.isprintable() else f'"{ascii(text)[1:-1]}"'


def _shorten(text: str) -> str:
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"


def did_you_mean(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Give the hint `did you mean 'x'?` for the one of *known* that is most like *word*; empty when none is."""
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=cutoff)
    return f"did you mean {folded[near[0]]!r}?" if near else ""


@attrs.define
class Report:
    """
    Collects what is wrong with one document while it is being read; lives as long as one load.

    Attributes:
        document: What is being read; faults look their value up in it.

        faults, warnings: What was found, in order.
    """

    document: Any = attrs.field(repr=False)
    faults: list[ConfigFault] = attrs.field(factory=list, init=False)
    warnings: list[str] = attrs.field(factory=list, init=False)

    def fault(
        self,
        path: Path,
        problem: str,
        *,
        expected: str = "",
        hint: str = "",
        kind: str = "schema",
        names: tuple[str, ...] = (),
    ) -> None:
        """Note a fault of the value at *path*."""
        self.faults.append(
            ConfigFault(
                path=format_path(path),
                problem=problem,
                got=show(value_at(self.document, path), path),
                expected=expected,
                hint=hint,
                kind=kind,
                names=names,
            )
        )

    def warn(self, path: Path, text: str) -> None:
        """Note something that is allowed and yet probably not meant."""
        self.warnings.append(f"{format_path(path)}: {text}")
