"""`GET /openapi.json` and `GET /docs`: the API describes itself, to programs and to people."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

from quart import Response, request

from dumb_web.context import Web
from dumb_web.errors import NotOffered
from dumb_web.openapi import document
from dumb_web.routes import Media, Route

__all__ = ["ROUTES"]

TYPES: Mapping[str, str] = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from anywhere else, and nothing that stands in the page itself."""


async def openapi(web: Web) -> dict[str, Any]:
    """Give this description, as an OpenAPI 3.1 document."""
    return _document(web.routes)


@cache
def _document(routes: tuple[Route, ...]) -> dict[str, Any]:
    return document(routes)


async def docs(web: Web) -> Annotated[Response, Media("text/html")]:
    """Show this description as a page for people."""
    page = await web.in_file_thread((files("dumb_web") / "static" / "docs.html").read_text)
    # The page's references are relative, for proxies that put a prefix before our paths: relative to the root of them.
    root = "../" if request.path.endswith("/") else "./"
    return _static(page.replace("{root}", root).encode(), "html")


async def docs_asset(web: Web, asset: Literal["docs.css", "docs.js", "docs.svg"]) -> Annotated[Response, Media("*/*")]:
    """
    Give a part of the page.

    Args:
        asset: Its style, script or icon.
    """
    content = await web.in_file_thread((files("dumb_web") / "static" / asset).read_bytes)
    return _static(content, asset.rpartition(".")[2])


def _static(content: bytes, ending: str) -> Response:
    response = Response(content, content_type=f"{TYPES[ending]}; charset=utf-8")
    response.headers.update(
        {
            "cache-control": "no-cache",
            "content-security-policy": POLICY,
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        }
    )
    return response


ROUTES: tuple[Route, ...] = (
    Route("GET", "/openapi.json", openapi),
    Route("GET", "/docs", docs),
    Route("GET", '/docs/<any("docs.css", "docs.js", "docs.svg"):asset>', docs_asset, errors=(NotOffered,)),
)
