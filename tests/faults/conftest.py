"""A world for each test; when it ends, nothing of it may be left."""

import secrets

import pytest

from .world import World


@pytest.fixture
def world(tmp_path):
    here = World(tmp_path / "root", secrets.token_hex(8))
    here.root.mkdir()
    yield here
    errors = (tmp_path / "errors").read_text()
    here.close()
    assert "Traceback" not in errors, errors
