"""
An event-driven actor system on Trio that runs a set of programs that need each other.

    async with dumb_actors.open_supervisor([ServiceSpec("db", "postgres -D data", readiness=Tcp(5432))]) as supervisor:
        await supervisor.start("db")

The names below are the public API; importing this package changes nothing. They are looked up when they are first used,
so that a client command of the program does not pay for the whole system.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dumb_actors.actors.bus import EventStream
    from dumb_actors.actors.opening import open_supervisor
    from dumb_actors.actors.supervisor import Supervisor
    from dumb_actors.catalogue import (
        Catalogue,
        CatalogueEntry,
        CoreOffer,
        OptionalOffer,
        core_offers,
        load_catalogue,
        optional_offers,
        repo_url,
        sponsorship_url,
    )
    from dumb_actors.config import Builtin, Config, Root, Settings, default_root, load_config, parse_config
    from dumb_actors.config.layers import REMOVED, Edit, Origin, edits_of
    from dumb_actors.config.revisions import Revision
    from dumb_actors.config.secrets import masked, unmask
    from dumb_actors.config.sources import Sources
    from dumb_actors.config.store import ConfigStore, open_store
    from dumb_actors.errors import (
        Busy,
        ConfigError,
        ConfigFault,
        DumbActorsError,
        EventsLost,
        GaveUp,
        HostError,
        InternalError,
        PortTaken,
        Refused,
        RequestError,
        RootLocked,
        ServiceError,
        ShuttingDown,
        SpawnFailed,
        StaleRevision,
        StartFailed,
        StartTimeout,
        StopTimeout,
        Superseded,
        UnknownBoot,
        UnknownRevision,
        UnknownService,
        UnusablePath,
    )
    from dumb_actors.graph.dependency import DependencyGraph
    from dumb_actors.graph.lookup import find_target
    from dumb_actors.graph.neighbourhood import lone_neighbourhood
    from dumb_actors.graph.neighbours import Neighbourhood, ParallelGroup, Scope, Standing
    from dumb_actors.graph.truth import TRUTH_TABLE, Truth
    from dumb_actors.graph.whole import WholeGraph
    from dumb_actors.journal.boots import BootName
    from dumb_actors.journal.explanation import Branch, CausalLink, Explanation, LinkKind
    from dumb_actors.journal.reading import read_journal
    from dumb_actors.journal.segments import JournalTooNew
    from dumb_actors.logs.follow import Follower
    from dumb_actors.logs.parts import Position, parse_position
    from dumb_actors.logs.query import LogLine, LogPage, LogQuery, search_log
    from dumb_actors.logs.reader import last_lines, tail_and_end
    from dumb_actors.logs.redact import Redactor, RedactorStream
    from dumb_actors.logs.regex import BadPattern
    from dumb_actors.model.child import Ending, Exit
    from dumb_actors.model.edge import Broken, Edge, Link, Missing
    from dumb_actors.model.event import Cause, CauseKind, Event, Health, Restarts, ServiceSnapshot, Snapshot, Waiting
    from dumb_actors.model.knowledge import NO_KNOWLEDGE, Knowledge
    from dumb_actors.model.known import known_secrets
    from dumb_actors.model.names import find_name, squeeze
    from dumb_actors.model.phase import Phase
    from dumb_actors.model.plan import Awaited, Check, Difference, Effect, Plan, Step
    from dumb_actors.model.probe import Exec, Liveness, Mount, Notify
    from dumb_actors.model.restart import RestartPolicy
    from dumb_actors.model.spec import (
        BasicAuth,
        DependsOn,
        Directory,
        Log,
        ServiceSpec,
        Settle,
        StopStep,
        Tcp,
        Url,
    )
    from dumb_actors.model.timeline import Boot, Change, Hook, PathStep, Span, Timeline, TimelineRow

__all__ = [
    "NO_KNOWLEDGE",
    "REMOVED",
    "TRUTH_TABLE",
    "Awaited",
    "BadPattern",
    "BasicAuth",
    "Boot",
    "BootName",
    "Branch",
    "Broken",
    "Builtin",
    "Busy",
    "Catalogue",
    "CatalogueEntry",
    "CausalLink",
    "Cause",
    "CauseKind",
    "Change",
    "Check",
    "Config",
    "ConfigError",
    "ConfigFault",
    "ConfigStore",
    "CoreOffer",
    "DependencyGraph",
    "DependsOn",
    "Difference",
    "Directory",
    "DumbActorsError",
    "Edge",
    "Edit",
    "Effect",
    "Ending",
    "Event",
    "EventStream",
    "EventsLost",
    "Exec",
    "Exit",
    "Explanation",
    "Follower",
    "GaveUp",
    "Health",
    "Hook",
    "HostError",
    "InternalError",
    "JournalTooNew",
    "Knowledge",
    "Link",
    "LinkKind",
    "Liveness",
    "Log",
    "LogLine",
    "LogPage",
    "LogQuery",
    "Missing",
    "Mount",
    "Neighbourhood",
    "Notify",
    "OptionalOffer",
    "Origin",
    "ParallelGroup",
    "PathStep",
    "Phase",
    "Plan",
    "PortTaken",
    "Position",
    "Redactor",
    "RedactorStream",
    "Refused",
    "RequestError",
    "RestartPolicy",
    "Restarts",
    "Revision",
    "Root",
    "RootLocked",
    "Scope",
    "ServiceError",
    "ServiceSnapshot",
    "ServiceSpec",
    "Settings",
    "Settle",
    "ShuttingDown",
    "Snapshot",
    "Sources",
    "Span",
    "SpawnFailed",
    "StaleRevision",
    "Standing",
    "StartFailed",
    "StartTimeout",
    "Step",
    "StopStep",
    "StopTimeout",
    "Superseded",
    "Supervisor",
    "Tcp",
    "Timeline",
    "TimelineRow",
    "Truth",
    "UnknownBoot",
    "UnknownRevision",
    "UnknownService",
    "UnusablePath",
    "Url",
    "Waiting",
    "WholeGraph",
    "__version__",
    "core_offers",
    "default_root",
    "edits_of",
    "find_name",
    "find_target",
    "known_secrets",
    "last_lines",
    "load_catalogue",
    "load_config",
    "lone_neighbourhood",
    "masked",
    "open_store",
    "open_supervisor",
    "optional_offers",
    "parse_config",
    "parse_position",
    "read_journal",
    "repo_url",
    "search_log",
    "sponsorship_url",
    "squeeze",
    "tail_and_end",
    "unmask",
]

__version__: str
"""Of the installed distribution; looked up when it is first used, like everything else."""

_HOMES = {
    "Awaited": "dumb_actors.model.plan",
    "BadPattern": "dumb_actors.logs.regex",
    "BasicAuth": "dumb_actors.model.spec",
    "Boot": "dumb_actors.model.timeline",
    "BootName": "dumb_actors.journal.boots",
    "Branch": "dumb_actors.journal.explanation",
    "Broken": "dumb_actors.model.edge",
    "Builtin": "dumb_actors.config",
    "Busy": "dumb_actors.errors",
    "Catalogue": "dumb_actors.catalogue",
    "CatalogueEntry": "dumb_actors.catalogue",
    "CausalLink": "dumb_actors.journal.explanation",
    "Cause": "dumb_actors.model.event",
    "CauseKind": "dumb_actors.model.event",
    "Change": "dumb_actors.model.timeline",
    "Check": "dumb_actors.model.plan",
    "Config": "dumb_actors.config",
    "ConfigError": "dumb_actors.errors",
    "ConfigFault": "dumb_actors.errors",
    "ConfigStore": "dumb_actors.config.store",
    "CoreOffer": "dumb_actors.catalogue",
    "DependencyGraph": "dumb_actors.graph.dependency",
    "DependsOn": "dumb_actors.model.spec",
    "Difference": "dumb_actors.model.plan",
    "Directory": "dumb_actors.model.spec",
    "DumbActorsError": "dumb_actors.errors",
    "Edge": "dumb_actors.model.edge",
    "Edit": "dumb_actors.config.layers",
    "Effect": "dumb_actors.model.plan",
    "Ending": "dumb_actors.model.child",
    "Event": "dumb_actors.model.event",
    "EventStream": "dumb_actors.actors.bus",
    "EventsLost": "dumb_actors.errors",
    "Exec": "dumb_actors.model.probe",
    "Exit": "dumb_actors.model.child",
    "Explanation": "dumb_actors.journal.explanation",
    "Follower": "dumb_actors.logs.follow",
    "GaveUp": "dumb_actors.errors",
    "Health": "dumb_actors.model.event",
    "Hook": "dumb_actors.model.timeline",
    "HostError": "dumb_actors.errors",
    "InternalError": "dumb_actors.errors",
    "JournalTooNew": "dumb_actors.journal.segments",
    "Knowledge": "dumb_actors.model.knowledge",
    "Link": "dumb_actors.model.edge",
    "LinkKind": "dumb_actors.journal.explanation",
    "Liveness": "dumb_actors.model.probe",
    "Log": "dumb_actors.model.spec",
    "LogLine": "dumb_actors.logs.query",
    "LogPage": "dumb_actors.logs.query",
    "LogQuery": "dumb_actors.logs.query",
    "Missing": "dumb_actors.model.edge",
    "Mount": "dumb_actors.model.probe",
    "NO_KNOWLEDGE": "dumb_actors.model.knowledge",
    "Neighbourhood": "dumb_actors.graph.neighbours",
    "Notify": "dumb_actors.model.probe",
    "OptionalOffer": "dumb_actors.catalogue",
    "Origin": "dumb_actors.config.layers",
    "ParallelGroup": "dumb_actors.graph.neighbours",
    "PathStep": "dumb_actors.model.timeline",
    "Phase": "dumb_actors.model.phase",
    "Plan": "dumb_actors.model.plan",
    "PortTaken": "dumb_actors.errors",
    "Position": "dumb_actors.logs.parts",
    "REMOVED": "dumb_actors.config.layers",
    "Redactor": "dumb_actors.logs.redact",
    "RedactorStream": "dumb_actors.logs.redact",
    "Refused": "dumb_actors.errors",
    "RequestError": "dumb_actors.errors",
    "RestartPolicy": "dumb_actors.model.restart",
    "Restarts": "dumb_actors.model.event",
    "Revision": "dumb_actors.config.revisions",
    "Root": "dumb_actors.config",
    "RootLocked": "dumb_actors.errors",
    "Scope": "dumb_actors.graph.neighbours",
    "ServiceError": "dumb_actors.errors",
    "ServiceSnapshot": "dumb_actors.model.event",
    "ServiceSpec": "dumb_actors.model.spec",
    "Settings": "dumb_actors.config",
    "Settle": "dumb_actors.model.spec",
    "ShuttingDown": "dumb_actors.errors",
    "Snapshot": "dumb_actors.model.event",
    "Sources": "dumb_actors.config.sources",
    "Span": "dumb_actors.model.timeline",
    "SpawnFailed": "dumb_actors.errors",
    "StaleRevision": "dumb_actors.errors",
    "Standing": "dumb_actors.graph.neighbours",
    "StartFailed": "dumb_actors.errors",
    "StartTimeout": "dumb_actors.errors",
    "Step": "dumb_actors.model.plan",
    "StopStep": "dumb_actors.model.spec",
    "StopTimeout": "dumb_actors.errors",
    "Superseded": "dumb_actors.errors",
    "Supervisor": "dumb_actors.actors.supervisor",
    "TRUTH_TABLE": "dumb_actors.graph.truth",
    "Tcp": "dumb_actors.model.spec",
    "Timeline": "dumb_actors.model.timeline",
    "TimelineRow": "dumb_actors.model.timeline",
    "Truth": "dumb_actors.graph.truth",
    "UnknownBoot": "dumb_actors.errors",
    "UnknownRevision": "dumb_actors.errors",
    "UnknownService": "dumb_actors.errors",
    "UnusablePath": "dumb_actors.errors",
    "Url": "dumb_actors.model.spec",
    "Waiting": "dumb_actors.model.event",
    "WholeGraph": "dumb_actors.graph.whole",
    "core_offers": "dumb_actors.catalogue",
    "default_root": "dumb_actors.config",
    "edits_of": "dumb_actors.config.layers",
    "find_name": "dumb_actors.model.names",
    "find_target": "dumb_actors.graph.lookup",
    "known_secrets": "dumb_actors.model.known",
    "last_lines": "dumb_actors.logs.reader",
    "load_catalogue": "dumb_actors.catalogue",
    "load_config": "dumb_actors.config",
    "lone_neighbourhood": "dumb_actors.graph.neighbourhood",
    "masked": "dumb_actors.config.secrets",
    "open_store": "dumb_actors.config.store",
    "open_supervisor": "dumb_actors.actors.opening",
    "optional_offers": "dumb_actors.catalogue",
    "parse_config": "dumb_actors.config",
    "parse_position": "dumb_actors.logs.parts",
    "read_journal": "dumb_actors.journal.reading",
    "repo_url": "dumb_actors.catalogue",
    "search_log": "dumb_actors.logs.query",
    "sponsorship_url": "dumb_actors.catalogue",
    "squeeze": "dumb_actors.model.names",
    "tail_and_end": "dumb_actors.logs.reader",
    "unmask": "dumb_actors.config.secrets",
}
"""Where each public name lives; the imports above say the same to type checkers, and a test compares them."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _look_up_version()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # late, as below

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def _look_up_version() -> str:
    # Late: this import costs a process that keeps output (it has nothing but the standard library) 3 MB of memory.
    from importlib.metadata import version

    found = globals()["__version__"] = version("dumb-actors")
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
