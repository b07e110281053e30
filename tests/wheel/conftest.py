"""The wheel of this checkout, and an environment far from it that it is installed into; each is made once."""

import shutil
import sys

import pytest

from .support import ROOT, run

PARTS = ("pyproject.toml", "README.md", "LICENSE", "dumb_actors", "web")
"""What a wheel is built from."""

NEWER = "99.0.0"


def build(source, place):
    """Build the wheel of *source* into *place*."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", place, source)
    (found,) = place.glob("dumb_actors-*.whl")
    return found


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def newer_wheel(tmp_path_factory):
    """Build the wheel of the same tree under a higher version."""
    tree = tmp_path_factory.mktemp("newer")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, tree / part)
    project = tree / "pyproject.toml"
    before = project.read_text()
    after = [f'version = "{NEWER}"' if line.startswith("version = ") else line for line in before.splitlines()]
    assert after != before.splitlines()
    project.write_text("\n".join(after) + "\n")
    return build(tree, tmp_path_factory.mktemp("newer-dist"))


@pytest.fixture(scope="session")
def pip(tmp_path_factory):
    """Make a fresh environment; give the command that installs into it."""
    place = tmp_path_factory.mktemp("fresh")
    run(sys.executable, "-m", "venv", place)
    return [place / "bin/python", "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]


@pytest.fixture(scope="session")
def program(wheel, pip):
    """Install the wheel with what it depends on; give the path of its program."""
    run(*pip, "--constraint", ROOT / "requirements.lock", wheel)
    return pip[0].parent / "dumb-actors"
