"""The real host: what it remembers of a program between two starts is looked at again before each."""

import errno
from pathlib import Path

import pytest
import trio

from dumb_actors.actors.host import HostSettings, OsHost
from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Launch
from dumb_actors.process import trails


def _launch(tmp_path: Path, generation: int) -> Launch:
    return Launch(
        service="web",
        slug="web",
        generation=generation,
        argv=("./tool", "from", str(generation)),
        cwd=str(tmp_path),
        env={"PATH": "/usr/bin:/bin"},
        marker=f"test.{generation}",
        log_path=str(tmp_path / "web.log"),
    )


async def test_a_program_that_was_replaced_or_removed_since_the_last_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trails, "FRESH_S", 0)
    tool, log, run_dir = tmp_path / "tool", tmp_path / "web.log", tmp_path / "run"
    run_dir.mkdir()

    async def run_once(host: OsHost, generation: int) -> None:
        child = await host.spawn(await host.prepare(_launch(tmp_path, generation)))
        await child.wait()
        await child.finish()

    with trio.fail_after(30):
        async with OsHost.open(HostSettings(run_dir=str(run_dir), run_id="test")) as host:
            for generation, word in enumerate(("old", "new"), start=1):
                tool.unlink(missing_ok=True)
                tool.write_text(f"#!/bin/sh\necho {word} $*\n")
                tool.chmod(0o755)
                await run_once(host, generation)
            assert log.read_text() == "old from 1\nnew from 2\n"
            prepared = await host.prepare(_launch(tmp_path, 3))
            tool.unlink()
            with pytest.raises(SpawnFailed) as caught:
                await host.spawn(prepared)
            # As a look-up says it, not as the kernel does.
            assert (caught.value.errno, caught.value.path) == (errno.ENOENT, "./tool")
            assert "the program ./tool was not found" in str(caught.value)
            assert not any((run_dir / "out").iterdir())
