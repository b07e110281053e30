"""Which texts must not be read in an event, an answer or a log."""

import os
import shlex
from collections.abc import Sequence

from dumb_actors.config.load import Config
from dumb_actors.model.known import known_secrets
from dumb_actors.model.spec import ServiceSpec

__all__ = ["secrets_of"]


def secrets_of(source: Config | Sequence[ServiceSpec]) -> frozenset[str]:
    """Give the secrets in a configuration, or in specs made by hand, and in our environment, which services inherit."""
    if isinstance(source, Config):
        return known_secrets(source.document, os.environ, source.secret_paths)
    document = {spec.name: {"command": shlex.join(spec.command), "env": dict(spec.env)} for spec in source}
    return known_secrets(document, os.environ)
