"""
Change a JSON text and leave alone what is not changed: order, spaces, numbers and escapes stay as somebody wrote them.

The text is scanned into a tree of nodes that know their own text, and written again from that tree and the new value.
The text must have been read by `parse_document` before: nothing is checked here.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import attrs

from dumb_actors.config.layers import same

__all__ = ["splice"]

_SPACE = re.compile(r"[ \t\r\n]*")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BARE = re.compile(r"[^\s,\]}]+")
_INDENT = 4


@attrs.frozen
class _Part:
    """
    A member of an object or an item of an array.

    `lead` and `trail` are the spaces before it and before the comma or bracket behind it; `key` is as written, `middle`
    what stands between key and value.
    """

    lead: str
    name: str
    key: str
    middle: str
    node: "_Node"
    trail: str


@attrs.frozen
class _Node:
    """A value: its text, what that means, and its parts if it has any."""

    text: str = attrs.field(repr=False)
    value: Any = attrs.field(repr=False)
    parts: tuple[_Part, ...] = ()


def splice(text: str, new: Any) -> str:
    """
    Give *text*, which writes a JSON document, so changed that it writes the document *new*.

    What is new stands behind what is there, in the indentation of the text. Where nothing differs the result is *text*.
    """
    body = text.removeprefix("\ufeff")
    start = _skip(body, 0)
    node, end = _scan(body, start)
    style = _Style.of(body)
    return text[: len(text) - len(body)] + body[:start] + _write(node, new, style, 0) + body[end:]


# --- scanning ---------------------------------------------------------------------------------------------------------


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _scan(text: str, start: int) -> tuple[_Node, int]:
    """Give the value that begins at *start*, and where it ends."""
    if text[start] in "{[":
        return _scan_parts(text, start)
    match = (_TEXT if text[start] == '"' else _BARE).match(text, start)
    assert match is not None  # noqa: S101  (it was read before)
    return _Node(match[0], json.loads(match[0])), match.end()


def _scan_parts(text: str, start: int) -> tuple[_Node, int]:
    is_object = text[start] == "{"
    parts: list[_Part] = []
    at = start + 1
    while text[(begin := _skip(text, at))] not in "}]":
        lead, key, middle, place = text[at:begin], "", "", begin
        if is_object:
            match = _TEXT.match(text, begin)
            assert match is not None  # noqa: S101
            place = _skip(text, _skip(text, match.end()) + 1)
            key, middle = match[0], text[match.end() : place]
        node, end = _scan(text, place)
        comma = _skip(text, end)
        parts.append(_Part(lead, json.loads(key) if key else "", key, middle, node, text[end:comma]))
        at = comma + 1 if text[comma] == "," else comma
    whole = text[start : begin + 1]
    value: Any = {part.name: part.node.value for part in parts} if is_object else [part.node.value for part in parts]
    return _Node(whole, value, tuple(parts)), begin + 1


# --- writing ----------------------------------------------------------------------------------------------------------


@attrs.frozen
class _Style:
    """How the file is written: its line ends, and the indentation of one level."""

    newline: str
    indent: str

    @classmethod
    def of(cls, text: str) -> "_Style":
        found = re.search(r"\{[ \t]*\r?\n([ \t]+)\"", text)
        newline = "\r\n" if "\r\n" in text else "\n"
        return cls(newline, found[1] if found else " " * _INDENT)

    def line(self, level: int) -> str:
        return self.newline + self.indent * level

    def dump(self, value: Any, level: int, *, flat: bool) -> str:
        """Write a value that is new, which stands on *level*."""
        if flat:
            return json.dumps(value, ensure_ascii=False, allow_nan=False)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=self.indent)
        return text.replace("\n", self.line(level))  # a line end within a text is escaped


@attrs.frozen(eq=False)
class _Text:
    """The text of one part as it will be; `part` is what stood there, None: it is new."""

    text: str
    part: _Part | None
    node: _Node
    style: _Style
    level: int

    @property
    def lead(self) -> str:
        """The spaces before it, where it is not the first."""
        parts = self.node.parts
        if self.part is not None and self.part is not parts[0]:
            return self.part.lead
        if len(parts) > 1:
            return parts[-1].lead
        if parts and "\n" not in self.node.text:
            return " "
        return parts[0].lead if parts and parts[0].lead else self.style.line(self.level)

    @property
    def trail(self) -> str:
        """The spaces between it and the comma, where it is not the last."""
        parts = self.node.parts
        if self.part is not None and self.part is not parts[-1]:
            return self.part.trail
        return parts[0].trail if len(parts) > 1 else ""


def _write(node: _Node, new: Any, style: _Style, level: int) -> str:
    if same(node.value, new):
        return node.text
    flat = bool(node.parts) and "\n" not in node.text
    if isinstance(node.value, dict) and isinstance(new, dict):
        return _join("{}", list(_members(node, new, style, level + 1, flat=flat)), node, style, level)
    if isinstance(node.value, list) and isinstance(new, list):
        return _join("[]", list(_items(node, new, style, level + 1, flat=flat)), node, style, level)
    return style.dump(new, level, flat=flat)


def _members(node: _Node, new: dict[str, Any], style: _Style, level: int, *, flat: bool) -> Iterator[_Text]:
    """Give the members that stay, in their order, then the new ones."""
    there = {part.name for part in node.parts}
    for part in node.parts:
        if part.name in new:
            text = part.key + part.middle + _write(part.node, new[part.name], style, level)
            yield _Text(text, part, node, style, level)
    middle = node.parts[-1].middle if node.parts else ": "
    for name, value in new.items():
        if name not in there:
            key = json.dumps(name, ensure_ascii=False)
            yield _Text(key + middle + style.dump(value, level, flat=flat), None, node, style, level)


def _items(node: _Node, new: list[Any], style: _Style, level: int, *, flat: bool) -> Iterator[_Text]:
    """Give the items: those at a place that stays, from the beginning or the end, as they are, others new."""
    old = node.parts
    from_end = _equal_at_end(old, new)
    for index, value in enumerate(new):
        part = None
        if index >= len(new) - from_end:
            part = old[index - len(new)]
        elif index < len(old) - from_end:
            part = old[index]
        text = style.dump(value, level, flat=flat) if part is None else _write(part.node, value, style, level)
        yield _Text(text, part, node, style, level)


def _equal_at_end(old: tuple[_Part, ...], new: list[Any]) -> int:
    """Count what is the same at both ends, where one of the two is longer."""
    if len(old) == len(new):
        return 0
    count = 0
    while count < min(len(old), len(new)) and same(old[-count - 1].node.value, new[-count - 1]):
        count += 1
    return count


def _join(brackets: str, texts: list[_Text], node: _Node, style: _Style, level: int) -> str:
    if not texts:
        return brackets
    first = node.parts[0].lead if node.parts else style.line(level + 1)
    last = node.parts[-1].trail if node.parts else style.line(level)
    inner = "".join(
        (text.lead if index else first) + text.text + (last if text is texts[-1] else f"{text.trail},")
        for index, text in enumerate(texts)
    )
    return brackets[0] + inner + brackets[1]
