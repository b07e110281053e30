"""Examples for the API's description; a test holds them against its schemas, and so cannot let them grow old."""

import json
from collections.abc import Mapping
from typing import Any

import attrs

from dumb_web.capabilities import Capabilities

__all__ = ["EXAMPLES", "FAILURES", "Example"]


@attrs.frozen(kw_only=True)
class Example:
    """
    One request and its answers.

    Attributes:
        asks: Parameters by name.

        body: The body.

        answers: Answers by a name that says when.

        failures: Answers that are errors, by status, where those of `FAILURES` do not fit.
    """

    asks: Mapping[str, Any] = attrs.field(factory=dict)
    body: Any = None
    answers: Mapping[str, Any] = attrs.field(factory=dict)
    failures: Mapping[int, Any] = attrs.field(factory=dict)


CAPABILITIES = [field.name for field in attrs.fields(Capabilities)]


# --- parts ------------------------------------------------------------------------------------------------------------

NAME = "Riven Backend"
AT = 1770981022.41
WAITING = [{"what": "'PostgreSQL' to be ready", "since": AT, "last_answer": "starting"}]
ENTRY = {
    "name": "PostgreSQL",
    "process_name": "PostgreSQL",
    "enabled": True,
    "config": {"enabled": True, "process_name": "PostgreSQL", "port": 5432},
    "version": None,
    "key": "postgres",
    "config_key": "postgres",
    "repo_url": "https://www.postgresql.org/",
    "sponsorship_url": None,
}
SERVICE = {
    "process_name": "PostgreSQL",
    "config_key": "postgres",
    "enabled": True,
    "status": "running",
    "phase": "ready",
    "wished": True,
    "generation": 2,
    "pid": 4711,
    "since": AT,
    "started_at": AT - 0.3,
    "ready_at": AT,
    "reason": "accepts connections",
    "hint": "",
    "waiting": [],
    "dependencies": {},
    "last_exit": {"code": 1, "signal": None, "core_dumped": False, "text": "exit code 1"},
    "last_exit_at": AT - 0.4,
    "last_lines": [],
    "restarts": 0,
    "health": {"healthy": True, "reason": "", "count": 0, "threshold": 3},
    "healing": {
        "attempts": 1,
        "successes": 1,
        "failures": 0,
        "recent": 1,
        "crash_loop": False,
        "next_at": None,
        "last_at": AT - 0.4,
        "last_failure": "",
        "last_reasons": ["exit code 1"],
    },
    "says": "",
    "needs_restart": False,
    "log_path": "/srv/stack/log/postgresql.log",
}
CONFIG = {
    "revision": 12,
    "source": "/srv/stack/config/dumb_config.json",
    "broken": {"since": AT - 60, "faults": ["line 3, column 5: not JSON: Expecting ',' delimiter"]},
    "unsaved": ["rclone.port"],
}
OVERVIEW = {
    "seq": 57,
    "at": AT,
    "version": "0.1.0",
    "pid": 4700,
    "root": "/srv/stack",
    "config": CONFIG,
    "services": [SERVICE],
}
EVENT = {
    "seq": 58,
    "kind": "phase",
    "service": NAME,
    "generation": 1,
    "from": "starting",
    "to": "ready",
    "cause": {"kind": "probe", "text": "HTTP 200", "by": ""},
    "at": AT,
    "mono": 812.25,
    "detail": {},
}
STATE = {
    "process_name": NAME,
    "status": "running",
    "phase": "ready",
    "wished": True,
    "reason": "HTTP 200",
    "waiting": [],
}
RESTART = {
    "restart_attempts": 1,
    "restart_successes": 1,
    "restart_failures": 0,
    "recent_restart_attempts": 1,
    "pending": False,
    "next_restart_time": None,
    "disabled": False,
    "last_restart_time": AT - 12,
    "last_failure_reason": None,
    "last_exit_time": AT - 12,
    "last_exit_reason": "killed by SIGKILL",
    "unhealthy_count": 3,
    "unhealthy_threshold": 3,
}
BY_MAP = {"signals": ["conditional_startup_map"], "classification": "hard", "strength": "hard_runtime"}
LINK = {"signals": ["conditional_startup_map", "wait_for_url"], "classification": "hard", "strength": "hard_runtime"}
PLEX = {"key": "plex", "label": "Plex Media Server", "state": "running"}
DEPENDENCY_GRAPH = {
    "process_name": "Tautulli",
    "config_key": "tautulli",
    "scope": "runtime",
    "context": {
        "mode": "core",
        "key": "tautulli",
        "core": {"key": "tautulli", "name": "Tautulli", "dependencies": []},
    },
    "startup_order": [
        {**PLEX, **BY_MAP},
        {"key": "tautulli", "label": "Tautulli", "state": "stopped", **BY_MAP, "signals": ["core_service_map"]},
    ],
    "dependency_rows": [
        {**PLEX, "process_count": 1, "scoped": False, "starter_process_name": "Plex Media Server", **BY_MAP}
    ],
    "dependent_rows": [],
    "linked_outgoing_rows": [{"process_name": "Plex Media Server", **PLEX, **LINK}],
    "linked_incoming_rows": [],
    "nodes": [
        {"id": "Plex Media Server", "process_name": "Plex Media Server", **PLEX},
        {"id": "Tautulli", "process_name": "Tautulli", "key": "tautulli", "label": "Tautulli", "state": "stopped"},
    ],
    "edges": [{"source": "Tautulli", "target": "Plex Media Server", **LINK, "gates": True}],
    "parallel_groups": [
        {
            "id": "pre_core",
            "label": "Parallel prerequisites",
            "type": "parallel",
            "members": ["Plex Media Server"],
        },
        {"id": "core_target", "label": "Core target", "type": "serial", "members": ["Tautulli"]},
    ],
    "cycles_broken": [],
    "missing": [],
    "core_services": [{"name": "Riven", "key": "riven_backend", "dependencies": ["zurg", "rclone", "postgres"]}],
    "processes": [ENTRY],
    "statuses": {"Tautulli": "stopped", "Plex Media Server": "running", "DUMB API": "running"},
    "dependency_truth_table": [
        {
            "signal": "wait_for_url",
            "classification": "hard",
            "strength": "hard_runtime",
            "description": "Its start waits for a URL that the other answers.",
        }
    ],
    "updated_at": "2026-02-13T18:45:00Z",
}
CYCLE = {
    "cycle": ["rclone", NAME, "rclone"],
    "source": "rclone",
    "target": NAME,
    "signals": ["core_service_fields"],
}
MISSING = {
    "source": "Seerr",
    "reference": "plexx",
    "signal": "core_service_fields",
    "path": "$.seerr.instances.Main.core_service",
}
DONE = {"process_name": NAME, "phase": "ready", "pid": 4712, "generation": 1}
UNSTARTED = f"Unable to start the service '{NAME}': "
START = Example(
    body={"process_name": NAME, "timeout": 60},
    answers={"ready": {**DONE, "status": "Service started successfully", "also_started": ["PostgreSQL"]}},
    failures={
        404: {"detail": "Service not enabled or found", "code": "unknown-service", "service": "Rivn", "known": [NAME]},
        409: {
            "detail": f"start of '{NAME}' was superseded by a stop",
            "code": "superseded",
            "service": NAME,
            "command": "start",
            "by": "stop",
        },
        500: {
            "detail": f"{UNSTARTED}exit code 1 before it was ready",
            "code": "start-failed",
            "service": NAME,
            "reason": "exit code 1 before it was ready",
            "hint": "",
            "last_lines": ["could not connect to the database"],
            "retry_in_s": 1.04,
        },
        504: {
            "detail": f"{UNSTARTED}'{NAME}' was not ready within 60 s: waits for 'PostgreSQL' to be ready",
            "code": "start-timeout",
            "service": NAME,
            "timeout": 60,
            "waiting": WAITING,
            "phase": "waiting",
        },
    },
)


