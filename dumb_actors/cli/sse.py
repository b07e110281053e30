"""Server-sent events, as far as our own API sends them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

__all__ = ["Message", "read_messages"]


@attrs.frozen(kw_only=True)
class Message:
    """
    One event of a stream.

    Attributes:
        id: What to name when the stream is opened again; empty when the server gave none.

        event: Its kind.

        data: Its content, an object.

        is_end: It only takes the id away: nothing comes after what the stream has sent.
    """

    id: str = ""
    event: str = "message"
    data: dict[str, Any] = attrs.field(factory=dict)
    is_end: bool = False


def read_messages(lines: Iterable[str]) -> Iterator[Message]:
    """
    Give the messages in *lines*; comments are left out, and so is a last one that is cut off.

    Source: the HTML standard, section 9.2.6. Content that is no JSON object is left out too: none of ours.
    """
    fields: dict[str, list[str]] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
            continue
        content = _load("\n".join(fields.get("data", ())))
        if content is not None:
            yield Message(id=_last(fields, "id"), event=_last(fields, "event") or "message", data=content)
        elif fields.get("id") == [""]:
            yield Message(is_end=True)
        fields = {}


def _last(fields: dict[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[-1]


def _load(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        content = json.loads(text)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
