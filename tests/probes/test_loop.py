"""The one loop, and readiness by settling, on a virtual clock."""

import math
from types import TracebackType
from typing import Self

import pytest
import trio
import trio.testing

from dumb_actors.model.spec import Settle
from dumb_actors.probes.base import Answer
from dumb_actors.probes.kit import ProbeKit
from dumb_actors.probes.loop import growing_interval, wait_until_held


class Scripted:
    """Answers as told; None: hangs."""

    what = "a script"

    def __init__(self, *answers: Answer | None) -> None:
        self.answers = [*answers]
        self.paused: list[float] = []
        self.inside = False

    def __enter__(self) -> Self:
        self.inside = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.inside = False

    async def ask(self) -> Answer:
        assert self.inside
        answer = self.answers.pop(0)
        if answer is None:
            await trio.sleep_forever()
        assert answer is not None
        await trio.lowlevel.checkpoint()
        return answer

    async def pause(self, waited_s: float) -> None:
        self.paused.append(waited_s)
        await trio.sleep(1)


NO, YES = Answer(False, "no"), Answer(True, "yes")


async def test_it_asks_until_held_and_reports_every_answer(autojump_clock: trio.testing.MockClock) -> None:
    probe, reports = Scripted(NO, None, NO, YES), []
    assert await wait_until_held(probe, reports.append, attempt_timeout=2.5) == YES
    assert reports == [NO, Answer(False, "no answer within 2.5 s"), NO, YES]
    assert probe.paused == [0, 3.5, 4.5]
    assert not probe.inside


async def test_the_default_cut_is_five_seconds(autojump_clock: trio.testing.MockClock) -> None:
    reports: list[Answer] = []
    await wait_until_held(Scripted(None, YES), reports.append)
    assert reports[0].text == "no answer within 5 s"
    assert trio.current_time() == pytest.approx(6)


async def test_cancelling_leaves_the_probe(autojump_clock: trio.testing.MockClock) -> None:
    probe = Scripted(NO, NO, None)
    with trio.move_on_after(4):
        await wait_until_held(probe, lambda _: None)
    assert not probe.inside


def test_the_interval_grows_from_a_millisecond_to_a_tenth_of_a_second() -> None:
    assert growing_interval(0) == 0.001
    assert growing_interval(0.1) == pytest.approx(0.007)
    assert growing_interval(1) == pytest.approx(0.07)
    assert growing_interval(math.inf) == 0.1
    assert growing_interval(100, 1.0) == 1.0


@pytest.mark.parametrize("seconds", [0, 0.3, 1.5])
async def test_settle_holds_when_its_time_has_passed(autojump_clock: trio.testing.MockClock, seconds: float) -> None:
    began, reports = trio.current_time(), []
    async with ProbeKit() as kit:
        answer = await wait_until_held(kit.make(Settle(seconds)), reports.append)
    assert trio.current_time() - began == pytest.approx(seconds)
    assert answer == Answer(True, f"settled for {seconds:g} s")
    assert len(reports) == (2 if seconds else 1)


def test_the_kit_does_not_import_the_http_client() -> None:
    import subprocess
    import sys

    code = "import sys, dumb_actors.probes.kit; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
