"""Every example runs, says what it promises, and leaves nothing; its first line says what it shows."""

import ast
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from dumb_actors.cli.demo_programs import find_programs
from dumb_actors.errors import HostError
from tests.cli.program import MARK, find_marked

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.rglob("*.py"))


def run(name, *args, **env):
    """Run an example to its end; give its lines, and be sure that it was quiet and left nothing."""
    mark = secrets.token_hex(12)
    ended = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *args],
        check=False,
        env={**os.environ, MARK: mark, **env},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert find_marked(mark) == []
    return ended.stdout.splitlines()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_first_line_says_what_it_shows_and_only_public_names_are_used(script):
    tree = ast.parse(script.read_text())
    first = (ast.get_docstring(tree) or "").splitlines()[0]
    assert len(first) > 40
    assert first.endswith((".", "`", "!"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in modules if name.startswith("dumb_actors.")]


def test_embedded():
    lines = run("embedded.py")
    assert any(line.startswith("web is ready") and "{'files': 'ready'}" in line for line in lines)
    assert lines.index("  files: ready (accepts connections)") < next(
        i for i, x in enumerate(lines) if "web: starting" in x
    )
    assert lines[-1] == "everything is gone"
    assert len((EXAMPLES / "embedded.py").read_text().splitlines()) <= 50


def test_oneshot_then_service():
    assert run("oneshot_then_service.py") == [
        "migrate is completed (exited with code 0, as intended), no process is left of it",
        "serve is ready: serving made by the migration",
        "after a restart of serve the migration has run 1 time",
        "rows: ('made by the migration',)",
    ]


def test_crash_and_heal():
    lines = run("crash_and_heal.py")
    told = [re.split(r"  +", line.strip(), maxsplit=2)[1:] for line in lines if re.match(r" *\d+\.\d\d s ", line)]
    phases = [phase for phase, _ in told]
    assert phases == [*["waiting", "starting", "backoff"] * 3, "waiting", "starting", "ready"]
    delays = [text.rpartition("next attempt ")[2] for phase, text in told if phase == "backoff"]
    assert delays == ["at once", "in 0.2 s", "in 0.4 s"]
    assert "healed: 3 restarts, 2 of them failed, 1 succeeded" in lines
    assert any("| cannot reach the moon in try 2" in line for line in lines)
    assert lines[-1] == "everything is gone"


def test_notify_readiness():
    assert run("notify_readiness.py") == [
        "library is ready (said READY=1) and says: Serving 3 libraries",
        "reader is ready; it waited for {'library': 'ready'}",
        "everything is gone",
    ]


@pytest.mark.real
@pytest.mark.parametrize("way", ["as this user may", "without a mount"])
def test_media_stack(way, tmp_path):
    try:
        find_programs()
    except HostError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"NOT TESTED: {error}")
    more = [] if way == "as this user may" else ["--no-mount"]
    lines = run("media_stack/launch.py", "--once", *more, TMPDIR=str(tmp_path))
    assert lines[0].startswith("rclone mounts" if not more and may_mount() else "rclone copies")
    order = [re.split(r"  +", line.strip())[1:3] for line in lines if re.match(r" *\d+\.\d\d s ", line)]
    for before, after in [
        (["Zurg w/ RealDebrid", "ready"], ["rclone w/ RealDebrid", "ready"]),
        (["Database", "ready"], ["Riven Migrations", "starting"]),
        (["Riven Migrations", "completed"], ["Riven Backend", "starting"]),
        (["rclone w/ RealDebrid", "starting"], ["Riven Backend", "starting"]),
        (["Riven Backend", "starting"], ["Plex Media Server", "starting"]),
    ]:
        assert order.index(before) < order.index(after), (before, after)
    assert any("gives 'the whole film\\n'" in line for line in lines)
    assert lines[-1] == "everything is gone"
    assert list(tmp_path.iterdir()) == []


def may_mount():
    return os.access("/dev/fuse", os.R_OK | os.W_OK) and any(
        os.access(f"{place}/fusermount3", os.X_OK) for place in os.environ["PATH"].split(":")
    )
