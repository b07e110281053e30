"""`GET /process/core-services` and `GET /process/optional-services`."""

import pytest
from web_support import config_of, site

from dumb_actors import Root, load_catalogue, parse_config

CORE = [
    "plex",
    "jellyfin",
    "emby",
    "cli_debrid",
    "decypharr",
    "nzbdav",
    "riven_backend",
    "radarr",
    "sonarr",
    "lidarr",
    "prowlarr",
    "whisparr",
    "seerr",
    "huntarr",
    "profilarr",
    "tautulli",
    "pgadmin",
    "riven_frontend",
    "zilean",
    "postgres",
    "rclone",
    "zurg",
    "traefik",
    "dumb_api_service",
    "dumb_frontend",
    "cli_battery",
    "phalanx_db",
    "plex_debrid",
]
OPTIONAL = ["zilean", "pgadmin", "postgres", "riven_frontend", "tautulli"]
UPDATES = {"auto_update": False, "auto_update_interval": 24, "auto_update_start_time": "04:00"}


def spellings(path):
    return [path, f"{path}/", f"/api{path}", f"/api{path}/"]


async def core_services(here):
    return {one["key"]: one for one in (await here.get("/process/core-services"))["core_services"]}


async def optional_keys(here, query=""):
    response = await here.client.get(f"/process/optional-services{query}")
    assert response.status_code == 200, response.text
    return [one["key"] for one in response.json()["optional_services"]]


def assert_has_all_the_client_reads(item, *, flat):
    """What the web client takes from an item (its contract, section 10)."""
    assert isinstance(item["key"], str)
    assert isinstance(item["name"], str)
    assert isinstance(item["description"], str)
    assert isinstance(item["supports_instances"], bool)
    groups = [(item["service_options"], item["service_option_descriptions"])]
    if not flat:
        assert set(item["service_options"]) == set(item["service_option_descriptions"])
        groups = [(item["service_options"][key], item["service_option_descriptions"][key]) for key in groups[0][0]]
    groups += [
        (options, item["instance_option_descriptions"][name]) for name, options in item["instance_options"].items()
    ]
    assert bool(item["instance_options"]) == item["supports_instances"]
    for options, texts in groups:
        assert list(options) == list(texts)
        assert all(isinstance(text, str) and text for text in texts.values())


# --- core services ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", spellings("/process/core-services"))
async def test_the_list_of_core_services(path):
    async with site() as here:
        answer = await here.get(path)
    assert list(answer) == ["core_services"]
    assert [item["key"] for item in answer["core_services"]] == CORE
    for item in answer["core_services"]:
        assert_has_all_the_client_reads(item, flat=False)
        assert list(item["service_options"]) == [item["key"], *item["dependencies"]]


async def test_the_example_of_decypharr():
    async with site() as here:
        item = (await core_services(here))["decypharr"]
    title, *points, blank, documentation, blank_too, providers = item.pop("description").split("\n")
    assert title == "Decypharr"
    assert points
    assert all(point.startswith("- ") for point in points)
    assert (blank, blank_too) == ("", "")
    assert documentation == "Documentation: https://dumbarr.com/services/core/decypharr"
    assert providers == "Supported debrid providers: RealDebrid, AllDebrid, Debrid Link, TorBox"
    texts = item.pop("service_option_descriptions")
    assert {key: list(one) for key, one in texts.items()} == {
        key: list(one) for key, one in item["service_options"].items()
    }
    assert item == {
        "name": "Decypharr",
        "key": "decypharr",
        "dependencies": ["rclone"],
        "debrid_providers": ["RealDebrid", "AllDebrid", "Debrid Link", "TorBox"],
        "service_options": {
            "decypharr": {
                "repo_owner": "sirrobot01",
                "repo_name": "decypharr",
                "release_version_enabled": False,
                "release_version": "v1.0.0",
                "branch_enabled": False,
                "branch": "main",
                "suppress_logging": False,
                "log_level": "INFO",
                "port": 8282,
                **UPDATES,
                "symlink_backup_enabled": False,
                "symlink_backup_interval": 168,
                "symlink_backup_start_time": "04:00",
                "symlink_backup_path": "/config/symlink-repair/snapshots/decypharr-{timestamp}.json",
                "symlink_backup_include_broken": True,
                "symlink_backup_retention_count": 1,
                "symlink_backup_roots": ["/mnt/debrid/decypharr_symlinks"],
                "mount_type": "dfs",
                "mount_path": "/mnt/debrid/decypharr",
            },
            "rclone": {"core_service": "", "suppress_logging": False, "log_level": "INFO"},
        },
        "supports_instances": False,
        "instance_options": {},
        "instance_option_descriptions": {},
    }


