"""The notification socket: real senders, of the service and others."""

import array
import logging
import os
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from process_support import Place, Words

from dumb_actors.errors import UnusablePath
from dumb_actors.process import notify
from dumb_actors.process.lineage import Family
from dumb_actors.process.notify import NotifySocket, socket_path

LIMIT = 20

# Sends each argument as a message, says so, and stays.
CLIENT = """\
import os, socket, sys, time
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for text in sys.argv[2:]:
    sender.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
open(sys.argv[1], "w").write("sent\\n")
time.sleep(1000)
"""


@pytest.fixture
def notices(tmp_path: Path) -> Iterator[NotifySocket]:
    notices = NotifySocket(socket_path(str(tmp_path), "web"), service="web")
    yield notices
    notices.discard()
    assert not Path(notices.path).exists()


class Listener:
    """Attends in the background and keeps what it is told."""

    def __init__(self, notices: NotifySocket) -> None:
        self.notices = notices
        self.told: list[str] = []

    async def until(self, holds, family: Family) -> None:
        with trio.fail_after(LIMIT):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.notices.attend, family, self.told.append)
                while not holds(self.notices):
                    await self.notices.news.wait()
                nursery.cancel_scope.cancel()


def mine() -> Family:
    """A family with this process as its leader."""
    return Family(os.getpid(), "marker")


