"""Records on disk: the last whole line counts, generations are never reused, newer formats are refused."""

import json
import os
import shutil
import stat
import uuid
from pathlib import Path

import attrs
import pytest
import trio
from process_support import Place, Words

from dumb_actors.errors import HostError, UnusablePath
from dumb_actors.model.child import Ending, Exit, Launch
from dumb_actors.model.spec import StopStep
from dumb_actors.process import procfs
from dumb_actors.process import records as records_module
from dumb_actors.process.records import COMPACT_BYTES, RECORD_FORMAT, Record, Records, RecordTooNew

STOP = (StopStep(command=("ctl", "stop"), wait=2), StopStep(signal="SIGINT", wait=60.5))


def _launch(generation: int, slug: str = "web") -> Launch:
    return Launch(
        service=f"The {slug}",
        slug=slug,
        generation=generation,
        argv=("prog", "-x"),
        cwd="/srv",
        env={"SECRET": "hunter2"},
        marker=uuid.uuid4().hex,
        log_path="/log/web.log",
        stderr_path="/log/web.err",
        log_size=1000,
        log_count=7,
        digest="d1",
        notify=True,
        stop=STOP,
        uid=1000,
    )


def _lines(directory: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (directory / "web.json").read_text().splitlines()]


def test_everything_is_read_back_at_each_step(tmp_path: Path) -> None:
    directory = str(tmp_path / "run" / "children")
    records, launch = Records(directory, run_id="run-1"), _launch(1)
    assert records.load() == []
    records.write_intent(
        launch, "/run/fifo", fifo_err="/run/fifo.err", log_start=(7, 4096), cgroup="/sys/fs/cgroup/web.1"
    )
    (intent,) = Records(directory).load()
    assert intent == Record(
        generation=1,
        service="The web",
        slug="web",
        state="intent",
        marker=launch.marker,
        fifo="/run/fifo",
        fifo_err="/run/fifo.err",
        argv=("prog", "-x"),
        cwd="/srv",
        log_path="/log/web.log",
        stderr_path="/log/web.err",
        log_size=1000,
        log_count=7,
        log_start=(7, 4096),
        digest="d1",
        notify=True,
        stop=STOP,
        uid=1000,
        cgroup="/sys/fs/cgroup/web.1",
        boot_id=procfs.boot_id(),
        run_id="run-1",
        at=intent.at,
    )
    assert intent.to_launch(launch.env) == launch
    records.write_pid(launch, 42, 4711, "boot")
    (running,) = Records(directory).load()
    assert (running.state, running.pid, running.start_ticks, running.boot_id) == ("running", 42, 4711, "boot")
    assert (running.marker, running.fifo, running.stop, running.ready) == (launch.marker, "/run/fifo", STOP, False)
    records.write_ready(launch)
    (ready,) = Records(directory).load()
    assert (ready.state, ready.pid, ready.ready, ready.started_at) == ("running", 42, True, running.started_at)
    times = [time or 0.0 for time in (intent.at, running.started_at, ready.ready_at)]
    assert times[0] > 0
    assert times == sorted(times)
    records.write_ended(launch, Ending(exit=Exit(code=3)))
    (ended,) = Records(directory).load()
    assert (ended.state, ended.ending, ended.generation, ended.ready) == ("ended", "exited with code 3", 1, True)
    records.write_completed(launch, completed=True)
    assert Records(directory).load()[0].completed
    records.write_completed(launch, completed=False)
    assert not Records(directory).load()[0].completed
    assert len(_lines(Path(directory))) == 6


def test_a_new_generation_begins_afresh(tmp_path: Path) -> None:
    records = Records(str(tmp_path))
    records.write_intent(_launch(1), "/fifo.1")
    records.write_pid(_launch(1), 42, 4711, "boot")
    records.write_ready(_launch(1))
    records.write_intent(_launch(2), "/fifo.2")
    (record,) = Records(str(tmp_path)).load()
    assert (record.generation, record.state, record.fifo) == (2, "intent", "/fifo.2")
    assert (record.pid, record.start_ticks, record.ready, record.ready_at) == (None, None, False, None)