async def test_the_example_of_sonarr():
    async with site() as here:
        item = (await core_services(here))["sonarr"]
    assert (item["name"], item["dependencies"], item["debrid_providers"]) == ("Sonarr", [], [])
    assert item["supports_instances"] is True
    options = item["service_options"]["sonarr"]
    shown = {"core_service": "", "use_huntarr": False, "use_profilarr": False, "port": 8989}
    assert {name: options[name] for name in shown} == shown
    assert item["instance_options"] == {"Default": options}
    assert item["instance_option_descriptions"] == {"Default": item["service_option_descriptions"]["sonarr"]}


async def test_supporting_services_have_no_description_and_builtins_no_options():
    async with site() as here:
        items = await core_services(here)
    supporting = set(CORE[15:27])
    assert {key for key, item in items.items() if item["description"] == "No description available"} == supporting
    assert items["dumb_frontend"]["service_options"] == {"dumb_frontend": {}}
    assert items["pgadmin"]["name"] == "pgAdmin"


async def test_the_present_configuration_has_no_say():
    async with site() as here:
        expected = await here.get("/process/core-services")
    document = {"radarr": {"instances": {"Films": {"process_name": "Radarr Films", "port": 1234}}}}
    async with site(config_of(document)) as here:
        assert await here.get("/process/core-services") == expected


# --- optional services ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", spellings("/process/optional-services"))
async def test_the_list_of_optional_services(path):
    async with site() as here:
        answer = await here.get(path)
    assert list(answer) == ["optional_services"]
    assert [item["key"] for item in answer["optional_services"]] == OPTIONAL
    for item in answer["optional_services"]:
        assert_has_all_the_client_reads(item, flat=True)
        assert not {"dependencies", "debrid_providers"} & set(item)
    names = [item["name"] for item in answer["optional_services"]]
    assert names == ["Zilean", "PgAdmin", "Postgres", "Riven Frontend", "Tautulli"]


async def test_the_examples_of_pgadmin_and_tautulli():
    async with site() as here:
        answer = await here.get("/process/optional-services")
    items = {item["key"]: item for item in answer["optional_services"]}
    pgadmin = items["pgadmin"]
    assert pgadmin.pop("description").endswith("\n\nDocumentation: https://dumbarr.com/services/optional/pgadmin")
    assert list(pgadmin.pop("service_option_descriptions")) == ["port", "setup_email", "setup_password"]
    assert pgadmin == {
        "name": "PgAdmin",
        "key": "pgadmin",
        "service_options": {"port": 5050, "setup_email": "DUMB@DUMB.DUMB", "setup_password": "postgres"},
        "supports_instances": False,
        "instance_options": {},
        "instance_option_descriptions": {},
    }
    shown = {"repo_owner": "Tautulli", "repo_name": "Tautulli", "port": 8181, "auto_update": False}
    assert {name: items["tautulli"]["service_options"][name] for name in shown} == shown


@pytest.mark.parametrize(
    ("query", "postgres"),
    [
        ("?core_service=riven_backend", False),
        ("?core_service=Riven", True),
        ("?core_service=riven_backendx", True),
        ("?core_service=", True),
        ("?core_service=plex", True),
        ("?core_service=zilean", True),
        ("?optional_services=zilean", False),
        ("?optional_services=pgadmin&optional_services=tautulli", False),
        ("?optional_services=tautulli&optional_services=pgadmin", False),
        ("?optional_services=tautulli,zilean", False),
        ("?optional_services=tautulli,%20zilean", False),
        ("?optional_services[]=zilean", False),
        ("?optional_services%5B%5D=tautulli&optional_services%5B%5D=pgadmin", False),
        ("?optional_services[]=tautulli&optional_services=zilean", False),
        ("?optional_services=tautulli", True),
        ("?optional_services=riven_frontend&optional_services=", True),
        ("?optional_services=nobody", True),
        ("?core_service=plex&optional_services[]=", True),
        ("?something=else", True),
    ],
)
async def test_what_comes_by_itself_is_left_out(query, postgres):
    async with site() as here:
        assert await optional_keys(here, query) == [key for key in OPTIONAL if postgres or key != "postgres"]


# --- the user's folder ------------------------------------------------------------------------------------------------


async def test_the_users_folder_counts_and_a_wrong_file_harms_nobody(tmp_path):
    folder = tmp_path / "config" / "catalogue"
    folder.mkdir(parents=True)
    async with site(parse_config({}, Root(tmp_path))) as here:
        assert await optional_keys(here) == OPTIONAL
        (folder / "mine.toml").write_text(
            'name = "Mine"\nlisted.optional = 5\noptions = ["port"]\nblock = { process_name = "Mine", port = 1 }\n'
        )
        assert await optional_keys(here) == ["mine", *OPTIONAL]
        (folder / "plex.toml").write_text("nam = 1\n")
        assert await optional_keys(here) == ["mine", *OPTIONAL]
        assert list(await core_services(here)) == CORE
    assert [error.source for error in load_catalogue(folder).faults] == [str(folder / "plex.toml")]


async def test_nothing_is_promised_that_is_not_there():
    async with site() as here:
        assert set((await here.get("/process/capabilities")).values()) == {False}
