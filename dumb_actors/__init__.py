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
    from dumb_actors.catalogue import repo_url, sponsorship_url
    from dumb_actors.config import Builtin, Config, Root, Settings, default_root, load_config, parse_config
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
        StartFailed,
        StartTimeout,
        StopTimeout,
        Superseded,
        UnknownService,
        UnusablePath,
    )
    from dumb_actors.graph.dependency import DependencyGraph
    from dumb_actors.graph.lookup import find_target
    from dumb_actors.graph.neighbourhood import lone_neighbourhood
    from dumb_actors.graph.neighbours import Neighbourhood, ParallelGroup, Scope, Standing
    from dumb_actors.graph.plan import Difference, Plan
    from dumb_actors.graph.truth import TRUTH_TABLE, Truth
    from dumb_actors.graph.whole import WholeGraph
    from dumb_actors.journal.reading import read_journal
    from dumb_actors.journal.segments import JournalTooNew
    from dumb_actors.logs.follow import Follower
    from dumb_actors.logs.known import known_secrets
    from dumb_actors.logs.parts import Position, parse_position
    from dumb_actors.logs.query import LogLine, LogPage, LogQuery, search_log
    from dumb_actors.logs.reader import last_lines, tail_and_end
    from dumb_actors.logs.redact import Redactor, RedactorStream
    from dumb_actors.logs.regex import BadPattern
    from dumb_actors.model.child import Ending, Exit
    from dumb_actors.model.edge import Broken, Edge, Link, Missing
    from dumb_actors.model.event import Cause, Event, Health, Restarts, ServiceSnapshot, Snapshot, Waiting
    from dumb_actors.model.knowledge import NO_KNOWLEDGE, Knowledge
    from dumb_actors.model.names import find_name, squeeze
    from dumb_actors.model.phase import Phase
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

__all__ = [
    "NO_KNOWLEDGE",
    "TRUTH_TABLE",
    "BadPattern",
    "BasicAuth",
    "Broken",
    "Builtin",
    "Busy",
    "Cause",
    "Config",
    "ConfigError",
    "ConfigFault",
    "DependencyGraph",
    "DependsOn",
    "Difference",
    "Directory",
    "DumbActorsError",
    "Edge",
    "Ending",
    "Event",
    "EventStream",
    "EventsLost",
    "Exec",
    "Exit",
    "Follower",
    "GaveUp",
    "Health",
    "HostError",
    "InternalError",
    "JournalTooNew",
    "Knowledge",
    "Link",
    "Liveness",
    "Log",
    "LogLine",
    "LogPage",
    "LogQuery",
    "Missing",
    "Mount",
    "Neighbourhood",
    "Notify",
    "ParallelGroup",
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
    "SpawnFailed",
    "Standing",
    "StartFailed",
    "StartTimeout",
    "StopStep",
    "StopTimeout",
    "Superseded",
    "Supervisor",
    "Tcp",
    "Truth",
    "UnknownService",
    "UnusablePath",
    "Url",
    "Waiting",
    "WholeGraph",
    "__version__",
    "default_root",
    "find_name",
    "find_target",
    "known_secrets",
    "last_lines",
    "load_config",
    "lone_neighbourhood",
    "open_supervisor",
    "parse_config",
    "parse_position",
    "read_journal",
    "repo_url",
    "search_log",
    "sponsorship_url",
    "squeeze",
    "tail_and_end",
]

__version__: str
"""Of the installed distribution; looked up when it is first used, like everything else."""