def test_each_change_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records, launch = Records(str(tmp_path)), _launch(1)
    records.write_intent(launch, None)
    written: list[bytes] = []
    write = os.write

    def noting(descriptor: int, line: bytes) -> int:
        written.append(line)
        return write(descriptor, line)

    monkeypatch.setattr(os, "write", noting)
    records.write_pid(launch, 1, 2, "boot")
    records.write_ready(launch)
    assert [line.count(b"\n") for line in written] == [1, 1]
    assert all(json.loads(line)["format"] == RECORD_FORMAT for line in written)


def test_a_file_that_grew_is_written_anew(tmp_path: Path) -> None:
    records, path = Records(str(tmp_path)), tmp_path / "web.json"
    records.next_generation("web")
    inodes, sizes = set(), []
    for generation in range(1, 60):
        launch = _launch(generation)
        records.write_intent(launch, "/fifo")
        records.write_pid(launch, 42, 4711, "boot")
        records.write_ended(launch, None)
        inodes.add(path.stat().st_ino)
        sizes.append(path.stat().st_size)
        (record,) = Records(str(tmp_path)).load()
        assert (record.generation, record.state) == (generation, "ended")
    assert max(sizes) <= COMPACT_BYTES
    assert len(inodes) > 1
    assert [path.name for path in tmp_path.iterdir()] == ["web.json"]


def test_a_record_that_is_larger_than_that_is_kept_as_one_line(tmp_path: Path) -> None:
    records, launch = Records(str(tmp_path)), attrs.evolve(_launch(1), argv=("x" * COMPACT_BYTES,))
    records.write_intent(launch, None)
    records.write_pid(launch, 42, 4711, "boot")
    assert len(_lines(tmp_path)) == 1
    assert Records(str(tmp_path)).load()[0].pid == 42


def test_a_later_supervisor_goes_on_with_what_it_adopts(tmp_path: Path) -> None:
    first = Records(str(tmp_path), run_id="first")
    first.write_intent(_launch(5), "/fifo")
    later = Records(str(tmp_path), run_id="later")
    (record,) = later.load()
    later.adopt(attrs.evolve(record, state="running", pid=42, start_ticks=4711))
    (adopted,) = Records(str(tmp_path)).load()
    assert (adopted.run_id, adopted.pid, adopted.marker, adopted.stop) == ("later", 42, record.marker, STOP)
    launch = adopted.to_launch({})
    later.write_ready(launch)
    later.write_ended(launch, Ending(exit=Exit(signal="SIGTERM")))
    (ended,) = Records(str(tmp_path)).load()
    assert (ended.state, ended.ending, ended.pid, ended.ready) == ("ended", "killed by SIGTERM", 42, True)
    assert later.next_generation("web") == 6


def test_format_1_is_read_and_written_anew(tmp_path: Path) -> None:
    old = {"format": 1, "generation": 4, "service": "The web", "slug": "web", "state": "running", "marker": "m"}
    old |= {"fifo": "/f", "argv": ["a"], "cwd": "/", "log_path": None, "digest": "d", "pid": 9, "start_ticks": 8}
    old |= {"boot_id": "b", "ending": ""}
    (tmp_path / "web.json").write_text(json.dumps(old, indent=1))
    records = Records(str(tmp_path))
    (record,) = records.load()
    assert (record.generation, record.state, record.pid, record.start_ticks) == (4, "running", 9, 8)
    assert records.damaged == {}
    records.write_ended(record.to_launch({}), None)
    (line,) = _lines(tmp_path)
    assert (line["format"], line["state"], line["marker"]) == (RECORD_FORMAT, "ended", "m")
    assert Records(str(tmp_path)).load()[0].state == "ended"


def test_files_are_private_and_hold_no_environment(tmp_path: Path) -> None:
    Records(str(tmp_path)).write_intent(_launch(1), None)
    assert [path.name for path in tmp_path.iterdir()] == ["web.json"]
    assert stat.S_IMODE((tmp_path / "web.json").stat().st_mode) == 0o600
    assert "hunter2" not in (tmp_path / "web.json").read_text()


