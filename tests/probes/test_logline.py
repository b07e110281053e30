"""Words in the log: real files, written as a service writes."""

# Small local files: plain calls keep the order of events plain.

import os
from pathlib import Path

import pytest
import trio
import trio.testing

from dumb_actors.logs.mover import FlowOrder, Mover
from dumb_actors.logs.reader import Position, end_of
from dumb_actors.model.spec import Log
from dumb_actors.probes.base import Answer
from dumb_actors.probes.kit import ProbeKit
from dumb_actors.probes.logline import Lines
from dumb_actors.probes.loop import wait_until_held

LIMIT = 20


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


async def ask(path: Path, pattern: str, start: Position | None = None) -> Answer:
    start = start or Position(path.stat().st_ino, 0)
    async with ProbeKit() as kit:
        with trio.fail_after(LIMIT), kit.make(Log(pattern), log=(str(path), start)) as probe:
            return await probe.ask()


async def test_yes_and_no(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"starting\r\nServing on 8080\r\n\xff\n")
    assert await ask(path, r"Serving on \d+$") == Answer(True, r"a line of its output matches 'Serving on \\d+$'")
    assert await ask(path, r"^on") == Answer(False, "none of 3 lines matches")


async def test_no_output_yet(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.touch()
    assert await ask(path, "ready") == Answer(False, "no output yet")


async def test_lines_of_an_earlier_generation_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"ready\n")
    start = end_of(str(path))
    assert start is not None
    append(path, b"starting\n")
    assert await ask(path, "ready", start) == Answer(False, "none of 1 lines matches")


async def test_a_line_in_pieces_matches_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.touch()
    reports: list[Answer] = []
    with trio.fail_after(LIMIT):
        async with ProbeKit() as kit, trio.open_nursery() as nursery:
            probe = kit.make(Log("^server is ready$"), log=(str(path), Position(path.stat().st_ino, 0)))
            nursery.start_soon(wait_until_held, probe, reports.append)
            for piece in (b"server", b" is ready", b"\n"):
                await trio.testing.wait_all_tasks_blocked(0.01)
                assert not any(answer.held for answer in reports)
                append(path, piece)
    assert reports[-1].held


async def test_through_mover_and_rotation(tmp_path: Path) -> None:
    log = str(tmp_path / "x.log")
    reports: list[Answer] = []
    with trio.fail_after(LIMIT):
        async with Mover() as mover, ProbeKit() as kit:
            stream = await mover.open(FlowOrder(str(tmp_path / "f"), log, 1000, 50))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait_until_held, kit.make(Log("^1234$"), log=(log, stream.start)), reports.append)
                await trio.testing.wait_all_tasks_blocked(0.01)
                os.write(stream.child_fd, b"".join(b"%d\n" % number for number in range(5000)))
            await stream.finish()
    assert reports[-1].held


async def test_suppressed_output_says_so() -> None:
    async with ProbeKit() as kit:
        with trio.fail_after(LIMIT), kit.make(Log("ready")) as probe:
            answer = await probe.ask()
            assert not answer.held
            assert "suppress" in answer.text
            assert "ready" in probe.what


async def test_a_log_that_may_not_be_read_is_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.symlink_to(path)
    answer = await ask(path, "ready", Position(1, 0))
    assert answer.text.startswith("the log cannot be followed: ")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_do_not_depend_on_the_pieces(size: int) -> None:
    content = b"one\r\n\ntwo\nlonger than ten\nend\nopen"
    lines = Lines(longest=10)
    found = [line for at in range(0, len(content), size) for line in lines.feed(content[at : at + size])]
    assert found == [b"one", b"", b"two", b"longer tha", b"end"]
