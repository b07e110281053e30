"""A child of our own: truthful exits, stop steps, and nothing left."""

# ruff: noqa: ASYNC222  # a test may touch local files and processes of its own in the loop

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
from process_support import NoOutput, Place, Words, ended, is_alive

from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Exit
from dumb_actors.model.spec import StopStep
from dumb_actors.process import child as child_module
from dumb_actors.process import process_child, procfs

TERM = (StopStep(signal="SIGTERM", wait=10),)
HOLD = "sh -c 'echo $$ > $1; sleep 1000; true' x $1"
"""Tells its pid, and holds on; no exec follows, for in the middle of one a process shows no environment."""

PATIENT = (StopStep(signal="SIGTERM", wait=3600),)


# --- exits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 7, 255])
async def test_exit_code_is_told_and_again_when_asked_again(place: Place, code: int) -> None:
    with trio.fail_after(10):
        child = await place.shell("exit $1", str(code))
        assert await child.wait() == Exit(code=code)
        assert await child.wait() == Exit(code=code)
        ending = await child.finish()
    assert ending.exit == Exit(code=code)
    assert ending.tree_empty
    assert ending.left == ending.swept == ()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGINT", "SIGUSR1"])
async def test_signal_that_ended_it_is_named(place: Place, name: str) -> None:
    with trio.fail_after(10):
        child = await place.shell('kill -"$1" $$', name.removeprefix("SIG"))
        assert (await child.wait()).signal == name
        assert (await child.finish()).exit == Exit(signal=name)


async def test_real_time_signal_has_a_name(place: Place) -> None:
    with trio.fail_after(10):
        child = await place.shell("kill -36 $$")
        assert str(await child.wait()) == "killed by SIGRTMIN+2"
        await child.finish()


async def test_leader_is_not_reaped_before_finish(place: Place) -> None:
    with trio.fail_after(10):
        child = await place.shell("exit 3")
        await child.wait()
        stat = procfs.read_stat(child.pid)
        assert stat is not None
        assert (stat.state, stat.pgid, stat.session) == ("Z", child.pid, child.pid)
        assert stat.start_ticks == child.start_ticks
        await child.finish()
        assert procfs.read_stat(child.pid) is None


async def test_finish_ends_a_live_child_and_drains_its_output_once(place: Place) -> None:
    output = NoOutput(("a", "b"))
    with trio.fail_after(10):
        child = await place.spawn(place.launch("sleep", "1000"), output=output)
        ending = await child.finish()
        assert await child.finish() is ending
    assert ending.exit == Exit(signal="SIGKILL")
    assert ending.last_lines == ("a", "b")
    assert output.finished == 1


async def test_several_tasks_may_wait_and_the_first_may_be_cancelled(place: Place, words: Words) -> None:
    exits: list[Exit] = []

    async def waiter(child: child_module.OwnChild) -> None:
        exits.append(await child.wait())

    with trio.fail_after(10):
        child = await place.shell('read -r word < "$1"; exit 5', words.path)
        async with trio.open_nursery() as nursery:
            first = trio.CancelScope()
            with first:
                async with trio.open_nursery() as inner:
                    inner.start_soon(waiter, child)
                    await trio.testing.wait_all_tasks_blocked()
                    nursery.start_soon(waiter, child)
                    nursery.start_soon(waiter, child)
                    await trio.testing.wait_all_tasks_blocked()
                    first.cancel()
            os.kill(child.pid, signal.SIGTERM)
        await child.finish()
    assert exits == [Exit(signal="SIGTERM")] * 2


async def test_child_that_closes_every_descriptor_is_still_watched(place: Place, words: Words) -> None:
    script = "import os, sys; os.write(os.open(sys.argv[1], 1), b'x\\n'); os.closerange(0, 1000); os._exit(9)"
    with trio.fail_after(20):
        child = await place.spawn(place.launch(sys.executable, "-c", script, words.path))
        assert await words.word() == "x"
        assert await child.wait() == Exit(code=9)
        await child.finish()


async def test_output_goes_to_the_descriptor_and_input_is_empty(place: Place) -> None:
    reader, writer = os.pipe()
    try:
        with trio.fail_after(10):
            child = await place.shell("echo out; echo err >&2; cat; exit 0", output_fd=writer)
            await child.wait()
            await child.finish()
        assert os.read(reader, 100) == b"out\nerr\n"
    finally:
        os.close(reader)
        os.close(writer)


