"""A log file that hangs is that flow's trouble; whoever reads a FIFO without holding it hears when nobody writes."""

import errno
import os
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trio

from dumb_actors.errors import UnusablePath
from dumb_actors.logs.flow import Flow
from dumb_actors.logs.guard import Guard
from dumb_actors.logs.mover import FlowOrder, Mover, Stream
from dumb_actors.logs.parts import Position
from dumb_actors.logs.pump import Pump
from dumb_actors.logs.splice import splice

SOON = 0.05
LIMIT = 30


class Hanging:
    """Moves bytes, but hangs in the files of some logs until it is told to go on."""

    def __init__(self, *stems: str) -> None:
        self.stems = stems
        self.hangs = threading.Semaphore(0)
        self.may_go_on = threading.Event()

    def __call__(self, source: int, target: int, count: int, offset: int | None = None) -> int:
        name = Path(f"/proc/self/fd/{target}").readlink().stem
        if name in self.stems and not self.may_go_on.is_set():
            self.hangs.release()
            assert self.may_go_on.wait(LIMIT)
        return splice(source, target, count, offset)


async def _hang(hanging: Hanging) -> None:
    assert await trio.to_thread.run_sync(lambda: hanging.hangs.acquire(timeout=LIMIT))


async def _opened(mover: Mover, tmp_path: Path, name: str) -> Stream:
    return await mover.open(FlowOrder(f"{tmp_path}/{name}.fifo", f"{tmp_path}/{name}.log", 0, 1))


async def test_one_hung_log_does_not_stop_the_others_and_goes_on_when_it_can(tmp_path: Path) -> None:
    hanging = Hanging("hung")
    with trio.fail_after(LIMIT):
        async with Mover(splice_to_log=hanging, patience=SOON) as mover:
            hung = await _opened(mover, tmp_path, "hung")
            calm = await _opened(mover, tmp_path, "calm")
            os.write(hung.child_fd, b"first\n")
            await _hang(hanging)
            os.write(calm.child_fd, b"not stopped\n")
            os.write(hung.child_fd, b"second\n")
            assert await calm.finish() == ("not stopped",)
            late = await _opened(mover, tmp_path, "late")
            os.write(late.child_fd, b"a new one as well\n")
            assert await late.finish() == ("a new one as well",)
            hanging.may_go_on.set()
            os.write(hung.child_fd, b"third\n")
            assert await hung.finish() == ("first", "second", "third")


async def test_any_number_of_logs_may_hang(tmp_path: Path) -> None:
    names = [f"hung{number}" for number in range(8)]
    hanging = Hanging(*names)
    with trio.fail_after(LIMIT):
        async with Mover(splice_to_log=hanging, patience=SOON) as mover:
            streams = [await _opened(mover, tmp_path, name) for name in names]
            for stream in streams:
                os.write(stream.child_fd, b"held up\n")
            for _ in names:
                await _hang(hanging)
            calm = await _opened(mover, tmp_path, "calm")
            os.write(calm.child_fd, b"not stopped\n")
            assert await calm.finish() == ("not stopped",)
            hanging.may_go_on.set()
            assert [await stream.finish() for stream in streams] == [("held up",)] * len(names)


async def test_finishing_a_hung_log_can_be_given_up_and_happens_later(tmp_path: Path) -> None:
    hanging = Hanging("hung")
    with trio.fail_after(LIMIT):
        async with Mover(splice_to_log=hanging, patience=SOON) as mover:
            hung = await _opened(mover, tmp_path, "hung")
            os.write(hung.child_fd, b"at last\n")
            await _hang(hanging)
            with trio.move_on_after(SOON) as scope:
                await hung.finish()
            assert scope.cancelled_caught
            calm = await _opened(mover, tmp_path, "calm")
            assert await calm.finish() == ()
            assert Path(hung.fifo).exists()
            hanging.may_go_on.set()
            assert await hung.finish() == ("at last",)
            assert not Path(hung.fifo).exists()


async def test_a_log_that_hangs_only_when_it_is_finished_hangs_alone(tmp_path: Path) -> None:
    hanging = Hanging("hung")
    with trio.fail_after(LIMIT):
        async with Mover(splice_to_log=hanging, patience=SOON) as mover:
            hung = await _opened(mover, tmp_path, "hung")
            calm = await _opened(mover, tmp_path, "calm")
            # Finished as soon as it has something: either the moving hangs or the draining.
            os.write(hung.child_fd, b"drained\n")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(hung.finish)
                await _hang(hanging)
                os.write(calm.child_fd, b"not stopped\n")
                assert await calm.finish() == ("not stopped",)
                hanging.may_go_on.set()
            assert await hung.finish() == ("drained",)


