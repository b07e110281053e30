"""Finding the program and the directory before a spawn."""

# a test may touch local files and processes of its own in the loop

import errno
import threading
from pathlib import Path

import pytest
import trio

from dumb_actors.errors import SpawnFailed
from dumb_actors.process import lookup as lookup_module
from dumb_actors.process.lookup import Lookup


def _program(path: Path, mode: int = 0o755) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


async def _fault(*argv: str, cwd: Path, env_path: str | None = "/usr/bin:/bin") -> SpawnFailed:
    with trio.fail_after(10), pytest.raises(SpawnFailed) as caught:
        await Lookup().check_launch(argv, str(cwd), env_path, service="web")
    assert caught.value.argv == argv
    assert caught.value.cwd == str(cwd)
    return caught.value


async def test_program_in_the_path_of_the_child(tmp_path: Path) -> None:
    program = _program(tmp_path / "bin" / "tool")
    with trio.fail_after(10):
        found = await Lookup().check_launch(["tool"], "/", f"/nowhere::{program.parent}", service="web")
    assert found == str(program)


async def test_program_in_the_default_path() -> None:
    with trio.fail_after(10):
        assert (await Lookup().check_launch(["sh"], "/", None, service="web")).endswith("/sh")


@pytest.mark.parametrize(("name", "path"), [("./tool", ""), ("bin/../tool", ""), ("tool", "."), ("tool", ":/bin")])
async def test_program_relative_to_the_directory(tmp_path: Path, name: str, path: str) -> None:
    _program(tmp_path / "tool")
    (tmp_path / "bin").mkdir()
    with trio.fail_after(10):
        found = await Lookup().check_launch([name], str(tmp_path), path, service="web")
    assert Path(found).samefile(tmp_path / "tool")


async def test_empty_command(tmp_path: Path) -> None:
    fault = await _fault(cwd=tmp_path)
    assert (str(fault), fault.errno) == ("'web' has no command", None)


async def test_missing_program_names_command_directory_and_errno(tmp_path: Path) -> None:
    fault = await _fault("no-such-tool", "--x", cwd=tmp_path)
    assert fault.errno == errno.ENOENT
    assert fault.path == "no-such-tool"
    for part in ("no-such-tool --x", str(tmp_path), "No such file or directory"):
        assert part in str(fault)


@pytest.mark.parametrize("name", ["./gone", "/gone/tool", "./plain/tool"])
async def test_missing_program_with_a_path(tmp_path: Path, name: str) -> None:
    _program(tmp_path / "plain")
    assert (await _fault(name, cwd=tmp_path)).errno == errno.ENOENT


async def test_program_that_is_not_executable(tmp_path: Path) -> None:
    plain = _program(tmp_path / "bin" / "plain", 0o644)
    for fault in (
        await _fault(str(plain), cwd=tmp_path),
        await _fault("plain", cwd=tmp_path, env_path=f"{plain.parent}:/bin"),
    ):
        assert (fault.errno, fault.path) == (errno.EACCES, str(plain))
        assert "Permission denied" in str(fault)


async def test_later_executable_file_wins_over_an_earlier_plain_one(tmp_path: Path) -> None:
    plain, good = _program(tmp_path / "a" / "tool", 0o644), _program(tmp_path / "b" / "tool")
    with trio.fail_after(10):
        found = await Lookup().check_launch(["tool"], "/", f"{plain.parent}:{good.parent}", service="web")
    assert found == str(good)


async def test_program_that_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / "tool").mkdir()
    assert (await _fault("./tool", cwd=tmp_path)).errno == errno.EACCES


async def test_missing_directory(tmp_path: Path) -> None:
    fault = await _fault("sh", cwd=tmp_path / "gone")
    assert (fault.errno, fault.path) == (errno.ENOENT, str(tmp_path / "gone"))


async def test_directory_that_is_a_file(tmp_path: Path) -> None:
    assert (await _fault("sh", cwd=_program(tmp_path / "file"))).errno == errno.ENOTDIR


async def test_dead_mount_costs_its_own_service_one_thread_and_others_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file system that answers never, until the test says so."""
    answer, asked = threading.Event(), []
    real = lookup_module._find

    def hang(program: str, cwd: str, env_path: str | None) -> object:
        if program == "stuck":
            asked.append(program)
            answer.wait()
        return real(program, cwd, env_path)

    monkeypatch.setattr(lookup_module, "_find", hang)
    lookup = Lookup()
    try:
        with trio.fail_after(10):
            for _ in range(5):
                with pytest.raises(SpawnFailed) as caught:
                    await lookup.check_launch(["stuck"], str(tmp_path), "/bin", service="a", timeout_s=0.02)
                assert caught.value.errno == errno.ETIMEDOUT
                assert "stuck" in str(caught.value)
                assert str(tmp_path) in str(caught.value)
            assert await lookup.check_launch(["sh"], "/", "/bin", service="b") == "/bin/sh"
        assert asked == ["stuck"]
    finally:
        answer.set()


async def test_cancelling_returns_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()
    monkeypatch.setattr(lookup_module, "_find", lambda *_: answer.wait())
    try:
        with trio.fail_after(5):
            with trio.move_on_after(0.01) as scope:
                await Lookup().check_launch(["sh"], "/", "/bin", service="a", timeout_s=3600)
            assert scope.cancelled_caught
    finally:
        answer.set()
