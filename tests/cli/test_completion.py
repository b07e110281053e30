"""Shell completion, with a real bash; zsh and fish get click's own scripts."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import service

BIN = Path(sys.executable).parent
COMPLETE = """
eval "$(dumb-actors completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
compopt() { :; }
_dumb_actors_completion dumb-actors
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(shell, *words):
    """Give what bash would offer for the last of *words*."""
    done = subprocess.run(
        ["bash", "--norc", "-c", COMPLETE, "bash", "dumb-actors", *words],
        env={**shell.env, "PATH": f"{BIN}:{shell.env['PATH']}"},
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


def test_commands_and_options(shell):
    assert complete(shell, "sta") == ["start", "status"]
    assert complete(shell, "completion", "") == ["bash", "zsh", "fish"]
    assert "--no-deps" in complete(shell, "start", "--")


def test_names_of_services(shell):
    shell.up({"a": service("Postgres"), "b": service("rclone w/ RealDebrid"), "c": service("Riven's own")})
    assert complete(shell, "status", "post") == ["Postgres"]
    assert complete(shell, "stop", "Postgres", "") == ["'rclone w/ RealDebrid'", '"Riven\'s own"']
    assert complete(shell, "logs", "'rclone w") == ["rclone w/ RealDebrid"]
    assert complete(shell, "graph", "p") == ["Postgres"]
    assert complete(shell, "events", "--service", "P") == ["Postgres"]


def test_nothing_and_no_noise_without_a_supervisor(shell):
    assert complete(shell, "status", "") == [""]
    assert complete(shell, "status", "--url", "gopher://x", "") == [""]


@pytest.mark.parametrize(("name", "text"), [("zsh", "#compdef dumb-actors"), ("fish", "complete --no-files")])
def test_scripts_of_other_shells(shell, name, text):
    ended = shell.run("completion", name)
    assert ended.code == 0
    assert text in ended.out
    if (program := shutil.which(name)) is not None:
        subprocess.run([program, "-n"], input=ended.out, check=True, text=True, timeout=20)


def test_unknown_shell(shell):
    assert shell.run("completion", "tcsh").code == 2