async def test_closing_does_not_wait_for_a_hung_log_which_is_finished_if_ever_it_can_be(tmp_path: Path) -> None:
    hanging = Hanging("hung")
    with trio.fail_after(LIMIT):
        async with Mover(splice_to_log=hanging, patience=SOON) as mover:
            # With a size, so that it needs what the pump itself holds when it comes back.
            hung = await mover.open(FlowOrder(f"{tmp_path}/hung.fifo", f"{tmp_path}/hung.log", 5, 1))
            calm = await _opened(mover, tmp_path, "calm")
            os.write(hung.child_fd, b"much later\n")
            await _hang(hanging)
            os.write(calm.child_fd, b"not stopped\n")
        assert await calm.finish() == ("not stopped",)
        assert await hung.finish() == ()
    left = [thread for thread in threading.enumerate() if thread.name.startswith("dumb-actors log")]
    assert left
    assert all(thread.daemon for thread in left)
    hanging.may_go_on.set()
    for thread in left:
        thread.join(LIMIT)
    assert (tmp_path / "hung.log").read_bytes() == b"much later\n"
    assert not Path(hung.fifo).exists()


async def test_what_may_hang_can_be_done_beside_the_flows(tmp_path: Path) -> None:
    pump = Pump(patience=SOON)
    running = threading.Thread(target=pump.run)
    running.start()
    may_go_on, is_done, has_said = threading.Event(), threading.Event(), threading.Event()
    try:
        flow = pump.open(FlowOrder(f"{tmp_path}/f", f"{tmp_path}/x.log", 0, 1))
        flow.hold()
        pump.add(flow)
        pump.call(lambda: may_go_on.wait(LIMIT), is_done.set)
        os.write(flow.child_fd, b"not stopped\n")
        pump.finish(flow, has_said.set)
        assert has_said.wait(LIMIT)
        assert flow.lines == ("not stopped",)
        assert not is_done.is_set()
        assert pump.is_stuck
        may_go_on.set()
        assert is_done.wait(LIMIT)
    finally:
        may_go_on.set()
        pump.stop()
        running.join()
        pump.close()


def test_orders_that_were_heard_of_before_one_hung_are_carried_out() -> None:
    pump = Pump(patience=SOON)
    may_go_on, is_done = threading.Event(), threading.Event()
    # Both are there when the pump begins, and one signal tells of both.
    pump.call(lambda: may_go_on.wait(LIMIT), lambda: None)
    pump.call(lambda: None, is_done.set)
    running = threading.Thread(target=pump.run)
    running.start()
    try:
        assert is_done.wait(LIMIT)
    finally:
        may_go_on.set()
        pump.stop()
        running.join()
        pump.close()


