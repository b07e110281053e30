"""The project's docstrings as data: what they say as a whole, and of each attribute or argument."""

import re

import attrs

__all__ = ["Docstring"]

SECTION = re.compile(r"^(Attributes|Args|Returns|Raises|Source|Cancellation):", re.MULTILINE)
ITEM = re.compile(r"^    (\w[\w, ]*): ", re.MULTILINE)


def _flat(text: str) -> str:
    """Join the lines of each paragraph."""
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))


@attrs.frozen
class Docstring:
    """
    What a docstring says.

    Attributes:
        summary: Its first paragraph.

        rest: The paragraphs after that, up to the first section.

        items: What `Attributes` or `Args` says of each name.
    """

    summary: str
    rest: str
    items: dict[str, str]

    @classmethod
    def of(cls, documented: object) -> "Docstring":
        """Read the docstring of a function, or of a class and, for its attributes, of the classes it is made of."""
        lineage = list(documented.__mro__) if isinstance(documented, type) else [documented]
        items: dict[str, str] = {}
        for one in reversed(lineage):
            items.update(_items(_text(one)))
        told = SECTION.split(_text(documented), maxsplit=1)[0]
        summary, _, rest = _flat(told).partition("\n\n")
        return cls(summary=summary, rest=rest, items=items)


def _text(documented: object) -> str:
    # Not `inspect.getdoc`: what a class inherits is none of its own. The first line stands alone or after the quotes.
    lines = (documented.__doc__ or "").strip("\n").expandtabs().splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    return "\n".join([line.strip() if i == 0 else line[indent:] for i, line in enumerate(lines)])


def _items(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    _, *sections = SECTION.split(text)
    for name, content in zip(sections[::2], sections[1::2], strict=True):
        if name in {"Attributes", "Args"}:
            _, *parts = ITEM.split(content)
            for names, told in zip(parts[::2], parts[1::2], strict=True):
                found.update({one.strip(): _flat(told) for one in names.split(",")})
    return found