async def test_environment_is_the_launch_and_the_marker(place: Place, words: Words) -> None:
    launch = place.launch("sh", "-c", 'mkfifo gate; echo up > "$1"; read -r x < gate', "sh", words.path, WHO="me")
    with trio.fail_after(10):
        child = await place.spawn(launch)
        await words.word()
        environ = Path(f"/proc/{child.pid}/environ").read_bytes().split(b"\0")
        assert sorted(filter(None, environ)) == sorted(
            [f"PATH={os.environ['PATH']}".encode(), b"WHO=me", f"DUMB_ACTORS_MARKER={launch.marker}".encode()]
        )
        await child.finish()


async def test_child_gets_the_file_limit_asked_for(place: Place) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with trio.fail_after(10):
        child = await place.spawn(place.launch("sleep", "1000"), nofile=(77, hard))
        assert resource.prlimit(child.pid, resource.RLIMIT_NOFILE) == (77, hard)
        await child.finish()


async def test_hundred_children_at_once(place: Place, words: Words) -> None:
    children: list[child_module.OwnChild] = []

    async def start() -> None:
        children.append(await place.shell('echo $$ > "$1"; exec sleep 1000', words.path))

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(start)
        assert {await words.number() for _ in children} == {child.pid for child in children}
        async with trio.open_nursery() as nursery:
            for child in children:
                nursery.start_soon(child.terminate, TERM)
        endings = [await child.finish() for child in children]
    assert {ending.exit for ending in endings} == {Exit(signal="SIGTERM")}
    assert place.lineage.own == set()
    assert place.lineage.families == {}


# --- what cannot be started -------------------------------------------------------------------------------------------


async def test_missing_program(place: Place) -> None:
    with trio.fail_after(10), pytest.raises(SpawnFailed, match="no-such-program") as caught:
        await place.spawn(place.launch("no-such-program", "-x"))
    assert caught.value.errno == errno.ENOENT
    assert caught.value.argv == ("no-such-program", "-x")
    assert caught.value.cwd == place.directory
    assert place.lineage.own == set()


async def test_file_that_is_not_executable(place: Place) -> None:
    Path(place.directory, "plain").write_text("text")
    with trio.fail_after(10), pytest.raises(SpawnFailed) as caught:
        await place.spawn(place.launch("./plain"))
    assert caught.value.errno == errno.EACCES


async def test_file_of_no_known_format(place: Place) -> None:
    program = Path(place.directory, "noise")
    program.write_bytes(b"\x7fNOISE")
    program.chmod(0o700)
    with trio.fail_after(10), pytest.raises(SpawnFailed) as caught:
        await place.spawn(place.launch("./noise"))
    assert caught.value.errno == errno.ENOEXEC


async def test_environment_with_a_nul(place: Place) -> None:
    with trio.fail_after(10), pytest.raises(SpawnFailed, match="null byte") as caught:
        await place.spawn(place.launch("sleep", "1", BAD="a\0b"))
    assert caught.value.errno is None


async def test_no_descriptor_left_for_the_pidfd_leaves_no_child(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, flags: int = 0) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pidfd_open", refuse)
    with trio.fail_after(10), pytest.raises(SpawnFailed) as caught:
        await place.spawn(place.launch("sleep", "1000"))
    assert caught.value.errno == errno.EMFILE


async def test_cancelled_spawn_starts_nothing_or_returns_the_child(place: Place) -> None:
    with trio.fail_after(10):
        with trio.CancelScope() as scope:
            scope.cancel()
            await place.spawn(place.launch("sleep", "1000"))
        assert scope.cancelled_caught
        child = None
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_soon, scope)
                child = await place.spawn(place.launch("sleep", "1000"))
        assert child is not None
        await child.finish()


async def _cancel_soon(scope: trio.CancelScope) -> None:
    await trio.lowlevel.checkpoint()
    scope.cancel()


# --- stop steps -------------------------------------------------------------------------------------------------------


async def test_term_ends_a_willing_child_with_its_own_code(place: Place, words: Words) -> None:
    with trio.fail_after(10):
        child = await place.shell('trap "exit 4" TERM; echo up > "$1"; while :; do sleep 0.01; done', words.path)
        await words.word()
        await child.terminate(PATIENT)
        assert (await child.finish()).exit == Exit(code=4)


async def test_child_that_ignores_term_is_killed_with_its_group(place: Place, words: Words) -> None:
    script = 'trap "" TERM; sleep 1000 & echo $! > "$1"; wait'
    with trio.fail_after(10):
        child = await place.shell(script, words.path)
        helper = await words.number()
        await child.terminate((StopStep(signal="SIGTERM", wait=0.05),))
        assert is_alive(child.pid)
        assert is_alive(helper)
        ending = await child.finish()
        assert not is_alive(helper)
    assert ending.exit == Exit(signal="SIGKILL")
    assert ending.tree_empty
    assert ending.tree_proof == "best_effort"


