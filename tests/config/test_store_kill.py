"""SIGKILL before each system call of a change: the file is the old one or the new one, with its revision."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from store_support import DOCUMENT

KILLER = Path(__file__).parent / "store_killer.py"
OLD = json.dumps(DOCUMENT, indent=4) + "\n"


def sweep(tmp_path, action):
    command = [sys.executable, str(KILLER), str(tmp_path), action]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert done.stderr == ""
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all("error" not in one for one in found), found
    for one in found:
        assert one["untouched"]
        assert one["first"] == OLD
        assert (one["left"], one["pending"]) == ([], [])
        assert one["numbers"] == sorted(set(one["numbers"]))
    return found


@pytest.mark.parametrize("action", ["persist", "restore"])
def test_the_file_is_the_old_one_or_the_new_one_with_its_revision(tmp_path, action):
    new = OLD if action == "restore" else OLD.replace("5432", "6000")
    old = OLD.replace("5432", "7000") if action == "restore" else OLD
    found = sweep(tmp_path, action)
    before = 2 if action == "restore" else 1
    for one in found:
        assert one["file"] in {old, new}
        # Whose change it is is known even when its author died in the middle of it.
        author = "library" if action == "restore" else "the first start"
        expected = (before, author) if one["file"] == old else (before + 1, "writer")
        assert (one["revision"], one["by"]) == expected
    assert found[0]["file"] == old
    assert found[-1]["file"] == new
    # The sweep went through both states, and the change happened at one call.
    files = [one["file"] for one in found]
    assert files == sorted(files, key=[old, new].index)
    assert files.count(old) > 10
    assert files.count(new) > 3


def test_a_change_in_memory_leaves_the_file_whenever_it_is_killed(tmp_path):
    for one in sweep(tmp_path, "memory"):
        assert (one["file"], one["port"]) == (OLD, 5432)


def test_a_derived_value_is_there_or_not_whenever_it_is_killed(tmp_path):
    found = sweep(tmp_path, "derive")
    ports = [one["port"] for one in found]
    assert {one["file"] for one in found} == {OLD}
    assert {one["written"] for one in found} == {5432}
    assert ports == sorted(ports)
    assert set(ports) == {5432, 6000}
