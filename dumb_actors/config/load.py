"""Load `dumb_config.json`: from a file or a document to everything the supervisor needs to know."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from dumb_actors.config.autorestart import warn_of_listed
from dumb_actors.config.build import Context, build_spec, check_block, path_of_dependency
from dumb_actors.config.find import Builtin, Place, check_names, find_places
from dumb_actors.config.read import read_document
from dumb_actors.config.report import Report, did_you_mean, format_path
from dumb_actors.config.root import Root
from dumb_actors.config.settings import Settings, read_settings
from dumb_actors.config.specs import dependency_faults
from dumb_actors.errors import ConfigError, ConfigFault
from dumb_actors.graph.infer import find_missing
from dumb_actors.model.knowledge import Knowledge
from dumb_actors.model.names import find_name
from dumb_actors.model.spec import DependsOn, ServiceSpec

__all__ = ["Config", "load_config", "parse_config"]

_MOST_HINTS = 50


@attrs.frozen(kw_only=True)
class Config:
    """
    A configuration that can be used.

    Attributes:
        source: The file, or a word for where the document came from.

        root: What paths in it are relative to.

        document: What it was made of, to be read only: the document as written, nothing added, nothing taken away; in a
            `ConfigStore` with all layers laid over it.

        specs: The services, in the order of the document.

        builtins: The parts of the supervisor that clients list beside the services: the API, then the front end;
            without one that is configured as a service.

        settings: What concerns the supervisor itself.

        knowledge: What is known of products, which the graph of the services is made with.

        warnings: What is allowed and probably not meant, each with its path.

        secret_paths: Values that are secret whatever their name, as the catalogue says; `*` stands for any key.
    """

    source: str
    root: Root
    document: Mapping[str, Any] = attrs.field(repr=False)
    specs: tuple[ServiceSpec, ...]
    builtins: tuple[Builtin, ...]
    settings: Settings
    knowledge: Knowledge = attrs.field(repr=False)
    warnings: tuple[str, ...]
    secret_paths: tuple[tuple[str, ...], ...] = ()


def load_config(path: str | os.PathLike[str], root: Root, *, knowledge: Knowledge | None = None) -> Config:
    """
    Read the configuration in the file at *path*; it is never written.

    Args:
        root: What paths in it are relative to.

        knowledge: What is known of products: which services are off unless they say otherwise, and who needs whom;
            None: what the catalogue knows, with the files in `ROOT/config/catalogue` laid over it. One of those that
            is wrong is a warning, and left out.

    Raises:
        ConfigError: Every fault there is, at once; with line and column when it is not JSON.
    """
    return parse_config(read_document(path), root, source=os.fspath(path), knowledge=knowledge)


def parse_config(
    document: Any,
    root: Root,
    *,
    source: str = "configuration",
    knowledge: Knowledge | None = None,
    ids: tuple[int, int] | None = None,
) -> Config:
    """
    Make a `Config` of a *document* as `json.loads` gives it; the document is not changed.

    Args:
        source: A word for where it came from, for messages.

        knowledge: As for `load_config`.

        ids: The user and group that the supervisor runs as; None: those of this process. For root, `puid` and `pgid`
            are who runs the services.

    Raises:
        ConfigError: Every fault there is, at once, each with its path.
    """
    if not isinstance(document, dict):
        fault = ConfigFault(path="$", problem="the document is no object", expected="{ … }", kind="syntax")
        raise ConfigError([fault], source=source)
    report = Report(document)
    known = _catalogue(root, report) if knowledge is None else knowledge
    settings = read_settings(document, report)
    places = find_places(document, report)
    check_names(places, report)
    context = Context(
        root=root,
        settings=settings,
        knowledge=known,
        names=tuple(place.name for place in places if place.name),
        ids=(os.geteuid(), os.getegid()) if ids is None else ids,
        report=report,
    )
    specs = _build(places, context)
    if report.faults:
        raise ConfigError(report.faults, source=source, warnings=report.warnings)
    return Config(
        source=source,
        root=root,
        document=document,
        specs=specs,
        builtins=_builtins(places),
        settings=settings,
        knowledge=known,
        warnings=tuple(report.warnings),
    )


def _catalogue(root: Root, report: Report) -> Knowledge:
    # The catalogue stands above this room; only its data is needed, and only where the caller passes none.
    from dumb_actors.catalogue.knowledge import catalogue_warnings, load_knowledge

    report.warnings += catalogue_warnings(root.catalogue)
    return load_knowledge(root.catalogue)


def _build(places: list[Place], context: Context) -> tuple[ServiceSpec, ...]:
    """Make every spec, then look at what they say of each other."""
    specs: list[ServiceSpec] = []
    for place in places:
        if place.builtin:
            check_block(place, context)
        elif (spec := build_spec(place, context)) is not None:
            specs.append(spec)
    services = {place.name: place for place in reversed(places) if not place.builtin}
    builtins = [place.name for place in places if place.builtin and place.name not in services]

    def where(spec: ServiceSpec, dependency: DependsOn) -> str:
        return format_path(path_of_dependency(services[spec.name], dependency.name, context))

    warn_of_listed(context.settings.auto_restart, list(services), context.report)
    knowledge = context.knowledge
    context.report.faults += dependency_faults(specs, where=where, builtins=builtins, knowledge=knowledge)
    _warn_of_missing(specs, builtins, context)
    return tuple(specs)


def _warn_of_missing(specs: Sequence[ServiceSpec], builtins: Sequence[str], context: Context) -> None:
    """Warn of names beside waits and in labels that nobody has; those in `depends_on` have been told already."""
    known = [*context.names, *context.knowledge.names.values(), *context.knowledge.known]
    found = [
        missing
        for missing in find_missing(specs, context.knowledge)
        if missing.signal != "depends_on" and find_name(missing.reference, builtins) is None
    ]
    for number, missing in enumerate(found):
        # A hint looks at every name there is: not for thousands of references.
        hint = did_you_mean(missing.reference, known) if number < _MOST_HINTS else ""
        text = f"no service is called {missing.reference!r}, and none is of that kind"
        context.report.warnings.append(f"{missing.path}: {text}" + (f"; {hint}" if hint else ""))


def _builtins(places: list[Place]) -> tuple[Builtin, ...]:
    found = [Builtin(name=place.name, key=place.key, block=place.block) for place in places if place.builtin]
    return tuple(sorted(found, key=lambda builtin: builtin.key))
