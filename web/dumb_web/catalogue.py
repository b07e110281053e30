"""`GET /process/core-services` and `GET /process/optional-services`: what can be set up, and with which options."""

from collections.abc import Sequence
from functools import partial

import attrs

from dumb_actors import Catalogue, CoreOffer, OptionalOffer, core_offers, load_catalogue, optional_offers
from dumb_web.context import Web
from dumb_web.routes import Route

__all__ = ["ROUTES"]


@attrs.frozen
class OptionalServicesQuery:
    """
    The query of `GET /process/optional-services`.

    Attributes:
        core_service: Key of a core service: what it needs anyway is left out. Another word has no effect.

        optional_services: Keys that are chosen already: what they need is left out. Given again for each, or joined by
            commas; `optional_services[]` is the same.
    """

    core_service: str | None = None
    optional_services: list[str] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class OptionalServices:
    """What can be chosen beside core services, in the order of the catalogue."""

    optional_services: Sequence[OptionalOffer]


@attrs.frozen(kw_only=True)
class CoreServices:
    """Every core service, in the order of the catalogue."""

    core_services: Sequence[CoreOffer]


async def list_core_services(web: Web) -> CoreServices:
    """
    List the core services, with what they need and which options they have.

    Defaults are those of the catalogue, not of the present configuration. `/config`, `/data`, `/log` and `/mnt/debrid`
    in them stand for the directories of the root.
    """
    return CoreServices(core_services=core_offers(await _catalogue(web)))


async def list_optional_services(web: Web, query: OptionalServicesQuery) -> OptionalServices:
    """
    List what can be chosen beside core services, without what comes by itself.

    Defaults are those of the catalogue, as in the list of core services.
    """
    chosen = [word.strip() for words in query.optional_services for word in words.split(",")]
    offers = optional_offers(await _catalogue(web), core_service=query.core_service, chosen=chosen)
    return OptionalServices(optional_services=offers)


async def _catalogue(web: Web) -> Catalogue:
    """Give the catalogue with what the user lays over it; a file of the user's that is wrong is left out."""
    config = web.supervisor.config
    return await web.in_file_thread(partial(load_catalogue, None if config is None else config.root.catalogue))


ROUTES = (
    Route("GET", "/process/core-services", list_core_services),
    Route("GET", "/process/optional-services", list_optional_services),
)
