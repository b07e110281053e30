"""`catalogue`: which services are known, and what is known of one."""

import json
from collections.abc import Iterator
from typing import Any

import attrs
import click

from dumb_actors.catalogue import Catalogue, CatalogueEntry, load_catalogue
from dumb_actors.catalogue.entry import ConditionalNeed
from dumb_actors.cli.check import fault_lines
from dumb_actors.cli.paint import DONE, MISUSED, Paint
from dumb_actors.config.root import Root
from dumb_actors.errors import UnknownService

__all__ = ["show_catalogue"]


def show_catalogue(word: str | None, root: Root, *, as_json: bool, paint: Paint) -> int:
    """
    Write what is known of the service that *word* means, or of all, to stdout, and give the exit code.

    Faults of files below *root* go to stderr; they make the exit code that of bad use.

    Raises:
        UnknownService: No key, display name or alias is *word*.
    """
    catalogue = load_catalogue(root.catalogue)
    if word is None:
        chosen = list(catalogue.values())
        lines = _table(catalogue, paint)
    else:
        entry = catalogue.find(word)
        if entry is None:
            raise UnknownService(word, tuple(catalogue))
        chosen = [entry]
        lines = _long_form(entry, paint)
    if as_json:
        click.echo(json.dumps({"services": [_as_json(entry) for entry in chosen]}, indent=2))
    else:
        click.echo("\n".join(lines), color=True)
    for error in catalogue.faults:
        click.echo("\n".join(fault_lines(error, paint)), err=True, color=True)
    return MISUSED if catalogue.faults else DONE


def _as_json(entry: CatalogueEntry) -> dict[str, Any]:
    # Not by `asdict` as a whole: it copies read-only mappings into more of them, which JSON cannot write.
    parts = {field.name: getattr(entry, field.name) for field in attrs.fields(CatalogueEntry)}
    document: dict[str, Any] = json.loads(json.dumps(parts, default=_plain))
    return document


def _plain(value: Any) -> Any:
    return attrs.asdict(value, recurse=False) if attrs.has(type(value)) else dict(value)


def _table(catalogue: Catalogue, paint: Paint) -> Iterator[str]:
    rows = [(entry.key, entry.name, _kind(entry), ", ".join(_needs(entry))) for entry in catalogue.values()]
    heads = ("KEY", "NAME", "KIND", "NEEDS")
    widths = [max(len(row[at]) for row in [heads, *rows]) for at in range(3)]
    for row in [heads, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        line = "  ".join([*cells, row[3]]).rstrip()
        yield paint.dim(line) if row is heads else line


def _kind(entry: CatalogueEntry) -> str:
    words = []
    if entry.core:
        words.append("core")
    if entry.listed.optional is not None:
        words.append("optional")
    if entry.builtin:
        words.append("built-in")
    if not entry.has_default:
        words.append("no default")
    return ", ".join(words) or "supporting"


def _needs(entry: CatalogueEntry) -> tuple[str, ...]:
    return (*(entry.core.needs if entry.core else ()), *entry.needs)


def _when(need: ConditionalNeed) -> str:
    words = {"always": "always", "enabled": "while it is enabled", "flag": f"while it has {need.flag}"}
    return words.get(need.when, "where its flags say so")


def _long_form(entry: CatalogueEntry, paint: Paint) -> Iterator[str]:
    yield paint(entry.name, bold=True)
    facts = {
        "key": entry.key,
        "kind": _kind(entry),
        "also called": ", ".join(sorted(entry.words)),
        "needs": ", ".join(_needs(entry)),
        "on a condition": ", ".join(f"{need.service} {_when(need)}" for need in entry.conditional),
        "works with": ", ".join(use.service for use in entry.uses),
        "debrid": ", ".join(entry.core.debrid_providers if entry.core else ()),
        "documentation": entry.about.documentation if entry.about else "",
    }
    yield from (f"  {paint.dim(label.ljust(14))}  {text}" for label, text in facts.items() if text)
    if entry.about:
        yield ""
        yield from (f"  - {line}" for line in entry.about.lines)
    if entry.has_default:
        place = entry.key.removeprefix("dumb_") if entry.builtin else entry.key
        block = {place: entry.default()}
        yield ""
        yield json.dumps({"dumb": block} if entry.builtin else block, indent=4, ensure_ascii=False)
