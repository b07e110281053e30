"""What entries say of each other: references to keys, and words that mean two things."""

from collections.abc import Iterator, Mapping

from dumb_actors.catalogue.entry import CatalogueEntry
from dumb_actors.catalogue.files import known_keys
from dumb_actors.catalogue.strict import did_you_mean
from dumb_actors.errors import ConfigFault

__all__ = ["reference_faults"]


def reference_faults(key: str, entries: Mapping[str, CatalogueEntry]) -> Iterator[ConfigFault]:
    """List what is wrong with how the entry of *key* speaks of others."""
    entry = entries[key]
    for place, service in _references(entry):
        if service not in entries:
            hint = did_you_mean(service, entries)
            yield ConfigFault(path=place, problem=f"no service has the key {service!r}", hint=hint, kind="reference")
        elif service == key:
            yield ConfigFault(path=place, problem="a service cannot refer to itself", kind="reference")
    for index, exception in enumerate(entry.core.unless if entry.core else ()):
        if entry.core and exception.service not in entry.core.needs:
            place = f"$.core.unless[{index}].service"
            yield ConfigFault(path=place, problem=f"{exception.service!r} is not in core.needs", kind="reference")
    yield from _doubles(entry, entries)


def _doubles(entry: CatalogueEntry, entries: Mapping[str, CatalogueEntry]) -> Iterator[ConfigFault]:
    """List the words that stand for another service already."""
    places = {place: word.casefold() for place, word in entry.words_by_place().items()}
    if entry.key not in known_keys():  # of two, a key of ours is right
        places["$"] = entry.key
    for place, word in places.items():
        for other in entries.values():
            if other is not entry and word in {other.key, *other.words}:
                hint = "choose another name" if place != "$" else "give the file another name"
                problem = f"{word!r} means {other.key!r} already"
                yield ConfigFault(path=place, problem=problem, hint=hint, kind="reference")


def _references(entry: CatalogueEntry) -> Iterator[tuple[str, str]]:
    if entry.core:
        yield from ((f"$.core.needs[{at}]", service) for at, service in enumerate(entry.core.needs))
    yield from ((f"$.needs[{at}]", service) for at, service in enumerate(entry.needs))
    yield from ((f"$.conditional[{at}].service", need.service) for at, need in enumerate(entry.conditional))
    yield from ((f"$.providers[{at}].service", flag.service) for at, flag in enumerate(entry.providers))
    yield from ((f"$.uses[{at}].service", use.service) for at, use in enumerate(entry.uses))
