"""Masking: no secret is left, wherever it stands and however its text is cut into pieces."""

import json
from itertools import pairwise
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dumb_actors.logs.redact import MASK, Redactor
from dumb_actors.model.known import known_secrets
from dumb_actors.model.secret import is_secret_name
from tests.logs.written import secrets_and_text

CUTS = st.lists(st.integers(0, 200), max_size=12)


def pieces_of(content: bytes, cuts: list[int]) -> list[bytes]:
    borders = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    return [content[low:high] for low, high in pairwise(borders)] or [b""]


@given(secrets_and_text(), CUTS)
@example((["aaaaaa"], "a" * 30), list(range(30)))
@example((["aaaaab", "abbbbb"], "aaaaabbbbb"), [6])
@example((["cababab!", "ababab", "ababab!Z"], "cababab!q"), [8])
@settings(max_examples=300)
def test_a_stream_gives_what_the_whole_gives_and_no_secret_is_left(
    drawn: tuple[list[str], str], cuts: list[int]
) -> None:
    secrets, text = drawn
    redactor = Redactor(secrets)
    content = text.encode()
    whole = redactor.bytes(content)
    stream = redactor.stream()
    parts = [stream.feed(piece) for piece in pieces_of(content, cuts)]
    assert b"".join([*parts, stream.flush()]) == whole
    assert redactor.text(text) == whole.decode()
    assert not any(secret.encode() in whole for secret in secrets)
    # What was masked is what was in a secret, and nothing else.
    covered = [False] * len(content)
    for secret in secrets:
        for place in range(len(content)):
            if content.startswith(secret.encode(), place):
                covered[place : place + len(secret.encode())] = [True] * len(secret.encode())
    kept = bytes(byte for byte, is_covered in zip(content, covered, strict=True) if not is_covered)
    assert whole.replace(MASK, b"") == kept


@given(secrets_and_text(), CUTS)
def test_no_more_is_held_back_than_could_begin_a_secret(drawn: tuple[list[str], str], cuts: list[int]) -> None:
    secrets, text = drawn
    stream = Redactor(secrets).stream()
    content = b""
    for piece in pieces_of(text.encode(), cuts):
        content += piece
        stream.feed(piece)
        begun = [n for n in range(9 * 3) if any(s.encode().startswith(content[len(content) - n :]) for s in secrets)]
        longest = max(
            (n for n in begun if n <= len(content) and content[len(content) - n :] not in map(str.encode, secrets)),
            default=0,
        )
        assert stream.held <= longest


@given(secrets_and_text(), st.integers(0, 60))
def test_what_is_only_looked_at_is_left_out_but_hides_what_reaches_over_it(
    drawn: tuple[list[str], str], skip: int
) -> None:
    secrets, text = drawn
    redactor = Redactor(secrets)
    content = text.encode()
    skip = min(skip, len(content))
    result = redactor.bytes(content, skip=skip)
    spans = redactor.find(content)
    crossing = [high for low, high in spans if low < skip < high]
    begin = crossing[0] if crossing else skip
    # A secret may lie on the other side of one that crosses, and then it has its own mask.
    assert result == (MASK if crossing else b"") + redactor.bytes(content, skip=begin)
    assert not any(secret.encode() in result for secret in secrets)


@pytest.mark.parametrize("secret", ["p@ss/w ord", 'quo"ted\\x', "pässwörd", "a+b c&d=e"])
def test_other_ways_to_write_a_secret(secret: str) -> None:
    redactor = Redactor([secret])
    written = [
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
    ]
    for form in written:
        assert redactor.text(f"<{form}>").replace('"', "") == "<[secret]>"


def test_what_is_ignored() -> None:
    redactor = Redactor(["", "short", "secret", "      ", "[secret]"])
    text = "short secret       [secret]"
    assert redactor.text(text) == text
    assert redactor.longest == 0
    content = b"the same object"
    assert redactor.bytes(content) is content
    assert redactor.stream().feed(content) is content


def test_a_secret_of_several_lines_is_masked_line_by_line() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADAN\nBgkqhkiG\n-----END KEY-----\n"
    redactor = Redactor([key])
    assert redactor.text(f"a\n{key}b") == "a\n[secret]\n[secret]\n[secret]\n[secret]\nb"
    assert "MIIEv" not in redactor.text(json.dumps({"key": key}))


def test_its_repr_tells_nothing() -> None:
    assert "hunter2" not in repr(Redactor(["hunter2x"]))


# --- finding them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    "api_key apiKey APIKEY x-api-key PGPASSWORD MYSQL_PWD plex_token --password webdav_password private_key accessKey "  # noqa: SIM905
    "client_secret api_keys auth DB_PASS jwt_secret FRONTEND_BACKEND_API_KEY Authorization".split(),
)
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    "key monkey token_url password_file TOKEN_EXPIRE_MINUTES tokenizer author path port secret_name key_type PWD "  # noqa: SIM905
    "OLDPWD passwordless api_key_file".split(),
)
def test_harmless_names(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"a": {"api_key": "k-123456"}}, {"k-123456"}),
        ({"a": [{"b": {"password": "deep-down"}}]}, {"deep-down"}),
        ({"api_keys": {"realdebrid": "RDRDRDRD"}}, {"RDRDRDRD"}),
        ({"auth": {"user": "somebody", "password": "passw0rd"}}, {"passw0rd"}),
        ({"env": {"API_TOKEN": "t-123456", "PATH": "/usr/bin"}}, {"t-123456"}),
        ({"command": "run --password=pw-12345 --token tk-12345 -v"}, {"pw-12345", "tk-12345"}),
        ({"command": ["run", "--password", "pw-12345", "--token=tk-12345", "--token", "-v"]}, {"pw-12345", "tk-12345"}),
        ({"command": ["sh", "-c", "API_KEY='k 123456' run"]}, {"k 123456"}),
        ({"url": "postgres://me:p%40ssw0rd@host/db"}, {"p%40ssw0rd", "p@ssw0rd"}),
        ({"url": "http://host/?x=1&api_key=k-123456&y=2"}, {"k-123456"}),
        ({"env": {"DB": "Host=h;Username=u;Password=pw-12345;Port=1"}}, {"pw-12345"}),
        ({"headers": ["Authorization: Bearer abc.def-1"]}, {"abc.def-1"}),
        ({"password": "short", "token": "/run/secrets/token", "secret": "{api_key}", "api_key": "$API_KEY"}, set()),
        ({"token": True, "password": 12345678, "secret": None, "client_secret": ""}, set()),
        ({"token_url": "https://host/token", "password_file": "a-file-name"}, set()),
        ({"user": "postgres", "password": "postgres"}, set()),
        ({"web": {"process_name": "Server"}, "password": "Server"}, set()),
        ({"command": ["run", "--password", "hunter2x"], "password": "hunter2x"}, {"hunter2x"}),
        ({"token": "https://me:hunter2x@host/"}, {"hunter2x"}),
    ],
)
def test_known_secrets(document: dict[str, Any], expected: set[str]) -> None:
    assert known_secrets(document, {}) == expected


def test_secrets_of_the_environment() -> None:
    environ = {"GITHUB_TOKEN": "gh-123456", "HOME": "/home/somebody", "PWD": "/a-very-long-name-of-a-directory/here"}
    assert known_secrets({}, environ) == {"gh-123456"}
