"""What was wished survives: on disk before it is said to be, decided against later edits, never in anybody's way."""

import json
import os
import stat
import threading

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

import dumb_actors.config.wishes
from dumb_actors.actors.memory import WishBook
from dumb_actors.config.wishes import KEPT_S, Wishes, WishesTooNew, WishKeeper, open_wishes
from dumb_actors.errors import HostError, UnusablePath
from tests.leaks import no_leak

__all__ = ["no_leak"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config" / "wishes.json"


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def stored(path):
    return json.loads(path.read_text())


def test_a_wish_wins_until_enabled_is_edited(path):
    wishes = Wishes.load(str(path))
    assert (wishes.decide("a", True), wishes.decide("b", False)) == (True, False)
    wishes.note("a", wished=False, enabled=True)
    wishes.note("b", wished=True, enabled=False)
    wishes.save()
    again = Wishes.load(str(path))
    assert (again.decide("a", True), again.decide("b", False)) == (False, True)
    # Edited: what the configuration says counts, and the wish is over.
    assert (again.decide("a", False), again.decide("b", True)) == (False, True)
    again.save()
    edited_back = Wishes.load(str(path))
    assert (edited_back.decide("a", True), edited_back.decide("b", False)) == (True, False)


_steps = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["start", "stop", "edit", "boot", "reboot"])), max_size=30
)


@given(_steps)
def test_the_last_of_wish_and_edit_decides(tmp_path_factory, steps):
    """Whoever spoke last: a command, or an edit that a boot saw."""
    path = tmp_path_factory.mktemp("root") / "wishes.json"
    wishes = Wishes.load(str(path))
    enabled = {"a": True, "b": False}
    expected, seen = dict(enabled), dict(enabled)
    for name, step in steps:
        match step:
            case "start" | "stop":
                wishes.note(name, wished=step == "start", enabled=enabled[name])
                expected[name], seen[name] = step == "start", enabled[name]
            case "edit":
                enabled[name] = not enabled[name]
            case _:
                if step == "reboot":
                    wishes.save()
                    wishes = Wishes.load(str(path))
                for each, now in enabled.items():
                    if now != seen[each]:
                        expected[each], seen[each] = now, now
                    assert wishes.decide(each, now) == expected[each]


def test_the_file_is_private_readable_and_written_only_when_something_changed(path):
    wishes = Wishes.load(str(path), wall=Clock())
    wishes.save()
    assert not path.exists()
    wishes.note("The web", wished=True, enabled=True)
    wishes.save()
    now = Clock().now
    wish = {"wished": True, "enabled": True, "at": now, "seen": now}
    assert stored(path) == {"format": 1, "wishes": {"The web": wish}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["wishes.json"]
    before = path.stat()
    wishes.save()
    assert path.stat().st_ino == before.st_ino


def test_unknown_keys_are_kept(path):
    path.parent.mkdir()
    wish = {"wished": True, "enabled": True, "at": 5e9, "why": "because"}
    path.write_text(json.dumps({"format": 1, "by": "me", "wishes": {"a": wish, "odd": 7}}))
    wishes = Wishes.load(str(path))
    wishes.note("a", wished=False, enabled=True)
    assert not wishes.decide("odd", False)
    wishes.save()
    found = stored(path)
    assert (found["by"], found["wishes"]["a"]["why"], found["wishes"]["odd"]) == ("me", "because", 7)
    assert found["wishes"]["a"]["wished"] is False


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\0" * 9, b"\xff", b'{"format": 1}', b'{"wishes": {}}', b"[" * 9999]
)
def test_a_damaged_file_is_told_of_kept_beside_and_taken_for_empty(path, caplog, content):
    path.parent.mkdir()
    path.write_bytes(content)
    wishes = Wishes.load(str(path))
    (warning,) = wishes.warnings
    assert "is damaged" in warning
    assert "wishes.json.damaged" in warning
    assert "wishes.damaged" in caplog.messages
    assert wishes.decide("a", True)
    wishes.note("a", wished=False, enabled=True)
    wishes.save()
    assert not Wishes.load(str(path)).decide("a", True)
    assert path.with_name("wishes.json.damaged").read_bytes() == content


def test_a_newer_format_is_refused_in_words_and_left_alone(path):
    path.parent.mkdir()
    path.write_text('{"format": 2, "wishes": []}')
    with pytest.raises(WishesTooNew, match="has format 2, this version understands up to 1") as caught:
        Wishes.load(str(path))
    assert isinstance(caught.value, HostError)
    assert caught.value.detail == {"path": str(path), "format": 2}
    assert stored(path)["format"] == 2


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UnusablePath):
        Wishes.load(str(tmp_path))


def test_wishes_of_services_that_left_are_forgotten_after_thirty_days(path):
    clock = Clock()
    wishes = Wishes.load(str(path), wall=clock)
    for name in ("stays", "leaves"):
        wishes.note(name, wished=False, enabled=True)
    wishes.save()
    # Months without a wish, and a boot in each: whoever is still there is not forgotten.
    for _ in range(4):
        clock.now += KEPT_S - 1
        wishes = Wishes.load(str(path), wall=clock)
        assert not wishes.decide("stays", True)
        if _ == 0:
            assert not wishes.decide("leaves", True)
        wishes.save()
    assert list(stored(path)["wishes"]) == ["stays"]


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_a_save_that_fails_leaves_the_former_file_and_may_be_tried_again(path, monkeypatch, call):
    wishes = Wishes.load(str(path))
    wishes.note("a", wished=True, enabled=True)
    wishes.save()
    before = path.read_bytes()
    wishes.note("a", wished=False, enabled=True)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(UnusablePath, match="No space left"):
            wishes.save()
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["wishes.json"]
    wishes.save()
    assert stored(path)["wishes"]["a"]["wished"] is False


