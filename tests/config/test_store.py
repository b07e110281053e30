"""Changes are whole or not at all, and touch only the user's layer; outside edits are found, never lost."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest
import trio
from store_support import DEFAULTS, DOCUMENT, PORT, ZURG, home

from dumb_actors.actors.masking import secrets_of
from dumb_actors.config import configfile, durable
from dumb_actors.config.layers import REMOVED, Edit, edits_of
from dumb_actors.config.revisions import RevisionTooNew
from dumb_actors.config.store import open_store
from dumb_actors.errors import ConfigError, StaleRevision, UnknownRevision, UnusablePath

__all__ = ["home"]


def name_of(fd):
    return Path(f"/proc/self/fd/{fd}").readlink().name


def at(document, path):
    for key in path:
        document = document[key]
    return document


# --- reading and writing ----------------------------------------------------------------------------------------------


async def test_opening_writes_nothing_into_the_file(home):
    before = home.write('{"db": {"process_name":"DB",\t"command": ["db"], "port": 1e0}}')
    with pytest.raises(ConfigError):
        await home.open()
    before = home.write('{"db": {"process_name":"DB",\t"command": ["db"], "other": 1e0}}')
    there = home.path.stat()
    store = await home.open()
    assert (await store.reload()).changed is False
    assert home.path.read_bytes() == before
    assert home.path.stat().st_ino == there.st_ino
    assert store.revision == 1


async def test_a_persisted_change_touches_one_value_and_becomes_a_revision(home):
    store = await home.open()
    text = home.path.read_text()
    change = await store.change([Edit(PORT, 6000)], persist=True, by="a test")
    assert (change.revision, change.paths, change.shadowed) == (2, (PORT,), ())
    assert home.path.read_text() == text.replace("5432", "6000")
    assert store.config.specs[1].ports == (6000,)
    assert store.made_by == "a test"
    assert [(one.number, one.by, one.changed) for one in await store.revisions()] == [
        (1, "the first start", "file"),
        (2, "a test", "file"),
    ]
    again = await home.open()
    assert (again.revision, again.config.specs) == (2, store.config.specs)
    assert home.left() == set()


async def test_what_changes_nothing_writes_nothing(home):
    store = await home.open()
    before, there = home.path.read_bytes(), home.path.stat()
    for edits in ([], [Edit(PORT, 5432)], [Edit(PORT, 5432.0)], [Edit(("nothing", "here"), REMOVED)]):
        assert (await store.change(edits, persist=True)).paths == ()
        assert (await store.change(edits, persist=False)).paths == ()
    assert (await store.restore(1)).paths == ()
    assert (store.revision, home.path.read_bytes(), home.path.stat().st_ino) == (1, before, there.st_ino)


async def test_every_fault_is_told_and_nothing_is_changed(home):
    store = await home.open()
    before, config = home.path.read_bytes(), store.config
    edits = [Edit(PORT, "x"), Edit((*ZURG, "enabled"), 3), Edit(("tz",), "Mars/Nowhere"), Edit(("new",), 1)]
    for persist in (True, False):
        with pytest.raises(ConfigError) as caught:
            await store.change(edits, persist=persist)
        assert {"$.db.port", "$.zurg.instances.RealDebrid.enabled"} <= {one.path for one in caught.value.faults}
    assert (store.revision, home.path.read_bytes()) == (1, before)
    assert store.config is config
    assert not store.changed.is_set()


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "\ud800", {"\ud800": 1}, {1: 2}, [object()], (1,), {"a": [b"x"]}, [10**5000]]
)
@pytest.mark.parametrize("persist", [True, False])
async def test_what_json_cannot_carry_is_refused(home, value, persist):
    store = await home.open()
    with pytest.raises(ConfigError, match="JSON cannot carry this"):
        await store.change([Edit(("x", "y"), value)], persist=persist)
    assert store.revision == 1


async def test_a_value_nested_too_deep_is_refused(home):
    store = await home.open()
    value = deep = {}
    for _ in range(5000):
        deep["x"] = {}
        deep = deep["x"]
    with pytest.raises(ConfigError, match="nested deeper"):
        await store.change([Edit(("x",), value)], persist=False)


async def test_a_block_sent_back_whole_writes_only_what_differs(home):
    home.defaults = DEFAULTS
    home.environ["DB_PORT"] = "7000"
    home.environ["ZURG_INSTANCES_REALDEBRID_API_KEY"] = "from-outside"
    store = await home.open()
    text = home.path.read_text()
    view = store.read()
    block = {**view.merged.document["db"], "host": "10.0.0.1"}
    assert (block["port"], block["env"]) == (7000, {"PGDATA": "{data}/db", "LANG": "C"})
    change = await store.change([Edit(("db",), block)], persist=True)
    assert change.paths == (("db", "host"),)
    whole = await store.change(edits_of(view.merged.document, view.merged.document), persist=True)
    assert whole.paths == (("db", "host"),)  # it says again what was there before
    assert home.document() == {**DOCUMENT, "db": {**DOCUMENT["db"], "host": "127.0.0.1"}}
    assert "from-outside" not in home.path.read_text()
    assert text.count("\n") == home.path.read_text().count("\n") - 1


async def test_an_override_goes_before_what_is_written_and_that_is_said(home):
    home.environ["DB_PORT"] = "7000"
    store = await home.open()
    change = await store.change([Edit(PORT, 6000)], persist=True)
    assert change.shadowed == (PORT,)
    assert home.document()["db"]["port"] == 6000
    assert store.config.document["db"]["port"] == 7000


# --- memory -----------------------------------------------------------------------------------------------------------


async def test_a_change_in_memory_is_shown_as_such_and_lost_at_a_restart(home):
    store = await home.open()
    before = home.path.read_bytes()
    await store.change([Edit(PORT, 6000), Edit(("db", "note"), "hi")], persist=False, by="the API")
    view = store.read()
    assert home.path.read_bytes() == before
    assert (view.revision, view.unsaved) == (2, (PORT, ("db", "note")))
    assert (view.user["db"]["port"], view.merged.document["db"]["port"]) == (5432, 6000)
    assert str(view.merged.origin(PORT)) == "a change in memory only, by the API"
    again = await home.open()
    assert again.config.document == DOCUMENT
    assert again.read().unsaved == ()
    # A number is never given to two configurations.
    assert (again.revision, again.made_by) == (3, "a restart, which lost changes in memory")


async def test_what_is_in_memory_is_saved_along_when_its_block_is(home):
    store = await home.open()
    await store.change([Edit(PORT, 6000), Edit(("tz",), "UTC"), Edit(("db", "env"), REMOVED)], persist=False)
    block = {**store.read().merged.document["db"], "note": 1}
    await store.change([Edit(("db",), block)], persist=True)
    assert home.document()["db"] == {"process_name": "DB", "command": "db --port {port}", "port": 6000, "note": 1}
    assert home.document()["tz"] == "Europe/Berlin"
    assert store.read().unsaved == (("tz",),)


async def test_a_value_in_memory_that_is_saved_as_it_was_is_forgotten(home):
    store = await home.open()
    await store.change([Edit(PORT, 6000)], persist=False)
    await store.change([Edit(PORT, 5432)], persist=True)
    assert (store.read().unsaved, store.config.document) == ((), DOCUMENT)


async def test_an_edit_of_the_file_wins_over_memory_where_it_speaks(home):
    store = await home.open()
    await store.change([Edit(PORT, 6000), Edit(("tz",), "UTC")], persist=False)
    home.write({**DOCUMENT, "tz": "Europe/Paris"})
    assert (await store.reload()).changed
    assert store.read().unsaved == (PORT,)
    assert (store.config.document["tz"], store.config.document["db"]["port"]) == ("Europe/Paris", 6000)


# --- others who write -------------------------------------------------------------------------------------------------


async def test_a_stale_revision_is_refused_with_both_numbers(home):
    store = await home.open()
    await store.change([Edit(PORT, 6000)], persist=True, expect_revision=1)
    for action in (
        lambda: store.change([Edit(PORT, 7000)], persist=True, expect_revision=1),
        lambda: store.change([Edit(PORT, 7000)], persist=False, expect_revision=1),
        lambda: store.restore(1, expect_revision=1),
    ):
        with pytest.raises(StaleRevision) as caught:
            await action()
        assert (caught.value.yours, caught.value.current) == (1, 2)
    assert home.document()["db"]["port"] == 6000


async def test_an_edit_that_nobody_told_us_of_is_not_lost(home):
    store = await home.open()
    edited = home.write({**DOCUMENT, "tz": "UTC"})
    changed = store.changed
    with pytest.raises(StaleRevision) as caught:
        await store.change([Edit(PORT, 6000)], persist=True)
    assert (caught.value.yours, caught.value.current) == (1, 2)
    assert home.path.read_bytes() == edited
    assert (store.revision, store.made_by, store.config.settings.tz) == (2, "edit of the file", "UTC")
    assert changed.is_set()
    await store.change([Edit(PORT, 6000)], persist=True)
    assert home.document() == {**DOCUMENT, "tz": "UTC", "db": {**DOCUMENT["db"], "port": 6000}}


async def test_an_edit_in_the_instant_before_the_rename_is_not_lost(home, monkeypatch):
    store = await home.open()
    real, edited = os.fsync, []

    def edit(fd):
        if not edited and "dumb_config" in name_of(fd):
            edited.append(home.write({**DOCUMENT, "tz": "UTC"}))
        real(fd)

    monkeypatch.setattr(os, "fsync", edit)
    with pytest.raises(StaleRevision):
        await store.change([Edit(PORT, 6000)], persist=True)
    assert [home.path.read_bytes()] == edited
    assert home.left() == set()
    assert [one.changed for one in await store.revisions()] == ["file", "file"]


async def test_a_second_process_is_met_with_a_conflict(home):
    ours, theirs = await home.open(), await home.open()
    await theirs.change([Edit(PORT, 6000)], persist=True)
    with pytest.raises(StaleRevision):
        await ours.change([Edit(("tz",), "UTC")], persist=True)
    await ours.change([Edit(("tz",), "UTC")], persist=True)
    assert home.document() == {**DOCUMENT, "tz": "UTC", "db": {**DOCUMENT["db"], "port": 6000}}
    numbers = [one.number for one in await ours.revisions()]
    assert numbers == sorted(set(numbers))


async def test_many_changes_at_once_are_one_after_the_other(home):
    store = await home.open()
    async with trio.open_nursery() as nursery:
        for number in range(15):
            edit = Edit(("db", f"n{number}"), number)
            nursery.start_soon(lambda edit=edit: store.change([edit], persist=True))
    assert {f"n{number}" for number in range(15)} <= set(home.document()["db"])
    assert store.revision == 16


async def test_the_lock_of_another_process_is_waited_for_and_not_for_ever(home, monkeypatch):
    store = await home.open()
    monkeypatch.setattr(durable, "PATIENCE_S", 0.0)

    def taken(*_):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    real = durable.fcntl.lockf
    monkeypatch.setattr(durable.fcntl, "lockf", taken)
    monkeypatch.setattr(configfile, "locked", lambda path: durable.locked(path, patience_s=0.02))
    with pytest.raises(UnusablePath, match="another process holds it"):
        await store.change([Edit(PORT, 6000)], persist=True)
    calls = []
    monkeypatch.setattr(
        durable.fcntl, "lockf", lambda *a: (calls.append(a), real(*a) if len(calls) > 2 else taken())[1]
    )
    monkeypatch.setattr(configfile, "locked", lambda path: durable.locked(path, patience_s=20))
    await store.change([Edit(PORT, 6000)], persist=True)
    assert home.document()["db"]["port"] == 6000


# --- broken files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"db": ', "line 1"),
        ("[]", "the document is no object"),
        ('{"db": {"process_name": "DB", "process_name": "X"}}', "twice"),
        ('{"db": {"process_name": "DB", "x": 1e400}}', "1e400"),
        ('{"db": {"process_name": "DB", "command": "x", "port": "y"}}', "$.db.port"),
    ],
)
async def test_a_broken_file_never_replaces_a_good_one(home, content, told):
    store = await home.open()
    config = store.config
    home.write(content)
    found = await store.reload()
    assert (found.changed, found.revision) == (False, 1)
    assert found.broken is store.broken is store.read().broken
    assert told in str(store.broken.error)
    assert store.broken.since == home.now
    assert store.config is config
    home.now += 100
    assert (await store.reload()).broken.since == home.now - 100
    with pytest.raises(StaleRevision) as caught:
        await store.change([Edit(PORT, 1)], persist=True)
    assert caught.value.current is None
    assert home.path.read_text() == content
    home.write({**DOCUMENT, "tz": "UTC"})
    found = await store.reload()
    assert (found.changed, found.broken, store.broken, found.revision) == (True, None, None, 2)


async def test_a_file_that_is_taken_away_is_broken_and_comes_back(home):
    store = await home.open()
    content = home.path.read_bytes()
    home.path.unlink()
    assert "does not exist" in str((await store.reload()).broken.error)
    home.path.write_bytes(content)
    assert await store.reload() == (await store.reload())
    assert (store.broken, store.revision) == (None, 1)


async def test_a_file_that_is_broken_at_the_start_is_every_fault(home):
    home.write('{"db": {"process_name": "DB", "command": "x", "port": "y"}, "tz": 3}')
    with pytest.raises(ConfigError) as caught:
        await home.open()
    assert len(caught.value.faults) == 2
    assert not (home.path.parent / "revisions").exists()


# --- revisions --------------------------------------------------------------------------------------------------------


async def test_an_old_revision_comes_back_byte_by_byte_as_a_new_one(home):
    first = home.write('{"db": {"process_name": "DB", "command":["db"],   "port": 5432, "x": 1.50}}')
    store = await home.open()
    await store.change([Edit(PORT, 6000)], persist=True)
    await store.change([Edit(("db", "note"), "hi")], persist=False)
    change = await store.restore(1, by="somebody")
    assert (change.revision, change.paths) == (4, (PORT,))
    assert home.path.read_bytes() == first
    assert store.read().unsaved == (("db", "note"),)
    assert store.made_by == "somebody"
    with pytest.raises(UnknownRevision) as caught:
        await store.restore(9)
    assert caught.value.known == (1, 2, 3, 4)


async def test_the_last_ones_are_kept_and_are_private(home):
    store = await home.open(keep=3)
    for port in range(6000, 6005):
        await store.change([Edit(PORT, port)], persist=True)
    directory = home.path.parent / "revisions"
    assert [one.number for one in await store.revisions()] == [4, 5, 6]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in directory.iterdir()} == {0o600}
    assert len(list(directory.iterdir())) == 3


async def test_an_edit_between_two_runs_is_a_revision(home):
    await home.open()
    home.write({**DOCUMENT, "tz": "UTC"})
    store = await home.open()
    assert (store.revision, store.made_by) == (2, "edit of the file")
    assert (await home.open()).revision == 2


async def test_another_file_on_the_same_root_is_another_revision(home):
    await home.open()
    other = home.path.with_name("other.json")
    other.write_text('{"tz": "UTC"}')
    store = await home.open(other)
    assert (store.revision, store.made_by) == (2, "another file")


async def test_a_damaged_revision_is_left_out_and_a_newer_one_refused(home):
    store = await home.open()
    await store.change([Edit(PORT, 6000)], persist=True)
    directory = home.path.parent / "revisions"
    (directory / "00000001.json").write_text("{}")
    (directory / "odd").write_text("odd")
    assert [one.number for one in await store.revisions()] == [2]
    with pytest.raises(UnknownRevision):
        await store.restore(1)
    (directory / "00000003.json").write_text('{"format": 2}')
    with pytest.raises(RevisionTooNew, match="has format 2"):
        await home.open()


async def test_where_revisions_cannot_be_kept_the_file_can_be_used_and_not_written(home, caplog):
    (home.path.parent / "revisions").write_text("in the way")
    store = await home.open()
    assert "revisions" in store.problem
    assert "config.revisions_failed" in caplog.text
    before = home.path.read_bytes()
    with pytest.raises(UnusablePath):
        await store.change([Edit(PORT, 6000)], persist=True)
    assert home.path.read_bytes() == before
    assert (await store.change([Edit(PORT, 6000)], persist=False)).revision == 2


# --- the file ---------------------------------------------------------------------------------------------------------


async def test_mode_owner_and_link_stay(home):
    real = home.path.rename(Path(home.root.path, "elsewhere.json"))
    real.chmod(0o640)
    owner = (12345, 54321) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(real, *owner)
    home.path.symlink_to("../elsewhere.json")
    store = await home.open()
    await store.change([Edit(PORT, 6000)], persist=True)
    assert home.path.is_symlink()
    there = real.stat()
    assert (stat.S_IMODE(there.st_mode), there.st_uid, there.st_gid) == (0o640, *owner)
    assert home.document()["db"]["port"] == 6000
    assert not home.path.with_name(".dumb_config.json.lock").exists()


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
async def test_a_full_disk_leaves_the_old_file_and_the_old_revision(home, monkeypatch, call):
    store = await home.open()
    before = home.path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(UnusablePath, match="No space left"):
            await store.change([Edit(PORT, 6000)], persist=True)
    assert (home.path.read_bytes(), store.revision, home.left()) == (before, 1, set())
    assert [one.number for one in await store.revisions()] == [1]
    assert (await store.change([Edit(PORT, 6000)], persist=True)).revision == 2


async def test_the_order_of_a_change_is_that_which_survives_power_loss(home, monkeypatch):
    store = await home.open()
    calls = []

    def noted(name, real):
        def call(*args):
            calls.append((name, name_of(args[0]) if name == "fsync" else Path(args[1]).name))
            return real(*args)

        return call

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    await store.change([Edit(PORT, 6000)], persist=True)
    assert calls == [
        ("fsync", ".00000002.json.pending.new"),
        ("replace", "00000002.json.pending"),
        ("fsync", "revisions"),
        ("fsync", ".dumb_config.json.new"),
        ("replace", "dumb_config.json"),
        ("fsync", "config"),
        ("replace", "00000002.json"),
        ("fsync", "revisions"),
    ]


async def test_a_cancelled_change_is_not_begun_or_is_finished(home, monkeypatch):
    store = await home.open()
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.change([Edit(PORT, 6000)], persist=True)
    assert (scope.cancelled_caught, store.revision) == (True, 1)
    entered, leave, real = threading.Event(), threading.Event(), os.replace

    def held(*args):
        entered.set()
        leave.wait()
        real(*args)

    monkeypatch.setattr(os, "replace", held)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: store.change([Edit(PORT, 6000)], persist=True))
        await trio.to_thread.run_sync(entered.wait)
        nursery.cancel_scope.cancel()
        leave.set()
    assert (home.document()["db"]["port"], store.config.document["db"]["port"], store.revision) == (6000, 6000, 2)


# --- derived values ---------------------------------------------------------------------------------------------------


async def test_a_derived_value_counts_until_what_it_replaces_is_edited(home):
    store = await home.open()
    before = home.path.read_bytes()
    change = await store.derive(PORT, 5433, by="port check", why="5432 is taken by pid 7")
    assert (change.paths, store.config.specs[1].ports) == ((PORT,), (5433,))
    assert str(store.read().merged.origin(PORT)) == "a derived value, by port check: 5432 is taken by pid 7"
    assert home.path.read_bytes() == before
    again = await home.open()
    assert (again.config.specs[1].ports, again.revision) == ((5433,), 2)
    # A client that sends back what it was shown does not fix it in the file.
    await again.change([Edit(("db",), {**again.read().merged.document["db"], "x": 1})], persist=True)
    assert home.document()["db"]["port"] == 5432
    home.write({**DOCUMENT, "db": {**DOCUMENT["db"], "port": 7000}})
    await again.reload()
    assert again.config.specs[1].ports == (7000,)
    assert again.read().merged.origin(PORT).layer == "file"


async def test_a_derived_value_can_be_replaced_taken_back_and_be_wrong(home):
    store = await home.open()
    await store.derive(PORT, 5433, by="port check", why="taken")
    await store.derive(PORT, 5434, by="port check", why="taken too")
    assert store.config.specs[1].ports == (5434,)
    with pytest.raises(ConfigError, match="it comes from a derived value, by port check"):
        await store.derive(PORT, 0, by="port check", why="odd")
    assert store.config.specs[1].ports == (5434,)
    await store.underive(PORT, by="port check")
    assert store.config.document == DOCUMENT
    assert (await home.open()).config.document == DOCUMENT


@pytest.mark.parametrize("content", ["", "[]", '{"format": 1}', '{"format": 1, "values": [{"path": "x"}]}', "[" * 9999])
async def test_damaged_derived_values_are_told_of_and_taken_for_none(home, content):
    (home.path.parent / "derived.json").write_text(content)
    store = await home.open()
    assert "derived.json is damaged" in " ".join(store.config.warnings)
    assert store.config.document == DOCUMENT
    (home.path.parent / "derived.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(Exception, match="has format 2"):
        await home.open()


async def test_a_relative_path_is_meant_where_it_was_opened(home, monkeypatch, tmp_path):
    monkeypatch.chdir(home.path.parent)
    store = await open_store("dumb_config.json", home.root, sources=home.sources())
    monkeypatch.chdir("/")
    await store.change([Edit(PORT, 6000)], persist=True)
    assert at(home.document(), PORT) == 6000


# --- secrets ----------------------------------------------------------------------------------------------------------


async def test_what_is_shown_without_secrets_can_be_sent_back(home):
    store = await home.open(secret_paths=(("db", "env", "PGDATA"),))
    shown = store.masked(("zurg",))
    assert shown["instances"]["RealDebrid"]["api_key"] == "********"
    assert store.masked()["db"]["env"] == {"PGDATA": "********"}
    assert "{data}/db" in secrets_of(store.config)
    shown["instances"]["RealDebrid"]["port"] = 9191
    edits = edits_of(store.unmask(shown, ("zurg",)), store.read().merged.document["zurg"], ("zurg",))
    change = await store.change(edits, persist=True)
    assert change.paths == ((*ZURG, "port"),)
    assert at(home.document(), ZURG) == {**at(DOCUMENT, ZURG), "port": 9191}


async def test_a_restore_of_what_counts_already_looks_at_the_file(home):
    store = await home.open()
    edited = home.write({**DOCUMENT, "tz": "UTC"})
    with pytest.raises(StaleRevision):
        await store.restore(1)
    assert home.path.read_bytes() == edited
    assert (await store.restore(1)).paths == (("tz",),)
