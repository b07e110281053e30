"""The configuration whose neighbourhoods the API document records (2.12), and what it says of each."""

import copy
from typing import Any

import attrs

from dumb_actors import Config, Root, parse_config

RIVEN = "/mnt/debrid/riven"


def _block(name: str, **fields: Any) -> dict[str, Any]:
    return {"enabled": False, "process_name": name, "command": ["program"], **fields}


def _instances(**blocks: dict[str, Any]) -> dict[str, Any]:
    return {"instances": {name.replace("_", " "): block for name, block in blocks.items()}}


def document() -> dict[str, Any]:
    """Every service that the document has defaults for, disabled unless it is part of the record."""
    on: dict[str, Any] = {"enabled": True}
    return copy.deepcopy(
        {
            "dumb": {
                "api_service": _block("DUMB API", port=8000) | {"enabled": True, "command": None},
                "frontend": _block("DUMB Frontend", port=3005) | {"enabled": True, "command": None},
            },
            "traefik": _block("Traefik", port=18080),
            "cli_debrid": _block("CLI Debrid", port=5000),
            "cli_battery": _block("CLI Battery", port=5001),
            "decypharr": _block("Decypharr", port=8282, mount_type="dfs", mount_path="/mnt/debrid/decypharr", **on),
            "nzbdav": _block("NzbDAV", frontend_port=3000, backend_port=8080),
            "emby": _block("Emby Media Server", port=8096),
            "jellyfin": _block("Jellyfin Media Server", port=8096),
            "lidarr": _instances(Default=_block("Lidarr", port=8686, core_service="", use_huntarr=False)),
            "phalanx_db": _block("Phalanx DB", port=8888),
            "plex": _block("Plex Media Server", port=32400, wait_for_mounts=[RIVEN, "/mnt/debrid/decypharr"], **on),
            "tautulli": _block("Tautulli", port=8181, wait_for_url=[{"url": "http://127.0.0.1:32400/identity"}], **on),
            "huntarr": _instances(Default=_block("Huntarr", port=9705, core_service="")),
            "profilarr": _instances(Default=_block("Profilarr", port=6868, core_service="")),
            "seerr": _instances(
                Main=_block(
                    "Seerr Main",
                    port=5055,
                    core_service="plex",
                    wait_for_url=[{"url": "http://127.0.0.1:32400/identity"}],
                    **on,
                )
            ),
            "plex_debrid": _block("Plex Debrid"),
            "postgres": _block("PostgreSQL", port=5432, host="127.0.0.1", **on),
            "pgadmin": _block("pgAdmin4", port=5050, **on),
            "prowlarr": _instances(Default=_block("Prowlarr", port=9696, **on)),
            "rclone": _instances(
                Riven=_block(
                    "Rclone w/ Riven",
                    core_service="riven_backend",
                    zurg_enabled=True,
                    decypharr_enabled=False,
                    key_type="realdebrid",
                    mount_dir="/mnt/debrid",
                    mount_name="riven",
                    wait_for_url=[{"url": "http://localhost:9090/dav/"}],
                    **on,
                ),
                CLID=_block(
                    "Rclone w/ CLID",
                    core_service="cli_debrid",
                    zurg_enabled=False,
                    decypharr_enabled=False,
                    key_type="realdebrid",
                    mount_dir="/mnt/debrid",
                    mount_name="clid",
                ),
            ),
            "riven_backend": _block("Riven Backend", port=8080, wait_for_dir=f"{RIVEN}/__all__", **on),
            "riven_frontend": _block("Riven Frontend", port=3000, **on),
            "radarr": _instances(Default=_block("Radarr", port=7878, core_service="", use_huntarr=False)),
            "sonarr": _instances(Default=_block("Sonarr", port=8989, core_service="decypharr", **on)),
            "whisparr": _instances(Default=_block("Whisparr", port=6969, core_service="")),
            "zilean": _block("Zilean", port=8182, **on),
            "zurg": _instances(Riven=_block("Zurg w/ Riven", port=9090, core_service="riven_backend", **on)),
        }
    )


