"""Every reason why one service needs another, and every reference that leads nowhere; circles are not looked at."""

import re
from collections.abc import Iterable, Iterator, Sequence

import attrs

from dumb_actors.graph.index import Index
from dumb_actors.graph.maps import Maps
from dumb_actors.graph.references import Reference, wait_references
from dumb_actors.graph.waits import declared_edges, wait_edges
from dumb_actors.model.edge import Edge, Missing, Signal
from dumb_actors.model.knowledge import NO_KNOWLEDGE, Knowledge
from dumb_actors.model.names import squeeze
from dumb_actors.model.spec import ServiceSpec

__all__ = ["Inferred", "find_missing", "infer"]

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_LABELS: tuple[Reference, ...] = ()


@attrs.frozen(kw_only=True)
class Inferred:
    """
    What a set of specs says of itself.

    Attributes:
        index: How its services are found.

        edges: Every reason, source by source; of a source first what is declared, then waits, flags, labels, maps.

        missing: References to services that do not exist.
    """

    index: Index
    edges: tuple[Edge, ...]
    missing: tuple[Missing, ...]


def infer(specs: Sequence[ServiceSpec], knowledge: Knowledge = NO_KNOWLEDGE) -> Inferred:
    """
    Read every edge from *specs* and what is known of their kinds.

    Nobody is linked to itself. What a map says of a pair that a wait speaks of already waits for a live child only:
    the wait is the proof.
    """
    index = Index(specs, knowledge)
    maps = Maps(index)
    edges: list[Edge] = []
    missing: list[Missing] = []
    for spec in specs:
        edges += _edges_of(spec, index, maps)
        missing += _missing_of(spec, index)
    return Inferred(index=index, edges=tuple(edges), missing=tuple(missing))


def find_missing(specs: Sequence[ServiceSpec], knowledge: Knowledge = NO_KNOWLEDGE) -> tuple[Missing, ...]:
    """List the references to services that do not exist."""
    index = Index(specs, knowledge)
    return tuple(missing for spec in specs for missing in _missing_of(spec, index))


def _edges_of(spec: ServiceSpec, index: Index, maps: Maps) -> Iterator[Edge]:
    yield from declared_edges(spec, index)
    waits = list(wait_edges(spec, index))
    yield from waits
    proved = {edge.target for edge in waits}
    flags = list(maps.provider_edges(spec))
    labels = list(_label_edges(spec, index))
    linked = {edge.target for edge in (*waits, *flags, *labels)}
    fixed = list(maps.fixed_edges(spec, linked))
    core = maps.core_edges(spec, linked.union(edge.target for edge in fixed))
    for edge in (*flags, *labels, *fixed, *core):
        yield attrs.evolve(edge, until="started") if edge.target in proved else edge
    yield from maps.soft_edges(spec)


def _label_edges(spec: ServiceSpec, index: Index) -> Iterator[Edge]:
    references = index.references[spec.name]
    for target in dict.fromkeys(name for ref in references for name in index.resolve(ref.text, spec.name)):
        yield Edge(source=spec.name, target=target, signal="core_service_fields", gates=False)


# --- what leads nowhere -----------------------------------------------------------------------------------------------


def _missing_of(spec: ServiceSpec, index: Index) -> Iterator[Missing]:
    found: list[tuple[Signal, Iterable[Reference]]] = [
        ("depends_on", _missing_dependencies(spec, index)),
        ("core_service_fields", index.references.get(spec.name, _NO_LABELS)),
        ("wait_for_url", wait_references(spec.config, "wait_for_url")),
        ("wait_for_dir", wait_references(spec.config, "wait_for_dir")),
    ]
    for signal, references in found:
        for reference in references:
            if signal == "depends_on" or not index.exists(reference.text):
                path = f"{spec.place}.{reference.path}" if spec.place else reference.path
                yield Missing(source=spec.name, reference=reference.text, signal=signal, path=path)


def _missing_dependencies(spec: ServiceSpec, index: Index) -> Iterator[Reference]:
    """List the names in `depends_on` that nobody has; as written in the block, where there is one."""
    written = spec.config.get("depends_on")
    if isinstance(written, dict):
        items = [(name, _step(name)) for name in written]
    elif isinstance(written, list):
        items = [(name, f"[{number}]") for number, name in enumerate(written)]
    else:
        items = [(declared.name, f"[{number}]") for number, declared in enumerate(spec.depends_on)]
    for name, step in items:
        if isinstance(name, str) and name not in index.specs and squeeze(name) not in index.squeezed:
            yield Reference(text=name, path=f"depends_on{step}")


def _step(name: str) -> str:
    return f".{name}" if _IDENTIFIER.fullmatch(name) else f"[{name!r}]"
