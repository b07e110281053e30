import secrets

import pytest

from tests.cli.program import Shell


@pytest.fixture(scope="session")
def pycache(tmp_path_factory):
    """Keep compiled modules where this run alone finds them: hundreds of programs need not compile them again."""
    return tmp_path_factory.mktemp("pycache")


@pytest.fixture
def shell(tmp_path, pycache):
    """Run programs in a root of their own; the test fails when one of them leaves a process."""
    root = tmp_path / "root"
    root.mkdir()
    shell = Shell(root, secrets.token_hex(12))
    shell.env["PYTHONPYCACHEPREFIX"] = str(pycache)
    yield shell
    left = shell.close()
    assert left == [], "processes were left behind"