def test_generations_go_up_over_restarts_and_ends(tmp_path: Path) -> None:
    directory, used = str(tmp_path), []
    for _ in range(3):
        records = Records(directory)
        for _ in range(3):
            generation = records.next_generation("web")
            used.append(generation)
            launch = _launch(generation)
            records.write_intent(launch, None)
            records.write_ended(launch, None)
    assert used == list(range(1, 10))
    assert Records(directory).next_generation("db") == 1


def test_generations_handed_out_and_not_used_are_not_handed_out_again(tmp_path: Path) -> None:
    records = Records(str(tmp_path))
    assert [records.next_generation("web") for _ in range(3)] == [1, 2, 3]


def test_pid_without_an_intent_is_refused(tmp_path: Path) -> None:
    records = Records(str(tmp_path))
    records.write_intent(_launch(1), None)
    with pytest.raises(ValueError, match="generation 2"):
        records.write_pid(_launch(2), 1, 1, "boot")


@pytest.mark.parametrize("before", [b"", b'{"generation": 1, "format": 2}\n'])
def test_newer_format_is_refused_in_words_and_never_overwritten(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "web.json"
    path.write_bytes(before + json.dumps({"format": 3, "shape": "unknown"}).encode() + b"\n")
    whole = path.read_bytes()
    for call in (lambda records: records.load(), lambda records: records.next_generation("web")):
        with pytest.raises(RecordTooNew, match=r"web\.json has format 3") as caught:
            call(Records(str(tmp_path)))
        assert isinstance(caught.value, HostError)
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("body", "generation"),
    [
        (b"", 1),
        (b"\0\0\0", 1),
        (b"[]\n", 1),
        (b"5\n", 1),
        (b'{"generation": 9}\n', 1),
        (b'{"format": 2, "generation": "9"}\n', 1),
        (b'{"generation": 9, "format": 2, "argv": 5}\n', 10),
        (b'{"generation": 9, "format": 2, "stop": [5]}\n', 10),
        (b'{"generation": 12', 1),
        (b'{"generation": 12, "form', 13),
        (b'{\n "format": 1,\n "generation": 12', 1),
        (b'{\n "format": 1,\n "generation": 12,\n "serv', 13),
    ],
)
def test_damaged_file_is_reported_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, body: bytes, generation: int
) -> None:
    directory = str(tmp_path)
    Records(directory).write_intent(_launch(1, "good"), None)
    (tmp_path / "web.json").write_bytes(body)
    records = Records(directory)
    assert [record.slug for record in records.load()] == ["good"]
    assert list(records.damaged) == [str(tmp_path / "web.json")]
    assert "record.damaged" in caplog.messages
    assert records.next_generation("web") == generation
    records.write_intent(_launch(generation), None)
    assert len(Records(directory).load()) == 2


def test_a_line_that_is_torn_at_any_byte_leaves_the_one_before(tmp_path: Path) -> None:
    path, records, launch = tmp_path / "web.json", Records(str(tmp_path)), _launch(1234)
    records.write_intent(launch, "/fifo")
    intent = path.read_bytes()
    records.write_pid(launch, 42, 4711, "boot")
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        records = Records(str(tmp_path))
        found = records.load()
        assert [(record.state, record.pid) for record in found] == [("intent", None)] * (length >= len(intent))
        assert records.next_generation("web") in ({1235} if found else {1, 1235})
        assert bool(records.damaged) == (not found)
        if found:
            records.write_ended(launch, None)
            assert [record.state for record in Records(str(tmp_path)).load()] == ["ended"]
            assert path.read_bytes().count(b"\n") == 1 + (length == len(intent))


def test_a_whole_line_that_makes_no_sense_leaves_the_one_before_and_its_generation_is_never_reused(
    tmp_path: Path,
) -> None:
    Records(str(tmp_path)).write_intent(_launch(3), "/fifo")
    with (tmp_path / "web.json").open("ab") as file:
        file.write(b'{"generation": 9, "format": 2, "state": "flying"}\n')
    records = Records(str(tmp_path))
    assert [record.generation for record in records.load()] == [3]
    assert list(records.damaged) == [str(tmp_path / "web.json")]
    assert records.next_generation("web") == 10


