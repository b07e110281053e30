"""Mounts: real ones, tmpfs and a FUSE file system whose server hangs or is killed; skipped where not permitted."""

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing

from dumb_actors.model.probe import Directory, Mount
from dumb_actors.probes import mount as module
from dumb_actors.probes import mounts
from dumb_actors.probes.base import Answer
from dumb_actors.probes.kit import ProbeKit
from dumb_actors.probes.loop import wait_until_held
from dumb_actors.probes.mounts import MountTable, mount_at, tells_of_changes
from tests.mounting import fuse_on, mount, point_in, unmount

LIMIT = 20


async def ask(path: Path) -> Answer:
    async with ProbeKit() as kit:
        with trio.fail_after(LIMIT), kit.make(Mount(str(path))) as probe:
            return await probe.ask()


async def wait_through(spec: Mount | Directory, *steps: Callable[[], object]) -> list[Answer]:
    """Wait for *spec*; carry out each step when the probe rests."""
    reports: list[Answer] = []
    with trio.fail_after(LIMIT):
        async with ProbeKit() as kit, trio.open_nursery() as nursery:
            nursery.start_soon(wait_until_held, kit.make(spec), reports.append)
            for step in steps:
                await trio.testing.wait_all_tasks_blocked(0.02)
                assert not any(answer.held for answer in reports)
                step()
    return reports


# --- the table, as given ----------------------------------------------------------------------------------------------

ROOT = "20 1 0:1 / / rw - ext4 /dev/vda rw"


def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *lines: str) -> None:
    path = tmp_path / "mountinfo"
    path.write_text("".join(f"{line}\n" for line in lines))
    monkeypatch.setattr(mounts, "MOUNTINFO", str(path))


def test_points_are_exact_and_unescaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(
        monkeypatch,
        tmp_path,
        ROOT,
        r"30 20 0:2 / /mnt/a\040b\134c\011d rw shared:1 - tmpfs none rw",
        r"31 20 0:3 / /mnt/debrid rw - fuse.rclone dav: rw",
        r"32 20 0:4 / /mnt/caf" + "\u00e9 rw - tmpfs none rw",
    )
    assert mount_at("/mnt/a b\\c\td") == "tmpfs"
    assert mount_at("/mnt/debrid") == "fuse.rclone"
    assert mount_at("/mnt/caf\u00e9") == "tmpfs"
    assert mount_at("/") == "ext4"
    assert [mount_at(path) for path in ("/mnt", "/mnt/deb", "/mnt/debrid2", "/mnt/debrid/x", "/x/mnt/debrid")] == [
        None
    ] * 5
    assert not tells_of_changes("/mnt/debrid/x")
    assert tells_of_changes("/mnt/debrid2")


def test_a_mount_that_is_covered_by_another_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below, above = "30 20 0:2 / /mnt/a rw - tmpfs none rw", "31 20 0:3 / /mnt rw - fuse.x none rw"
    table(monkeypatch, tmp_path, ROOT, below, above)
    assert mount_at("/mnt") == "fuse.x"
    assert mount_at("/mnt/a") is None
    table(monkeypatch, tmp_path, ROOT, "31 30 0:3 / /mnt rw - fuse.x none rw", "30 20 0:2 / /mnt rw - tmpfs none rw")
    assert mount_at("/mnt") == "fuse.x"


def test_in_a_chroot_the_parents_are_out_of_sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(monkeypatch, tmp_path, "30 20 0:2 / /mnt/a rw - tmpfs none rw")
    assert mount_at("/mnt/a") == "tmpfs"
    assert mount_at("/") is None


def test_the_root_of_a_name_space_may_be_its_own_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(monkeypatch, tmp_path, "1 1 0:1 / / rw - rootfs none rw")
    assert mount_at("/") == "rootfs"


async def test_without_descriptors_the_table_claims_a_change_each_second(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    monkeypatch.setattr(mounts, "MOUNTINFO", "/no/such/file")
    with MountTable() as blind:
        await blind.changed()
    assert trio.current_time() == 1
    with pytest.raises(RuntimeError, match="with block"):
        await blind.changed()


async def test_a_table_that_cannot_be_read_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "MOUNTINFO", "/no/such/file")
    assert await ask(tmp_path) == Answer(False, "the table of mounts cannot be read: no such file or directory")


# --- real mounts ------------------------------------------------------------------------------------------------------


async def test_yes_and_no(tmp_path: Path, can_mount: None) -> None:
    assert await ask(tmp_path) == Answer(False, "is not mounted")
    assert await ask(tmp_path / "missing") == Answer(False, "is not mounted")
    assert await ask(Path("/proc")) == Answer(True, "is mounted (proc)")
    with point_in(tmp_path, "with a space") as point:
        (tmp_path / "link").symlink_to(point)
        mount(point)
        assert await ask(point) == Answer(True, "is mounted (tmpfs)")
        assert await ask(tmp_path / "link") == Answer(True, "is mounted (tmpfs)")
        (point / "below").mkdir()
        assert not (await ask(point / "below")).held
        unmount(point)
        assert await ask(point) == Answer(False, "is not mounted")


