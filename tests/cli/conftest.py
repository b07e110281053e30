import secrets

import pytest

from tests.cli.program import Shell


@pytest.fixture
def shell(tmp_path):
    """Run programs in a root of their own; the test fails when one of them leaves a process."""
    root = tmp_path / "root"
    root.mkdir()
    shell = Shell(root, secrets.token_hex(12))
    yield shell
    left = shell.close()
    assert left == [], "processes were left behind"
