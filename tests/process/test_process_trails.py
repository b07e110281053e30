"""What is remembered of a look-up, and when it does not hold any more."""

# a test may touch local files and processes of its own in the loop

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from dumb_actors.process import trails
from dumb_actors.process.lookup import Lookup
from dumb_actors.process.trails import MountWatch, Trail


@pytest.fixture(autouse=True)
def _each_look_is_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trails, "FRESH_S", 0)


@pytest.fixture
def lookup() -> Iterator[Lookup]:
    """Gives one that remembers."""
    made = Lookup(remembers=True)
    yield made
    made.close()


def _program(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


async def _trail(lookup: Lookup, tmp_path: Path) -> Trail:
    """Look for the program in two directories, of which the second has it; give what is remembered."""
    env_path = f"{tmp_path}/a:{tmp_path}/b"
    with trio.fail_after(10):
        found = await lookup.check_launch(["tool"], str(tmp_path), env_path, service="web")
    trail = lookup.remembered("tool", str(tmp_path), env_path)
    assert trail is not None
    assert trail.program == found == f"{tmp_path}/b/tool"
    assert trail.holds()
    return trail


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Gives a directory where `b` is a link to the directory with the program."""
    (tmp_path / "a").mkdir()
    _program(tmp_path / "real" / "tool")
    (tmp_path / "b").symlink_to("real")
    return tmp_path


async def test_a_program_that_goes_away_is_not_taken_for_granted(lookup: Lookup, place: Path) -> None:
    trail = await _trail(lookup, place)
    (place / "real" / "tool").unlink()
    assert not trail.holds()


async def test_a_program_that_may_not_be_executed_any_more(lookup: Lookup, place: Path) -> None:
    trail = await _trail(lookup, place)
    (place / "real" / "tool").chmod(0o644)
    assert not trail.holds()


async def test_a_program_that_comes_before_it_in_the_path(lookup: Lookup, place: Path) -> None:
    trail = await _trail(lookup, place)
    _program(place / "a" / "tool")
    assert not trail.holds()


async def test_a_link_that_leads_elsewhere(lookup: Lookup, place: Path) -> None:
    trail = await _trail(lookup, place)
    _program(place / "other" / "tool")
    # Its inode's number may be the same.
    (place / "b").unlink()
    (place / "b").symlink_to("other")
    assert not trail.holds()


async def test_a_directory_that_became_a_link(lookup: Lookup, place: Path) -> None:
    trail = await _trail(lookup, place)
    (place / "real").rename(place / "moved")
    (place / "real").symlink_to("moved")
    assert not trail.holds()


async def test_no_look_follows_a_link(lookup: Lookup, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a link that was turned to a dead mount would freeze the thread that looks."""
    trail = await _trail(lookup, place)
    looked: list[str] = []
    real = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: looked.append(path) or real(path))  # type: ignore[func-returns-value]
    monkeypatch.setattr(os, "access", lambda path, mode: looked.append(path) is None)
    assert trail.holds()
    # Each step is looked at before anything behind it, and what follows links comes last.
    for index, path in enumerate(looked[:-2]):
        assert os.path.dirname(path) in {*looked[:index], path}  # noqa: PTH120
    assert looked[-2:] == [str(place), f"{place}/b/tool"]


async def test_nothing_is_remembered_of_other_file_systems(lookup: Lookup) -> None:
    """Here `/proc`, in the place of a network."""
    with trio.fail_after(10):
        await lookup.check_launch(["sh"], "/proc/self", "/usr/bin:/bin", service="web")
        await lookup.check_launch(["/proc/self/exe"], "/", "", service="web")
    assert lookup.remembered("sh", "/proc/self", "/usr/bin:/bin") is None
    assert lookup.remembered("/proc/self/exe", "/", "") is None


async def test_a_mount_makes_it_forget(lookup: Lookup, place: Path) -> None:
    await _trail(lookup, place)
    if subprocess.run(["mount", "-t", "tmpfs", "none", place / "a"], check=False, capture_output=True).returncode:
        pytest.skip("may not mount here")
    try:
        assert lookup.remembered("tool", str(place), f"{place}/a:{place}/b") is None
    finally:
        subprocess.run(["umount", place / "a"], check=True)


async def test_who_asks_the_same_at_the_same_time_waits_for_one_answer(
    lookup: Lookup, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = trio.to_thread.run_sync

    async def count(*args: object, **options: object) -> object:
        asked.append("")
        return await real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(trio.to_thread, "run_sync", count)
    found: list[str] = []

    async def ask(service: str) -> None:
        found.append(await lookup.check_launch(["./tool"], f"{place}/real", None, service=service))

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(ask, f"s{number}")
    assert len(found) == 20
    assert len(asked) == 1


async def test_a_first_one_that_is_cancelled_leaves_nobody_waiting(
    lookup: Lookup, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = trio.to_thread.run_sync
    begun = trio.Event()

    async def hang(*_: object, **__: object) -> object:
        monkeypatch.setattr(trio.to_thread, "run_sync", real)
        begun.set()
        return await trio.sleep_forever()

    monkeypatch.setattr(trio.to_thread, "run_sync", hang)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            first = trio.CancelScope()

            async def ask_first() -> None:
                with first:
                    await lookup.check_launch(["./tool"], f"{place}/real", None, service="a")

            async def ask() -> None:
                await lookup.check_launch(["./tool"], f"{place}/real", None, service="b")

            nursery.start_soon(ask_first)
            await begun.wait()
            nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            first.cancel()


def test_without_a_table_of_mounts_nothing_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trails, "MOUNTINFO", "/nowhere/at/all")
    calls: list[int] = []
    assert MountWatch().devices(lambda: calls.append(1)) == frozenset()
    assert calls
