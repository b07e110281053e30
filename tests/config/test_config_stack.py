"""Whole documents: a media stack that loads, and one with many faults at once."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from dumb_actors.config import Root, load_config, parse_config
from dumb_actors.errors import ConfigError
from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.model.spec import BasicAuth, Directory, Settle, Tcp, Url

STACK: dict[str, Any] = {
    "puid": 1000,
    "pgid": 1000,
    "tz": "Europe/Berlin",
    "data_root": "/data",
    "dumb": {
        "log_level": "INFO",
        "log_name": "DUMB",
        "log_dir": "/log",
        "log_count": 2,
        "log_size": "10M",
        "color_log": True,
        "plex_token": "",
        "github_token": "",
        "onboarding_completed": True,
        "ui": {"log_timestamp": {"dateOrder": "DMY"}, "sidebar": {"geek_mode": False}},
        "auto_restart": {"enabled": False},
        "api_service": {
            "enabled": True,
            "process_name": "DUMB API",
            "log_level": "INFO",
            "host": "0.0.0.0",
            "port": 8000,
        },
        "frontend": {
            "enabled": True,
            "process_name": "DUMB Frontend",
            "repo_owner": "nicocapalbo",
            "repo_name": "dmbdb",
            "release_version_enabled": False,
            "release_version": "v1.2.0",
            "platforms": ["pnpm"],
            "clear_on_update": True,
            "exclude_dirs": [],
            "suppress_logging": False,
            "log_level": "INFO",
            "host": "0.0.0.0",
            "port": 3005,
            "origins": ["http://0.0.0.0:3005"],
            "config_dir": "{data}/dumb/frontend",
            "log_file": "{log}/dumb_frontend.log",
            "command": ["node", ".output/server/index.mjs"],
            "env": {},
        },
        "metrics": {"system_scope": "auto"},
    },
    "zurg": {
        "instances": {
            "RealDebrid": {
                "enabled": True,
                "core_service": "riven_backend",
                "process_name": "Zurg w/ RealDebrid",
                "key_type": "realdebrid",
                "user": "u",
                "password": "p",
                "host": "127.0.0.1",
                "port": 9090,
                "config_dir": "{data}/zurg/RD",
                "config_file": "{data}/zurg/RD/config.yml",
                "command": "{config_dir}/zurg --port {port}",
                "api_key": "secret",
            }
        }
    },
    "rclone": {
        "instances": {
            "RealDebrid": {
                "enabled": True,
                "core_service": "riven_backend",
                "process_name": "rclone w/ RealDebrid",
                "suppress_logging": False,
                "log_level": "INFO",
                "key_type": "realdebrid",
                "zurg_enabled": True,
                "decypharr_enabled": False,
                "mount_dir": "{mnt}",
                "mount_name": "rclone_RD",
                "cache_dir": "/cache",
                "config_dir": "{config}",
                "config_file": "{config}/rclone.config",
                "log_file": "{log}/rclone_w_realdebrid.log",
                "wait_for_url": [
                    {
                        "url": "http://localhost:9090/dav/",
                        "auth": {"user": "u", "password": "p"},
                        "core_service": "zurg",
                    }
                ],
                "command": ["rclone", "mount", "{mount_name}:", "{mount_dir}/{mount_name}", "--poll-interval", "0"],
                "api_key": "",
            }
        }
    },
    "postgres": {
        "enabled": True,
        "process_name": "PostgreSQL",
        "host": "127.0.0.1",
        "port": 5432,
        "config_dir": "{data}/postgres",
        "user": "DUMB",
        "password": "postgres",
        "databases": [{"name": "riven", "enabled": True}],
        "command": "postgres -D {config_dir} -p {port}",
        "env": {},
        "stop": [{"signal": "SIGINT", "wait": 30}],
    },
    "riven_backend": {
        "enabled": True,
        "process_name": "Riven Backend",
        "host": "127.0.0.1",
        "port": 8080,
        "config_dir": "/riven/backend",
        "env_copy": {"source": "/a/.env", "destination": "/b/.env"},
        "wait_for_dir": "{mnt}/rclone_RD/__all__",
        "command": ["/riven/backend/venv/bin/python", "src/main.py", "-p", "{port}"],
        "env": {},
        "depends_on": ["postgresql"],
        "symlink_backup_enabled": False,
        "auto_update_start_time": "04:00",
    },
    "riven_frontend": {
        "enabled": True,
        "process_name": "Riven Frontend",
        "host": "0.0.0.0",
        "port": 3000,
        "env": {"PORT": "{port}", "ORIGIN": "$ORIGIN/{port}"},
        "command": ["node", "build"],
        "depends_on": {"Riven Backend": {"until": "ready", "on_loss": "keep"}},
    },
    "plex": {"enabled": False, "process_name": "Plex Media Server", "port": 32400, "command": [], "env": {}},
    "pgadmin": {"process_name": "pgAdmin4", "port": 5050, "command": ""},
    "sonarr": {"instances": {"Default": {"enabled": False, "process_name": "Sonarr", "port": 8989, "command": []}}},
    "mine": {"process_name": "my tool", "command": "sleep 1000"},
    "seerr_sync": {"enabled": False, "external_primary": {"enabled": False, "url": "", "api_key": ""}},
}


def test_a_media_stack_loads(tmp_path: Path):
    root = Root(tmp_path)
    path = tmp_path / "dumb_config.json"
    path.write_text(json.dumps(STACK, indent=4))
    config = load_config(path, root)
    assert config.document == STACK
    assert config.warnings == ()
    specs = {spec.name: spec for spec in config.specs}
    assert [name for name, spec in specs.items() if spec.enabled] == [
        "DUMB Frontend",
        "Zurg w/ RealDebrid",
        "rclone w/ RealDebrid",
        "PostgreSQL",
        "Riven Backend",
        "Riven Frontend",
        "my tool",
    ]
    assert [b.name for b in config.builtins] == ["DUMB API"]
    zurg, rclone = specs["Zurg w/ RealDebrid"], specs["rclone w/ RealDebrid"]
    assert zurg.command == (f"{tmp_path}/data/zurg/RD/zurg", "--port", "9090")
    assert zurg.readiness == Tcp(9090)
    assert rclone.waits == (Url("http://localhost:9090/dav/", BasicAuth("u", "p")),)
    assert rclone.provides == (f"{tmp_path}/mnt/debrid/rclone_RD",)
    assert rclone.command[2:4] == ("rclone_RD:", f"{tmp_path}/mnt/debrid/rclone_RD")
    assert specs["Riven Backend"].waits == (Directory(f"{tmp_path}/mnt/debrid/rclone_RD/__all__"),)
    assert dict(specs["Riven Frontend"].env) == {"PORT": "3000", "ORIGIN": "$ORIGIN/{port}"}
    assert specs["Riven Frontend"].readiness == Tcp(3000)
    assert specs["DUMB Frontend"].readiness == Settle()
    assert (specs["DUMB Frontend"].key, specs["Sonarr"].key) == ("dumb_frontend", "sonarr")
    graph = DependencyGraph(config.specs, config.knowledge)
    assert graph.needs_all("Riven Frontend") == tuple(
        name
        for name in graph.order
        if name in {"Zurg w/ RealDebrid", "rclone w/ RealDebrid", "PostgreSQL", "Riven Backend"}
    )


def test_many_faults_at_once_with_their_paths():
    document = copy.deepcopy(STACK)
    document["puid"] = "1000"
    document["dumb"]["log_size"] = "ten"
    document["dumb"]["api_service"]["port"] = 0
    rclone = document["rclone"]["instances"]["RealDebrid"]
    rclone["wait_for_url"][0]["url"] = "localhost:9090"
    rclone["command"][2] = 7
    document["zurg"]["instances"]["RealDebrid"]["log_level"] = "info"
    document["postgres"]["stop"] = [{"signal": "SIGTREM"}]
    document["riven_backend"]["depends_on"] = ["Postgress"]
    document["riven_frontend"]["env"]["PORT"] = 3000
    document["plex"]["enabled"] = True
    document["odd key"] = {"process_name": "Sonarr", "command": "x"}
    with pytest.raises(ConfigError) as caught:
        parse_config(document, Root("/"))
    assert {(fault.kind, fault.path) for fault in caught.value.faults} == {
        ("schema", "$.puid"),
        ("schema", "$.dumb.log_size"),
        ("schema", "$.dumb.api_service.port"),
        ("schema", "$.rclone.instances.RealDebrid.wait_for_url[0].url"),
        ("schema", "$.rclone.instances.RealDebrid.command[2]"),
        ("schema", "$.zurg.instances.RealDebrid.log_level"),
        ("schema", "$.postgres.stop[0].signal"),
        ("reference", "$.riven_backend.depends_on[0]"),
        ("schema", "$.riven_frontend.env.PORT"),
        ("schema", "$.plex.command"),
        ("schema", "$['odd key'].process_name"),
    }
    hints = {fault.path: fault.hint for fault in caught.value.faults}
    assert hints["$.riven_backend.depends_on[0]"] == "did you mean 'PostgreSQL'?"
    assert hints["$.postgres.stop[0].signal"] == "did you mean 'SIGTERM'?"
