"""Directories: real ones; a dead mount through a seam."""

# The mount is to happen at once.

import errno
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing

from dumb_actors.model.spec import Directory
from dumb_actors.probes import directory as module
from dumb_actors.probes.base import Answer
from dumb_actors.probes.kit import ProbeKit
from dumb_actors.probes.loop import wait_until_held
from dumb_actors.probes.mounts import MountTable, tells_of_changes

LIMIT = 20


async def ask(path: Path) -> Answer:
    async with ProbeKit() as kit:
        with trio.fail_after(LIMIT), kit.make(Directory(str(path))) as probe:
            return await probe.ask()


async def wait_through(path: Path, *steps: Callable[[], object], attempt_timeout: float = 5.0) -> list[Answer]:
    """Wait for *path*; carry out each step when the probe rests."""
    reports: list[Answer] = []
    done = False

    async def wait() -> None:
        nonlocal done
        async with ProbeKit() as kit:
            await wait_until_held(kit.make(Directory(str(path))), reports.append, attempt_timeout=attempt_timeout)
        done = True

    with trio.fail_after(LIMIT):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            for step in steps:
                await trio.testing.wait_all_tasks_blocked(0.01)
                assert not done
                step()
    return reports


async def test_yes_no_and_not_a_directory(tmp_path: Path) -> None:
    assert await ask(tmp_path) == Answer(True, "exists")
    assert await ask(tmp_path / "x") == Answer(False, "does not exist")
    (tmp_path / "file").touch()
    assert await ask(tmp_path / "file") == Answer(False, "exists, but is not a directory")
    assert await ask(tmp_path / "file" / "below") == Answer(False, "does not exist")


async def test_several_levels_made_one_by_one(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "c"
    reports = await wait_through(target, (tmp_path / "a").mkdir, (tmp_path / "a" / "b").mkdir, target.mkdir)
    assert reports[-1] == Answer(True, "exists")


async def test_all_levels_made_at_once(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "c" / "d"
    assert (await wait_through(target, lambda: target.mkdir(parents=True)))[-1].held


async def test_an_ancestor_that_goes_and_comes_back(tmp_path: Path) -> None:
    parent = tmp_path / "a"
    parent.mkdir()
    target = parent / "b"
    await wait_through(
        target, parent.rmdir, parent.mkdir, lambda: parent.rename(tmp_path / "away"), target.parent.mkdir, target.mkdir
    )


async def test_moved_into_place(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    await wait_through(tmp_path / "b", lambda: (tmp_path / "made").rename(tmp_path / "b"))


async def test_behind_a_link_that_leads_nowhere_yet(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    await wait_through(tmp_path / "link" / "b", (tmp_path / "real").mkdir, (tmp_path / "real" / "b").mkdir)


async def test_what_happens_beside_it_is_no_reason_to_look(tmp_path: Path) -> None:
    def noise() -> None:
        (tmp_path / "beside").mkdir()
        (tmp_path / "file").write_bytes(b"x")

    reports = await wait_through(tmp_path / "b", noise, (tmp_path / "b").mkdir)
    assert [answer.held for answer in reports] == [False, True]


async def test_a_mount_placed_over_the_watched_directory_is_seen(tmp_path: Path, can_mount: None) -> None:
    point = tmp_path / "mnt"
    point.mkdir()
    source = tmp_path / "source"
    (source / "inside").mkdir(parents=True)

    def mount() -> None:
        subprocess.run(["mount", "--bind", str(source), str(point)], check=True, stderr=subprocess.PIPE)

    try:
        assert (await wait_through(point / "inside", mount))[-1].held
    finally:
        subprocess.run(["umount", str(point)], check=True)


@pytest.mark.parametrize("number", [errno.ENOTCONN, errno.EIO, errno.ESTALE])
async def test_a_dead_mount_answers_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    _fail_stat(monkeypatch, tmp_path, number)
    answer = await ask(tmp_path)
    assert not answer.held
    assert answer.text.startswith("its mount is dead: ")


async def test_what_may_not_be_seen_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_stat(monkeypatch, tmp_path, errno.EACCES)
    assert await ask(tmp_path) == Answer(False, "permission denied")


def _fail_stat(monkeypatch: pytest.MonkeyPatch, path: Path, number: int) -> None:
    real = module._answer

    def dead(asked: str) -> Answer:
        class Os:
            @staticmethod
            def stat(name: str) -> os.stat_result:
                raise OSError(number, os.strerror(number), name)

        with monkeypatch.context() as inner:
            inner.setattr(module, "os", Os)
            return real(asked)

    monkeypatch.setattr(module, "_answer", dead)


async def test_a_look_that_hangs_is_cut_holds_one_thread_and_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    looks: list[str] = []
    real = module._answer

    def hang(asked: str) -> Answer:
        looks.append(asked)
        release.wait(LIMIT)
        return real(asked)

    monkeypatch.setattr(module, "_answer", hang)
    reports: list[Answer] = []

    def report(answer: Answer) -> None:
        reports.append(answer)
        if len(reports) == 3:
            assert looks == [str(tmp_path)]
            release.set()

    with trio.fail_after(LIMIT):
        async with ProbeKit() as kit:
            await wait_until_held(kit.make(Directory(str(tmp_path))), report, attempt_timeout=0.05)
    assert reports[:3] == [Answer(False, "no answer within 0.05 s")] * 3
    assert reports[-1] == Answer(True, "exists")


async def test_without_a_watch_it_looks_again_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(closing: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(module, "Watch", none_left)
    target = tmp_path / "b"
    reports: list[Answer] = []

    def report(answer: Answer) -> None:
        reports.append(answer)
        if len(reports) == 3:
            target.mkdir()

    with trio.fail_after(LIMIT):
        async with ProbeKit() as kit:
            await wait_until_held(kit.make(Directory(str(target))), report)
    assert [answer.held for answer in reports] == [False, False, False, True]


async def test_where_events_are_silent_it_looks_again_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "tells_of_changes", lambda _: False)
    reports: list[Answer] = []
    with trio.fail_after(LIMIT):
        async with ProbeKit() as kit:
            with trio.CancelScope() as scope:

                def report(answer: Answer) -> None:
                    reports.append(answer)
                    if len(reports) == 4:
                        scope.cancel()

                await wait_until_held(kit.make(Directory(str(tmp_path / "b"))), report)
    assert len(reports) == 4


def test_sorts_of_file_systems() -> None:
    assert tells_of_changes("/")
    assert tells_of_changes("/dev/shm/x")


async def test_a_mount_table_at_rest_does_not_spin() -> None:
    wakes = 0
    with MountTable() as table, trio.move_on_after(0.05):
        while True:
            await table.changed()
            # The table is the whole machine's: others may be mounting.
            wakes += 1
    assert wakes < 50


async def test_a_question_that_holds_needs_no_watch_however_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dear(closing: object) -> None:
        raise AssertionError("a watch is dear to close")

    monkeypatch.setattr(module, "Watch", dear)
    async with ProbeKit() as kit:
        probe = kit.make(Directory(str(tmp_path)))
        for _ in range(100):
            with trio.fail_after(LIMIT), probe:
                assert (await probe.ask()).held


async def test_one_probe_can_be_entered_many_times(tmp_path: Path) -> None:
    target = tmp_path / "a"
    async with ProbeKit() as kit:
        probe = kit.make(Directory(str(target)))
        for _ in range(3):
            with trio.fail_after(LIMIT):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(wait_until_held, probe, lambda answer: None)
                    await trio.testing.wait_all_tasks_blocked(0.01)
                    target.mkdir()
            target.rmdir()
