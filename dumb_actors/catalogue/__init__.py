"""
What is known about named services: one data file for each in `services`, and the user's own laid over them.

Importing this reads nothing, and imports what reads files only when it is first used: to load a configuration it is
enough to know which keys there are.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dumb_actors.catalogue.files import known_keys

if TYPE_CHECKING:
    from dumb_actors.catalogue.catalogue import Catalogue
    from dumb_actors.catalogue.entry import CatalogueEntry
    from dumb_actors.catalogue.links import repo_url, sponsorship_url
    from dumb_actors.catalogue.loading import load_catalogue
    from dumb_actors.catalogue.offers import CoreOffer, OptionalOffer, core_offers, optional_offers

__all__ = [
    "Catalogue",
    "CatalogueEntry",
    "CoreOffer",
    "OptionalOffer",
    "core_offers",
    "known_keys",
    "load_catalogue",
    "optional_offers",
    "repo_url",
    "sponsorship_url",
]

_HOMES = {
    "Catalogue": "catalogue",
    "CatalogueEntry": "entry",
    "CoreOffer": "offers",
    "OptionalOffer": "offers",
    "core_offers": "offers",
    "load_catalogue": "loading",
    "optional_offers": "offers",
    "repo_url": "links",
    "sponsorship_url": "links",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
