"""`why`: what led to where a service is, as a short story that goes back in time."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from dumb_actors.cli.client import Answered, Api
from dumb_actors.cli.paint import Paint, clock, for_how_long
from dumb_actors.errors import UnknownService

__all__ = ["ask_why", "story"]

Told: TypeAlias = Mapping[str, Any]

_TIMEOUT_S = 60.0
"""The journal may be long, and its disk slow."""


def ask_why(api: Api, name: str, at: float | None) -> Told:
    """
    Ask the supervisor.

    Raises:
        UnknownService: No service is called so.

        ApiUnreachable, Answered: By the supervisor.
    """
    asked = {"process_name": name, **({} if at is None else {"at": at})}
    try:
        answer: Told = api.get("/why", asked, timeout=_TIMEOUT_S)
    except Answered as error:
        if error.status == 404 and "known" in error.body:
            raise UnknownService(name, error.body["known"]) from None
        raise
    return answer


def story(told: Told, paint: Paint, *, is_past: bool) -> Iterator[str]:
    """
    Give the lines that tell an answer of `GET /why`.

    Args:
        told: The answer.

        paint: Colours, or none.

        is_past: An instant of the past was asked for.
    """
    if is_past:
        yield paint.dim(f"as it was at {clock(told['at'])}:")
    teller = _Teller(now=float(told["at"]) if not is_past else time.time(), paint=paint)
    yield from teller.tell(told["chain"], told["branches"], 0)
    if told["hint"]:
        yield ""
        yield f"{paint('what would help:', bold=True)} {told['hint']}"
    if not told["complete"]:
        yield ""
        yield paint.dim("(this is not the whole story: the journal does not go back far enough, or it is too long)")


@attrs.frozen(kw_only=True)
class _Teller:
    now: float
    paint: Paint

    def tell(self, chain: Sequence[Told], branches: Sequence[Told], depth: int) -> Iterator[str]:
        """Tell each link, one step further in than what it explains."""
        for link in chain:
            yield from self._link(link, depth)
            depth += 1
        for branch in branches:
            yield f"{'  ' * depth}{self.paint.dim('—')} {self.paint(branch['what'], bold=True)}"
            yield from self.tell(branch["chain"], branch["branches"], depth + 1)

    def _link(self, link: Told, depth: int) -> Iterator[str]:
        indent = "  " * depth
        text = link["text"][:1].upper() + link["text"][1:]
        facts = link["facts"]
        mark = self.paint.mark(facts["phase"]) if facts.get("phase") else self.paint.dim("↳")
        yield f"{indent}{mark} {text}.{self._when(link)}"
        yield from (f"{indent}    {self.paint.dim('|')} {line}" for line in facts.get("last_lines") or ())
        ends = facts.get("ends") or ()
        if len(set(ends)) > 1:
            yield from (f"{indent}    {self.paint.dim('·')} {end}" for end in ends)

    def _when(self, link: Told) -> str:
        at = link["at"]
        if at is None or link["kind"] == "answer":
            return ""
        ago = for_how_long(self.now - at)
        if link["kind"] == "state":
            text = f"since {clock(at)}, {ago} ago" if self.now - at >= 1 else f"since {clock(at)}"
        else:
            text = f"{clock(at)}, {ago} ago"
        return self.paint.dim(f"  [{text}]")
