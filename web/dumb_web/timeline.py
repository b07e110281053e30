"""`GET /timeline`: what a boot or a start took so long for, also an earlier one, and which boots are known."""

from collections.abc import Sequence
from functools import partial
from typing import cast

import attrs

from dumb_actors import Boot, BootName, JournalTooNew, Timeline, UnknownBoot, UnknownService, UnusablePath
from dumb_web.context import Web
from dumb_web.errors import Entry, InvalidRequest, json_response
from dumb_web.routes import Route
from dumb_web.wire import dump

__all__ = ["ROUTES"]


@attrs.frozen
class TimelineQuery:
    """
    The query of `GET /timeline`.

    Attributes:
        boot: The number of a boot (`seq` of `GET /timeline/boots`); `latest` or `0`: the last one; `-1`, `-2`, …: those
            before it.

        service: Instead of a boot, the last start or restart of this service and of what it brought along.
    """

    boot: str = "latest"
    service: str | None = None

    @property
    def which(self) -> BootName:
        """
        The boot that is meant.

        Raises:
            InvalidRequest: It is no name of one.
        """
        digits = self.boot.removeprefix("-")
        if self.boot == "latest":
            return "latest"
        if digits.isascii() and digits.isdigit() and len(digits) <= 18:
            return int(self.boot)
        text = "Input should be 'latest' or a valid integer"
        raise InvalidRequest([Entry(type="value_error", loc=["query", "boot"], msg=text, input=self.boot)])


@attrs.frozen(kw_only=True)
class Boots:
    """
    Which boots the journal knows.

    Attributes:
        boots: The last twenty, the newest first.
    """

    boots: Sequence[Boot]


async def timeline(web: Web, query: TimelineQuery) -> Timeline:
    """
    Tell what each service did during a boot, what it took so long for, and what would make it shorter.

    It goes back as far as the journal does. While a boot is under way, it ends now.
    """
    found = await web.supervisor.timeline(query.which, service=query.service)
    # Written in a thread: a thousand services have some thousands of spans.
    text = await web.in_file_thread(partial(dump, found))
    response = json_response(None)
    response.set_data(text)
    # A response is sent as it is; what is declared is what is in it.
    return cast("Timeline", response)


async def boots(web: Web) -> Boots:
    """List the boots whose timelines can be asked for."""
    return Boots(boots=await web.supervisor.boots())


ROUTES = (
    Route("GET", "/timeline", timeline, errors=(UnknownBoot, UnknownService, JournalTooNew, UnusablePath)),
    Route("GET", "/timeline/boots", boots, errors=(JournalTooNew, UnusablePath)),
)