async def test_it_waits_for_the_mount_without_asking_again(tmp_path: Path, can_mount: None) -> None:
    with point_in(tmp_path) as point:
        reports = await wait_through(Mount(str(point)), lambda: (point / "x").mkdir(), lambda: mount(point))
    # The table is the whole machine's, so others may have caused a look; the step before the mount did not.
    assert reports[0] == Answer(False, "is not mounted")
    assert reports[-1] == Answer(True, "is mounted (tmpfs)")


async def test_the_point_may_be_made_later(tmp_path: Path, can_mount: None) -> None:
    point = tmp_path / "mnt"

    def make_and_mount() -> None:
        point.mkdir()
        mount(point)

    try:
        assert (await wait_through(Mount(str(point)), make_and_mount))[-1].held
    finally:
        subprocess.run(["umount", str(point)], check=False)


async def test_a_killed_fuse_server_is_told_in_words_and_its_successor_is_seen(
    tmp_path: Path, can_mount_fuse: None
) -> None:
    with point_in(tmp_path) as point:
        with fuse_on(point) as fuse:
            assert await ask(point) == Answer(True, "is mounted (fuse)")
            fuse.kill()
            dead = Answer(False, "is mounted, but its mount is dead: transport endpoint is not connected")
            assert await ask(point) == dead
        reports = await wait_through(Mount(str(point)), lambda: unmount(point), lambda: mount(point))
        assert reports[0] == dead
        assert Answer(False, "is not mounted") in reports
        assert reports[-1] == Answer(True, "is mounted (tmpfs)")


async def test_a_mount_that_does_not_answer_is_asked_again_although_no_event_tells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors = [errno.EIO, errno.ESTALE, errno.EACCES]

    class Os:
        path = os.path

        @staticmethod
        def statvfs(path: str) -> os.statvfs_result:
            if errors:
                raise OSError(errors.pop(0), "x")
            return os.statvfs(path)

    monkeypatch.setattr(module, "os", Os)
    reports: list[Answer] = []
    with trio.fail_after(LIMIT):
        async with ProbeKit() as kit:
            await wait_until_held(kit.make(Mount("/proc")), reports.append)
    # The first question looks twice: without a watch of the table, and with one.
    assert [answer.text for answer in reports] == [
        "is mounted, but its mount is dead: stale file handle",
        "is mounted, but permission denied",
        "is mounted (proc)",
    ]


async def test_a_mount_that_hangs_is_cut_delays_nobody_and_is_asked_again_until_it_answers(
    tmp_path: Path, can_mount_fuse: None
) -> None:
    hung, other = tmp_path / "hung", tmp_path / "other"
    with point_in(tmp_path, "hung"), point_in(tmp_path, "other"), fuse_on(hung) as fuse:
        mount(other)
        fuse.tell("hang")
        reports: list[Answer] = []

        def report(answer: Answer) -> None:
            reports.append(answer)
            if len(reports) == 3:
                fuse.tell("answer")

        with trio.fail_after(LIMIT):
            async with ProbeKit() as kit:
                with kit.make(Mount(str(hung))) as probe:
                    with trio.move_on_after(0.05):
                        await probe.ask()
                with kit.make(Mount(str(other))) as probe:
                    assert (await probe.ask()).held
                await wait_until_held(kit.make(Mount(str(hung))), report, attempt_timeout=0.05)
    assert reports[:3] == [Answer(False, "no answer within 0.05 s")] * 3
    assert reports[-1] == Answer(True, "is mounted (fuse)")


async def test_a_directory_below_a_mount_point_is_seen_through_the_mount(tmp_path: Path, can_mount: None) -> None:
    """Inotify sees neither the mount over the watched directory nor what is made inside it (design 2)."""
    with point_in(tmp_path) as point:
        target = point / "a" / "b"
        reports = await wait_through(Directory(str(target)), lambda: mount(point), (point / "a").mkdir, target.mkdir)
        assert [answer.held for answer in reports].index(True) == len(reports) - 1
        reports = await wait_through(Directory(str(point / "under")), lambda: mount(point), (point / "under").mkdir)
        assert reports[-1].held


async def test_one_probe_can_be_entered_many_times(tmp_path: Path, can_mount: None) -> None:
    with point_in(tmp_path) as point:
        async with ProbeKit() as kit:
            probe = kit.make(Mount(str(point)))
            for held in (False, True, False, True):
                (mount if held else unmount if mount_at(str(point)) else str)(point)
                with trio.fail_after(LIMIT), probe:
                    assert (await probe.ask()).held is held
