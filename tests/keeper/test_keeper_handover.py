"""One keeper after another: whoever follows ends the former, and only that one."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from dumb_actors.keeper.client import Keeper
from dumb_actors.keeper.identity import identity_path, ourselves, read_identity, register
from dumb_actors.keeper.serving import ALREADY_KEPT
from dumb_actors.keeper.start import Started, start_keeper
from dumb_actors.process import procfs
from dumb_actors.process.spawner import Spawner
from tests.keeper.keeper_support import (
    LIMIT,
    WRITER,
    Supervised,
    child,
    ended,
    is_alive,
    numbered,
    order,
    run_dir,
    stop_writer,
)


def join_reapers() -> None:
    """Wait for the threads that wait for keepers which were left."""
    for thread in threading.enumerate():
        if thread.name == "dumb-actors keeper reaper":
            thread.join()


async def test_a_writer_goes_through_many_hands_without_a_lost_or_doubled_line(
    tmp_path: Path, spawner: Spawner
) -> None:
    wanted, start, pids = order(tmp_path), None, []
    with trio.fail_after(LIMIT):
        async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="stop") as keeper:
            stream = await keeper.open(wanted)
            start = stream.start
            writer = child(stream, sys.executable, "-c", WRITER)
            await keeper.wait_ready()
            pids.append(keeper.pid)
            await keeper.stay()
        assert await stream.finish() == ()
        for _ in range(5):
            async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="stop") as keeper:
                stream = keeper.add(await trio.to_thread.run_sync(keeper.adopting(wanted, start)), wanted.log_path)
                await keeper.wait_ready()
                pids.append(keeper.pid)
                if len(pids) < 6:
                    await keeper.stay()
                else:
                    count = await stop_writer(writer)
                    lines = await stream.finish()
    await trio.to_thread.run_sync(join_reapers)
    assert len(set(pids)) == 6
    assert [pid for pid in pids if pid is None or is_alive(pid)] == []
    assert numbered(tmp_path / "web.log") == count
    assert lines == tuple(str(number) for number in range(count - 20, count))
    assert list((tmp_path / "run/out").iterdir()) == []


async def test_the_keeper_of_a_killed_supervisor_hands_over_and_says_nothing_twice(
    tmp_path: Path, spawner: Spawner
) -> None:
    os.mkfifo(tmp_path / "go")
    wanted = order(tmp_path, "s0")
    with trio.fail_after(LIMIT):
        supervised = await Supervised.start(tmp_path, "adopt", "echo one; read line < $1/go; echo two")
        await supervised.kill()
        async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="adopt") as keeper:
            stream = keeper.add(await trio.to_thread.run_sync(keeper.adopting(wanted, None)), wanted.log_path)
            await ended(supervised.said["keeper"])
            await trio.to_thread.run_sync((tmp_path / "go").write_text, "go\n")
            await ended(supervised.said["children"][0])
            assert (await stream.finish())[-1] == "two"
            assert keeper.pid != supervised.said["keeper"]
    assert (tmp_path / "s0.log").read_bytes() == b"one\ntwo\n"


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True)
    yield process
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait() == 0


def forged(victim: int, **wrong: Any) -> str:
    stat = procfs.read_stat(victim)
    assert stat is not None
    return json.dumps(
        {"format": 1, "pid": victim, "start_ticks": stat.start_ticks, "boot_id": procfs.boot_id(), **wrong}
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"start_ticks": 1},
        {"boot_id": "another"},
        {"boot_id": ""},
        {"boot_id": None},
        {"start_ticks": True},
        {"pid": "1"},
        {"pid": True},
        {"pid": 1},
        {"pid": 0},
        {"pid": -1},
        {"pid": 2**70},
    ],
)
async def test_who_is_not_proved_is_not_signalled(
    tmp_path: Path, spawner: Spawner, victim: subprocess.Popen[bytes], wrong: dict[str, Any]
) -> None:
    Path(run_dir(tmp_path), "keeper.json").write_text(forged(victim.pid, **wrong))
    await works(tmp_path, spawner)


@pytest.mark.parametrize("content", ["", "[]", "null", '{"format": 1, "pid": ', "[" * 5000, "\0" * 100])
async def test_a_torn_registration_stops_nobody(tmp_path: Path, spawner: Spawner, content: str) -> None:
    Path(run_dir(tmp_path), "keeper.json").write_text(content)
    await works(tmp_path, spawner)


async def works(root: Path, spawner: Spawner) -> None:
    with trio.fail_after(LIMIT):
        async with Keeper(run_dir(root), spawner=spawner, own=set(), orphans="adopt") as keeper:
            stream = await keeper.open(order(root))
            await trio.to_thread.run_sync(os.write, stream.child_fd, b"works\n")
            assert await stream.finish() == ("works",)


async def test_a_proved_former_that_does_not_leave_is_killed(tmp_path: Path, spawner: Spawner) -> None:
    deaf = subprocess.Popen(["sh", "-c", "trap '' TERM; echo; cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert deaf.stdout is not None
    assert deaf.stdin is not None
    deaf.stdout.readline()
    Path(run_dir(tmp_path), "keeper.json").write_text(forged(deaf.pid))
    with trio.fail_after(LIMIT):
        from dumb_actors.keeper.handover import end_former

        await end_former(run_dir(tmp_path), timeout_s=0.05)
    assert deaf.wait() == -signal.SIGKILL
    deaf.stdout.close()
    deaf.stdin.close()
    assert not Path(identity_path(run_dir(tmp_path))).exists()


def test_a_registration_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    mine = ourselves("1")
    register(str(tmp_path), mine)
    assert read_identity(str(tmp_path)) == mine
    with pytest.raises(FileExistsError):
        register(str(tmp_path), mine._replace(version="2"))
    assert read_identity(str(tmp_path)) == mine
    assert [path.name for path in tmp_path.iterdir()] == ["keeper.json"]


class Raw:
    """A keeper of our own, without a client."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.started: Started = start_keeper(run_dir(root), "adopt", "", set())
        self.lines = self.started.control.makefile("rb")

    def hear(self) -> dict[str, Any]:
        return json.loads(self.lines.readline())  # type: ignore[no-any-return]

    def say(self, *lines: bytes) -> None:
        self.started.control.sendall(b"".join(line + b"\n" for line in lines))

    def wait_turns(self) -> None:
        """Return when all that was said or done before is carried out, and what that has led to."""
        for _ in range(4):
            self.say(b'{"op":"stay"}')
            assert self.hear() == {"op": "staying"}

    def close(self) -> int:
        self.lines.close()
        self.started.control.close()
        os.close(self.started.pidfd)
        return self.started.process.wait()

    def diary(self) -> str:
        return (self.root / "run/keeper.log").read_text()


