"""A masked document gives no secret away, and taken back as it is it changes nothing."""

import contextlib
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumb_actors.config.secrets import MASK, masked, unmask
from dumb_actors.errors import ConfigError
from dumb_actors.model.known import known_secrets

DOCUMENT: dict[str, Any] = {
    "dumb": {"plex_token": "tok-123456", "github_token": "", "log_level": "INFO"},
    "keycloak": {
        "process_name": "Keycloak",
        "command": ["kc", "--admin-password", "pw-123456", "--token=tok-abcdef", "--port", "{port}"],
        "port": 8080,
        "env": {"KC_DB_URL": "postgres://kc:pw-secret@db/kc", "LANG": "C", "X": "kc pw-123456"},
    },
    "zurg": {
        "instances": {"My Token": {"process_name": "Z", "api_key": "k-1234", "host": "h", "api_keys": {"a": "b"}}}
    },
    "seerr_sync": {
        "external_subordinates": [{"url": "http://a", "api_key": "key-a-1"}, {"url": "http://b", "api_key": "key-b-1"}]
    },
    "waits": [{"url": "http://x", "auth": {"user": "u", "password": 123456}}],
    "auth": {"user": "me", "password": "x", "enabled": True},
    "plex": {"process_name": "P", "plex_claim": "claim-1", "secretive": None, "nick": "secret-ish"},
}


def shown(**changes: Any) -> dict[str, Any]:
    return {**masked(DOCUMENT), **changes}


def test_what_is_a_secret_is_masked_and_nothing_else():
    assert masked(DOCUMENT) == {
        "dumb": {"plex_token": MASK, "github_token": "", "log_level": "INFO"},
        "keycloak": {
            "process_name": "Keycloak",
            "command": ["kc", "--admin-password", MASK, f"--token={MASK}", "--port", "{port}"],
            "port": 8080,
            "env": {"KC_DB_URL": f"postgres://kc:{MASK}@db/kc", "LANG": "C", "X": f"kc {MASK}"},
        },
        "zurg": {
            "instances": {"My Token": {"process_name": "Z", "api_key": MASK, "host": "h", "api_keys": {"a": MASK}}}
        },
        "seerr_sync": {
            "external_subordinates": [{"url": "http://a", "api_key": MASK}, {"url": "http://b", "api_key": MASK}]
        },
        "waits": [{"url": "http://x", "auth": {"user": "u", "password": MASK}}],
        "auth": {"user": "me", "password": MASK, "enabled": True},
        "plex": {"process_name": "P", "plex_claim": MASK, "secretive": None, "nick": "secret-ish"},
    }


def test_paths_of_the_catalogue_are_masked_as_well_and_so_in_logs():
    also = [("zurg", "instances", "*", "host"), ("plex", "nick")]
    found = masked(DOCUMENT, also)
    assert found["zurg"]["instances"]["My Token"]["host"] == MASK
    assert found["plex"]["nick"] == MASK
    assert "secret-ish" in known_secrets(DOCUMENT, {}, also)
    assert "secret-ish" not in known_secrets(DOCUMENT, {})


def test_a_part_is_masked_as_in_the_whole():
    assert masked(DOCUMENT, at=("keycloak", "env"))["X"] == f"kc {MASK}"
    with pytest.raises(KeyError):
        masked(DOCUMENT, at=("nothing",))


def test_a_block_that_is_sent_back_with_a_change():
    block = masked(DOCUMENT, at=("keycloak",))
    block["port"] = 9000
    block["env"] = {**block["env"], "NEW": "1"}
    expected = copy.deepcopy(DOCUMENT["keycloak"])
    expected["port"] = 9000
    expected["env"]["NEW"] = "1"
    assert unmask(block, DOCUMENT, at=("keycloak",)) == expected