def test_leftover_of_a_killed_writer_is_ignored_and_replaced(tmp_path: Path) -> None:
    (tmp_path / "web.new").write_text("half")
    (tmp_path / "web.new").chmod(0o666)
    records = Records(str(tmp_path))
    assert records.load() == []
    records.write_intent(_launch(1), None)
    assert [path.name for path in tmp_path.iterdir()] == ["web.json"]
    assert stat.S_IMODE((tmp_path / "web.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("written", [0, 1, 60])
def test_failed_write_leaves_the_former_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int) -> None:
    records, launch = Records(str(tmp_path)), _launch(1)
    records.write_intent(launch, None)
    write, calls = os.write, []

    def full(descriptor: int, line: bytes) -> int:
        calls.append(line)
        if len(calls) > 1 or not written:
            raise OSError(28, "No space left on device")
        return write(descriptor, line[:written])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(UnusablePath, match="No space left") as caught:
            records.write_pid(launch, 1, 1, "boot")
    assert caught.value.errno == 28
    assert [record.state for record in Records(str(tmp_path)).load()] == ["intent"]
    records.write_pid(launch, 1, 1, "boot")
    assert [record.state for record in Records(str(tmp_path)).load()] == ["running"]


def test_failed_renewal_leaves_the_former_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Records(str(tmp_path)).write_intent(_launch(1), None)
    records = Records(str(tmp_path))
    records.load()
    monkeypatch.setattr(records_module, "COMPACT_BYTES", 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(UnusablePath, match="No space left"):
            records.write_pid(_launch(1), 1, 1, "boot")
    assert [record.state for record in Records(str(tmp_path)).load()] == ["intent"]
    records.write_pid(_launch(1), 1, 1, "boot")
    assert [record.state for record in Records(str(tmp_path)).load()] == ["running"]


def test_file_that_somebody_removed_is_made_again(tmp_path: Path) -> None:
    records, launch = Records(str(tmp_path / "run")), _launch(1)
    records.write_intent(launch, None)
    shutil.rmtree(tmp_path / "run")
    records.write_pid(launch, 42, 1, "boot")
    assert [record.pid for record in Records(str(tmp_path / "run")).load()] == [42]


def test_words_of_all_kinds_are_kept(tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff\x00x\n\"'\\ \xe2\x98\x83")
    records, launch = Records(str(tmp_path)), attrs.evolve(_launch(1), argv=("prog", odd), service=odd)
    records.write_intent(launch, None)
    records.write_pid(launch, 42, 1, "boot")
    (record,) = Records(str(tmp_path)).load()
    assert (record.argv, record.service, record.pid) == (("prog", odd), odd, 42)


def test_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    records = Records(str(tmp_path / "run"))
    with pytest.raises(UnusablePath):
        records.load()
    with pytest.raises(UnusablePath):
        records.write_intent(_launch(1), None)


async def test_record_of_a_real_child_proves_it(place: Place, words: Words, tmp_path: Path) -> None:
    records = Records(str(tmp_path / "records"))
    script = 'mkfifo gate; echo up > "$1"; read -r x < gate'
    launch = place.launch("sh", "-c", script, "sh", words.path, generation=records.next_generation("web"))
    with trio.fail_after(10):
        records.write_intent(launch, None)
        child = await place.spawn(launch)
        await words.word()
        records.write_pid(launch, child.pid, child.start_ticks, procfs.boot_id())
        (record,) = Records(str(tmp_path / "records")).load()
        stat_now = procfs.read_stat(child.pid)
        assert stat_now is not None
        assert stat_now.identity == (record.pid, record.start_ticks)
        assert record.boot_id == procfs.boot_id()
        assert procfs.has_marker(child.pid, record.marker)
        records.write_ended(launch, await child.finish())
    assert Records(str(tmp_path / "records")).load()[0].ending == "killed by SIGKILL"