_HOMES = {
    "Neighbourhood": "dumb_actors.graph.neighbours",
    "ParallelGroup": "dumb_actors.graph.neighbours",
    "Scope": "dumb_actors.graph.neighbours",
    "Standing": "dumb_actors.graph.neighbours",
    "TRUTH_TABLE": "dumb_actors.graph.truth",
    "Truth": "dumb_actors.graph.truth",
    "WholeGraph": "dumb_actors.graph.whole",
    "find_target": "dumb_actors.graph.lookup",
    "lone_neighbourhood": "dumb_actors.graph.neighbourhood",
    "default_root": "dumb_actors.config",
    "Difference": "dumb_actors.graph.plan",
    "Restarts": "dumb_actors.model.event",
    "Health": "dumb_actors.model.event",
    "StartFailed": "dumb_actors.errors",
    "RestartPolicy": "dumb_actors.model.restart",
    "Liveness": "dumb_actors.model.probe",
    "Notify": "dumb_actors.model.probe",
    "Exec": "dumb_actors.model.probe",
    "Mount": "dumb_actors.model.probe",
    "BadPattern": "dumb_actors.logs.regex",
    "BasicAuth": "dumb_actors.model.spec",
    "Builtin": "dumb_actors.config",
    "Busy": "dumb_actors.errors",
    "Cause": "dumb_actors.model.event",
    "Config": "dumb_actors.config",
    "ConfigError": "dumb_actors.errors",
    "ConfigFault": "dumb_actors.errors",
    "DependencyGraph": "dumb_actors.graph.dependency",
    "DependsOn": "dumb_actors.model.spec",
    "Directory": "dumb_actors.model.spec",
    "DumbActorsError": "dumb_actors.errors",
    "Broken": "dumb_actors.model.edge",
    "Edge": "dumb_actors.model.edge",
    "Knowledge": "dumb_actors.model.knowledge",
    "Link": "dumb_actors.model.edge",
    "Missing": "dumb_actors.model.edge",
    "NO_KNOWLEDGE": "dumb_actors.model.knowledge",
    "Ending": "dumb_actors.model.child",
    "Event": "dumb_actors.model.event",
    "EventStream": "dumb_actors.actors.bus",
    "EventsLost": "dumb_actors.errors",
    "Exit": "dumb_actors.model.child",
    "Follower": "dumb_actors.logs.follow",
    "GaveUp": "dumb_actors.errors",
    "HostError": "dumb_actors.errors",
    "InternalError": "dumb_actors.errors",
    "JournalTooNew": "dumb_actors.journal.segments",
    "Log": "dumb_actors.model.spec",
    "LogLine": "dumb_actors.logs.query",
    "LogPage": "dumb_actors.logs.query",
    "LogQuery": "dumb_actors.logs.query",
    "Phase": "dumb_actors.model.phase",
    "Plan": "dumb_actors.graph.plan",
    "PortTaken": "dumb_actors.errors",
    "Position": "dumb_actors.logs.parts",
    "Redactor": "dumb_actors.logs.redact",
    "RedactorStream": "dumb_actors.logs.redact",
    "Refused": "dumb_actors.errors",
    "RequestError": "dumb_actors.errors",
    "Root": "dumb_actors.config",
    "RootLocked": "dumb_actors.errors",
    "ServiceError": "dumb_actors.errors",
    "ServiceSnapshot": "dumb_actors.model.event",
    "ServiceSpec": "dumb_actors.model.spec",
    "Settings": "dumb_actors.config",
    "Settle": "dumb_actors.model.spec",
    "ShuttingDown": "dumb_actors.errors",
    "Snapshot": "dumb_actors.model.event",
    "SpawnFailed": "dumb_actors.errors",
    "StartTimeout": "dumb_actors.errors",
    "StopStep": "dumb_actors.model.spec",
    "StopTimeout": "dumb_actors.errors",
    "Superseded": "dumb_actors.errors",
    "Supervisor": "dumb_actors.actors.supervisor",
    "Tcp": "dumb_actors.model.spec",
    "UnknownService": "dumb_actors.errors",
    "UnusablePath": "dumb_actors.errors",
    "Url": "dumb_actors.model.spec",
    "Waiting": "dumb_actors.model.event",
    "find_name": "dumb_actors.model.names",
    "known_secrets": "dumb_actors.logs.known",
    "last_lines": "dumb_actors.logs.reader",
    "load_config": "dumb_actors.config",
    "open_supervisor": "dumb_actors.actors.opening",
    "parse_config": "dumb_actors.config",
    "read_journal": "dumb_actors.journal.reading",
    "parse_position": "dumb_actors.logs.parts",
    "repo_url": "dumb_actors.catalogue",
    "search_log": "dumb_actors.logs.query",
    "sponsorship_url": "dumb_actors.catalogue",
    "squeeze": "dumb_actors.model.names",
    "tail_and_end": "dumb_actors.logs.reader",
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
