"""What the tests of the wheel share: programs that are run far from the checkout."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*command, timeout=170, **env):
    """Run *command* outside the checkout, with nothing of ours on its path; return what it says."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "DUMB_ACTORS"))}
    ended = subprocess.run(
        [str(part) for part in command],
        check=False,
        cwd="/",
        env={**clean, **env},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