async def test_takeovers_that_come_too_soon_lose_and_double_nothing(tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with Mover(patience=1e-6) as mover:
            streams = []
            async with trio.open_nursery() as nursery:
                for number in range(4):
                    order = FlowOrder(f"{tmp_path}/{number}", f"{tmp_path}/{number}.log", 500_000, 0)
                    stream = await mover.open(order)
                    streams.append(stream)
                    nursery.start_soon(
                        partial(trio.run_process, ["seq", "400000"], stdout=stream.child_fd, stdin=subprocess.DEVNULL)
                    )
            for stream in streams:
                assert (await stream.finish())[-2:] == ("399999", "400000")
                assert stream.taken_bytes == 2_688_895
                assert stream.lost_bytes == 0


def test_a_guard_that_is_not_needed_starts_no_thread_and_one_that_waits_ends_at_once() -> None:
    before = threading.active_count()
    idle = Guard(SOON, lambda: None)
    idle.close()
    never = Guard(None, lambda: None)
    never.begin()
    assert threading.active_count() == before
    assert never.end()
    busy = Guard(LIMIT, lambda: None)
    busy.begin()
    assert threading.active_count() == before + 1
    assert busy.end()
    busy.close()
    assert threading.active_count() == before


class Noting(threading.Condition):
    """Tells when somebody begins to wait without a timer."""

    def __init__(self) -> None:
        super().__init__(threading.Lock())
        self.waits = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is None:
            self.waits.set()
        return super().wait(timeout)


def test_a_guard_that_has_gone_to_sleep_is_woken_by_the_next_piece_of_work() -> None:
    taken = threading.Event()
    guard = Guard(SOON, taken.set)
    noting = guard._changed = Noting()
    guard.begin()
    assert guard.end()
    assert noting.waits.wait(LIMIT)
    guard.begin()
    assert taken.wait(LIMIT)
    assert not guard.end()
    guard.close()


# --- adoption and hang-up ---------------------------------------------------------------------------------------------


@pytest.fixture
def left() -> list[Flow]:
    return []


@pytest.fixture
def pump(left: list[Flow]) -> Iterator[Pump]:
    """Gives a pump that the test turns, and that notes hang-ups."""
    pump = Pump(on_hangup=left.append)
    yield pump
    pump.stop()
    pump.run()
    pump.close()


def _turns(pump: Pump, times: int) -> None:
    """Turn without waiting: the order sees to it that each turn has something to do."""
    for _ in range(times):
        pump.call(lambda: None, lambda: None)
        pump.turn()


def test_without_a_holder_the_last_writer_leaving_is_told_once_and_a_new_one_is_heard(
    pump: Pump, left: list[Flow], tmp_path: Path
) -> None:
    log = tmp_path / "x.log"
    flow = pump.open(FlowOrder(f"{tmp_path}/f", str(log), 0, 1))
    pump.add(flow)
    assert flow.child_fd == -1
    _turns(pump, 3)
    assert left == [], "nobody has come yet"
    writer = os.open(flow.fifo, os.O_WRONLY)
    os.write(writer, b"one\n")
    os.close(writer)
    _turns(pump, 5)
    assert left == [flow]
    assert log.read_bytes() == b"one\n"
    assert pump._epoll.poll(0) == [], "it does not spin"
    writer = os.open(flow.fifo, os.O_WRONLY)
    os.write(writer, b"two\n")
    _turns(pump, 3)
    assert log.read_bytes() == b"one\ntwo\n"
    assert left == [flow]
    os.close(writer)
    _turns(pump, 3)
    assert left == [flow, flow]
    pump.add(flow)
    _turns(pump, 3)
    assert left == [flow, flow, flow]
    assert flow.finish() == ("one", "two")


def test_a_hang_up_that_nobody_asked_for_does_not_spin(tmp_path: Path) -> None:
    pump = Pump()
    flow = pump.open(FlowOrder(f"{tmp_path}/f", None, 0, 1))
    pump.add(flow)
    pump.turn()
    os.close(os.open(flow.fifo, os.O_WRONLY))
    _turns(pump, 2)
    assert pump._epoll.poll(0) == []
    done = threading.Event()
    pump.finish(flow, done.set)
    pump.turn()
    assert done.is_set()
    assert not Path(flow.fifo).exists()
    pump.stop()
    pump.run()
    pump.close()


async def test_an_adopted_fifo_is_gone_on_with_and_its_last_lines_are_those_of_the_whole_generation(
    tmp_path: Path,
) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(b"of an older one\n")
    order = FlowOrder(f"{tmp_path}/f", str(log), 30, 5, 3)
    first = Pump()
    flow = first.open(order)
    child_fd = os.open(flow.fifo, os.O_RDWR)
    first.add(flow)
    first.turn()
    for text in (b"one\n", b"two and more than that\n", b"three\n"):
        os.write(child_fd, text)
        first.turn()
    start = flow.sink.start
    os.write(child_fd, b"four\n")
    # As if it had been killed: what is in the FIFO is still there.
    flow.close()
    first.close()
    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            second = mover.add(await trio.to_thread.run_sync(mover.adopting(order, start)), order.log_path)
            assert second.start == start
            assert second.child_fd >= 0
            os.write(child_fd, b"five\n")
            assert await second.finish() == ("one", "two and more than that", "three", "four", "five")
    os.close(child_fd)
    assert not Path(order.fifo).exists()


async def test_adopting_without_a_start_begins_here(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(b"older\n")
    os.mkfifo(tmp_path / "f")
    order = FlowOrder(f"{tmp_path}/f", str(log), 0, 5, 3)
    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            stream = mover.add(mover.adopting(order, None)(), order.log_path)
            assert stream.start == Position(log.stat().st_ino, 6)
            os.write(stream.child_fd, b"younger\n")
            assert await stream.finish() == ("younger",)


@pytest.mark.parametrize("case", ["nothing", "a file"])
async def test_what_is_no_fifo_is_not_adopted_and_left_alone(tmp_path: Path, case: str) -> None:
    path = tmp_path / "f"
    if case == "a file":
        path.write_bytes(b"precious")
    async with Mover() as mover:
        with pytest.raises(UnusablePath) as caught:
            mover.adopting(FlowOrder(str(path), f"{tmp_path}/x.log", 0, 1), None)()
    assert caught.value.path == str(path)
    assert caught.value.errno == (errno.EINVAL if case == "a file" else errno.ENOENT)
    assert path.exists() == (case == "a file")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_fifo_belongs_to_the_user_of_the_service(tmp_path: Path, pump: Pump) -> None:
    flow = pump.open(FlowOrder(f"{tmp_path}/f", None, 0, 0, 1, 12345, 23456))
    found = Path(flow.fifo).stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (12345, 23456, 0o600)
    flow.finish()