async def test_signal_goes_to_the_whole_group(place: Place, words: Words) -> None:
    """The shell waits for its foreground child, which only ends because it gets the signal too."""
    inner = 'trap "echo got > $1; exit" TERM; echo up > $1; while :; do sleep 0.01; done'
    script = f"trap 'exit 21' TERM; sh -c '{inner}' x \"$1\""
    with trio.fail_after(10):
        child = await place.shell(script, words.path)
        assert await words.word() == "up"
        await child.terminate(PATIENT)
        assert await words.word() == "got"
        assert (await child.finish()).exit == Exit(code=21)


async def test_sigint_step(place: Place, words: Words) -> None:
    script = (
        # os._exit: an exception out of a handler can get lost in the file's destructor.
        "import os, signal, sys, time\n"
        "def stop(*_): os._exit(12)\n"
        "signal.signal(signal.SIGINT, stop); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open(sys.argv[1], 'w').write('up\\n')\n"
        "time.sleep(1000)\n"
    )
    with trio.fail_after(20):
        child = await place.spawn(place.launch(sys.executable, "-c", script, words.path))
        await words.word()
        await child.terminate((StopStep(signal="SIGINT", wait=3600),))
        assert (await child.finish()).exit == Exit(code=12)


async def test_steps_follow_each_other_until_the_end(place: Place, words: Words) -> None:
    with trio.fail_after(10):
        child = await place.shell('trap "" TERM INT; echo up > "$1"; while :; do sleep 0.01; done', words.path)
        await words.word()
        steps = (
            StopStep(signal="SIGTERM", wait=0),
            StopStep(signal="SIGINT", wait=0.01),
            StopStep(signal="SIGUSR2", wait=3600),
            StopStep(signal="SIGKILL", wait=3600),
        )
        await child.terminate(steps)
        assert (await child.finish()).exit == Exit(signal="SIGUSR2")


async def test_terminate_of_a_dead_child_returns_at_once(place: Place) -> None:
    with trio.fail_after(10):
        child = await place.shell("exit 0")
        await child.wait()
        await child.terminate(PATIENT)
        assert (await child.finish()).exit == Exit(code=0)


async def test_command_step_runs_in_the_directory_with_the_environment(place: Place, words: Words) -> None:
    command = ("sh", "-c", 'echo "$PWD $WHO $DUMB_ACTORS_MARKER" > words; kill -USR1 "$(cat pid)"')
    launch = place.launch("sh", "-c", 'echo $$ > pid; echo up > "$1"; exec sleep 1000', "sh", words.path, WHO="me")
    with trio.fail_after(10):
        child = await place.spawn(launch)
        await words.word()
        await child.terminate((StopStep(command=command, wait=3600),))
        assert await words.word() == f"{place.directory} me {launch.marker}"
        assert (await child.finish()).exit == Exit(signal="SIGUSR1")


async def test_command_that_takes_too_long_is_killed_with_its_group(place: Place, words: Words) -> None:
    command = ("sh", "-c", "sleep 1000 & echo $! > words; wait")
    with trio.fail_after(10):
        child = await place.shell("exec sleep 1000")
        await child.terminate((StopStep(command=command, wait=0.3), StopStep(signal="SIGTERM", wait=3600)))
        await ended(await words.number())
        assert (await child.finish()).exit == Exit(signal="SIGTERM")


@pytest.mark.parametrize("command", [("no-such-program",), ("false",)])
async def test_command_that_fails_is_logged_and_the_next_step_follows(
    place: Place, caplog: pytest.LogCaptureFixture, command: tuple[str, ...]
) -> None:
    with trio.fail_after(10):
        child = await place.shell("exec sleep 1000")
        await child.terminate((StopStep(command=command, wait=0.01), StopStep(signal="SIGTERM", wait=3600)))
        assert (await child.finish()).exit == Exit(signal="SIGTERM")
    assert "stop.command_failed" in caplog.messages


async def test_cancelled_terminate_is_harmless(place: Place, words: Words) -> None:
    with trio.fail_after(10):
        child = await place.shell('trap "" TERM; echo up > "$1"; while :; do sleep 0.01; done', words.path)
        await words.word()
        with trio.move_on_after(0.05) as scope:
            await child.terminate(PATIENT)
        assert scope.cancelled_caught
        assert is_alive(child.pid)
        await child.terminate((StopStep(signal="SIGUSR1", wait=3600),))
        assert (await child.finish()).exit == Exit(signal="SIGUSR1")


