"""Our own files say what the specification says."""

import re

import pytest
from facts import (
    ALIASES,
    BLOCKS,
    CONDITIONAL,
    CORE,
    CORE_MAP,
    FALLBACK_PORTS,
    LINKS,
    OPTIONAL,
    OPTIONS,
    SOURCES,
)

from dumb_actors.catalogue import core_offers, known_keys, load_catalogue, optional_offers, repo_url, sponsorship_url
from dumb_actors.catalogue.knowledge import load_knowledge

CATALOGUE = load_catalogue()
OFFERS = {offer.key: offer for offer in core_offers(CATALOGUE)}
WITHOUT_DEFAULT = {"bazarr", "readarr", "whisparr-v3"}
HOMES = {
    "/dumb/frontend": "{data}/dumb_frontend",
    "/postgres_data": "{data}/postgres",
    "/riven/backend": "{data}/riven_backend",
    "/riven/frontend": "{data}/riven_frontend",
    "/mnt/debrid": "{mnt}",
    "/config": "{config}",
    "/log": "{log}",
}


def rows(table):
    return [line.split(" | ") for line in table.splitlines()]


def words(cell):
    return [] if cell == "—" else cell.split(", ")


def key_of(cell):
    return cell.replace("dumb.", "dumb_")


def home(path):
    """Give where a directory of the specification lies here: below the root, by the rule of the design."""
    for there, here in HOMES.items():
        if path == there or path.startswith(f"{there}/"):
            return here + path.removeprefix(there)
    return "{data}" + path


def given(name, cell):
    """Give the field as an item where the cell has a value."""
    return {} if cell == "—" else {name: cell}


# --- which there are --------------------------------------------------------------------------------------------------


def test_every_key_has_its_file():
    assert known_keys() == set(CATALOGUE) == {key_of(row[0]) for row in rows(BLOCKS)} | WITHOUT_DEFAULT
    assert {key for key, entry in CATALOGUE.items() if not entry.has_default} == WITHOUT_DEFAULT
    assert CATALOGUE.faults == ()


def test_the_list_of_core_services():
    found = [
        [
            offer.key + ("*" if CATALOGUE[offer.key].core else ""),
            offer.name,
            ", ".join(offer.dependencies) or "—",
            ", ".join(offer.debrid_providers) or "—",
            "yes" if offer.supports_instances else "no",
        ]
        for offer in OFFERS.values()
    ]
    assert found == [row[:5] for row in rows(CORE)]


@pytest.mark.parametrize("row", rows(CORE), ids=lambda row: row[0])
def test_the_descriptions_of_core_services(row):
    offer = OFFERS[row[0].removesuffix("*")]
    if not row[0].endswith("*"):
        assert offer.description == "No description available"
        return
    pattern = r"(.+)\n(- .+\.\n)+\nDocumentation: (\S+)(\n\nSupported debrid providers: (.+))?"
    told = re.fullmatch(pattern, offer.description)
    assert told is not None
    assert told[3] == row[5]
    assert told[5] == (None if row[3] == "—" else row[3])


def test_the_list_of_optional_services():
    offers = optional_offers(CATALOGUE)
    assert [(offer.key, offer.name) for offer in offers] == [(key, name) for key, name, _ in OPTIONAL]
    for offer, (_, _, documentation) in zip(offers, OPTIONAL, strict=True):
        assert re.fullmatch(rf"(.+)\n(- .+\.\n)+\nDocumentation: {re.escape(documentation)}", offer.description)
        assert offer.supports_instances is False
        assert offer.instance_options == offer.instance_option_descriptions == {}


def test_what_is_chosen_before_takes_away_what_comes_with_it():
    def keys(**asked):
        return [offer.key for offer in optional_offers(CATALOGUE, **asked)]

    every = [key for key, _, _ in OPTIONAL]
    without = [key for key in every if key != "postgres"]
    for key in CATALOGUE:
        assert keys(core_service=key) == (without if key == "riven_backend" else every)
        assert keys(chosen=[key]) == (without if key in {"zilean", "pgadmin"} else every)
    assert keys(core_service="Riven") == keys(core_service="nobody") == keys(chosen=["Zilean", ""]) == every


def test_words_for_keys():
    assert CATALOGUE.aliases == ALIASES
    for word, key in ALIASES.items():
        assert CATALOGUE.find(f" {word.title()} ") is CATALOGUE[key]
    assert CATALOGUE.find("PostgreS") is CATALOGUE["postgres"]
    assert CATALOGUE.find("cli debrid") is None


# --- defaults ---------------------------------------------------------------------------------------------------------

