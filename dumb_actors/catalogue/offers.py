"""
What the lists of services offer: each with the options that are shown, and their defaults.

Everything comes from the catalogue, nothing from the present configuration. Directories are spelt as in the API
document, where the root is `/`: `/config/…`, `/mnt/debrid/…`; in requests these mean the directories of the root.

Source: the API's specification, sections 1.8, 1.10 and 3.1 to 3.4.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import attrs

from dumb_actors.catalogue.catalogue import Catalogue
from dumb_actors.catalogue.entry import CatalogueEntry
from dumb_actors.catalogue.reading import option_texts

__all__ = ["CoreOffer", "OptionalOffer", "core_offers", "optional_offers"]

NO_DESCRIPTION: Final = "No description available"

_SPELT: Final = {"root": "", "config": "/config", "data": "/data", "log": "/log", "mnt": "/mnt/debrid", "run": "/run"}
_PLACE = re.compile("{(" + "|".join(_SPELT) + ")}")


@attrs.frozen(kw_only=True)
class OptionalOffer:
    """
    One service of the list of optional services.

    Attributes:
        name: Display name.

        key: Service key.

        description: What people are told, in several lines.

        service_options: Options that are shown, with their defaults.

        service_option_descriptions: A line about each of them.

        supports_instances: Whether there may be several of it.

        instance_options: The same as `service_options` for each instance that others are made after.

        instance_option_descriptions: A line about each of those.
    """

    name: str
    key: str
    description: str
    service_options: Mapping[str, Any]
    service_option_descriptions: Mapping[str, str]
    supports_instances: bool
    instance_options: Mapping[str, Mapping[str, Any]]
    instance_option_descriptions: Mapping[str, Mapping[str, str]]


@attrs.frozen(kw_only=True)
class CoreOffer:
    """
    One service of the list of core services.

    Attributes:
        name: Display name.

        key: Service key.

        dependencies: Keys of what it needs, in order.

        description: What people are told, in several lines.

        debrid_providers: Names of those it can be used with.

        service_options: Options that are shown, with their defaults, by the key of the service they belong to: itself,
            then each of `dependencies`.

        service_option_descriptions: A line about each of them.

        supports_instances: Whether there may be several of it.

        instance_options: Its own options for each instance that others are made after.

        instance_option_descriptions: A line about each of those.
    """

    name: str
    key: str
    dependencies: tuple[str, ...]
    description: str
    debrid_providers: tuple[str, ...]
    service_options: Mapping[str, Mapping[str, Any]]
    service_option_descriptions: Mapping[str, Mapping[str, str]]
    supports_instances: bool
    instance_options: Mapping[str, Mapping[str, Any]]
    instance_option_descriptions: Mapping[str, Mapping[str, str]]


def core_offers(catalogue: Catalogue) -> list[CoreOffer]:
    """
    Give the list of core services, in its order.

    It also has services that support them: those have no description there, and no start request may name them.
    """
    return [_core_offer(entry, catalogue) for entry in catalogue.core_list]


def _core_offer(entry: CatalogueEntry, catalogue: Catalogue) -> CoreOffer:
    needs = entry.core.needs if entry.core else ()
    providers = entry.core.debrid_providers if entry.core else ()
    # Instances of what it needs belong to core services: the template that is meant for this one goes first.
    others = [(catalogue[key], catalogue[key].template(entry.key)) for key in needs]
    described = [(entry, entry.template()), *others]
    return CoreOffer(
        name=entry.name,
        key=entry.key,
        dependencies=needs,
        description=_description(entry, providers) if entry.core else NO_DESCRIPTION,
        debrid_providers=providers,
        service_options={one.key: _options(one, block) for one, block in described},
        service_option_descriptions={one.key: _texts(one, block) for one, block in described},
        **_of_instances(entry),
    )


def optional_offers(
    catalogue: Catalogue, *, core_service: str | None = None, chosen: Collection[str] = ()
) -> list[OptionalOffer]:
    """
    Give the list of optional services, in its order.

    Args:
        core_service: Key of a core service: what it needs anyway is left out. Another word has no effect.

        chosen: Keys of optional services that are chosen already: what they need is left out, since it is started
            with them.
    """
    entry = catalogue.get(core_service or "")
    implied = set(entry.core.needs if entry and entry.core else ())
    implied.update(need for key in chosen if key in catalogue for need in catalogue[key].needs)
    return [_optional_offer(entry) for entry in catalogue.optional_list if entry.key not in implied]


def _optional_offer(entry: CatalogueEntry) -> OptionalOffer:
    return OptionalOffer(
        name=entry.listed.optional_name or entry.name,
        key=entry.key,
        description=_description(entry),
        service_options=_options(entry, entry.template()),
        service_option_descriptions=_texts(entry, entry.template()),
        **_of_instances(entry),
    )


# --- parts ------------------------------------------------------------------------------------------------------------


def _of_instances(entry: CatalogueEntry) -> dict[str, Any]:
    return {
        "supports_instances": entry.has_instances,
        "instance_options": {name: _options(entry, block) for name, block in entry.instances.items()},
        "instance_option_descriptions": {name: _texts(entry, block) for name, block in entry.instances.items()},
    }


def _description(entry: CatalogueEntry, providers: Iterable[str] = ()) -> str:
    if entry.about is None:
        return NO_DESCRIPTION
    supported = ", ".join(providers)
    return entry.about.text + (f"\n\nSupported debrid providers: {supported}" if supported else "")


def _options(entry: CatalogueEntry, block: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _spelt(block[name]) for name in entry.options if name in block}


def _texts(entry: CatalogueEntry, block: Mapping[str, Any]) -> dict[str, str]:
    texts = {**option_texts().texts, **entry.option_texts}
    return {name: texts[name] for name in entry.options if name in block}


def _spelt(value: Any) -> Any:
    """Spell the directories in *value* as the API document does."""
    match value:
        case str():
            return _PLACE.sub(lambda place: _SPELT[place[1]], value)
        case list():
            return [_spelt(item) for item in value]
        case dict():
            return {key: _spelt(item) for key, item in value.items()}
    return value