def send(notices: NotifySocket, *messages: str | bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        for message in messages:
            sender.sendto(message.encode() if isinstance(message, str) else message, notices.path)


async def heard(notices: NotifySocket, *messages: str | bytes, family: Family | None = None) -> list[str]:
    """Send messages, let them be read, and return what was told."""
    listener = Listener(notices)
    send(notices, *messages)
    with trio.fail_after(LIMIT), trio.CancelScope() as scope:
        scope.cancel()  # what is there is read all the same
        await notices.attend(family or mine(), listener.told.append)
    return listener.told


async def test_ready_status_and_stopping(notices: NotifySocket) -> None:
    assert await heard(notices, "STATUS=loading 3 of 7") == ["loading 3 of 7"]
    assert (notices.is_ready, notices.is_stopping, notices.status) == (False, False, "loading 3 of 7")
    assert await heard(notices, "READY=1\nSTATUS=serving\n") == ["serving"]
    assert notices.is_ready
    assert await heard(notices, "STOPPING=1") == ["stopping"]
    assert notices.is_stopping
    assert await heard(notices, "STOPPING=1\nSTATUS=saving") == ["saving"]
    assert await heard(notices, "STATUS=") == [""]
    assert notices.status == ""


async def test_what_is_not_understood_is_ignored(notices: NotifySocket) -> None:
    odd = ["", "READY=0", "READY", "WATCHDOG=1", "MAINPID=1\nBARRIER=1", b"\xff\xfe", "ready=1", "READY=1" + "x" * 5000]
    assert await heard(notices, *odd) == []
    assert not notices.is_ready
    assert notices.strangers == 0
    assert await heard(notices, "STATUS=\x1b[1mred\x07 " + "x" * 1000) == ["[1mred  " + "x" * 191 + "\u2026"]
    assert await heard(notices, b"STATUS=caf\xff") == ["caf\ufffd"]


async def test_of_many_that_wait_the_last_is_told(notices: NotifySocket) -> None:
    assert await heard(notices, *(f"STATUS={number}" for number in range(5)), "READY=1") == ["4"]
    assert notices.is_ready


async def test_descriptors_that_come_along_are_closed(notices: NotifySocket) -> None:
    """Also what `BARRIER=1` is answered by."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [writing] * 5))
        sender.sendmsg([b"BARRIER=1"], [rights], 0, notices.path)
    os.close(writing)
    await heard(notices, "READY=1")
    assert notices.is_ready
    assert os.read(reading, 1) == b""
    os.close(reading)


async def test_the_leader_its_group_and_its_descendants_are_heard(
    place: Place, notices: NotifySocket, words: Words
) -> None:
    client = '"$0" -c "$1" "$2" STATUS='
    script = f'{client}a & setsid {client}b & setsid sh -c \'setsid {client}c & wait\' "$0" "$1" "$2" & exec {client}d'
    launch = place.launch("sh", "-c", script, sys.executable, CLIENT, words.path, NOTIFY_SOCKET=notices.path)
    with trio.fail_after(LIMIT):
        child = await place.spawn(launch)
        for _ in range(4):
            assert await words.word() == "sent"
        raw = [notices._socket.recvmsg(100, 100) for _ in range(4)]
        family = Family(child.pid, "not the marker")
        senders = {data.decode()[-1]: notify._sender(ancillary) for data, ancillary, _, _ in raw}
        assert senders["d"] == child.pid
        assert all(notices._belongs(pid, family) for pid in senders.values() if pid != child.pid)
        assert notices.strangers == 0
        await child.finish()


async def test_who_was_orphaned_is_known_by_the_marker(place: Place, notices: NotifySocket, words: Words) -> None:
    launch = place.launch(
        "sh", "-c", 'setsid "$0" -c "$1" "$2" READY=1 & exit 0', sys.executable, CLIENT, words.path,
        NOTIFY_SOCKET=notices.path,
    )  # fmt: skip
    with trio.fail_after(LIMIT):
        child = await place.spawn(launch)
        await child.wait()
        assert await words.word() == "sent"
        child._stopped = True  # so that the walk for the marker is done at the end
        listener = Listener(notices)
        await listener.until(lambda notices: notices.is_ready, Family(child.pid, launch.marker))
        await child.finish()
    assert notices.strangers == 0


async def test_strangers_are_ignored_counted_and_logged_once(
    place: Place, notices: NotifySocket, words: Words, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = place.launch(
        sys.executable, "-c", CLIENT, words.path, "READY=1", "STATUS=lies", NOTIFY_SOCKET=notices.path
    )
    with trio.fail_after(LIMIT):
        other = await place.spawn(stranger)
        service = await place.shell("exec sleep 1000")
        assert await words.word() == "sent"
        family = Family(service.pid, "another marker")
        listener = Listener(notices)
        with caplog.at_level(logging.WARNING):
            await listener.until(lambda notices: notices.strangers == 2, family)
            assert await heard(notices, "READY=1", family=family) == []
        await other.finish()
        await service.finish()
    assert (notices.is_ready, notices.status, notices.strangers, listener.told) == (False, "", 3, [])
    (record,) = caplog.records
    assert record.message == "notify.stranger_ignored"
    assert record.service == "web"
    assert record.pid == other.pid
    assert record.reason == "it is no process of the service"


async def test_a_sender_that_has_ended_is_not_proved(
    place: Place, notices: NotifySocket, caplog: pytest.LogCaptureFixture
) -> None:
    code = CLIENT.replace("time.sleep(1000)", "")
    launch = place.launch(sys.executable, "-c", code, "/dev/null", "READY=1", NOTIFY_SOCKET=notices.path)
    with trio.fail_after(LIMIT):
        child = await place.spawn(launch)
        await child.wait()
        # A leader is its own proof until it is reaped.
        await Listener(notices).until(lambda notices: notices.is_ready, Family(child.pid, ""))
        child = await place.spawn(launch)
        await child.wait()
        await child.finish()
        await Listener(notices).until(lambda notices: notices.strangers == 1, mine())
    assert caplog.records[0].reason == "it had ended before it was looked up"


async def test_a_chatty_service_is_not_held_up(place: Place, notices: NotifySocket, words: Words) -> None:
    code = CLIENT.replace("sys.argv[2:]", '[*(f"STATUS={n}" for n in range(10_000)), "READY=1"]')
    launch = place.launch(sys.executable, "-c", code, words.path, NOTIFY_SOCKET=notices.path)
    with trio.fail_after(LIMIT):
        child = await place.spawn(launch)
        listener = Listener(notices)
        await listener.until(lambda notices: notices.is_ready, Family(child.pid, ""))
        assert await words.word() == "sent"
        await child.finish()
    assert listener.told[-1] == "9999"
    assert notices.strangers == 0


async def test_two_who_attend_take_turns(notices: NotifySocket) -> None:
    first, second = Listener(notices), Listener(notices)
    with trio.fail_after(LIMIT):
        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()

            async def attend() -> None:
                with scope:
                    await notices.attend(mine(), first.told.append)

            nursery.start_soon(attend)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(notices.attend, mine(), second.told.append)
            await trio.testing.wait_all_tasks_blocked()
            send(notices, "STATUS=one")
            await notices.news.wait()
            scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
            send(notices, "STATUS=two")
            await notices.news.wait()
            nursery.cancel_scope.cancel()
    assert (first.told, second.told) == (["one"], ["two"])


async def test_closed_in_the_middle_and_closed_again(notices: NotifySocket) -> None:
    with trio.fail_after(LIMIT):
        with pytest.RaisesGroup(trio.ClosedResourceError):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(notices.attend, mine(), print)
                await trio.testing.wait_all_tasks_blocked()
                notices.close()
    notices.close()
    assert not Path(notices.path).parent.exists()


# --- the path ---------------------------------------------------------------------------------------------------------


def test_another_user_may_write_but_not_look_around(notices: NotifySocket) -> None:
    path = Path(notices.path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o711


def test_what_a_killed_supervisor_left_is_replaced(tmp_path: Path) -> None:
    path = socket_path(str(tmp_path), "web")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        Path(path).parent.mkdir()
        left.bind(path)
    notices = NotifySocket(path, service="web")
    send(notices, "READY=1")
    notices.discard()


@pytest.mark.parametrize("length", [0, 60, 80, 90, 100, 300])
async def test_a_deep_run_directory(tmp_path: Path, length: int) -> None:
    run_dir = tmp_path / ("d" * (length // 2)) / ("e" * (length // 2))
    run_dir.mkdir(parents=True, exist_ok=True)
    path = socket_path(str(run_dir), "a" * 200)
    assert len(os.fsencode(path)) <= 107
    assert path != socket_path(str(run_dir), "b")
    notices = NotifySocket(path, service="web")
    try:
        assert await heard(notices, "READY=1") == []
        assert notices.is_ready
    finally:
        notices.discard()
    assert not Path(path).parent.exists()


def test_paths_up_to_the_kernel_s_limit_stay_in_the_run_directory() -> None:
    own = len("/n/") + 16
    assert socket_path("/" + "x" * (106 - own), "web").startswith("/x")
    assert socket_path("/" + "x" * (107 - own), "web").startswith("/tmp/dumb-actors-")


def test_somebody_else_s_directory_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "n").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnusablePath, match="cannot make the notification socket"):
        NotifySocket(f"{tmp_path}/n/x", service="web")
    with pytest.raises(UnusablePath, match="No such file"):
        NotifySocket(f"{tmp_path}/missing/n/x", service="web")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_directory_that_goes_while_the_socket_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last socket in it is closed by the event loop while a spawner's thread makes the next."""
    make, made = notify._make_directory, []

    def make_and_lose(path: str) -> None:
        make(path)
        made.append(path)
        if len(made) < 3:
            Path(path).rmdir()

    monkeypatch.setattr(notify, "_make_directory", make_and_lose)
    NotifySocket(f"{tmp_path}/n/x", service="web").discard()
    assert len(made) == 3