def test_a_second_keeper_does_not_touch_what_the_first_has(tmp_path: Path) -> None:
    with contextlib.closing(Raw(tmp_path)) as first:
        assert first.hear() == {"op": "ready"}
        second = Raw(tmp_path)
        assert second.lines.readline() == b""
        assert second.close() == ALREADY_KEPT
        assert read_identity(run_dir(tmp_path)) is not None
        first.say(b'{"op":"leave"}')
        assert first.hear() == {"op": "left"}


def test_garbage_is_left_out_of_account_and_logged(tmp_path: Path) -> None:
    with contextlib.closing(Raw(tmp_path)) as raw:
        assert raw.hear() == {"op": "ready"}
        add = json.dumps({"op": "add", "id": 7, "order": order(tmp_path).to_json(), "news": [1]}).encode()
        os.mkfifo(tmp_path / "fifo")
        raw.say(
            b"garbage",
            b"\xff\xfe",
            b"[1]",
            b'{"op":"dance"}',
            b'{"op":"finish","id":99}',
            b'{"op":"finish","id":{}}',
            b'{"op":"add","id":"7"}',
            b'{"op":"add","id":true,"order":{}}',
            b'{"op":"add","id":8,"order":{"fifo":"/x"}}',
            b'{"op":"child","id":7,"pid":-1}',
            add,
            add,
            b'{"op":"child","id":7,"pid":-1,"start_ticks":0,"marker":"m"}',
            b'{"op":"stay"}',
        )
        heard = [raw.hear(), raw.hear()]
        assert {message["op"] for message in heard} == {"staying", "failed"}
        raw.say(b'{"op":"finish","id":7}')
        assert raw.hear() == {"op": "finished", "id": 7, "lines": [], "taken": 0, "lost": 0}
        raw.say(b'{"op":"leave"}')
        assert raw.hear() == {"op": "left"}
    assert raw.diary().count("not understood") == 11
    assert "unknown op 'dance'" in raw.diary()


def test_a_hang_up_means_nothing_until_the_supervisor_is_gone_and_is_asked_for_then(tmp_path: Path) -> None:
    raw = Raw(tmp_path)
    assert raw.hear() == {"op": "ready"}
    fifo = Path(order(tmp_path).fifo)
    fifo.parent.mkdir()
    os.mkfifo(fifo)
    fd = os.open(fifo, os.O_RDWR)
    raw.say(json.dumps({"op": "add", "id": 1, "order": order(tmp_path).to_json()}).encode())
    raw.wait_turns()
    os.write(fd, b"one\n")
    os.close(fd)
    raw.wait_turns()
    assert fifo.exists()
    fd = os.open(fifo, os.O_WRONLY)
    os.write(fd, b"two\n")
    os.close(fd)
    assert raw.close() == 0
    assert not fifo.exists()
    assert (tmp_path / "web.log").read_bytes() == b"one\ntwo\n"


def test_one_that_cannot_open_anything_does_not_stay_for_it(tmp_path: Path) -> None:
    raw = Raw(tmp_path)
    raw.say(json.dumps({"op": "add", "id": 1, "order": order(tmp_path).to_json()}).encode())
    assert raw.close() == 0


def test_a_supervisor_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    with contextlib.closing(Raw(tmp_path)) as raw:
        assert raw.hear() == {"op": "ready"}
        raw.started.control.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        log = tmp_path / "web.log"
        log.write_bytes(b"".join(b"%d%s\n" % (number, b"x" * 3000) for number in range(20)))
        count = 100
        for number in range(count):
            # There is no such FIFO: each answer holds the last lines of the log, 60 KiB.
            raw.say(
                json.dumps({"op": "add", "id": number, "order": order(tmp_path).to_json()}).encode(),
                json.dumps({"op": "finish", "id": number}).encode(),
            )
        live = order(tmp_path, "live")
        Path(live.fifo).parent.mkdir()
        os.mkfifo(live.fifo)
        fd = os.open(live.fifo, os.O_RDWR | os.O_NONBLOCK)
        raw.say(json.dumps({"op": "add", "id": count, "order": live.to_json()}).encode())
        rest = b"x" * 3_000_000
        while rest and select.select([], [fd], [], 10)[1]:
            rest = rest[os.write(fd, rest) :]
        assert not rest
        os.close(fd)
        raw.say(b'{"op":"leave"}')
        heard = [raw.hear() for _ in range(2 * count + 2)]
    finished = {message["id"]: message["lines"] for message in heard if message["op"] == "finished"}
    assert sorted(finished) == list(range(count + 1))
    assert {len(finished[number]) for number in range(count)} == {20}
    assert heard[-1] == {"op": "left"}
