"""Records on disk: always the old or the new one, generations never reused, newer formats refused."""

import json
import stat
import uuid
from pathlib import Path

import pytest
import trio
from process_support import Place, Words

from dumb_actors.errors import HostError, UnusablePath
from dumb_actors.model.child import Ending, Exit, Launch
from dumb_actors.process import procfs
from dumb_actors.process.records import Record, Records, RecordTooNew


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
        digest="d1",
    )


def test_intent_pid_and_end_are_read_back(tmp_path: Path) -> None:
    directory = str(tmp_path / "run" / "children")
    records, launch = Records(directory), _launch(1)
    assert records.load() == []
    records.write_intent(launch, "/run/fifo")
    intent = Record(
        generation=1,
        service="The web",
        slug="web",
        state="intent",
        marker=launch.marker,
        fifo="/run/fifo",
        argv=("prog", "-x"),
        cwd="/srv",
        log_path="/log/web.log",
        digest="d1",
    )
    assert Records(directory).load() == [intent]
    records.write_pid(launch, 42, 4711, "boot")
    (running,) = Records(directory).load()
    assert (running.state, running.pid, running.start_ticks, running.boot_id) == ("running", 42, 4711, "boot")
    assert (running.marker, running.fifo) == (launch.marker, "/run/fifo")
    records.write_ended(launch, Ending(exit=Exit(code=3)))
    (ended,) = Records(directory).load()
    assert (ended.state, ended.ending, ended.generation) == ("ended", "exited with code 3", 1)


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


def test_newer_format_is_refused_in_words_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "web.json"
    path.write_text(json.dumps({"format": 2, "shape": "unknown"}))
    for call in (lambda records: records.load(), lambda records: records.next_generation("web")):
        with pytest.raises(RecordTooNew, match=r"web\.json has format 2") as caught:
            call(Records(str(tmp_path)))
        assert isinstance(caught.value, HostError)
    assert json.loads(path.read_text())["format"] == 2


@pytest.mark.parametrize(
    ("body", "generation"),
    [
        (b"", 1),
        (b"\0\0\0", 1),
        (b"[]", 1),
        (b"5", 1),
        (b'{"generation": 9}', 1),
        (b'{"format": 1, "generation": "9"}', 1),
        (b'{"format": 1, "generation": 9, "argv": 5}', 10),
        (b'{\n "format": 1,\n "generation": 12', 1),
        (b'{\n "format": 1,\n "generation": 12,\n "serv', 13),
    ],
)
def test_torn_file_is_reported_and_passed_over(
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


def test_torn_at_every_byte_is_never_misread(tmp_path: Path) -> None:
    Records(str(tmp_path)).write_intent(_launch(1234), "/fifo")
    whole = (tmp_path / "web.json").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "web.json").write_bytes(whole[:length])
        records = Records(str(tmp_path))
        assert records.load() == []
        assert records.next_generation("web") in {1, 1235}


def test_leftover_of_a_killed_writer_is_ignored_and_replaced(tmp_path: Path) -> None:
    (tmp_path / "web.new").write_text("half")
    (tmp_path / "web.new").chmod(0o666)
    records = Records(str(tmp_path))
    assert records.load() == []
    records.write_intent(_launch(1), None)
    assert [path.name for path in tmp_path.iterdir()] == ["web.json"]
    assert stat.S_IMODE((tmp_path / "web.json").stat().st_mode) == 0o600


def test_failed_write_leaves_the_former_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records, launch = Records(str(tmp_path)), _launch(1)
    records.write_intent(launch, None)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(UnusablePath, match="No space left") as caught:
            records.write_pid(launch, 1, 1, "boot")
    assert caught.value.errno == 28
    assert [record.state for record in Records(str(tmp_path)).load()] == ["intent"]
    records.write_pid(launch, 1, 1, "boot")


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
