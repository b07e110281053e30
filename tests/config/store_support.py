"""A root with a configuration, and stores that are opened on it."""

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from dumb_actors.config.root import Root
from dumb_actors.config.sources import Sources
from dumb_actors.config.store import ConfigStore, open_store
from dumb_actors.model.knowledge import NO_KNOWLEDGE

DOCUMENT: dict[str, Any] = {
    "tz": "Europe/Berlin",
    "unknown": {"kept": [1, 2.50, {"x": None}]},
    "zurg": {
        "instances": {
            "RealDebrid": {
                "process_name": "Zurg",
                "enabled": True,
                "command": ["zurg", "--port", "{port}"],
                "port": 9090,
                "api_key": "abcdef123456",
                "success_codes": [0, 1],
                "oneshot": True,
            }
        }
    },
    "db": {"process_name": "DB", "command": "db --port {port}", "port": 5432, "env": {"PGDATA": "{data}/db"}},
}
PORT = ("db", "port")
ZURG = ("zurg", "instances", "RealDebrid")
DEFAULTS: dict[str, dict[str, Any]] = {
    "db": {"process_name": "PostgreSQL", "enabled": False, "host": "127.0.0.1", "env": {"PGDATA": "x", "LANG": "C"}},
    "zurg": {"instances": {"Default": {"process_name": "Zurg", "enabled": False, "host": "0.0.0.0", "user": ""}}},
    "absent": {"process_name": "Absent"},
}


class Home:
    """A root on the disk; `now` is its time."""

    def __init__(self, path: Path) -> None:
        self.root = Root(str(path))
        self.path = path / "config" / "dumb_config.json"
        self.path.parent.mkdir(parents=True)
        self.secrets = path / "secrets"
        self.secrets.mkdir()
        self.environ: dict[str, str] = {}
        self.defaults: dict[str, dict[str, Any]] = {}
        self.now = 1_800_000_000.0
        self.write(DOCUMENT)

    def write(self, document: Any, **style: Any) -> bytes:
        text = document if isinstance(document, str) else json.dumps(document, **{"indent": 4, **style}) + "\n"
        self.path.write_text(text)
        return text.encode()

    def document(self) -> Any:
        return json.loads(self.path.read_bytes())

    def sources(self) -> Sources:
        return Sources(
            environ=self.environ, secrets_dir=str(self.secrets), defaults=self.defaults, knowledge=NO_KNOWLEDGE
        )

    async def open(self, path: Path | None = None, *, secret_paths: Any = (), **more: Any) -> ConfigStore:
        sources = attrs.evolve(self.sources(), secret_paths=secret_paths)
        return await open_store(path or self.path, self.root, sources=sources, wall=lambda: self.now, **more)

    def left(self) -> set[str]:
        """Give the names beside the configuration, but for those that are meant to be there."""
        return {each.name for each in self.path.parent.iterdir()} - {
            "dumb_config.json",
            ".dumb_config.json.lock",
            "revisions",
            "derived.json",
        }


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)
