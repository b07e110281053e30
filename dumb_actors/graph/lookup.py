"""How a request to the graph finds a service: by its name, by the word for its kind, by its key."""

from collections.abc import Callable, Mapping

from dumb_actors.model.names import find_name

__all__ = ["find_target"]


def find_target(asked: str, keys: Mapping[str, str], token: Callable[[str], str]) -> str | None:
    """
    Find the one name that *asked* means.

    It is compared exactly, then without regard to case and spaces, then as a token with those of the names, then as a
    token with the service keys: `plex`, `Plex media server` and `plexmediaserver` are the same, for there is one.

    Args:
        keys: Service keys by name.

        token: Gives the word that a text is looked up by.

    Returns:
        The name as configured; None when nothing is meant, or more than one.
    """
    if (found := find_name(asked, keys)) is not None:
        return found
    if not (wanted := token(asked)):
        return None
    by_token = [name for name in keys if token(name) == wanted]
    meant = by_token or [name for name, key in keys.items() if key == wanted]
    return meant[0] if len(meant) == 1 else None