REPEATED = {
    "O": lambda block: {name: block[name] for name in ("repo_owner", "repo_name")},
    "R": lambda block: {
        **REPEATED["O"](block),
        "release_version_enabled": False,
        "release_version": block["release_version"],
    },
    "B": lambda block: {"branch_enabled": False, "branch": block["branch"]},
    "L": lambda block: {"suppress_logging": False, "log_level": "INFO"},
    "S": lambda block: {"suppress_logging": False},
    "U": lambda block: {"auto_update": False, "auto_update_interval": 24, "auto_update_start_time": "04:00"},
}


def expected_options(key):
    block = CATALOGUE[key].template()
    found = {}
    for part in OPTIONS[key]:
        match part:
            case (name, value):
                found[name] = value
            case str() if part.startswith("Y "):
                _, file, root = part.split()
                found |= {
                    "symlink_backup_enabled": False,
                    "symlink_backup_interval": 168,
                    "symlink_backup_start_time": "04:00",
                    "symlink_backup_path": f"/config/symlink-repair/snapshots/{file}-{{timestamp}}.json",
                    "symlink_backup_include_broken": True,
                    "symlink_backup_retention_count": 1,
                    "symlink_backup_roots": [f"/mnt/debrid/{root}"],
                }
            case _:
                found |= REPEATED[part](block)
    return found


@pytest.mark.parametrize("key", OPTIONS)
def test_the_options_of_a_service_in_their_order(key):
    offer = OFFERS[key]
    assert list(offer.service_options) == [key, *offer.dependencies]
    for owner, options in offer.service_options.items():
        assert list(options.items()) == list(expected_options(owner).items())
        assert list(offer.service_option_descriptions[owner]) == list(options)
    names = list(CATALOGUE[key].instances)
    assert offer.instance_options == dict.fromkeys(names, offer.service_options[key])
    assert offer.instance_option_descriptions == dict.fromkeys(names, offer.service_option_descriptions[key])
    for optional in optional_offers(CATALOGUE):
        if optional.key == key:
            assert optional.service_options == offer.service_options[key]
            assert optional.service_option_descriptions == offer.service_option_descriptions[key]


@pytest.mark.parametrize("row", rows(BLOCKS), ids=lambda row: row[0])
def test_the_facts_of_a_default_block(row):
    name, kind, process_name, ports, host, *paths = row
    entry = CATALOGUE[key_of(name)]
    instance = re.fullmatch(r"instances \((\w+)\)", kind)
    assert list(entry.instances) == ([instance[1]] if instance else [])
    block = entry.template()
    numbers = {"port": int(ports)} if ports.isdigit() else {}
    numbers |= {f"{which}_port": int(number) for which, number in re.findall(r"(\w+) (\d+)", ports)}
    wanted = {"enabled": name.startswith("dumb."), "process_name": process_name, **numbers, **given("host", host)}
    for field, path in zip(("config_dir", "config_file", "log_file"), paths, strict=True):
        if path != "—":
            wanted[field] = home(path)
    fields = {*wanted, "port", "frontend_port", "backend_port", "host", "config_dir", "config_file", "log_file"}
    assert {field: block[field] for field in block if field in fields} == wanted
    assert entry.process_name == process_name
    assert set(entry.ports.fields) == set(numbers)
    assert (entry.log is not None) == ("log_file" in block)
    assert not {"wait_for_url", "wait_for_mounts"} & set(block)
    assert ("wait_for_dir" in block) == (name == "riven_backend")


@pytest.mark.parametrize("row", rows(SOURCES), ids=lambda row: row[0])
def test_where_a_service_comes_from(row):
    names, repository, release, branch, platforms, clear, excluded, has_core_service = row
    wanted = {
        **given("release_version", release),
        **({} if release == "—" else {"release_version_enabled": False}),
        **given("branch", branch),
        **({} if branch == "—" else {"branch_enabled": False}),
        **({} if platforms == "—" else {"platforms": platforms.split(", ")}),
        **({} if clear == "—" else {"clear_on_update": clear == "true"}),
        **({} if excluded == "—" else {"exclude_dirs": [home(excluded)]}),
        **({"core_service": ""} if has_core_service == "yes" else {}),
    }
    if repository != "—":
        wanted["repo_owner"], wanted["repo_name"] = repository.split("/")
    fields = {
        *("repo_owner", "repo_name", "release_version_enabled", "release_version", "branch_enabled", "branch"),
        *("platforms", "clear_on_update", "exclude_dirs", "core_service"),
    }
    for name in names.split(", "):
        block = CATALOGUE[key_of(name)].template()
        assert {field: block[field] for field in block if field in fields} == wanted