def test_the_order_of_a_save_is_that_which_survives_power_loss(path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args))[1])
    wishes = Wishes.load(str(path))
    wishes.note("a", wished=True, enabled=True)
    wishes.save()
    assert calls == ["fsync", "replace", "fsync"]


# --- the keeper -------------------------------------------------------------------------------------------------------


class Gate:
    """Stands where `Wishes.write` stands: it can be held, and made to fail."""

    def __init__(self, monkeypatch):
        self.writes = 0
        self.fails = False
        self.entered = threading.Semaphore(0)
        self.left = threading.Event()
        self._open = threading.Event()
        self._open.set()
        real = Wishes.write

        def write(wishes, content):
            self.writes += 1
            self.entered.release()
            self._open.wait()
            if self.fails:
                wishes.mark_unsaved()
                raise UnusablePath("wishes.json", "cannot write the wishes", OSError(28, "No space left on device"))
            real(wishes, content)
            self.left.set()

        monkeypatch.setattr(Wishes, "write", write)

    def shut(self):
        self._open.clear()

    def open(self):
        self._open.set()

    async def wait_entered(self):
        with trio.fail_after(20):
            await trio.to_thread.run_sync(self.entered.acquire, abandon_on_cancel=True)


@pytest.fixture
def gate(monkeypatch):
    return Gate(monkeypatch)


async def test_saved_means_on_the_disk(path):
    async with open_wishes(str(path)) as keeper:
        book: WishBook = keeper
        assert book.decide("a", True)
        book.note("a", wished=False, enabled=True)
        await book.saved()
        assert stored(path)["wishes"]["a"]["wished"] is False
        await book.saved()
        book.note("a", wished=True, enabled=True)
    assert stored(path)["wishes"]["a"]["wished"] is True


async def test_many_notes_during_a_save_are_one_more_save(path, gate):
    async with open_wishes(str(path)) as keeper:
        gate.shut()
        keeper.note("a", wished=True, enabled=True)
        await gate.wait_entered()
        for number in range(100):
            keeper.note(f"s{number}", wished=True, enabled=False)
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(keeper.saved)
            await wait_all_tasks_blocked()
            gate.open()
        assert gate.writes == 2
        assert len(stored(path)["wishes"]) == 101


async def test_a_waiter_waits_for_the_save_that_has_its_wish(path, gate):
    async with open_wishes(str(path)) as keeper:
        gate.shut()
        keeper.note("a", wished=True, enabled=True)
        await gate.wait_entered()
        keeper.note("b", wished=True, enabled=True)
        gate.open()
        await keeper.saved()
        assert "b" in stored(path)["wishes"]


async def test_a_cancelled_waiter_changes_nothing(path, gate):
    async with open_wishes(str(path)) as keeper:
        gate.shut()
        keeper.note("a", wished=False, enabled=True)
        await gate.wait_entered()
        with trio.CancelScope() as scope:
            scope.cancel()
            await keeper.saved()
        assert scope.cancelled_caught
        gate.open()
        await keeper.saved()
    assert stored(path)["wishes"]["a"]["wished"] is False


async def test_a_full_disk_is_told_once_known_to_who_waits_and_tried_again(path, gate, monkeypatch, caplog):
    monkeypatch.setattr(dumb_actors.config.wishes, "FIRST_RETRY_S", 0.001)
    async with open_wishes(str(path)) as keeper:
        gate.fails = True
        keeper.note("a", wished=False, enabled=True)
        await keeper.saved()
        assert "No space left" in str(keeper.error)
        for _ in range(3):
            await gate.wait_entered()
        gate.fails = False
        with trio.fail_after(20):
            while keeper.error is not None:
                await trio.lowlevel.checkpoint()
        assert stored(path)["wishes"]["a"]["wished"] is False
    assert caplog.messages.count("wishes.failed") == 1
    assert caplog.messages.count("wishes.recovered") == 1


async def test_a_disk_that_hangs_holds_up_neither_commands_nor_the_end(path, gate, monkeypatch, caplog):
    monkeypatch.setattr(dumb_actors.config.wishes, "PATIENCE_S", 0.01)
    with trio.fail_after(20):
        async with open_wishes(str(path)) as keeper:
            gate.shut()
            keeper.note("a", wished=False, enabled=True)
            await gate.wait_entered()
            await keeper.saved()
    assert not path.exists()
    assert {"wishes.slow", "wishes.unsaved"} <= set(caplog.messages)
    gate.open()
    await trio.to_thread.run_sync(gate.left.wait)


async def test_a_void_wish_is_forgotten_on_disk_without_being_asked(path):
    async with open_wishes(str(path)) as keeper:
        keeper.note("a", wished=False, enabled=True)
    async with open_wishes(str(path)) as keeper:
        assert not keeper.decide("a", False)
        await keeper.saved()
        assert stored(path)["wishes"] == {}


async def test_a_cancelled_block_saves_and_what_the_body_raises_comes_out_as_it_is(path):
    with trio.CancelScope() as scope:
        async with open_wishes(str(path)) as keeper:
            keeper.note("a", wished=False, enabled=True)
            scope.cancel()
            await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert stored(path)["wishes"]["a"]["wished"] is False
    with pytest.raises(KeyError, match="mine"):
        async with open_wishes(str(path)):
            raise KeyError("mine")


async def test_faults_of_the_file_come_out_bare(path):
    path.parent.mkdir()
    path.write_text('{"format": 9}')
    with pytest.raises(WishesTooNew):
        async with open_wishes(str(path)):
            raise AssertionError("it was opened")
    path.write_text("?")
    async with open_wishes(str(path)) as keeper:
        assert isinstance(keeper, WishKeeper)
        assert len(keeper.warnings) == 1