def _stream(*messages: Mapping[str, Any]) -> str:
    return "".join(f"id: {one['seq']}\nevent: {one['kind']}\ndata: {json.dumps(one)}\n\n" for one in messages)


# --- by route ---------------------------------------------------------------------------------------------------------

EXAMPLES: Mapping[tuple[str, str], Example] = {
    ("GET", "/process/processes"): Example(answers={"one service": {"processes": [ENTRY]}}),
    ("GET", "/process"): Example(
        asks={"process_name": "PostgreSQL", "scope": "runtime"},
        answers={
            "with a dependent": {
                "process_name": "PostgreSQL",
                "config": ENTRY["config"],
                "version": None,
                "config_key": "postgres",
                "update_status": None,
                "symlink_backup_status": None,
                "supports_manual_update": False,
                "parallel_groups": [
                    {"id": "core_target", "label": "Core target", "type": "serial", "members": ["PostgreSQL"]},
                    {"id": "post_core", "label": "Dependents", "type": "parallel", "members": [NAME]},
                ],
            }
        },
        failures={400: {"detail": "scope must be 'runtime' or 'all'", "code": "bad-request", "scope": "some"}},
    ),
    ("POST", "/process/start-service"): START,
    ("POST", "/process/restart-service"): Example(
        body={"process_name": NAME},
        answers={"ready": {**DONE, "status": "Service restarted successfully", "generation": 2}},
        failures=START.failures,
    ),
    ("POST", "/process/stop-service"): Example(
        body={"process_name": "PostgreSQL"},
        answers={
            "stopped": {
                "process_name": "PostgreSQL",
                "phase": "stopped",
                "pid": None,
                "generation": 2,
                "status": "Service stopped successfully",
                "dependents": [{"process_name": NAME, "effect": "keeps running and is told"}],
            }
        },
        failures={504: {"detail": "'PostgreSQL' has not stopped within 50 s", "code": "stop-timeout"}},
    ),
    ("GET", "/process/service-status"): Example(
        asks={"process_name": NAME, "include_health": True},
        answers={
            "ready": STATE,
            "unhealthy": {**STATE, "healthy": False, "health_reason": "connection refused", "restart": RESTART},
            "waiting": {**STATE, "status": "idle", "phase": "waiting", "reason": "", "waiting": WAITING},
        },
    ),
    ("GET", "/health"): Example(
        answers={
            "healthy": {"status": "healthy"},
            "unhealthy": {
                "status": "unhealthy",
                "details": f"{NAME}: waits for 'PostgreSQL' to be ready (last answer: starting)",
            },
        },
    ),
    ("GET", "/status"): Example(answers={"one service": OVERVIEW}),
    ("GET", "/process/dependency-graph"): Example(
        asks={"process_name": "Tautulli", "scope": "runtime"},
        answers={"needs Plex": DEPENDENCY_GRAPH},
        failures={400: {"detail": "scope must be 'runtime' or 'all'", "code": "bad-request", "scope": "some"}},
    ),
    ("GET", "/graph"): Example(
        answers={
            "two services": {
                "nodes": [
                    {
                        "process_name": name,
                        "key": key,
                        "label": name,
                        "phase": "ready",
                        "status": "running",
                        "enabled": True,
                        "wished": True,
                        "level": level,
                        "critical": True,
                    }
                    for level, (name, key) in enumerate([("PostgreSQL", "postgres"), (NAME, "riven_backend")])
                ],
                "edges": [
                    {
                        "source": NAME,
                        "target": "PostgreSQL",
                        "signals": ["conditional_startup_map", "core_service_map"],
                        "strength": "hard_runtime",
                        "classification": "hard",
                        "gates": True,
                        "on_loss": "keep",
                    }
                ],
                "cycles_broken": [CYCLE],
                "missing": [MISSING],
                "seq": 57,
                "updated_at": "2026-02-13T18:45:00Z",
            }
        }
    ),
    ("GET", "/process/capabilities"): Example(answers={"none yet": dict.fromkeys(CAPABILITIES, False)}),
    ("GET", "/events"): Example(
        asks={"service": [NAME], "kind": ["phase"], "after": 57, "Last-Event-ID": "57"},
        answers={
            "from the beginning": _stream({**OVERVIEW, "kind": "snapshot"}, EVENT),
            "after 57": _stream(EVENT),
            "too slow": _stream({"seq": 58, "kind": "lost", "at": AT}),
        },
    ),
    ("GET", "/events/history"): Example(
        asks={
            "after": 57,
            "since": 1770980000,
            "until": 1770990000,
            "service": NAME,
            "kind": ["phase"],
            "limit": 100,
        },
        answers={"one event": {"events": [EVENT], "seq": 61, "more": False}},
        failures={500: {"detail": "cannot read the journal in /srv/stack/log/journal: Permission denied"}},
    ),
    ("GET", "/logs"): Example(
        asks={"process_name": NAME, "cursor": 4096, "tail_bytes": 131072},
        answers={
            "from the end": {
                "process_name": NAME,
                "size": 12,
                "cursor": 12,
                "chunk": "hello world\n",
                "reset": True,
                "log": "hello world\n",
            },
            "nothing new": {
                "process_name": NAME,
                "size": 4096,
                "cursor": 4096,
                "chunk": "",
                "reset": False,
                "log": None,
            },
        },
        failures={500: {"detail": "cannot read the log /srv/stack/log/x.log: Permission denied"}},
    ),
    ("GET", "/logs/<path:service>"): Example(
        asks={
            "service": NAME,
            "tail": 2,
            "follow": False,
            "since": "2h",
            "until": "2026-02-13T12:00:00Z",
            "match": "ready",
            "regex": False,
            "generation": "last",
            "after": "7340033:4096:1770981022410000000",
            "before": "7340033:4096:1770981022410000000",
            "format": "json",
            "Last-Event-ID": "7340033:4096:1770981022410000000",
        },
        answers={"two lines": "listening on 127.0.0.1:8080\nready\n"},
        failures={500: {"detail": "cannot read the log /srv/stack/log/x.log: Permission denied"}},
    ),
    ("GET", "/openapi.json"): Example(
        answers={"its beginning": {"openapi": "3.1.0", "info": {"title": "dumb_actors"}}}
    ),
    ("GET", "/docs"): Example(answers={"its beginning": "<!doctype html>\n"}),
    ("GET", '/docs/<any("docs.css", "docs.js", "docs.svg"):asset>'): Example(
        asks={"asset": "docs.css"}, answers={"its beginning": "body {\n"}
    ),
    ("POST", "/shutdown"): Example(
        body={},
        answers={"it has begun": {"status": "Shutting down", "pid": 4700}},
        failures={404: {"detail": "this program cannot be ended over its API", "code": "not-offered"}},
    ),
}

FAILURES: Mapping[int, Any] = {
    400: {"detail": "scope must be 'runtime' or 'all'", "code": "bad-request"},
    403: {"detail": "pages of 'https://evil.example' may not use this API", "code": "forbidden-origin"},
    404: {"detail": "Process not found", "code": "unknown-service", "service": "Rivn", "known": [NAME]},
    408: {"detail": "Request Timeout"},
    409: {"detail": "'DUMB API' is this supervisor itself and cannot be stopped from here", "code": "refused"},
    413: {"detail": "Request Entity Too Large"},
    422: {
        "detail": [
            {
                "type": "string_type",
                "loc": ["body", "process_name"],
                "msg": "Input should be a valid string",
                "input": 7,
            }
        ]
    },
    500: {"detail": "Internal Server Error: see the log of dumb-actors"},
    503: {"detail": "the supervisor is shutting down", "code": "shutting-down"},
    504: {"detail": f"'{NAME}' has not stopped within 50 s", "code": "stop-timeout"},
}
