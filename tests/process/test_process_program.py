"""Programs that are run beside a service: their end, their output, and that nothing of them is left."""

import os
import sys
from pathlib import Path

import pytest
import trio
from process_support import Place, Words, ended, is_alive

from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Exit, Launch
from dumb_actors.process import procfs
from dumb_actors.process.lineage import Lineage
from dumb_actors.process.lookup import Lookup
from dumb_actors.process.program import Programs

LIMIT = 20


@pytest.fixture
def programs(place: Place) -> Programs:
    return Programs(place.spawner, place.lineage, Lookup())


@pytest.fixture
def launch(place: Place) -> Launch:
    return place.launch("service", GREETING="hello")


async def shell(programs: Programs, launch: Launch, script: str, *arguments: str) -> tuple[Exit, bytes]:
    with trio.fail_after(LIMIT):
        return await programs.run(("sh", "-c", script, "sh", *arguments), launch)


async def test_environment_directory_and_both_outputs(programs: Programs, launch: Launch) -> None:
    exit_, output = await shell(programs, launch, 'pwd; echo "$GREETING" >&2; echo "$DUMB_ACTORS_MARKER"; exit 3')
    assert exit_ == Exit(code=3)
    assert output.decode().splitlines() == [launch.cwd, "hello", f"{launch.marker}.program"]
    assert await shell(programs, launch, "kill -9 $$") == (Exit(signal="SIGKILL"), b"")
    assert programs.lineage == Lineage() or not programs.lineage.own


async def test_of_much_output_the_end_is_kept(programs: Programs, launch: Launch) -> None:
    exit_, output = await shell(programs, launch, "head -c 5000000 /dev/zero; echo the end")
    assert exit_.code == 0
    assert len(output) == 4096
    assert output.endswith(b"\0the end\n")


async def test_it_is_over_with_the_program_whoever_holds_its_output(
    programs: Programs, launch: Launch, words: Words
) -> None:
    script = 'sh -c "echo \\$\\$ >$1; exec sleep 1000" & read line <$2; echo done'
    gate = str(Path(launch.cwd, "gate"))
    os.mkfifo(gate)
    with trio.fail_after(LIMIT):
        async with trio.open_nursery() as nursery:
            results = []

            async def run() -> None:
                results.append(await shell(programs, launch, script, words.path, gate))

            nursery.start_soon(run)
            pid = await words.number()
            await trio.to_thread.run_sync(lambda: Path(gate).write_text("go\n"))
    assert results == [(Exit(code=0), b"done\n")]
    assert not is_alive(pid)


@pytest.mark.parametrize("leave", ["", "setsid "])
async def test_cancelling_kills_the_program_its_group_and_who_left_it(
    programs: Programs, launch: Launch, words: Words, leave: str
) -> None:
    script = f'trap "" TERM; {leave}sh -c "echo \\$\\$ >$1; exec sleep 1000" & echo $$ >$1; wait'
    with trio.fail_after(LIMIT):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shell, programs, launch, script, words.path)
            pids = [await words.number(), await words.number()]
            nursery.cancel_scope.cancel()
        for pid in pids:
            await ended(pid)
    assert not any(map(is_alive, pids))


async def test_with_the_sub_reaper_a_daemon_is_swept_and_no_zombie_is_left(
    place: Place, launch: Launch, words: Words, as_subreaper: None
) -> None:
    programs = Programs(place.spawner, place.lineage, Lookup(), subreaper=True)
    script = 'setsid sh -c "echo \\$\\$ >$1; exec sleep 1000" & sh -c "sleep 1000 &"; read line <$2'
    gate = str(Path(launch.cwd, "gate"))
    os.mkfifo(gate)
    with trio.fail_after(LIMIT):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shell, programs, launch, script, words.path, gate)
            pid = await words.number()
            await trio.to_thread.run_sync(lambda: Path(gate).write_text("go\n"))
    assert procfs.read_stat(pid) is None
    assert procfs.main_thread_children() == []


async def test_the_services_own_daemons_are_not_touched(place: Place, words: Words, as_subreaper: None) -> None:
    """They carry the service's marker, the program another one."""
    script = '(setsid sh -c "echo \\$\\$ >$0; exec sleep 1000" &); exec sleep 1000'
    launch = place.launch("sh", "-c", script, words.path)
    child = await place.spawn(launch, subreaper=True)
    programs = Programs(place.spawner, place.lineage, Lookup(), subreaper=True)
    with trio.fail_after(LIMIT):
        daemon = await words.number()
        while daemon not in procfs.main_thread_children():  # its parent ends at once, which is no event
            await trio.lowlevel.checkpoint()
        await programs.run(("true",), launch)
        assert is_alive(daemon)
        await child.finish()
    assert not is_alive(daemon)


async def test_what_cannot_be_started_names_it(programs: Programs, launch: Launch) -> None:
    with trio.fail_after(LIMIT), pytest.raises(SpawnFailed, match="no-such-program was not found in PATH"):
        await programs.run(("no-such-program",), launch)
    bad = Path(launch.cwd, "bad")
    bad.write_text("no format")
    bad.chmod(0o755)
    with trio.fail_after(LIMIT), pytest.raises(SpawnFailed, match="Exec format error"):
        await programs.run((str(bad),), launch)


async def test_many_in_a_row_leave_nothing(programs: Programs, launch: Launch) -> None:
    for _ in range(20):
        with trio.fail_after(LIMIT):
            assert (await programs.run((sys.executable, "--version"), launch))[0].code == 0
    assert not programs.lineage.own
    assert not programs.lineage.families
