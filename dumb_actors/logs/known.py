"""
Find the secrets in a configuration and an environment: by the names under which they stand.

It errs on the side of masking, but for values whose masking would make logs unreadable: paths, short ones, words such
as `true`, references such as `{password}`, and what the same configuration gives as a name or a user as well
(`"user": "postgres", "password": "postgres"`).
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from dumb_actors.logs.redact import SHORTEST

__all__ = ["is_secret_name", "known_secrets"]

WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
SECRET_WORDS = frozenset(
    "authorization claim cookie credential passkey passphrase passwd password pat pwd secret token".split()  # noqa: SIM905
)
SECRET_ENDINGS = ("apikey", "passphrase", "passwd", "password", "secret", "token")
"""Of one word: `PGPASSWORD`, `authtoken`, `x-apikey`."""
KEY_OF = frozenset(
    {"access", "api", "auth", "client", "encryption", "license", "master", "private", "secret", "signing"}
)
"""What makes a secret of a `…_key`."""
ABOUT = frozenset(
    "age algorithm algorithms count dir directory domain enabled endpoint env expire expires expiry field file "  # noqa: SIM905
    "hash header host id interval issuer length lifetime limit location max min minutes mode name names path policy "
    "port prefix provider required seconds size suffix timeout ttl type types uri url urls user username "
    "version".split()
)
"""Last words of names that say something about a secret and are none: `token_url`, `password_file`."""
NAMES = frozenset("database databases db host hostname name user username".split())  # noqa: SIM905
"""Last words of names whose values are no secrets, wherever else they stand."""

HARMLESS = frozenset({"changed", "default", "disabled", "enabled", "optional", "required"})
REFERENCE = re.compile(r"\$?\{[\w.:-]+\}|\$\w+|%\w+%|<[^<>]+>")
PATH = re.compile(r"(?:/|\./|\.\./|~/)[\w.@+ ~/-]*")
LONGEST_SEGMENT = 24
URL_LOGIN = re.compile(r"\b[a-zA-Z][\w+.-]*://[^\s/:@]*:([^\s/@]+)@")
URL = re.compile(r"[a-zA-Z][\w+.-]*://")
BEARER = re.compile(r"\b(?:bearer|basic)\s+([\w.~+/=-]+)", re.IGNORECASE)
ASSIGNED = re.compile(r"""(?<![\w.-])(-*[A-Za-z_][\w.-]*)\s*=\s*(?:"([^"]+)"|'([^']+)'|([^\s;&,"']+))""")
OPTION = re.compile(r"""(?<!\S)(--?[A-Za-z_][\w.-]*)[ \t]+(?:"([^"]+)"|'([^']+)'|([^\s"'-]\S*))""")


def known_secrets(document: Mapping[str, Any], environ: Mapping[str, str]) -> frozenset[str]:
    """
    Give the secrets in a configuration and an environment, for a `Redactor`.

    They are: texts under a name such as `api_key`, `PGPASSWORD`, `plex_token` or `client_secret`, and all texts below
    it where that is an object (`api_keys`); in any other text `--password=…`, `--token …`, `Password=…;`,
    `…?api_key=…`, `Bearer …`, and the password of `scheme://user:password@host`.

    Args:
        document: The configuration as written; looked through as deep as it goes.

        environ: Environment variables by name.
    """
    found = {*_in_value(document, is_secret=False), *_in_value(environ, is_secret=False)}
    return frozenset(found - _names(document))


def is_secret_name(name: str) -> bool:
    """Say whether what stands under *name* is a secret."""
    words = [word.lower() for word in WORDS.findall(name)]
    if not words or words[-1] in ABOUT or name in {"PWD", "OLDPWD"}:
        return False
    singular = [word.removesuffix("s") if word.removesuffix("s") in SECRET_WORDS | {"key"} else word for word in words]
    if SECRET_WORDS & set(singular) or any(word.endswith(SECRET_ENDINGS) for word in singular):
        return True
    if singular[-1] in {"auth", "pass"}:
        return True
    return any(word == "key" and before in KEY_OF for before, word in pairwise(singular)) or (
        words[-1] in {"apikey", "apikeys"}
    )


def _in_value(value: Any, *, is_secret: bool) -> Iterator[str]:
    if isinstance(value, str):
        if is_secret and not URL.match(value):
            yield from _worth(value)
        yield from _in_text(value)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            # Below a name such as `auth` every text counts, but for what has a name that says otherwise.
            inherits = is_secret and not _is_about(str(name))
            yield from _in_value(inner, is_secret=inherits or is_secret_name(str(name)))
    elif isinstance(value, list | tuple):
        before = ""
        for item in value:
            follows = before.startswith("-") and "=" not in before and is_secret_name(before)
            is_option = isinstance(item, str) and item.startswith("-")
            yield from _in_value(item, is_secret=is_secret or (follows and not is_option))
            before = item if isinstance(item, str) else ""


def _is_about(name: str) -> bool:
    words = [word.lower() for word in WORDS.findall(name)]
    return bool(words) and words[-1] in ABOUT | NAMES


def _in_text(text: str) -> Iterator[str]:
    """Find secrets in a command, an argument, a connection string, a URL."""
    for login in URL_LOGIN.findall(text):
        yield from _worth(login)
        yield from _worth(unquote(login))
    for bearer in BEARER.findall(text):
        yield from _worth(bearer)
    for pattern in (ASSIGNED, OPTION):
        for name, *values in pattern.findall(text):
            if is_secret_name(name):
                for value in filter(None, values):
                    if not URL.match(value):
                        yield from _worth(value)
                        yield from _worth(unquote(value))


def _worth(value: str) -> Iterator[str]:
    """Give *value* if masking it hides something and leaves logs readable."""
    text = value.strip()
    is_path = PATH.fullmatch(text) is not None and max(map(len, text.split("/"))) <= LONGEST_SEGMENT
    if len(text) >= SHORTEST and not is_path and text.lower() not in HARMLESS and not REFERENCE.fullmatch(text):
        yield text


def _names(value: Any, name: str = "") -> set[str]:
    """Give what the configuration names openly: its keys, and values under `user`, `process_name` and the like."""
    if isinstance(value, Mapping):
        return {text for key, inner in value.items() for text in {str(key), *_names(inner, str(key))}}
    if isinstance(value, list | tuple):
        return {text for item in value for text in _names(item, name)}
    words = WORDS.findall(name)
    return {value} if isinstance(value, str) and words and words[-1].lower() in NAMES else set()
