"""The recipes in `docs/deploy.md`, as far as they can be checked without a machine that boots them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dumb_actors.cli.main import cli

TEXT = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()


def test_unit_file(tmp_path):
    if (verify := shutil.which("systemd-analyze")) is None:
        pytest.skip("NOT TESTED: there is no systemd-analyze")
    (unit,) = re.findall(r"```ini\n(.*?)```", TEXT, re.DOTALL)
    program = Path(sys.executable).parent / "dumb-actors"
    path = tmp_path / "stack.service"
    path.write_text(unit.replace("/opt/dumb-actors/bin/dumb-actors", str(program)))
    # It only reads; complaints about units of the machine itself are not ours.
    done = subprocess.run([verify, "verify", str(path)], check=False, capture_output=True, text=True, timeout=60)
    assert "stack.service" not in done.stderr
    assert done.returncode == 0, done.stderr


def test_commands_exist():
    for name in re.findall(r"dumb-actors ([a-z]+)\b", TEXT):
        assert name in cli.commands, name
    for path in re.findall(r"`(tests/[\w/.]+)`", TEXT):
        assert (Path(__file__).parents[2] / path).exists(), path
