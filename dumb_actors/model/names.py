"""Names: how a service is found by what a person types, and what its files are called."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType

__all__ = ["find_name", "squeeze", "unique_slugs"]


def squeeze(name: str) -> str:
    """Lower-case *name* and drop its white space: the form in which names of a request are compared second."""
    return "".join(name.split()).casefold()


def find_name(asked: str, known: Iterable[str]) -> str | None:
    """
    Find the one name in *known* that *asked* means: exactly, else without regard to case and spaces.

    Returns:
        The name as configured; None when nothing matches or when the loose form fits several.
    """
    names = list(known)
    if asked in names:
        return asked
    loose = [name for name in names if squeeze(name) == squeeze(asked)]
    return loose[0] if len(loose) == 1 else None


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")[:60] or "service"


def unique_slugs(names: Iterable[str], taken: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """
    Give each of *names* a file-name-safe slug, `rclone w/ RealDebrid` → `rclone_w_realdebrid`.

    Names whose slugs would be equal get sixteen hexadecimal digits of their hash behind it, all of them, so that a slug
    does not depend on the order of the names. Names in *taken* keep the slug that they have there.
    """
    wanted = {name: taken.get(name) or _slug(name) for name in names}
    count = Counter(wanted.values())
    return {
        name: slug if name in taken or count[slug] == 1 else f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        for name, slug in wanted.items()
    }
