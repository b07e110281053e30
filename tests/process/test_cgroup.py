"""A service's control group, with real processes in it: nobody gets away, and its end is told."""

# ruff: noqa: ASYNC222  # a test may touch local files and processes of its own in the loop

import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
import trio
from control_groups import Ground, ground  # noqa: F401 - a fixture
from process_support import Words, ended, is_alive

from dumb_actors.errors import UnusablePath
from dumb_actors.process import procfs
from dumb_actors.process.cgroup import Cgroup
from dumb_actors.process.privileges import Tools, wrap

ESCAPES = "( setsid env -i /bin/sh -c 'echo $$ > $1; exec sleep 1000' x \"$1\" & ) & exec sleep 1000"
"""Its grandchild leaves the group and the session, forgets its environment, and its parent dies."""

Enter = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def cgroup(ground: Ground) -> Cgroup:  # noqa: F811
    path = ground.path / "web.1"
    path.mkdir()
    return Cgroup(str(path))


@pytest.fixture
def enter(leaves_nothing: None, cgroup: Cgroup) -> Iterator[Enter]:
    """Start a script in the control group."""
    children: list[subprocess.Popen[bytes]] = []

    def start(script: str, *arguments: str, uid: int | None = None) -> subprocess.Popen[bytes]:
        argv = ["sh", "-c", script, "sh", *arguments]
        env = {"PATH": os.environ["PATH"]}
        what = wrap(argv, env=env, uid=uid, gid=uid, cgroup_procs=cgroup.procs_path, tools=Tools())
        child = subprocess.Popen(
            what.argv, env=dict(what.env), start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            pipe.close()


async def test_who_left_everything_else_is_in_it_still_and_is_killed(
    cgroup: Cgroup, enter: Enter, words: Words, as_subreaper: None
) -> None:
    with trio.fail_after(30):
        leader = enter(ESCAPES, words.path)
        escaped = await words.number()
        stat = procfs.read_stat(escaped)
        assert stat is not None
        assert leader.pid not in {stat.pgid, stat.session, stat.ppid}
        assert {leader.pid, escaped} <= set(cgroup.pids())
        assert not cgroup.is_empty()
        assert not cgroup.remove()
        cgroup.kill()
        await cgroup.wait_empty()
        await ended(escaped)
        assert not is_alive(leader.pid)
    assert leader.wait() == -signal.SIGKILL
    for orphan in procfs.children_of(os.getpid()):  # they came to us
        os.waitpid(orphan, 0)
    assert cgroup.is_empty()
    assert cgroup.pids() == []
    assert cgroup.remove()
    assert not Path(cgroup.path).exists()


async def test_who_became_another_user_is_in_it_still(cgroup: Cgroup, enter: Enter) -> None:
    with trio.fail_after(30):
        child = enter("id -u; read line", uid=65534)
        assert child.stdout is not None
        assert child.stdout.readline() == b"65534\n"
        assert child.pid in cgroup.pids()
        cgroup.kill()
        await cgroup.wait_empty()
    assert child.wait() == -signal.SIGKILL


async def test_its_end_is_told_to_all_who_wait(cgroup: Cgroup, enter: Enter, words: Words) -> None:
    told: list[int] = []

    async def wait(number: int) -> None:
        await cgroup.wait_empty()
        told.append(number)

    with trio.fail_after(30):
        # Two of them: the end of the first one is not the end.
        first, second = (enter("echo here > $1; read line", words.path) for _ in range(2))
        assert [await words.word() for _ in range(2)] == ["here", "here"]
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(wait, number)
            await trio.testing.wait_all_tasks_blocked()
            for child in (first, second):
                assert told == []
                assert child.stdin is not None
                child.stdin.close()
                await ended(child.pid)
                await trio.testing.wait_all_tasks_blocked()
    assert sorted(told) == [0, 1, 2]


async def test_other_news_of_it_is_not_its_end(cgroup: Cgroup, enter: Enter, words: Words) -> None:
    told = trio.Event()

    async def wait() -> None:
        await cgroup.wait_empty()
        told.set()

    with trio.fail_after(30):
        child = enter("echo here > $1; read line", words.path)
        await words.word()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            with Path(cgroup.path, "cgroup.events").open() as events, select.epoll() as news:
                news.register(events, select.EPOLLPRI)
                for state in "10":
                    events.seek(0)
                    events.read()
                    Path(cgroup.path, "cgroup.freeze").write_text(state)
                    await trio.lowlevel.wait_readable(news.fileno())
                    await trio.testing.wait_all_tasks_blocked()
                    assert not told.is_set()
            assert child.stdin is not None
            child.stdin.close()
            await told.wait()


async def test_waiting_can_be_given_up(cgroup: Cgroup, enter: Enter, words: Words) -> None:
    with trio.fail_after(30):
        child = enter("echo here > $1; read line", words.path)
        await words.word()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cgroup.wait_empty)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert child.poll() is None
        assert not cgroup.is_empty()
    # The fixture for leaks sees to it that no descriptor is left.


async def test_a_zombie_does_not_count(cgroup: Cgroup, enter: Enter) -> None:
    child = enter("exit 7")
    with trio.fail_after(30):
        await ended(child.pid)
        await cgroup.wait_empty()
    stat = procfs.read_stat(child.pid)
    assert stat is not None
    assert stat.is_dead
    assert cgroup.is_empty()
    assert cgroup.remove()
    assert child.wait() == 7


async def test_groups_that_the_service_made_count_and_go_with_it(cgroup: Cgroup, enter: Enter, words: Words) -> None:
    script = 'mkdir -p "$1/a/b"; mkdir "$1/c"; echo 0 > "$1/a/b/cgroup.procs"; echo here > "$2"; read line'
    with trio.fail_after(30):
        child = enter(script, cgroup.path, words.path)
        await words.word()
        assert Path(cgroup.procs_path).read_text() == ""
        assert child.pid in cgroup.pids()
        assert not cgroup.is_empty()
        assert not cgroup.remove()
        cgroup.kill()
        await cgroup.wait_empty()
    assert cgroup.remove()
    assert not Path(cgroup.path).exists()


async def test_one_that_is_gone_is_empty(cgroup: Cgroup) -> None:
    assert cgroup.remove()
    assert cgroup.is_empty()
    assert cgroup.pids() == []
    assert cgroup.oom_kills() == 0
    cgroup.kill()
    assert cgroup.remove()
    await cgroup.wait_empty()


def test_a_limit_without_a_controller_is_an_error_in_words(cgroup: Cgroup) -> None:
    with pytest.raises(UnusablePath, match=r"cannot set the memory limit .*/memory\.max"):
        cgroup.set_memory_max(2**30)
    assert cgroup.oom_kills() == 0


def test_the_memory_files_are_written_and_read(tmp_path: Path) -> None:
    cgroup = Cgroup(str(tmp_path))
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 31\noom 4\noom_kill 3\noom_group_kill 9\n")
    cgroup.set_memory_max(1024)
    assert (tmp_path / "memory.max").read_text().startswith("1024")
    assert cgroup.oom_kills() == 3


def test_two_of_the_same_path_are_the_same(cgroup: Cgroup) -> None:
    assert Cgroup(cgroup.path) == cgroup == attrs.evolve(cgroup)