A, B = DOCUMENT["seerr_sync"]["external_subordinates"]
MASKED_A, MASKED_B = ({**each, "api_key": MASK} for each in (A, B))


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ([MASKED_A, MASKED_B], [A, B]),
        ([MASKED_B, MASKED_A], [B, A]),
        ([MASKED_B], [B]),
        ([MASKED_B, {"url": "new", "api_key": "n"}, MASKED_A], [B, {"url": "new", "api_key": "n"}, A]),
        ([MASKED_A, {**MASKED_B, "url": "c"}], [A, {**B, "url": "c"}]),
        ([{**A, "api_key": "other"}, MASKED_B], [{**A, "api_key": "other"}, B]),
        ([MASKED_A, MASKED_A], [A, A]),
    ],
)
def test_an_array_is_matched_where_it_can_be(sent, meant):
    assert unmask({"external_subordinates": sent}, DOCUMENT, at=("seerr_sync",)) == {"external_subordinates": meant}


@pytest.mark.parametrize(
    ("document", "sent", "path"),
    [
        ({"api_keys": ["one-11", "two-22"]}, {"api_keys": [MASK]}, "$.api_keys[0]"),
        ({"api_keys": ["one-11", "two-22"]}, {"api_keys": ["x", MASK, MASK]}, "$.api_keys[1]"),
        ({"a": 1}, {"a": MASK}, "$.a"),
        ({"a": 1}, {"password": MASK}, "$.password"),
        ({"password": "x-1234"}, {"password": f"{MASK}!"}, "$.password"),
        ({"password": "x-1234"}, {"password": {"x": MASK}}, "$.password.x"),
        ({"password": None}, {"password": MASK}, "$.password"),
        ({"env": {"A_TOKEN": "x-1234"}}, {"env": {"B_TOKEN": MASK}}, "$.env.B_TOKEN"),
        ({"l": [A, B]}, {"l": [{**MASKED_A, "url": "c"}, {**MASKED_B, "url": "d"}]}, "$.l[0]"),
        ({"l": [A, B]}, {"l": [{**MASKED_A, "url": "c"}]}, "$.l[0]"),
        ({"c": "x --token abcdef"}, {"c": f"y --token {MASK}"}, "$.c"),
    ],
)
def test_a_mask_never_becomes_a_password(document, sent, path):
    with pytest.raises(ConfigError) as caught:
        unmask(sent, document)
    assert caught.value.faults[0].path == path
    assert MASK in caught.value.faults[0].hint
    assert "1234" not in str(caught.value)


names = st.sampled_from(
    [
        "password",
        "api_key",
        "api_keys",
        "plex_token",
        "auth",
        "user",
        "port",
        "env",
        "command",
        "note",
        "instances",
        "a",
    ]
)
plain = st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), max_size=12)
secretive = st.one_of(
    plain,
    st.builds(lambda s: f"x --token {s} --port 1", plain),
    st.builds(lambda s: f"http://u:{s}@h/?api_key={s}", plain),
)
scalars = st.none() | st.booleans() | st.integers() | secretive
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(names | plain, v, max_size=4), max_leaves=15
)
documents = st.dictionaries(names | plain, values, max_size=5)


def texts_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts_of(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts_of(item)]
    return [value] if isinstance(value, str) else []


@given(documents)
def test_no_secret_that_logs_would_hide_is_shown(document):
    before = json.dumps(document)
    found = masked(document)
    assert json.dumps(document) == before
    for secret in known_secrets(document, {}):
        for text in texts_of(found):
            assert secret not in text


@given(documents)
def test_what_is_taken_back_as_it_was_shown_is_what_was_there(document):
    assert unmask(masked(document), document) == document


@given(documents, st.data())
def test_a_change_elsewhere_loses_no_secret(document, data):
    """Members are taken away and put there; what stays with a mask gets its own secret back, or it is refused."""
    found = masked(document)
    kept = {key: value for key, value in found.items() if data.draw(st.booleans())}
    result = unmask({**kept, "added": 1}, document)
    assert result == {**{key: document[key] for key in kept}, "added": 1}


@given(documents, documents)
def test_a_mask_that_stands_for_nothing_is_refused_whatever_is_there(document, other):
    """The masked form of one document over another one: no text with a mask ever comes through."""
    with contextlib.suppress(ConfigError):
        assert not any(MASK in text for text in texts_of(unmask(masked(document), other)))
