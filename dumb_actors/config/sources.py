"""Load a configuration from all its layers: the file, what overrides it from outside, defaults, derived values."""

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs

from dumb_actors.config.derived import Derived, live, load_derived
from dumb_actors.config.layers import Merged, Overlay, merge, with_defaults, with_origins
from dumb_actors.config.load import Config, parse_config
from dumb_actors.config.overrides import SECRETS_DIR, Outside, find_overrides, read_outside
from dumb_actors.config.read import parse_document, read_file
from dumb_actors.config.root import Root
from dumb_actors.errors import ConfigError
from dumb_actors.model.knowledge import Knowledge

__all__ = ["Loaded", "Sources", "build", "load_layers"]


@attrs.frozen(kw_only=True)
class Sources:
    """
    Where values come from beside the user's file.

    Attributes:
        environ: The environment of the process; empty: nothing is overridden by it.

        secrets_dir: Directory of secret files; None: none.

        defaults: Default block by service key; see `with_defaults`.

        knowledge: As for `load_config`.

        secret_paths: Values that are secret whatever their name; see `is_secret_place`.
    """

    environ: Mapping[str, str] = attrs.field(factory=lambda: os.environ, repr=False)
    secrets_dir: str | None = SECRETS_DIR
    defaults: Mapping[str, Mapping[str, Any]] = attrs.field(default=MappingProxyType({}), repr=False)
    knowledge: Knowledge | None = attrs.field(default=None, repr=False)
    secret_paths: tuple[tuple[str, ...], ...] = ()

    def read_outside(self, root: Root) -> Outside:
        """Read the overrides; blocking."""
        return read_outside(self.environ, env_file=f"{root.config}/.env", secrets_dir=self.secrets_dir)


@attrs.frozen(kw_only=True)
class Loaded:
    """
    All layers of one configuration, and what they come to.

    Attributes:
        config: What a supervisor runs on; its `document` is that of `merged`.

        merged: The layers.

        content: The user's file.

        outside: What overrides it.

        memory: Changes in memory only.

        derived: The derived values that count.
    """

    config: Config
    merged: Merged = attrs.field(repr=False)
    content: bytes = attrs.field(repr=False)
    outside: Outside = attrs.field(repr=False)
    memory: tuple[Overlay, ...] = ()
    derived: tuple[Derived, ...] = ()


def build(
    content: bytes,
    root: Root,
    *,
    source: str,
    sources: Sources,
    outside: Outside,
    memory: Sequence[Overlay] = (),
    derived: Sequence[Derived] = (),
) -> Loaded:
    """
    Lay all layers over *content*, and make a configuration of them.

    Args:
        source: What messages call the file.

        outside: What was read of *sources*.

        memory, derived: As in `Loaded`; derived values that no longer count are left out.

    Raises:
        ConfigError: Every fault there is, at once; each with the layer that is at fault where it is not the file.
    """
    user = parse_document(content, source)
    if not isinstance(user, dict):
        parse_config(user, root, source=source)  # says so
    overrides, faults = find_overrides(with_defaults(user, sources.defaults), outside)
    below = merge(user, [*overrides, *memory], defaults=sources.defaults, source=source)
    counting = live(derived, below.document)
    merged = merge(
        user,
        [*below.overlays, *(one.as_overlay() for one in counting)],
        defaults=sources.defaults,
        source=source,
    )
    try:
        config = parse_config(merged.document, root, source=source, knowledge=sources.knowledge)
    except ConfigError as error:
        found = [*faults, *with_origins(error.faults, merged)]
        raise ConfigError(found, source=source, warnings=[*outside.warnings, *error.warnings]) from None
    if faults:
        raise ConfigError(faults, source=source, warnings=[*outside.warnings, *config.warnings])
    return Loaded(
        config=attrs.evolve(config, warnings=(*outside.warnings, *config.warnings), secret_paths=sources.secret_paths),
        merged=merged,
        content=content,
        outside=outside,
        memory=tuple(memory),
        derived=counting,
    )


def load_layers(path: str | os.PathLike[str], root: Root, *, sources: Sources | None = None) -> Loaded:
    """
    Read the configuration in the file at *path* with all that lies over and below it; nothing is written. Blocking.

    Args:
        root: What paths in it are relative to, and where `config/.env` and derived values are.

        sources: None: the environment of this process and `/run/secrets`.

    Raises:
        ConfigError: As `build`; also when the file cannot be read.

        HostError: The derived values cannot be read.
    """
    chosen = sources or Sources()
    content = read_file(path)
    derived, _ = load_derived(f"{root.config}/derived.json")
    outside = chosen.read_outside(root)
    return build(content, root, source=os.fspath(path), sources=chosen, outside=outside, derived=derived)