async def test_cancelling_a_command_step_ends_the_command(place: Place, words: Words) -> None:
    command = ("sh", "-c", "sleep 1000 & echo $! > words; wait")
    with trio.fail_after(10):
        child = await place.shell("exec sleep 1000")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child.terminate, (StopStep(command=command, wait=3600),))
            helper = await words.number()
            nursery.cancel_scope.cancel()
        await ended(helper)
        await child.finish()


# --- the group after a crash ------------------------------------------------------------------------------------------


async def test_crash_of_the_leader_ends_the_rest_of_its_group(place: Place, words: Words) -> None:
    with trio.fail_after(10):
        child = await place.shell('sleep 1000 & sleep 1000 & echo "$!" > "$1"; kill -KILL $$', words.path)
        helper = await words.number()
        assert await child.wait() == Exit(signal="SIGKILL")
        assert is_alive(helper)
        ending = await child.finish()
        assert not is_alive(helper)
    assert ending.tree_empty


async def test_crash_does_not_walk_the_process_table(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(procfs, "all_pids")
    with trio.fail_after(10):
        child = await place.shell("exit 1")
        await child.wait()
        assert (await child.finish()).tree_empty


async def test_stop_finds_who_left_the_group_before_without_sub_reaper(place: Place, words: Words) -> None:
    """A grandchild with a session of its own is seen below its parents, and a daemon by its marker."""
    script = f"setsid {HOLD} & (setsid {HOLD} &); wait"
    with trio.fail_after(10):
        child = await place.shell(script, words.path)
        escaped = [await words.number(), await words.number()]
        await child.terminate(TERM)
        ending = await child.finish()
        for pid in escaped:
            assert not is_alive(pid)
    assert set(escaped) <= {swept.pid for swept in ending.swept}
    assert ending.tree_empty


async def test_finish_is_bounded_when_the_output_hangs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging:
        async def finish(self) -> tuple[str, ...]:
            await trio.sleep_forever()
            return ()

    monkeypatch.setattr(process_child, "OUTPUT_TIMEOUT_S", 0.01)
    with trio.fail_after(10):
        child = await place.spawn(place.launch("true"), output=Hanging())
        assert (await child.finish()).last_lines == ()


FREEZER = Path("/sys/fs/cgroup/freezer")


@pytest.fixture
def freeze(leaves_nothing: None) -> Iterator[Callable[[int], Path]]:
    """Freeze a process so that even SIGKILL does not end it, like one that hangs on a dead mount."""
    group = FREEZER / f"dumb-actors-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("no freezer control group here")

    def freeze(pid: int) -> Path:
        (group / "cgroup.procs").write_text(str(pid))
        (group / "freezer.state").write_text("FROZEN")
        return group / "freezer.state"

    yield freeze
    group.rmdir()


async def test_process_that_sigkill_does_not_end_is_reported_and_reaped_later(
    place: Place, freeze: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_child, "KILL_TIMEOUT_S", 0.05)
    monkeypatch.setattr(process_child, "SWEEP_TIMEOUT_S", 0.05)
    with trio.fail_after(10):
        child = await place.spawn(place.launch("sleep", "1000"))
        state = freeze(child.pid)
        try:
            ending = await child.finish()
        finally:
            state.write_text("THAWED")
            await ended(child.pid)
        await trio.to_thread.run_sync(_join_reapers)
    assert [(left.pid, left.command) for left in ending.left] == [(child.pid, "sleep 1000")]
    assert not ending.tree_empty
    assert ending.exit == Exit()
    assert procfs.read_stat(child.pid) is None


def _join_reapers() -> None:
    import threading

    for thread in threading.enumerate():
        if thread.name.startswith("dumb-actors reaper"):
            thread.join()


async def test_exit_is_unknown_when_the_program_stole_the_status(place: Place) -> None:
    with trio.fail_after(10):
        child = await place.shell("exit 6")
        pidfd = os.pidfd_open(child.pid)
        await trio.lowlevel.wait_readable(pidfd)
        os.close(pidfd)
        os.waitpid(child.pid, 0)
        assert await child.wait() == Exit()
        assert (await child.finish()).tree_empty


async def test_no_popen_is_left_unreaped(place: Place) -> None:
    with trio.fail_after(10):
        child = await place.shell("exit 0")
        await child.finish()
    assert subprocess._active == []  # type: ignore[attr-defined]
