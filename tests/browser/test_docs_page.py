"""The page of the API in a real browser: it shows every route, and no console message."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)

FLAGS = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=5000",
]


def _need_chromium() -> str:
    if CHROMIUM is None:
        text = "needs Chromium: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    return CHROMIUM


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A real program with its API on a free port; gives its URL."""
    config = tmp_path / "config.json"
    config.write_text("{}")
    command = [sys.executable, "-m", "dumb_actors", "up", "--root", str(tmp_path), "--config", str(config)]
    with subprocess.Popen([*command, "--bind", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        lines = iter(program.stdout.readline, "")
        yield next(line.split()[-1] for line in lines if line.startswith("listening on "))
        program.terminate()
        program.communicate(timeout=30)
        assert program.returncode == 0


def test_the_page_shows_every_route(site: str, tmp_path: Path) -> None:
    command = [_need_chromium(), *FLAGS, f"--user-data-dir={tmp_path}/profile", "--dump-dom", f"{site}/docs"]
    if os.geteuid() == 0:
        command.insert(1, "--no-sandbox")
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    for path in ("/process/start-service", "/process/service-status", "/events", "/openapi.json", "/shutdown"):
        assert path in done.stdout
    assert "CONSOLE" not in done.stderr
