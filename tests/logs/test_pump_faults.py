"""What one flow's file system says is that flow's trouble: the others go on."""

import os
from pathlib import Path

import trio

from dumb_actors.logs.follow import Follower
from dumb_actors.logs.mover import FlowOrder, Mover


async def test_a_fifo_that_is_gone_or_cannot_be_removed_stops_nobody(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with Mover() as mover:
            streams = [
                await mover.open(FlowOrder(f"{tmp_path}/out/{name}", f"{tmp_path}/{name}.log", 0, 1))
                for name in ("a", "b")
            ]
            # A directory in its place: unlink fails with EISDIR, for root as well.
            Path(streams[0].fifo).unlink()
            Path(streams[0].fifo).mkdir()
            await streams[0].finish()
            os.write(streams[1].child_fd, b"still moved\n")
            assert await streams[1].finish() == ("still moved",)


async def test_a_fifo_that_a_killed_supervisor_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out" / "a")
    with trio.fail_after(30):
        async with Mover() as mover:
            stream = await mover.open(FlowOrder(f"{tmp_path}/out/a", f"{tmp_path}/a.log", 0, 1))
            os.write(stream.child_fd, b"new\n")
            assert await stream.finish() == ("new",)


async def test_a_follower_that_was_cancelled_while_it_looked_looks_again(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    limiter = trio.to_thread.current_default_thread_limiter()
    tokens = [object() for _ in range(int(limiter.total_tokens))]
    with trio.fail_after(30), Follower(str(path)) as follower:
        for token in tokens:
            limiter.acquire_on_behalf_of_nowait(token)
        with trio.move_on_after(0.01):
            await follower.available()
        for token in tokens:
            limiter.release_on_behalf_of(token)
        path.write_bytes(b"here\n")
        assert await follower.read() == b"here\n"
