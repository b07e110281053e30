"""An upgrade: `down --keep`, install the newer wheel over the older one, `up`; no service notices."""

import json
import os
import secrets
import subprocess
from contextlib import contextmanager
from urllib.request import urlopen

import pytest

from tests.cli.program import MARK, end_pid, find_marked, service

from .conftest import NEWER
from .support import run

COUNTING = "echo up; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"


class Stack:
    """The installed program, on a root of its own."""

    def __init__(self, program, root):
        self.program = program
        self.root = root
        self.mark = secrets.token_hex(12)
        self.env = {"DUMB_ACTORS_ROOT": str(root), MARK: self.mark}
        (root / "config").mkdir(parents=True)
        (root / "config/dumb_config.json").write_text(json.dumps({"a": service("a", COUNTING)}))

    def tell(self, *words):
        return run(self.program, *words, DUMB_ACTORS_ROOT=str(self.root))

    @contextmanager
    def up(self):
        """Give what `up` says until it listens, line by line; on leaving it must end well."""
        command = [self.program, "up", "--bind", "127.0.0.1:0"]
        env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        with subprocess.Popen(command, env={**env, **self.env}, cwd="/", stdout=subprocess.PIPE, text=True) as up:
            said = []
            for line in up.stdout:
                said.append(line)
                if line.startswith("listening on"):
                    break
            try:
                yield said
                said += up.stdout.readlines()
                assert up.wait(20) == 0, said
            finally:
                up.kill()

    def overview(self):
        """Ask the API itself."""
        url = json.loads((self.root / "run/api.json").read_text())["url"]
        with urlopen(f"{url}/status") as answer:  # noqa: S310 - our own
            return json.load(answer)

    def the_service(self):
        (found,) = self.overview()["services"]
        return found


@pytest.fixture
def stack(program, tmp_path):
    stack = Stack(program, tmp_path / "root")
    yield stack
    left = find_marked(stack.mark)
    for pid, _ in left:
        end_pid(pid)
    assert left == []


@pytest.fixture
def upgrade(stack, wheel, newer_wheel, pip):
    """Give what installs the newer wheel over the older one; afterwards the older one is back for other tests."""
    install = [*pip, "--force-reinstall", "--no-deps"]
    yield lambda: run(*install, newer_wheel)
    run(*install, wheel)


def test_an_upgrade_restarts_nothing(stack, upgrade):
    with stack.up():
        stack.tell("start", "a")
        older, before = stack.overview()["version"], stack.the_service()
        keeper = json.loads((stack.root / "run/keeper.json").read_text())
        assert (before["phase"], before["generation"]) == ("ready", 1)
        assert stack.tell("down", "--keep") == "the supervisor has ended, its services go on\n"

    upgrade()
    assert run(stack.program, "--version") == f"dumb-actors, version {NEWER}\n"
    assert older != NEWER

    with stack.up() as said:
        assert stack.overview()["version"] == NEWER
        after = stack.the_service()
        assert [after[key] for key in ("pid", "generation", "phase")] == [before["pid"], 1, "ready"]
        assert after["started_at"] == pytest.approx(before["started_at"], abs=1)
        assert after["needs_restart"] is False
        # The keeper that moves the output is of the newer version as well.
        newer_keeper = json.loads((stack.root / "run/keeper.json").read_text())
        assert (keeper["version"], newer_keeper["version"]) == (older, NEWER)
        seen = (stack.root / "log/a.log").read_bytes().count(b"\n")
        assert stack.tell("down") == "everything is stopped\n"
    assert any("took over 1 services" in line for line in said)
    lines = (stack.root / "log/a.log").read_text().splitlines()
    assert lines == ["up", *(f"line {n}" for n in range(1, len(lines)))]
    assert len(lines) >= seen > 1
    assert find_marked(stack.mark) == []
    assert not (stack.root / "run/keeper.json").exists()
    assert list((stack.root / "run/out").iterdir()) == []
