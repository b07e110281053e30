"""The benchmarks run; what they measure is nobody's test."""

import subprocess
import sys
from pathlib import Path

from tests.bench.rows import rows


def test_the_table_is_printed() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.bench", "--runs", "1", "--scale", "0.03"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100, check=True)
    assert len(done.stdout.splitlines()) == 1 + len(rows())
