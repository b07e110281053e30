"""Every example runs, says what it promises, and leaves nothing."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

from tests.cli.program import MARK, find_marked

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_embedded():
    mark = secrets.token_hex(12)
    script = EXAMPLES / "embedded.py"
    ended = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        check=False,
        env={**os.environ, MARK: mark},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert any(line.startswith("web is ready") and "{'files': 'ready'}" in line for line in lines)
    assert lines.index("  files: ready (accepts connections)") < next(
        i for i, x in enumerate(lines) if "web: starting" in x
    )
    assert lines[-1] == "everything is gone"
    assert find_marked(mark) == []
    assert len(script.read_text().splitlines()) <= 50
