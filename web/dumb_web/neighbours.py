"""The neighbourhood of what is listed, for the two requests that tell of it."""

from dumb_actors import Builtin, Neighbourhood, Scope, lone_neighbourhood
from dumb_web.context import Web
from dumb_web.errors import ApiError
from dumb_web.listing import Listed, builtin_standing

__all__ = ["neighbourhood_of", "scope_of"]


def scope_of(text: str) -> Scope:
    """
    Read a scope, in any case.

    Raises:
        ApiError: It is none.
    """
    match text.strip().lower():
        case "runtime":
            return "runtime"
        case "all":
            return "all"
    raise ApiError(400, "scope must be 'runtime' or 'all'", scope=text)


def neighbourhood_of(web: Web, listed: Listed, scope: Scope) -> Neighbourhood:
    """Give what is around a service; around a built-in is nothing."""
    if isinstance(listed, Builtin):
        return lone_neighbourhood(listed.name, listed.key, builtin_standing(listed), scope)
    return web.supervisor.neighbourhood(listed.name, scope=scope)
