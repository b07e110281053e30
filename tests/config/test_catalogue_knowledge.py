"""The catalogue's knowledge hangs together, and says what the API document says."""

from itertools import chain

from dumb_actors.catalogue.knowledge import load_knowledge
from dumb_actors.model.edge import SIGNALS

KNOWN = load_knowledge()


def test_every_key_is_known_and_has_a_name():
    needs = [*KNOWN.core.items(), *KNOWN.non_core.items()]
    used = {*chain.from_iterable((key, *targets) for key, targets in needs), *KNOWN.scoped, *KNOWN.builtins}
    for one in (*KNOWN.conditional, *KNOWN.providers, *KNOWN.soft, *KNOWN.exemptions):
        used |= {one.source, one.target}
    # Shown to nobody, and yet a core service.
    assert used - KNOWN.known == {"bazarr"}
    assert set(KNOWN.names) == KNOWN.known | {"bazarr"}
    assert set(KNOWN.aliases.values()) <= KNOWN.known


def test_an_alias_is_a_name_that_is_no_key():
    names = {name.lower(): key for key, name in KNOWN.names.items() if name.lower() != key}
    assert dict(KNOWN.aliases) == names


def test_the_signals_are_those_there_are():
    assert {one.signal for one in (*KNOWN.providers, *KNOWN.soft)} <= set(SIGNALS)
    assert all(one.flag for one in KNOWN.conditional if one.when == "flag")
    # What an instance says of itself is said by its providers.
    pairs = {(one.source, one.target) for one in KNOWN.providers}
    assert {(one.source, one.target) for one in KNOWN.conditional if one.when == "own_flag"} == pairs


def test_the_core_services_come_in_the_order_of_the_document():
    assert list(KNOWN.core)[:6] == ["riven_backend", "cli_debrid", "plex_debrid", "decypharr", "nzbdav", "plex"]
    assert KNOWN.core["cli_debrid"] == ("zurg", "rclone", "cli_battery", "phalanx_db")
    assert len(KNOWN.core) == 17
