"""Which names say that a secret stands under them, and where in a text one stands: for logs and documents alike."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

__all__ = ["NAMES", "SHORTEST", "follows_option", "is_about", "is_secret_name", "is_url", "secrets_in_text", "words_of"]

SHORTEST = 6
"""Characters. Whatever is shorter occurs by chance, and would be masked all over the place."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset(
    "authorization claim cookie credential passkey passphrase passwd password pat pwd secret token".split()  # noqa: SIM905
)
_SECRET_ENDINGS = ("apikey", "passphrase", "passwd", "password", "secret", "token")
"""Of one word: `PGPASSWORD`, `authtoken`, `x-apikey`."""
_KEY_OF = frozenset(
    {"access", "api", "auth", "client", "encryption", "license", "master", "private", "secret", "signing"}
)
"""What makes a secret of a `…_key`."""
_ABOUT = frozenset(
    "age algorithm algorithms count dir directory domain enabled endpoint env expire expires expiry field file "  # noqa: SIM905
    "hash header host id interval issuer length lifetime limit location max min minutes mode name names path policy "
    "port prefix provider required seconds size suffix timeout ttl type types uri url urls user username "
    "version".split()
)
"""Last words of names that say something about a secret and are none: `token_url`, `password_file`."""
NAMES = frozenset("database databases db host hostname name user username".split())  # noqa: SIM905
"""Last words of names whose values are no secrets, wherever else they stand."""

_URL = re.compile(r"[a-zA-Z][\w+.-]*://")
_URL_LOGIN = re.compile(r"\b[a-zA-Z][\w+.-]*://[^\s/:@]*:([^\s/@]+)@")
_BEARER = re.compile(r"\b(?:bearer|basic)\s+([\w.~+/=-]+)", re.IGNORECASE)
_ASSIGNED = re.compile(r"""(?<![\w.-])(-*[A-Za-z_][\w.-]*)\s*=\s*(?:"([^"]+)"|'([^']+)'|([^\s;&,"']+))""")
_OPTION = re.compile(r"""(?<!\S)(--?[A-Za-z_][\w.-]*)[ \t]+(?:"([^"]+)"|'([^']+)'|([^\s"'-]\S*))""")


def words_of(name: str) -> list[str]:
    """Give the words that *name* is made of, in small letters: `PlexToken`, `plex-token` → `plex`, `token`."""
    return [word.lower() for word in _WORDS.findall(name)]


def is_secret_name(name: str) -> bool:
    """Say whether what stands under *name* is a secret."""
    words = words_of(name)
    if not words or words[-1] in _ABOUT or name in {"PWD", "OLDPWD"}:
        return False
    singular = [word.removesuffix("s") if word.removesuffix("s") in _SECRET_WORDS | {"key"} else word for word in words]
    if _SECRET_WORDS & set(singular) or any(word.endswith(_SECRET_ENDINGS) for word in singular):
        return True
    if singular[-1] in {"auth", "pass"}:
        return True
    return any(word == "key" and before in _KEY_OF for before, word in pairwise(singular)) or (
        words[-1] in {"apikey", "apikeys"}
    )


def is_about(name: str) -> bool:
    """Say whether *name* below that of a secret names something else: the `user` in `auth`."""
    words = words_of(name)
    return bool(words) and words[-1] in _ABOUT | NAMES


def is_url(text: str) -> bool:
    """Say whether *text* is an address: of that only the password is a secret."""
    return _URL.match(text) is not None


def follows_option(before: str, item: Any) -> bool:
    """Say whether *item* of a command is a secret because of what stands *before* it: `--token`."""
    is_option = isinstance(item, str) and item.startswith("-")
    return before.startswith("-") and "=" not in before and is_secret_name(before) and not is_option


def secrets_in_text(text: str) -> Iterator[tuple[int, int]]:
    """
    Find where secrets stand in a command, an argument, a connection string, a URL: begin and end of each.

    They are what follows `--password=`, `--token `, `Password=`, `?api_key=`, `Bearer `, and the password of
    `scheme://user:password@host`.
    """
    for pattern in (_URL_LOGIN, _BEARER):
        for match in pattern.finditer(text):
            yield match.span(1)
    for pattern in (_ASSIGNED, _OPTION):
        for match in pattern.finditer(text):
            group = next(number for number in (2, 3, 4) if match[number] is not None)
            if is_secret_name(match[1]) and not is_url(match[group]):
                yield match.span(group)
