"""Edges that the configuration declares: `depends_on`, and who provides what a service waits for."""

from collections.abc import Iterator
from typing import Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from dumb_actors.graph.index import Index
from dumb_actors.graph.references import wait_references
from dumb_actors.model.edge import Edge
from dumb_actors.model.probe import Directory, Mount, Url, WaitSpec
from dumb_actors.model.spec import ServiceSpec

__all__ = ["WaitSignal", "declared_edges", "wait_edges", "wait_indexes", "wait_signal"]

WaitSignal: TypeAlias = Literal["wait_for_url", "wait_for_dir", "wait_for_mounts"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  (compared with, never bound)


def wait_signal(wait: WaitSpec) -> WaitSignal:
    """Name the configuration's field that *wait* comes from."""
    match wait:
        case Url():
            return "wait_for_url"
        case Directory():
            return "wait_for_dir"
        case Mount():
            return "wait_for_mounts"


def declared_edges(spec: ServiceSpec, index: Index) -> Iterator[Edge]:
    """List the edges of `depends_on`; those to services that do not exist are left out."""
    for declared in spec.depends_on:
        if declared.name in index.specs:
            yield Edge(
                source=spec.name,
                target=declared.name,
                signal="depends_on",
                until=declared.until,
                always=declared.required,
                on_loss=declared.on_loss,
            )


def wait_edges(spec: ServiceSpec, index: Index) -> Iterator[Edge]:
    """
    List an edge to everybody who may provide what *spec* waits for.

    It is sure where one enabled service has the port, or the deepest directory around the path; everything else is a
    guess: several with the same port or directory, a directory further up, one inside the path, a name beside the wait
    or in its address, and whatever concerns a service that is off.
    """
    named: dict[int, list[str]] = {}
    for field in ("wait_for_url", "wait_for_dir"):
        places = wait_indexes(spec, field)
        for reference in wait_references(spec.config, field):
            if reference.item < len(places):
                named.setdefault(places[reference.item], []).append(reference.text)
    for number, wait in enumerate(spec.waits):
        sure, guessed = _providers(spec, wait, index)
        texts = [*named.get(number, ()), *(_names_in(wait) if isinstance(wait, Url) else ())]
        guessed += [target for text in texts for target in index.resolve(text, spec.name)]
        for target in dict.fromkeys([*sure, *guessed]):
            if target != spec.name:
                yield Edge(
                    source=spec.name,
                    target=target,
                    signal=wait_signal(wait),
                    until="started",
                    wait=number,
                    guess=target not in sure or not (spec.enabled and index.specs[target].enabled),
                )


def wait_indexes(spec: ServiceSpec, field: Literal["wait_for_url", "wait_for_dir"]) -> list[int]:
    """Give the indexes of the waits that the items of *field* have become, in order."""
    kind = Url if field == "wait_for_url" else Directory
    return [number for number, wait in enumerate(spec.waits) if isinstance(wait, kind)]


def _providers(spec: ServiceSpec, wait: WaitSpec, index: Index) -> tuple[list[str], list[str]]:
    """Give who is sure to provide what *wait* waits for, and who may."""
    if isinstance(wait, Url):
        port = _local_port(wait)
        return _pick([] if port is None else [tuple(index.by_port.get(port, ()))], index)
    path = wait.directory if isinstance(wait, Directory) else wait.mount
    sure, guessed = _pick(index.mounts.around(path), index)
    return sure, [*guessed, *index.mounts.below(path)]


def _pick(nearest_first: list[tuple[str, ...]], index: Index) -> tuple[list[str], list[str]]:
    """Say which of the candidates is the one: the only enabled one among the nearest that are enabled at all."""
    enabled = ([name for name in names if index.specs[name].enabled] for names in nearest_first)
    nearest = next(filter(None, enabled), [])
    every = [name for names in nearest_first for name in names]
    return (nearest if len(nearest) == 1 else []), every


def _local_port(url: Url) -> int | None:
    parts = urlsplit(url.url)
    if parts.hostname not in _LOOPBACK:
        return None
    return parts.port or (443 if parts.scheme == "https" else 80)


def _names_in(url: Url) -> Iterator[str]:
    """Give the words of an address that may name a service: a host that is not this machine, and `/ui/<name>`."""
    parts = urlsplit(url.url)
    if parts.hostname and parts.hostname not in _LOOPBACK:
        yield parts.hostname
    steps = parts.path.split("/")
    if steps[:2] == ["", "ui"] and len(steps) > 2 and steps[2]:
        yield unquote(steps[2])
