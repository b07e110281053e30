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
    "cause": {"kind": "probe", "text": "HTTP 200", "by": "", "seq": None},
    "at": AT,
    "mono": 812.25,
    "detail": {},
}
WAITED = {
    "service": NAME,
    "generation": 1,
    "attempt": 1,
    "kind": "waiting",
    "begin_at": AT,
    "end_at": AT + 1.5,
    "begin_mono": 812.25,
    "end_mono": 813.75,
    "outcome": "preparing",
    "waits_for": ["'PostgreSQL' to be ready"],
    "ended_by": "PostgreSQL",
    "condition": "'PostgreSQL' to be ready",
    "signal": "depends_on",
    "led_by": 41,
    "hooks": [],
    "probe": "",
    "adopted": False,
}
STEP = {
    "service": NAME,
    "begin_s": 1.5,
    "end_s": 4.5,
    "waiting_s": 0.001,
    "preparing_s": 0.003,
    "spawning_s": 0.002,
    "probing_s": 2.994,
    "other_s": 0.0,
    "after": "PostgreSQL",
    "condition": "'PostgreSQL' to be ready",
}
CHANGE = {
    "kind": "quicker",
    "service": NAME,
    "dependency": "",
    "saves_s": 2.999,
    "makespan_s": 1.501,
    "text": f"if '{NAME}' took none of its 3.00 s, the boot would take 1.50 s instead of 4.50 s",
}
TIMELINE = {
    "what": "boot",
    "seq": 31,
    "by": "boot",
    "begin_at": AT,
    "begin_mono": 812.25,
    "end_s": 4.5,
    "is_complete": True,
    "makespan_s": 4.5,
    "ideal_s": 4.499,
    "critical_path": [STEP],
    "change": CHANGE,
    "changes": [CHANGE],
    "not_ready": [],
    "partial": "",
    "services": [
        {
            "service": NAME,
            "phase": "ready",
            "ready_s": 4.5,
            "adopted": False,
            "on_critical_path": True,
            "reason": "",
            "spans": [WAITED],
        }
    ],
}
BOOT = {"seq": 31, "at": AT, "by": "boot", "services": 2, "makespan_s": 4.5, "not_ready": []}
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
STEP = {
    "action": "start",
    "process_name": NAME,
    "after": ["PostgreSQL"],
    "gone": [],
    "wave": 2,
    "why": "asked for",
    "needs": [],
    "expected_s": 4.1,
}
PLAN = {
    "command": "start",
    "process_name": NAME,
    "already": "",
    "steps": [
        {
            **STEP,
            "process_name": "PostgreSQL",
            "after": [],
            "wave": 1,
            "why": f"'{NAME}' needs it (depends_on)",
            "needs": [{"process_name": NAME, "signals": ["depends_on"]}],
            "expected_s": 0.6,
        },
        STEP,
    ],
    "effects": [],
    "waits_for": [
        {
            "process_name": NAME,
            "what": "http://nas.example/ to answer",
            "why": "no service here provides it; whether it holds is not known",
            "dependency": None,
        }
    ],
    "expected_s": 4.7,
    "unknown": [],
    "checks": [
        {
            "process_name": NAME,
            "kind": "port",
            "subject": "8080",
            "ok": False,
            "text": "port 8080 is taken: nginx (pid 812) listens there",
            "fatal": True,
            "hint": "end that, or give this service another port",
        }
    ],
    "would_fail": [
        f"'{NAME}': port 8080 is taken: nginx (pid 812) listens there (end that, or give this service another port)"
    ],
}
QUIET = {**PLAN, "waits_for": [], "checks": [], "would_fail": []}
STOPPED = {**STEP, "action": "stop", "process_name": "PostgreSQL", "after": [], "wave": 1, "expected_s": 0.3}
LOSS = {
    "process_name": NAME,
    "effect": "is stopped, because 'PostgreSQL' is lost, and waits until that is back",
    "kind": "waits",
    "dependency": "PostgreSQL",
    "on_loss": "restart",
    "depth": 1,
    "certain": True,
}
STOPPING = {
    **QUIET,
    "command": "stop",
    "process_name": "PostgreSQL",
    "steps": [STOPPED],
    "effects": [LOSS],
    "expected_s": 0.3,
}
RESTARTING = {
    **STOPPING,
    "command": "restart",
    "steps": [{**STOPPED, "action": "restart", "expected_s": 0.9}],
    "effects": [{**LOSS, "effect": "is restarted, because 'PostgreSQL' is lost", "kind": "restarts"}],
    "expected_s": 0.9,
}
NO_NAME = {"detail": "process_name is required", "code": "bad-request"}
NOBODY = {"detail": "Service not enabled or found", "code": "unknown-service", "service": "Rivn", "known": [NAME]}
OFFERED = {
    "name": "Sonarr",
    "key": "sonarr",
    "dependencies": [],
    "description": "Sonarr\n- Keeps a library of series.\n\nDocumentation: https://dumbarr.com/services/core/sonarr",
    "debrid_providers": [],
    "service_options": {"sonarr": {"use_huntarr": False, "port": 8989}},
    "service_option_descriptions": {"sonarr": {"use_huntarr": "Let Huntarr search.", "port": "TCP port."}},
    "supports_instances": True,
    "instance_options": {"Default": {"use_huntarr": False, "port": 8989}},
    "instance_option_descriptions": {"Default": {"use_huntarr": "Let Huntarr search.", "port": "TCP port."}},
}
DONE = {"process_name": NAME, "phase": "ready", "pid": 4712, "generation": 1}
UNSTARTED = f"Unable to start the service '{NAME}': "
WHY = {
    "process_name": NAME,
    "at": AT + 12,
    "phase": "waiting",
    "status": "idle",
    "summary": f"'{NAME}' waits for 'PostgreSQL' to be ready",
    "chain": [
        {
            "kind": "state",
            "text": f"'{NAME}' waits for 'PostgreSQL' to be ready",
            "service": NAME,
            "generation": 0,
            "seq": 41,
            "at": AT - 60,
            "cause": "command",
            "by": "",
            "facts": {
                "phase": "waiting",
                "waits_for": [{"what": "'PostgreSQL' to be ready", "dependency": "PostgreSQL", "answer": "backoff"}],
                "begun": {"text": "start asked for by boot", "by": "boot", "seq": 41},
            },
            "hint": "",
        },
        {
            "kind": "state",
            "text": "'PostgreSQL' has ended and is tried again in 3.9 s (restart number 4)",
            "service": "PostgreSQL",
            "generation": 4,
            "seq": 57,
            "at": AT,
            "cause": "exit",
            "by": "",
            "facts": {"phase": "backoff", "next_at": AT + 15.9, "attempt": 4, "crash_loop": False},
            "hint": "",
        },
        {
            "kind": "exit",
            "text": "it exited with code 1 before it was ready, 0.8 s after its start",
            "service": "PostgreSQL",
            "generation": 4,
            "seq": 56,
            "at": AT,
            "cause": "exit",
            "by": "",
            "facts": {
                "exit": "exited with code 1",
                "code": 1,
                "ran_s": 0.8,
                "last_lines": ['FATAL: could not create lock file "postmaster.pid": No space left on device'],
            },
            "hint": "its last lines may tell why; `dumb-actors logs PostgreSQL` shows more",
        },
        {
            "kind": "attempts",
            "text": "it had ended and was tried again 3 times before that",
            "service": "PostgreSQL",
            "generation": 1,
            "seq": 46,
            "at": AT - 59,
            "cause": "exit",
            "by": "",
            "facts": {"count": 3, "ends": ["exited with code 1 before it was ready"] * 3},
            "hint": "",
        },
        {
            "kind": "boot",
            "text": "the boot started it: it is enabled",
            "service": "PostgreSQL",
            "generation": 0,
            "seq": 38,
            "at": AT - 60,
            "cause": "command",
            "by": "boot",
            "facts": {"command": "start"},
            "hint": "",
        },
    ],
    "branches": [],
    "hint": "its last lines may tell why; `dumb-actors logs PostgreSQL` shows more",
    "complete": True,
}
START = Example(
    asks={"dry_run": False},
    body={"process_name": NAME, "timeout": 60},
    answers={
        "ready": {**DONE, "status": "Service started successfully", "also_started": ["PostgreSQL"]},
        "dry run": {"dry_run": True, "plan": PLAN},
    },
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
        asks={"dry_run": False},
        body={"process_name": NAME},
        answers={
            "ready": {**DONE, "status": "Service restarted successfully", "generation": 2},
            "dry run": {"dry_run": True, "plan": RESTARTING},
        },
        failures=START.failures,
    ),
    ("POST", "/process/stop-service"): Example(
        asks={"dry_run": False},
        body={"process_name": "PostgreSQL"},
        answers={
            "dry run": {"dry_run": True, "plan": STOPPING},
            "stopped": {
                "process_name": "PostgreSQL",
                "phase": "stopped",
                "pid": None,
                "generation": 2,
                "status": "Service stopped successfully",
                "dependents": [{"process_name": NAME, "effect": "keeps running and is told"}],
            },
        },
        failures={504: {"detail": "'PostgreSQL' has not stopped within 50 s", "code": "stop-timeout"}},
    ),
    ("GET", "/plan/start"): Example(
        asks={"process_name": NAME, "dependencies": "start"},
        answers={"a port is taken": PLAN},
        failures={400: NO_NAME, 404: NOBODY},
    ),
    ("GET", "/plan/stop"): Example(
        asks={"process_name": "PostgreSQL"},
        answers={"with a dependent": STOPPING},
        failures={400: NO_NAME, 404: NOBODY},
    ),
    ("GET", "/plan/restart"): Example(
        asks={"process_name": "PostgreSQL", "dependencies": "start"},
        answers={"with a dependent": RESTARTING},
        failures={400: NO_NAME, 404: NOBODY},
    ),
    ("GET", "/plan/reconfigure"): Example(
        answers={
            "nothing differs": {
                **QUIET,
                "command": "reconfigure",
                "process_name": None,
                "already": "nothing differs",
                "steps": [],
                "expected_s": 0.0,
            }
        },
        failures={
            400: {"detail": "/srv/stack/config/dumb_config.json: 1 fault", "code": "config-error", "faults": []},
            409: {
                "detail": "the services of this supervisor do not come from a configuration file",
                "code": "refused",
            },
        },
    ),
    ("GET", "/plan/boot"): Example(answers={"two services": {**QUIET, "command": "boot", "process_name": None}}),
    ("GET", "/plan/shutdown"): Example(
        answers={"one service": {**STOPPING, "command": "shutdown", "process_name": None, "effects": []}}
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
    ("GET", "/process/core-services"): Example(answers={"one with several instances": {"core_services": [OFFERED]}}),
    ("GET", "/process/optional-services"): Example(
        asks={"core_service": "riven_backend", "optional_services": ["zilean"]},
        answers={
            "one service": {
                "optional_services": [
                    {
                        "name": "PgAdmin",
                        "key": "pgadmin",
                        "description": "pgAdmin\n- Looks into PostgreSQL from the browser.\n\nDocumentation: https://dumbarr.com",
                        "service_options": {
                            "port": 5050,
                            "setup_email": "DUMB@DUMB.DUMB",
                            "setup_password": "postgres",
                        },
                        "service_option_descriptions": {
                            "port": "TCP port that it listens on.",
                            "setup_email": "E-mail address to sign in with.",
                            "setup_password": "Password to sign in with.",
                        },
                        "supports_instances": False,
                        "instance_options": {},
                        "instance_option_descriptions": {},
                    }
                ]
            }
        },
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
    ("GET", "/timeline"): Example(
        asks={"boot": "latest", "service": NAME},
        answers={"shortened": TIMELINE},
        failures={
            404: {
                "detail": "the journal knows no boot 7; there are 31",
                "code": "unknown-boot",
                "boot": 7,
                "boots": [{"seq": 31, "at": AT, "by": "boot"}],
            },
            500: {"detail": "cannot read the journal in /srv/stack/log/journal: Permission denied"},
        },
    ),
    ("GET", "/timeline/boots"): Example(
        answers={"one": {"boots": [BOOT]}},
        failures={500: {"detail": "cannot read the journal in /srv/stack/log/journal: Permission denied"}},
    ),
    ("GET", "/why"): Example(
        asks={"process_name": NAME, "at": "2h"},
        answers={"it waits": WHY},
        failures={
            400: {"detail": "process_name is required"},
            500: {"detail": "cannot read the journal in /srv/stack/log/journal: Permission denied"},
        },
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