def config() -> Config:
    return parse_config(document(), Root("/simulated"))


@attrs.frozen(kw_only=True)
class Recorded:
    """One row of the record; links are what is depended on, and who depends, with the signals."""

    target: str
    scope: str = "runtime"
    mode: str = "core"
    startup: tuple[str, ...]
    dependencies: tuple[str, ...] = ()
    dependents: tuple[str, ...] = ()
    outgoing: dict[str, list[str]] = attrs.field(factory=dict)
    incoming: dict[str, list[str]] = attrs.field(factory=dict)


_ZILEAN = ["zilean_optional_integration"]

RECORDED = (
    Recorded(
        target="Plex Media Server",
        startup=("plex",),
        dependents=("tautulli", "seerr"),
        outgoing={"Rclone w/ Riven": ["wait_for_mounts"], "Decypharr": ["wait_for_mounts"]},
        incoming={"Tautulli": ["wait_for_url"], "Seerr Main": ["core_service_fields"]},
    ),
    Recorded(
        target="Rclone w/ Riven",
        startup=("zurg", "rclone"),
        dependencies=("zurg",),
        dependents=("riven_backend",),
        outgoing={
            "Riven Backend": ["core_service_fields"],
            "Zurg w/ Riven": ["conditional_startup_map", "rclone_provider_zurg", "wait_for_url"],
        },
        incoming={"Plex Media Server": ["wait_for_mounts"], "Riven Backend": ["wait_for_dir"]},
    ),
    Recorded(
        target="Rclone w/ CLID",
        mode="dependency",
        startup=("rclone", "cli_debrid"),
        dependents=("cli_debrid",),
        outgoing={"CLI Debrid": ["core_service_fields"]},
    ),
    Recorded(
        target="Riven Backend",
        startup=("zurg", "rclone", "postgres", "riven_backend"),
        dependencies=("zurg", "rclone", "postgres"),
        dependents=("riven_frontend",),
        outgoing={"Rclone w/ Riven": ["wait_for_dir"], "PostgreSQL": ["conditional_startup_map"]},
        incoming={
            "Rclone w/ Riven": ["core_service_fields"],
            "Riven Frontend": ["non_core_dependency_map"],
            "Zurg w/ Riven": ["core_service_fields"],
        },
    ),
    Recorded(
        target="PostgreSQL",
        mode="dependency",
        startup=("postgres", "riven_backend", "zilean", "pgadmin"),
        dependents=("riven_backend", "zilean", "pgadmin"),
        incoming={
            "pgAdmin4": ["non_core_dependency_map"],
            "Zilean": ["non_core_dependency_map"],
            "Riven Backend": ["conditional_startup_map"],
        },
    ),
    Recorded(
        target="Decypharr",
        startup=("decypharr",),
        incoming={"Plex Media Server": ["wait_for_mounts"], "Sonarr": ["core_service_fields"]},
    ),
    Recorded(
        target="Zurg w/ Riven",
        mode="dependency",
        startup=("zurg", "riven_backend", "rclone"),
        dependents=("riven_backend", "rclone"),
        outgoing={"Riven Backend": ["core_service_fields"]},
        incoming={"Rclone w/ Riven": ["wait_for_url"]},
    ),
    Recorded(
        target="Sonarr",
        startup=("sonarr",),
        dependents=("prowlarr", "profilarr"),
        outgoing={"Decypharr": ["core_service_fields"]},
        incoming={"Profilarr": ["conditional_startup_map"], "Prowlarr": ["conditional_startup_map"]},
    ),
    Recorded(
        target="Zilean",
        scope="all",
        startup=("postgres", "zilean"),
        dependencies=("postgres",),
        outgoing={"PostgreSQL": ["conditional_startup_map", "non_core_dependency_map"]},
        incoming=dict.fromkeys(
            ("CLI Debrid", "Lidarr", "Prowlarr", "Riven Backend", "Radarr", "Sonarr", "Whisparr"), _ZILEAN
        ),
    ),
)
