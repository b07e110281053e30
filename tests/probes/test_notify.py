"""Readiness by the service's own word; the socket itself is tested in the room of processes."""

import attrs
import trio
import trio.testing

from dumb_actors.model.probe import Notify
from dumb_actors.probes.base import Answer
from dumb_actors.probes.kit import ProbeKit
from dumb_actors.probes.loop import wait_until_held

LIMIT = 20


@attrs.define
class Told:
    """What was heard, changed by the test."""

    is_ready: bool = False
    status: str = ""
    strangers: int = 0
    news: trio.Event = attrs.field(factory=trio.Event)

    def hear(self, **changes: object) -> None:
        for name, value in changes.items():
            setattr(self, name, value)
        self.news.set()
        self.news = trio.Event()


async def test_it_follows_what_is_said_and_holds_once_ready() -> None:
    told, reports = Told(), []
    with trio.fail_after(LIMIT):
        async with ProbeKit() as kit, trio.open_nursery() as nursery:
            nursery.start_soon(wait_until_held, kit.make(Notify(), notices=told), reports.append)
            for changes in ({"strangers": 1}, {"status": "loading"}, {"strangers": 2}, {"is_ready": True}):
                await trio.testing.wait_all_tasks_blocked()
                told.hear(**changes)
    assert reports == [
        Answer(False, "no READY=1 yet"),
        Answer(False, "no READY=1 yet (1 message of strangers ignored)"),
        Answer(False, "loading (1 message of strangers ignored)"),
        Answer(False, "loading (2 messages of strangers ignored)"),
        Answer(True, "said READY=1"),
    ]


async def test_what_is_said_between_question_and_pause_is_not_missed() -> None:
    told = Told()
    with trio.fail_after(LIMIT):
        async with ProbeKit() as kit:
            with kit.make(Notify(), notices=told) as probe:
                assert not (await probe.ask()).held
                told.hear(is_ready=True)
                await probe.pause(0)
                assert (await probe.ask()).held


async def test_without_a_socket_it_says_so() -> None:
    async with ProbeKit() as kit:
        with kit.make(Notify()) as probe:
            assert await probe.ask() == Answer(False, "the service has no notification socket")
            assert probe.what == "the service to say READY=1"
