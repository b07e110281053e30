"""From one TOML file to one entry: parse, merge over what was there, check what the entry says of itself."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeAlias

import attrs
from cattrs.errors import BaseValidationError

from dumb_actors.catalogue.entry import CatalogueEntry
from dumb_actors.catalogue.files import shared_file
from dumb_actors.catalogue.strict import did_you_mean, faults_of, structure
from dumb_actors.errors import ConfigError, ConfigFault

__all__ = ["OptionTexts", "is_key", "make_entry", "merge", "option_texts", "parse"]

Table: TypeAlias = Mapping[str, Any]


@attrs.frozen(kw_only=True)
class OptionTexts:
    """
    What all entries share about options.

    Attributes:
        groups: Names of options by the name of the group.

        texts: A line for people by the name of the option.
    """

    groups: Mapping[str, tuple[str, ...]]
    texts: Mapping[str, str]


@cache
def option_texts() -> OptionTexts:
    """Give what all entries share about options; read once."""
    file = shared_file()
    return structure(parse(file.read_bytes(), file.name), OptionTexts)


def is_key(name: str) -> bool:
    """Say whether *name* can be a service key, and so the name of a file."""
    return re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) is not None and name != "dumb"


# --- parse ------------------------------------------------------------------------------------------------------------


def parse(content: bytes, source: str) -> dict[str, Any]:
    """
    Parse the TOML in *content*.

    Raises:
        ConfigError: It is no TOML, with line and column; or not UTF-8.
    """
    try:
        return tomllib.loads(content.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        raise _no_toml("the file is not UTF-8", source, line, column, "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        text, _, at = str(error).partition(" (at ")
        hint = "texts stand in double quotes, true and false are in lower case"
        raise _no_toml(f"no TOML: {text}", source, *_place(at), hint) from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, arrays a thousand deep
        raise _no_toml(
            f"not usable: {error}", source, None, None, "look for a number or a nesting beyond measure"
        ) from None


def _place(text: str) -> tuple[int | None, int | None]:
    found = re.match(r"line (\d+), column (\d+)", text)
    return (int(found[1]), int(found[2])) if found else (None, None)


def _no_toml(problem: str, source: str, line: int | None, column: int | None, hint: str) -> ConfigError:
    fault = ConfigFault(path="$", problem=problem, kind="syntax", line=line, column=column, hint=hint)
    return ConfigError([fault], source=source)


def merge(over: Table, under: Table) -> dict[str, Any]:
    """Lay one table over another: tables are merged all the way down, everything else is replaced."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(value, below) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return merged


# --- check ------------------------------------------------------------------------------------------------------------


def make_entry(key: str, raw: Table, source: str) -> CatalogueEntry:
    """
    Make the entry for *key* of the tables of a file.

    Raises:
        ConfigError: Every fault, each with its place; *source* says in which file.
    """
    faults = []
    if "key" in raw:
        faults.append(ConfigFault(path="$.key", problem="unknown key", hint="the name of the file is the key"))
    try:
        entry = structure({**raw, "key": key}, CatalogueEntry)
    except BaseValidationError as error:
        raise ConfigError([*faults, *faults_of(error)], source=source) from None
    if entry.block is not None and entry.has_instances:
        hint = "take one of them away; an instance stands at instances.<name>"
        faults.append(ConfigFault(path="$.block", problem="there is a block and there are instances", hint=hint))
    faults = faults or [*_word_faults(entry), *_option_faults(entry), *_block_faults(entry)]
    if faults:
        raise ConfigError(faults, source=source)
    return attrs.evolve(entry, options=_expanded(entry.options))


def _expanded(options: tuple[str, ...]) -> tuple[str, ...]:
    groups = option_texts().groups
    names = [name for option in options for name in (groups[option[1:]] if option[:1] == "@" else (option,))]
    return tuple(dict.fromkeys(names))


def _option_faults(entry: CatalogueEntry) -> Iterator[ConfigFault]:
    shared = option_texts()
    texts = {**shared.texts, **entry.option_texts}
    for index, option in enumerate(entry.options):
        at = f"$.options[{index}]"
        if option.startswith("@") and option[1:] not in shared.groups:
            hint = did_you_mean(option[1:], shared.groups)
            yield ConfigFault(path=at, problem=f"no group of options is called {option!r}", hint=hint)
            continue
        for name in shared.groups[option[1:]] if option.startswith("@") else (option,):
            if name not in texts:
                hint = did_you_mean(name, texts) or f"write a line about it: option_texts.{name}"
                yield ConfigFault(path=at, problem=f"nothing is told of the option {name!r}", hint=hint)
            elif entry.has_default and name not in entry.template():
                hint = "write it there, or do not show it"
                yield ConfigFault(path=at, problem=f"the default block has no field {name!r}", hint=hint)


def _block_faults(entry: CatalogueEntry) -> Iterator[ConfigFault]:
    places = {f"$.instances.{name}": block for name, block in entry.instances.items()}
    if entry.block is not None:
        places["$.block"] = entry.block
    for place, block in places.items():
        name = block.get("process_name")
        if not isinstance(name, str) or not name.strip():
            yield ConfigFault(path=f"{place}.process_name", problem="is no name", expected="a text", got=_shown(name))
        for field in entry.ports.fields:
            if not isinstance(block.get(field), int) or isinstance(block[field], bool):
                got = _shown(block.get(field))
                yield ConfigFault(path=f"{place}.{field}", problem="is no port", expected="a whole number", got=got)
    if not places and (entry.listed.core is not None or entry.listed.optional is not None):
        yield ConfigFault(path="$.listed", problem="nothing to offer: there is no default block", hint="write [block]")


def _word_faults(entry: CatalogueEntry) -> Iterator[ConfigFault]:
    for place, word in entry.words_by_place().items():
        if not word.strip() or word != word.strip():
            problem = "is blank, or begins or ends with a blank"
            yield ConfigFault(path=place, problem=problem, expected="a word or some", got=repr(word))
    for index, need in enumerate(entry.conditional):
        if (need.when == "flag") != (need.flag is not None):
            problem = "`flag` is missing" if need.flag is None else '`flag` is for `when = "flag"` only'
            yield ConfigFault(path=f"$.conditional[{index}].flag", problem=problem)
    for index, flag in enumerate(entry.providers):
        if (flag.flag is None) == (flag.field is None) or (flag.field is None) != (flag.value is None):
            problem, expected = "does not say what to look at", "either `flag`, or `field` and `value`"
            yield ConfigFault(path=f"$.providers[{index}]", problem=problem, expected=expected)


def _shown(value: Any) -> str | None:
    return None if value is None else repr(value)[:60]
