"""Find what a request names, or answer as the API document does."""

from dumb_actors import UnknownService
from dumb_web.context import Web
from dumb_web.errors import ApiError
from dumb_web.listing import Listed

__all__ = ["find_listed"]


def find_listed(web: Web, name: str) -> Listed:
    """
    Find the service or built-in that a command means.

    Raises:
        ApiError: 404: nothing is meant by *name*.
    """
    try:
        return web.listing.find(name)
    except UnknownService as error:
        raise ApiError(404, "Service not enabled or found", code=error.code, **error.detail) from None
