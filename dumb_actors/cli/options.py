"""Options that several commands share."""

import math
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from dumb_actors.cli.client import Api, find_api
from dumb_actors.config.root import Root, default_root

__all__ = ["SECONDS", "json_option", "root_of", "root_option", "with_api"]

F = TypeVar("F", bound=Callable[..., Any])


class _Seconds(click.FloatRange):
    """Seconds above 0, at most the day that the API takes; `nan` is no number of seconds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail(f"{value!r} is no number of seconds.", param, ctx)
        return seconds


SECONDS = _Seconds(min=0, min_open=True, max=86_400)

root_option = click.option(
    "--root",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Directory that everything lives below; default: DUMB_ACTORS_ROOT, else ./dumb-root.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON, for machines.")


def root_of(given: str | None) -> Root:
    """Give the root that was meant: *given*, else that of the environment."""
    return Root(given) if given else default_root(os.environ)


def with_api(command: F) -> F:
    """Add the options that find the supervisor; the command gets it as its first argument."""

    @click.option("--url", metavar="URL", envvar="DUMB_ACTORS_URL", help="Where the supervisor's API is.")
    @root_option
    @wraps(command)
    def wrapper(url: str | None, root: str | None, **arguments: Any) -> Any:
        # A root that was named on the command line goes before a URL of the environment.
        source = click.get_current_context().get_parameter_source("url")
        from_environment = source is click.core.ParameterSource.ENVIRONMENT
        api: Api = find_api(None if root and from_environment else url, root_of(root))
        return command(api, **arguments)

    return wrapper  # type: ignore[return-value]
