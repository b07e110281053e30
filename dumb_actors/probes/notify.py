"""Readiness by the service's own word: `READY=1` on its notification socket (sd_notify)."""

from typing import Protocol

import trio

from dumb_actors.probes.base import Answer, Stateless

__all__ = ["Notices", "NotifyProbe"]


class Notices(Protocol):
    """What a service said of itself so far, as somebody else reads it from the socket."""

    @property
    def is_ready(self) -> bool:
        """Whether `READY=1` came."""

    @property
    def status(self) -> str:
        """The last `STATUS=`; empty before."""

    @property
    def strangers(self) -> int:
        """How many messages were ignored because their senders are not proved to be processes of the service."""

    @property
    def news(self) -> trio.Event:
        """Set when any of these changes next."""


class NotifyProbe(Stateless):
    """Holds once `READY=1` came. It reads no socket: the child's owner does, for the child's whole life."""

    what = "the service to say READY=1"

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._news = notices.news

    async def ask(self) -> Answer:
        """See `Probe`."""
        await trio.lowlevel.checkpoint()
        self._news = self._notices.news
        return Answer(self._notices.is_ready, self._text())

    def _text(self) -> str:
        if self._notices.is_ready:
            return "said READY=1"
        text = self._notices.status or "no READY=1 yet"
        count = self._notices.strangers
        if not count:
            return text
        return f"{text} ({count} message{'s'[: count > 1]} of strangers ignored)"

    async def pause(self, waited_s: float) -> None:
        """Wait until something was said."""
        await self._news.wait()
