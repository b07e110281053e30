"""Readiness by a program: what its end means. Real programs are run in the room of processes and in `tests/actors`."""

import itertools
from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Exit, Launch
from dumb_actors.model.probe import Exec
from dumb_actors.probes.base import Answer
from dumb_actors.probes.kit import ProbeKit
from dumb_actors.probes.loop import wait_until_held

LAUNCH = Launch(service="s", slug="s", generation=1, argv=("s",), cwd="/", env={"A": "b"}, marker="m", log_path=None)


class Scripted:
    """Runs nothing and ends as told."""

    def __init__(self, run: Callable[[], Awaitable[tuple[Exit, bytes]]]) -> None:
        self._run = run
        self.asked: list[tuple[tuple[str, ...], Launch]] = []

    async def run(self, argv: tuple[str, ...], launch: Launch) -> tuple[Exit, bytes]:
        self.asked.append((argv, launch))
        return await self._run()


def ends(exit_: Exit, output: bytes = b"", error: Exception | None = None) -> Scripted:
    async def run() -> tuple[Exit, bytes]:
        await trio.lowlevel.checkpoint()
        if error is not None:
            raise error
        return exit_, output

    return Scripted(run)


async def ask(runner: Scripted) -> Answer:
    async with ProbeKit(runner) as kit:
        with kit.make(Exec("pg_isready -q"), launch=LAUNCH) as probe:
            assert probe.what == "`pg_isready -q` to end with exit code 0"
            answer = await probe.ask()
    assert runner.asked == [(("pg_isready", "-q"), LAUNCH)]
    return answer


@pytest.mark.parametrize(
    ("exit_", "output", "answer"),
    [
        (Exit(code=0), b"fine\n", Answer(True, "exit code 0")),
        (Exit(code=3), b"", Answer(False, "exit code 3")),
        (Exit(code=3), b"one\ntwo\n\n  \n", Answer(False, "exit code 3: two")),
        (Exit(code=1), b"\xff\x1b[31mred\x1b[0m\r\n", Answer(False, "exit code 1: \ufffd [31mred [0m")),
        (Exit(code=1), b"x" * 5000, Answer(False, f"exit code 1: {'x' * 199}\u2026")),
        (Exit(signal="SIGSEGV"), b"last", Answer(False, "killed by SIGSEGV: last")),
        (Exit(), b"", Answer(False, "ended, exit code unknown")),
    ],
)
async def test_what_an_end_means(exit_: Exit, output: bytes, answer: Answer) -> None:
    assert await ask(ends(exit_, output)) == answer


async def test_what_cannot_be_started_is_an_answer() -> None:
    failed = SpawnFailed("cannot start it: No such file", errno=2, argv=("x",), cwd="/", path="x")
    assert await ask(ends(Exit(), error=failed)) == Answer(False, "cannot start it: No such file")
    answer = await ask(ends(Exit(), error=OSError(24, "x")))
    assert answer == Answer(False, "cannot start pg_isready: too many open files")


async def test_the_interval_grows_to_a_second(autojump_clock: trio.testing.MockClock) -> None:
    began: list[float] = []

    async def run() -> tuple[Exit, bytes]:
        began.append(trio.current_time())
        await trio.sleep(0.004)
        return Exit(code=0 if began[-1] > 100 else 1), b""

    async with ProbeKit(Scripted(run)) as kit:
        await wait_until_held(kit.make(Exec("x"), launch=LAUNCH), lambda answer: None)
    gaps = [after - before - 0.004 for before, after in itertools.pairwise(began)]
    assert gaps[0] == pytest.approx(0.001)
    assert gaps[-1] == pytest.approx(1)
    assert gaps == pytest.approx(sorted(gaps))


async def test_without_a_service_it_says_so() -> None:
    async with ProbeKit() as kit:
        with kit.make(Exec("x"), launch=LAUNCH) as probe:
            assert await probe.ask() == Answer(False, "there is no service to run it for")
