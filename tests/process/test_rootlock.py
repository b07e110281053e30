"""One supervisor for each root, over processes and within one."""

import json
import os
import subprocess
import sys

import pytest
import trio
import trio.testing

from dumb_actors.errors import RootLocked, UnusablePath
from dumb_actors.process.rootlock import hold_root

HOLDER = """
import sys, trio
from dumb_actors.process.rootlock import hold_root

async def main():
    async with hold_root(sys.argv[1], sys.argv[1] + "/run"):
        print("held", flush=True)
        sys.stdin.read(1)

trio.run(main)
"""


@pytest.fixture
def holder(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


async def test_the_second_is_refused_and_told_who_is_first(tmp_path, holder):
    with pytest.raises(RootLocked) as caught:
        async with hold_root(str(tmp_path), f"{tmp_path}/run", patience_s=0.01):
            pass
    assert caught.value.pid == holder.pid
    assert str(holder.pid) in str(caught.value)


async def test_one_that_lets_go_meanwhile_is_waited_for(tmp_path, holder):
    async with trio.open_nursery() as nursery:

        async def take():
            async with hold_root(str(tmp_path), f"{tmp_path}/run", patience_s=60):
                assert json.loads((tmp_path / "run/supervisor.json").read_text())["pid"] == os.getpid()

        nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        holder.kill()
        await trio.to_thread.run_sync(holder.wait)


async def test_a_refused_one_can_try_again(tmp_path, holder):
    for _ in range(2):
        with pytest.raises(RootLocked):
            async with hold_root(str(tmp_path), f"{tmp_path}/run", patience_s=0.01):
                pass
    holder.kill()
    await trio.to_thread.run_sync(holder.wait)
    async with hold_root(str(tmp_path), f"{tmp_path}/run", patience_s=60):
        pass


async def test_two_in_one_process_do_not_take_each_others_lock_away(tmp_path, holder):
    holder.kill()
    await trio.to_thread.run_sync(holder.wait)
    async with hold_root(str(tmp_path), f"{tmp_path}/run"):
        with pytest.raises(RootLocked) as caught:
            async with hold_root(str(tmp_path), f"{tmp_path}/run"):
                pass
        assert caught.value.pid == os.getpid()
        # Still held, in the eyes of everybody else.
        other = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stderr=subprocess.PIPE, text=True)
        _, error = await trio.to_thread.run_sync(other.communicate)
        assert "RootLocked" in error
    assert not (tmp_path / "run/supervisor.json").exists()


async def test_what_a_killed_one_left_is_no_holder(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/supervisor.json").write_text('{"pid": 1, "start_ticks": 1, "boot_id": "x"}')
    async with hold_root(str(tmp_path), f"{tmp_path}/run"):
        pass


async def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(UnusablePath) as caught:
        async with hold_root(str(tmp_path), f"{tmp_path}/run"):
            pass
    assert caught.value.path == f"{tmp_path}/run"