@pytest.mark.parametrize("row", rows(LINKS), ids=lambda row: row[0])
def test_the_links_of_a_service(row):
    keys, repository, sponsorship = row
    for key in keys.split(", "):
        block = CATALOGUE[key].template()
        own = f"https://github.com/{block['repo_owner']}/{block['repo_name']}" if block.get("repo_owner") else None
        # Where the table has none, it is the repository of the default block.
        assert repo_url(key, {}) == (own if repository == "—" else repository)
        assert sponsorship_url(key) == (None if sponsorship == "null" else sponsorship.split()[-1])


def test_fallback_ports():
    assert {key: CATALOGUE.fallback_port(key) for key in FALLBACK_PORTS} == FALLBACK_PORTS
    assert {CATALOGUE.fallback_port(key) for key in {*CATALOGUE, "mine"} - FALLBACK_PORTS.keys()} == {7000}


def test_what_can_be_updated_by_hand():
    repository = {"repo_owner": "o", "repo_name": "n"}
    fixed = {key: entry.manual_update for key, entry in CATALOGUE.items() if entry.manual_update is not None}
    always = (
        "plex",
        "jellyfin",
        "emby",
        "sonarr",
        "radarr",
        "lidarr",
        "prowlarr",
        "readarr",
        "whisparr",
        "whisparr-v3",
    )
    assert fixed == {**dict.fromkeys(always, True), "bazarr": False}
    assert CATALOGUE["bazarr"].supports_manual_update(repository) is False
    assert CATALOGUE["plex"].supports_manual_update({}) is True
    assert CATALOGUE["rclone"].supports_manual_update({}) is False
    assert CATALOGUE["rclone"].supports_manual_update(repository) is True
    assert CATALOGUE["rclone"].supports_manual_update({"repo_owner": "o"}) is False


# --- what the graph knows ---------------------------------------------------------------------------------------------


def test_what_the_graph_knows():
    known = CATALOGUE.knowledge()
    needs = {row[0].removesuffix("*"): tuple(words(row[2])) for row in rows(CORE)}
    assert list(known.core.items()) == [(key, needs.get(key, ())) for key in CORE_MAP]
    non_core = {"riven_frontend": ("riven_backend",), "zilean": ("postgres",), "pgadmin": ("postgres",)}
    assert list(known.non_core.items()) == list(non_core.items())
    conditional = {}
    for one in known.conditional:
        conditional.setdefault(one.source, []).append(f"{one.target} {one.when} {one.flag or ''}".strip())
    assert list(conditional.items()) == list(CONDITIONAL.items())
    zilean = {(one.source, one.target) for one in known.soft if one.signal == "zilean_optional_integration"}
    users = ("sonarr", "radarr", "lidarr", "whisparr", "prowlarr", "riven_backend", "cli_debrid")
    assert zilean == {(key, "zilean") for key in users}
    others = {(one.source, one.target) for one in known.soft if one.signal == "documented_integration"}
    assert others == {("seerr", "sonarr"), ("seerr", "radarr")}
    assert [(one.source, one.target, one.signal, one.flag) for one in known.providers] == [
        ("rclone", "zurg", "rclone_provider_zurg", "zurg_enabled"),
        ("rclone", "decypharr", "rclone_provider_decypharr", "decypharr_enabled"),
        ("rclone", "nzbdav", "rclone_provider_nzbdav", None),
    ]
    nzbdav = known.providers[-1]
    assert (nzbdav.field, nzbdav.value, nzbdav.core_service) == ("key_type", "nzbdav", True)
    assert known.scoped == {"rclone", "zurg"}
    assert known.aliases == ALIASES
    assert known.known == known_keys() - WITHOUT_DEFAULT
    assert known.builtins == {"dumb_api_service", "dumb_frontend"}
    assert known.names == {key: CATALOGUE[key].name for key in known.known | {"bazarr"}}
    [exemption] = known.exemptions
    assert (exemption.source, exemption.target, exemption.field) == ("decypharr", "rclone", "mount_type")
    assert exemption.values == {"", "rclone", "dfs", "none"}
    assert CATALOGUE.knowledge() is known


def test_what_is_known_at_the_start_is_what_the_files_say_as_a_whole():
    assert load_knowledge() == CATALOGUE.knowledge()


def test_when_decypharr_needs_no_rclone():
    [unless] = CATALOGUE["decypharr"].core.unless
    assert (unless.service, unless.field) == ("rclone", "mount_type")
    assert set(unless.values) == {"rclone", "dfs", "none"}
    assert (unless.blank, unless.blank_by_branch) == ("rclone", {"beta": "dfs"})
    assert [key for key, entry in CATALOGUE.items() if entry.core and entry.core.unless] == ["decypharr"]
