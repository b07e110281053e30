"""Show the state of services to a person: a table of all, or the long form of one."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dumb_actors.cli.client import Service
from dumb_actors.cli.paint import Paint, clock, for_how_long, ordinal

__all__ = ["config_lines", "health_text", "long_form", "next_attempt", "reason_of", "table", "waiting_of"]

_NAME_LIMIT = 32
_LAST_LINES = 10


def waiting_of(service: Service) -> list[str]:
    """Say what *service* waits for, one text for each thing, with the last answer of each."""
    texts = []
    for waiting in service.get("waiting") or ():
        answer = waiting.get("last_answer")
        texts.append(f"waits for {waiting['what']}" + (f" (last answer: {answer})" if answer else ""))
    return texts


def reason_of(service: Service) -> str:
    """Say in one line why *service* is where it is."""
    if service["phase"] in {"waiting", "starting"} and (waiting := waiting_of(service)):
        return "; ".join(waiting)
    if service["phase"] == "stopped" and not service["enabled"]:
        return "disabled"
    parts = [health_text(service), next_attempt(service, time.time()), _why(service)]
    if service.get("says") and service["phase"] in {"starting", "ready", "stopping"}:
        parts.append(f"says: {service['says']}")
    if service.get("needs_restart"):
        parts.append("needs a restart: its configuration changed")
    return "; ".join(part for part in parts if part)


def _why(service: Service) -> str:
    # In backoff the reason says as well when the next attempt is, as it was when it ended.
    ended = (service.get("healing") or {}).get("last_reasons")
    return str(ended[-1]) if service["phase"] == "backoff" and ended else str(service.get("reason") or "")


def health_text(service: Service) -> str:
    """Say that *service* is not healthy, and why; empty when it is, or is not watched."""
    health = service.get("health") or {}
    if health.get("healthy") is False:
        return "unhealthy" + (f" ({health['reason']})" if health.get("reason") else "")
    if health.get("healthy") and health.get("count"):
        return f"{health['count']} of {health['threshold']} checks in a row failed ({health.get('reason')})"
    return ""


def next_attempt(service: Service, now: float) -> str:
    """Say when *service* is tried again, and that it ends again and again; empty when neither is so."""
    healing = service.get("healing") or {}
    parts = []
    if service["phase"] == "backoff" and healing.get("next_at"):
        attempt = f", {ordinal(healing['recent'])} attempt" if healing.get("recent") else ""
        parts.append(f"restart in {for_how_long(healing['next_at'] - now)}{attempt}")
    if healing.get("crash_loop"):
        parts.append("crash loop")
    return "; ".join(parts)


def config_lines(overview: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    """Give the lines that tell what is not as it should be with the configuration; none when everything is."""
    config = overview.get("config") or {}
    broken = config.get("broken")
    if broken:
        since = for_how_long(time.time() - broken["since"])
        yield paint(f"{config['source']} has been broken for {since}", "red", bold=True)
        yield from (f"  {fault}" for fault in broken["faults"])
        yield f"the services run as in revision {config['revision']}, the last good one"
    if config.get("unsaved"):
        yield f"changed in memory only, which a restart loses: {', '.join(config['unsaved'])}"


def table(services: Sequence[Service], paint: Paint, *, width: int | None) -> Iterator[str]:
    """
    Give the lines of an aligned table.

    Args:
        width: Columns of the terminal, at which reasons are cut; None: they are written in full.
    """
    now = time.time()
    rows = [
        (
            str(service["process_name"]),
            str(service["phase"]),
            for_how_long(now - service["since"]) if service.get("since") else "-",
            str(service.get("pid") or "-"),
            reason_of(service),
        )
        for service in services
    ]
    head = ("NAME", "PHASE", "SINCE", "PID", "WHY")
    sizes = [max(len(row[column]) for row in [head, *rows]) for column in range(4)]
    sizes[0] = min(sizes[0], _NAME_LIMIT)
    yield paint.dim(_line(head, sizes, width)).rstrip()
    for row in rows:
        plain = _line(row, sizes, width)
        rest = plain[sizes[0] + 2 + sizes[1] :]
        name = paint(row[0].ljust(sizes[0]), bold=True)
        yield f"{name}  {paint.phase(row[1], sizes[1])}{rest}".rstrip()


def _line(row: tuple[str, ...], sizes: list[int], width: int | None) -> str:
    name, phase, since, pid, why = row
    line = f"{name:<{sizes[0]}}  {phase:<{sizes[1]}}  {since:>{sizes[2]}}  {pid:>{sizes[3]}}  {why}"
    return line if width is None or len(line) <= width else line[: max(width - 1, 20)] + "…"


def long_form(service: Service, paint: Paint) -> Iterator[str]:
    """Give the lines that tell everything about one service."""
    now = time.time()
    since = for_how_long(now - service["since"]) if service.get("since") else "-"
    yield f"{paint(str(service['process_name']), bold=True)}  {paint.phase(str(service['phase']))} for {since}"
    for label, text in _facts(service):
        yield f"  {paint.dim(label.ljust(13))} {text}"
    lines = service.get("last_lines") or ()
    if lines:
        yield f"  {paint.dim('last lines')}"
        yield from (f"    | {line}" for line in lines[-_LAST_LINES:])


def _facts(service: Service) -> Iterator[tuple[str, str]]:
    waiting = waiting_of(service)
    for index, text in enumerate(waiting):
        since = service["waiting"][index].get("since")
        yield "", f"{text}, since {clock(since)}" if since else text
    if service.get("reason") and not waiting:
        yield "why", _why(service)
    if service.get("hint"):
        yield "hint", str(service["hint"])
    yield from _condition(service)
    if service.get("pid"):
        yield "pid", f"{service['pid']} (generation {service['generation']})"
    if service.get("started_at"):
        ready = service.get("ready_at")
        yield (
            "started",
            clock(service["started_at"])
            + (f", ready after {for_how_long(ready - service['started_at'])}" if ready else ", not ready yet"),
        )
    if service.get("last_exit"):
        yield "last exit", f"{service['last_exit']['text']} at {clock(service.get('last_exit_at'))}"
    yield from _healing(service)
    for name, phase in (service.get("dependencies") or {}).items():
        yield "needs", f"{name} ({phase})"
    yield "enabled", "yes" if service["enabled"] else "no"
    if service.get("log_path"):
        yield "log", str(service["log_path"])


def _condition(service: Service) -> Iterator[tuple[str, str]]:
    """Tell how it is, beyond its phase."""
    if coming := next_attempt(service, time.time()):
        yield "next", coming
    health = service.get("health") or {}
    if health.get("healthy") is not None:
        yield "health", health_text(service) or "healthy"
    if service.get("says"):
        yield "says", str(service["says"])
    if service.get("needs_restart"):
        yield "needs restart", "its configuration changed in a way that its running child does not know"


def _healing(service: Service) -> Iterator[tuple[str, str]]:
    """Tell of restarts that nobody asked for."""
    healing = service.get("healing") or {}
    if healing.get("attempts"):
        last = f", the last at {clock(healing['last_at'])}" if healing.get("last_at") else ""
        yield "healed", f"{healing['successes']} of {healing['attempts']} restarts by itself became ready{last}"
    for reason in healing.get("last_reasons") or ():
        yield "ended", str(reason)
