"""
An event-driven actor system on Trio that runs a set of programs that need each other.

    async with dumb_actors.open_supervisor([ServiceSpec("db", "postgres -D data", readiness=Tcp(5432))]) as supervisor:
        await supervisor.start("db")

The names below are the public API; importing this package changes nothing.
"""

from importlib.metadata import version as _version

from dumb_actors.actors.bus import EventStream
from dumb_actors.actors.opening import open_supervisor
from dumb_actors.actors.supervisor import Supervisor
from dumb_actors.catalogue import repo_url, sponsorship_url
from dumb_actors.config import Builtin, Config, Root, Settings, load_config, parse_config
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
    StartTimeout,
    StopTimeout,
    Superseded,
    UnknownService,
    UnusablePath,
)
from dumb_actors.logs.follow import Follower
from dumb_actors.logs.reader import Position, last_lines
from dumb_actors.model.child import Ending, Exit
from dumb_actors.model.event import Cause, Event, ServiceSnapshot, Snapshot, Waiting
from dumb_actors.model.graph import DependencyGraph, Edge
from dumb_actors.model.names import find_name, squeeze
from dumb_actors.model.phase import Phase
from dumb_actors.model.plan import Plan
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
    "BasicAuth",
    "Builtin",
    "Busy",
    "Cause",
    "Config",
    "ConfigError",
    "ConfigFault",
    "DependencyGraph",
    "DependsOn",
    "Directory",
    "DumbActorsError",
    "Edge",
    "Ending",
    "Event",
    "EventStream",
    "EventsLost",
    "Exit",
    "Follower",
    "GaveUp",
    "HostError",
    "InternalError",
    "Log",
    "Phase",
    "Plan",
    "PortTaken",
    "Position",
    "Refused",
    "RequestError",
    "Root",
    "RootLocked",
    "ServiceError",
    "ServiceSnapshot",
    "ServiceSpec",
    "Settings",
    "Settle",
    "ShuttingDown",
    "Snapshot",
    "SpawnFailed",
    "StartTimeout",
    "StopStep",
    "StopTimeout",
    "Superseded",
    "Supervisor",
    "Tcp",
    "UnknownService",
    "UnusablePath",
    "Url",
    "Waiting",
    "__version__",
    "find_name",
    "last_lines",
    "load_config",
    "open_supervisor",
    "parse_config",
    "repo_url",
    "sponsorship_url",
    "squeeze",
]

__version__ = _version("dumb-actors")
