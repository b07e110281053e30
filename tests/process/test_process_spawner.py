"""The spawner's threads, the readers of /proc, and limits."""

# a test may touch local files and processes of its own in the loop

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from process_support import Place, Words

from dumb_actors.process import procfs
from dumb_actors.process.limits import raise_nofile
from dumb_actors.process.spawner import Spawner

# --- spawner ----------------------------------------------------------------------------------------------------------


async def test_result_and_error_come_back(spawner: Spawner) -> None:
    with trio.fail_after(10):
        assert await spawner.run(divmod, 7, 3) == (2, 1)
        with pytest.raises(ZeroDivisionError):
            await spawner.run(divmod, 7, 0)


async def test_threads_begin_with_the_first_call_and_end_with_close() -> None:
    def ours() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name.startswith("dumb-actors spawner")]

    with trio.fail_after(10):
        with Spawner() as spawner:
            assert ours() == []
            await spawner.run(int)
            assert len(ours()) == 4
            assert all(thread.daemon for thread in ours())
        assert ours() == []
        spawner.close()
        with pytest.raises(RuntimeError, match="closed"):
            await spawner.run(int)


async def test_call_under_way_is_not_lost_when_cancelled(spawner: Spawner) -> None:
    entered, go = threading.Event(), threading.Event()

    def work() -> str:
        entered.set()
        go.wait()
        return "kept"

    result = None
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:

            async def cancel_then_go() -> None:
                await trio.to_thread.run_sync(entered.wait)
                scope.cancel()
                go.set()

            nursery.start_soon(cancel_then_go)
            with trio.CancelScope() as scope:
                result = await spawner.run(work)
    assert result == "kept"


async def test_cancelled_before_calls_nothing(spawner: Spawner) -> None:
    called: list[int] = []
    with trio.CancelScope() as scope:
        scope.cancel()
        await spawner.run(called.append, 1)
    assert scope.cancelled_caught
    assert called == []


async def test_one_that_hangs_does_not_stop_the_others(spawner: Spawner) -> None:
    go = threading.Event()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(spawner.run, go.wait)
            assert await spawner.run(int) == 0
            go.set()


def test_several_trio_runs_share_one_spawner_one_of_them_in_a_thread() -> None:
    with Spawner() as spawner:
        assert trio.run(spawner.run, os.getpid) == os.getpid()
        results: list[int] = []
        thread = threading.Thread(target=lambda: results.append(trio.run(spawner.run, os.getpid)))
        thread.start()
        thread.join()
        assert results == [os.getpid()]


async def test_child_outlives_the_threads(place: Place) -> None:
    """No death signal is bound to the thread that forked."""
    with trio.fail_after(10):
        child = await place.shell("exec sleep 1000")
        place.spawner.close()
        stat = procfs.read_stat(child.pid)
        assert stat is not None
        assert not stat.is_dead
        await child.finish()


# --- /proc ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def oddly_named(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    name = tmp_path / "a) b (c) R 1"
    name.symlink_to("/bin/sleep")
    popen = subprocess.Popen([name, "1000"])
    yield popen
    popen.kill()
    popen.wait()


def test_name_with_spaces_and_parentheses(oddly_named: subprocess.Popen[bytes]) -> None:
    stat = procfs.read_stat(oddly_named.pid)
    assert stat is not None
    assert stat.comm == "a) b (c) R 1"
    assert (stat.ppid, stat.pgid, stat.session) == (os.getpid(), os.getpgid(0), os.getsid(0))
    assert stat.start_ticks > 0
    assert procfs.command_of(oddly_named.pid).endswith("a) b (c) R 1 1000")
    assert oddly_named.pid in procfs.children_of(os.getpid())
    assert oddly_named.pid in procfs.main_thread_children()


def test_start_ticks_are_ticks_since_boot() -> None:
    stat = procfs.read_stat(os.getpid())
    assert stat is not None
    started = stat.start_ticks / os.sysconf("SC_CLK_TCK")
    assert 0 < started < time.clock_gettime(time.CLOCK_BOOTTIME)


def test_process_that_is_gone() -> None:
    popen = subprocess.Popen(["true"])
    popen.wait()
    assert procfs.read_stat(popen.pid) is None
    assert procfs.children_of(popen.pid) == []
    assert procfs.command_of(popen.pid) == "?"
    assert not procfs.has_marker(popen.pid, "m")
    assert not procfs.holds_file(popen.pid, "/")


def test_zombie_is_shown_by_its_name_and_carries_nothing() -> None:
    popen = subprocess.Popen(["true"], env={"DUMB_ACTORS_MARKER": "m"})
    os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOWAIT)
    assert procfs.command_of(popen.pid) == "[true]"
    stat = procfs.read_stat(popen.pid)
    assert stat is not None
    assert stat.is_dead
    assert not procfs.has_marker(popen.pid, "m")
    popen.wait()


def test_kernel_thread_or_not_everything_in_the_table_can_be_read() -> None:
    for pid in procfs.all_pids():
        procfs.read_stat(pid)
        procfs.command_of(pid)
        procfs.marker_of(pid)


async def test_marker_and_open_files(place: Place, words: Words) -> None:
    launch = place.launch("sh", "-c", 'exec 7> "$1"; mkfifo gate; echo up >&7; read -r x < gate', "sh", words.path)
    with trio.fail_after(10):
        child = await place.spawn(launch)
        await words.word()
        assert procfs.has_marker(child.pid, launch.marker)
        assert not procfs.has_marker(child.pid, launch.marker[:-1])
        assert procfs.holds_file(child.pid, os.path.realpath(words.path))
        assert not procfs.holds_file(child.pid, "/etc/passwd")
        await child.finish()


async def test_children_forked_by_a_thread_are_listed(place: Place, words: Words) -> None:
    script = (
        "import subprocess, sys, threading, os\n"
        "def fork(): p = subprocess.Popen(['sleep', '1000']); os.write(out, b'%d\\n' % p.pid); p.wait()\n"
        "out = os.open(sys.argv[1], os.O_WRONLY)\n"
        "threading.Thread(target=fork).start()\n"
    )
    with trio.fail_after(20):
        child = await place.spawn(place.launch(sys.executable, "-c", script, words.path))
        grandchild = await words.number()
        assert procfs.children_of(child.pid) == [grandchild]
        await child.finish()


def test_boot_id_is_stable() -> None:
    assert len(procfs.boot_id()) == 36
    assert procfs.boot_id() == procfs.boot_id()


# --- limits -----------------------------------------------------------------------------------------------------------


def test_soft_limit_is_raised_to_the_hard_one() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(200, before[1]), before[1]))
        assert raise_nofile() == (min(200, before[1]), before[1])
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
