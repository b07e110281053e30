"""What an explanation says: sentences for people, and what would help them. Times are left to whoever shows them."""

import re
import shlex
import signal
from collections.abc import Sequence

import attrs

from dumb_actors.journal.explanation import LinkKind
from dumb_actors.model.event import Event, ServiceSnapshot

__all__ = [
    "Said",
    "adopted",
    "again",
    "asked",
    "attempts",
    "backoff",
    "condition",
    "ended",
    "failed",
    "loss",
    "missing",
    "not_found",
    "not_wished",
    "ready",
    "reason_in",
    "span",
    "spawned",
    "started",
    "starting",
    "stopped_by",
    "supervisor_ended",
    "waiting",
]

_NEXT = re.compile(r"; next attempt (at once|in [\d.]+ s)$")
_GIVEN_UP = re.compile(r"; ((?:it ended \d+ times within|its policy is) .*)$")
_PERSONS = {"api": "over the API", "library": "by the program that the supervisor is part of"}
_CODES = {
    126: "a shell says 126 when what it is to run is not executable: check the command and its rights",
    127: "a shell says 127 when it does not find what it is to run: check the command, and PATH",
}
_SIGNALS = {number.value: number.name for number in signal.Signals}


@attrs.frozen
class Said:
    """A sentence, what would help, and the kind of link it makes."""

    kind: LinkKind
    text: str
    hint: str = ""


def _typed(name: str) -> str:
    return shlex.quote(name)


def _start(name: str) -> str:
    return f"`dumb-actors start {_typed(name)}`"


def span(seconds: float) -> str:
    """Write a span of time: `0.3 s`, `12 s`, `3 min`, `2 h 05 min`."""
    seconds = max(seconds, 0.0)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


# --- where a service is -----------------------------------------------------------------------------------------------


def waiting(name: str, whats: Sequence[str], why: str) -> Said:
    """Say what a service waits for; *why*: for what reason it is to start, where that is worth to be told."""
    rest = f" (it is to start: {why})" if why else ""
    match whats:
        case []:
            return Said("state", f"{name!r} waits for what it needs{rest}")
        case [what]:
            return Said("state", f"{name!r} waits for {what}{rest}")
        case _:
            return Said("state", f"{name!r} waits for {len(whats)} things: {', '.join(whats)}{rest}")


def starting(name: str, what: str, answer: str | None) -> Said:
    """Say that a child lives and has not proved ready."""
    last = f"; the last answer was: {answer}" if answer else ""
    text = f"{started(name).text}: it waits for {what or 'its readiness'}{last}"
    return Said("state", text, f"`dumb-actors logs {_typed(name)}` shows what it is doing")


def started(name: str) -> Said:
    """Say that a child lives, and no more."""
    return Said("state", f"{name!r} has been started and has not proved ready yet")


def ready(name: str, proof: str = "", snapshot: ServiceSnapshot | None = None) -> Said:
    """Say that a service is ready, by which proof, and what is wrong with it all the same."""
    text, hint = f"{name!r} is ready" + (f": {proof}" if proof else ""), ""
    if snapshot is not None and snapshot.health.healthy is False:
        text += f"; but it is not healthy: {snapshot.health.reason}, {snapshot.health.count} times in a row"
        hint = f"`dumb-actors logs {_typed(name)}` may tell why"
    elif snapshot is not None and snapshot.needs_restart:
        text += "; its configuration has changed since it was started"
        hint = f"`dumb-actors restart {_typed(name)}` makes it take its new configuration"
    return Said("state", text, hint)


def backoff(name: str, in_s: float, attempt: int | None, *, crash_loop: bool) -> Said:
    """Say when a service is tried again."""
    when = "at once" if in_s <= 0.05 else f"in {span(in_s)}"
    which = f" (restart number {attempt})" if attempt else ""
    loop = "; it ends again and again" if crash_loop else ""
    return Said("state", f"{name!r} has ended and is tried again {when}{which}{loop}")


def failed(name: str, event: Event | None) -> Said:
    """Say that a service was given up, and by which rule."""
    rule = ""
    if event is not None and (found := _GIVEN_UP.search(event.cause.text)):
        rule = f": {found[1]}"
    elif event is not None and event.cause.kind == "spawn":
        rule = ": another attempt would end the same way"
    elif event is not None and event.cause.kind != "error":
        rule = ": its policy is never to restart"
    return Said("state", f"{name!r} has failed and is not tried again{rule}", f"when that is mended, {_start(name)}")


def missing(what: str, answer: str | None, *, provider: str | None) -> Said:
    """Say that something else than a service does not hold, though its *provider* runs if there is one."""
    text = _denied(what)
    if answer and answer not in text:
        text += f": {answer}"
    if provider is not None:
        hint = (
            f"{provider!r} runs, but that is not there: check what it offers, and `dumb-actors logs {_typed(provider)}`"
        )
    elif what.startswith(("http:", "https:")):
        hint = (
            "no running service of this configuration offers it: check the address, and whether what answers there runs"
        )
    else:
        hint = "check the path, and whoever is to make it"
    return Said("answer", text, hint)


def _denied(what: str) -> str:
    for positive, negative in ((" to answer", "does not answer"), (" to exist", "does not exist")):
        if what.endswith(positive):
            return f"{what.removesuffix(positive)} {negative}"
    return f"{what.removesuffix(' to be mounted')} is not mounted" if what.endswith(" to be mounted") else f"not {what}"


def not_wished(name: str, snapshot: ServiceSnapshot | None, *, stopped_before: bool) -> Said:
    """Say why nothing has started a service since the supervisor began."""
    start = f"`dumb-actors start {_typed(name)}` starts it"
    if snapshot is None:
        return Said("not_wished", "nothing had started it since that supervisor began")
    if snapshot.wished:
        return Said("not_wished", "it is wished and starts in a moment")
    if not snapshot.enabled:
        hint = f'{start} now; with `"enabled": true` in its configuration it starts at every boot'
        return Said("not_wished", "it is disabled in the configuration, and nobody has started it", hint)
    if stopped_before:
        text = "it is enabled, but it was stopped before this supervisor began, and that is remembered"
        return Said("not_wished", text, start)
    return Said("not_wished", "it is enabled, but nothing has started it since this supervisor began", start)


# --- how it came to be started ----------------------------------------------------------------------------------------


def spawned(generation: int, pid: int | None, *, ignored: bool) -> Said:
    """Say that a child was started."""
    who = f" as pid {pid}" if pid else ""
    rest = "; it did not wait for what it needs, as asked" if ignored else ""
    return Said("spawned", f"it was started{who} (generation {generation}){rest}")


def adopted(pid: int | None, times: int, *, is_done: bool) -> Said:
    """Say that a child, or work that was done, was taken over."""
    if is_done:
        return Said("adopted", "it had done its work before this supervisor began, and that counts")
    others = "" if times == 1 else f", as {'another' if times == 2 else f'{times - 1} others'} had done before"
    what = f"pid {pid} lives since before it" if pid else "it lives since before it"
    return Said("adopted", f"the supervisor took it over: {what}{others}")


def supervisor_ended(what: str) -> Said:
    """Say how an earlier supervisor ended, given the last thing that it said of itself."""
    match what:
        case "left":
            return Said("supervisor", "the earlier supervisor ended on purpose and left its services running")
        case "ended":
            return Said("supervisor", "the earlier supervisor ended")
        case _:
            return Said("supervisor", "the earlier supervisor was killed, and its services went on")


def condition(what: str, waited_s: float) -> Said:
    """Say what let it go."""
    after = f", {span(waited_s)} after it began to wait" if waited_s >= 0.1 else ""
    return Said("condition", f"the last thing that it waited for was {what}; that came to hold{after}")


def again() -> Said:
    """Say that it was not started for the first time."""
    return Said("again", "it was started again, for its former child had ended")


def attempts(count: int) -> Said:
    """Say how often it had ended before."""
    return Said(
        "attempts", f"it had ended and was tried again {'once' if count == 1 else f'{count} times'} before that"
    )


def _by(by: str) -> str:
    return _PERSONS.get(by, f"by {by}" if by else "by somebody")


def asked(action: str, by: str, *, also_for: str, kind: LinkKind, snapshot: ServiceSnapshot | None) -> Said:
    """Say who asked for a start or a restart."""
    if kind == "boot":
        if snapshot is not None and not snapshot.enabled:
            return Said(
                "boot", "the boot started it: it is disabled, but was started by hand before, and that is remembered"
            )
        return Said("boot", "the boot started it: it is enabled")
    if kind == "reload":
        return Said("reload", f"it was started because the configuration was changed ({by})")
    if also_for:
        return Said("command", f"it was started along with {also_for!r}, which needs it: that was asked for {_by(by)}")
    return Said("command", f"its {action} was asked for {_by(by)}")


def stopped_by(name: str, action: str, by: str, *, kind: LinkKind, snapshot: ServiceSnapshot | None) -> Said:
    """Say who had it stopped."""
    start = f"`dumb-actors start {_typed(name)}` starts it again"
    is_enabled = snapshot is None or snapshot.enabled
    match kind:
        case "shutdown":
            return Said("shutdown", f"everything was stopped: the supervisor was to end ({by})")
        case "boot":
            return Said("boot", "the boot stopped it: it ran from before, but is not wished", start)
        case "reload":
            text = f"it was stopped because the configuration was changed ({by})"
            return Said("reload", text if is_enabled else f"{text}; it is disabled now", "" if is_enabled else start)
        case _ if action in {"start", "restart"}:
            return Said("command", f"its {action} was asked for {_by(by)}")
        case _:
            return Said("command", f"its stop was asked for {_by(by)}", start)


def loss(target: str, on_loss: str) -> Said:
    """Say that it went because of something that it needs."""
    follows = {"restart": "it is restarted with it", "stop": "it is stopped with it"}.get(on_loss, "it follows it")
    return Said("loss", f"{target!r} was lost, and {follows} (on_loss: {on_loss or 'not known'})")


def not_found(target: str) -> Said:
    """Say that something was not there any more when a supervisor took over those that need it."""
    return Said("supervisor", f"{target!r} did not run any more when the supervisor took over what needs it")


# --- how it ended -----------------------------------------------------------------------------------------------------


def reason_in(text: str) -> str:
    """Take from a cause's text what happened, without what followed."""
    return _GIVEN_UP.sub("", _NEXT.sub("", text))


def ended(name: str, event: Event, exited: Event | None, ran_s: float | None) -> Said:
    """
    Say how a run ended.

    Args:
        name: Whose.

        event: The transition that tells why.

        exited: The event that nothing is left of its child; None: there was none, or it is not known.

        ran_s: How long the child lived.
    """
    reason = reason_in(event.cause.text)
    after = "" if ran_s is None else f", {span(ran_s)} after its start"
    logs = f"`dumb-actors logs {_typed(name)}`"
    match event.cause.kind:
        case "spawn":
            return Said("spawn", f"it could not be started: {reason}", "check its command and its directory")
        case "timeout":
            hint = f"{logs} shows what it did; if it only needs more time, raise readiness.timeout"
            return Said("timeout", f"it was ended because it was {reason}", hint)
        case "liveness":
            checks = reason.removeprefix("unhealthy, ")
            return Said("unhealthy", f"it was ended because its checks failed {checks}", f"{logs} may tell why")
        case "error":
            return Said("error", reason, "please report it with the log of the supervisor")
        case "exit":
            return _exit(name, reason, exited, after)
        case _:
            return Said("unknown", reason)


def _exit(name: str, reason: str, exited: Event | None, after: str) -> Said:
    detail = {} if exited is None else exited.detail
    code, killer = detail.get("code"), detail.get("signal")
    logs = f"`dumb-actors logs {_typed(name)}`"
    if "out of memory" in reason:
        hint = "raise its memory_mb, or find out what takes so much"
        return Said("out_of_memory", f"the kernel ended it because its memory limit was reached{after}", hint)
    if reason.endswith("as intended"):
        return Said("exit", f"it {reason}{after}")
    if killer or reason.startswith("killed by"):
        hint = f"it did not end by itself, and this supervisor did not end it: somebody did, or the kernel; see {logs}"
        if killer in {"SIGKILL", None}:
            hint += ", and the kernel's log (`dmesg`) for memory that ran out"
        elif killer in {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE"}:
            hint = f"the program itself is faulty, or what it works with is damaged: see {logs}"
        return Said("exit", f"it was {reason}{after}", hint)
    if code == 0 or reason.startswith("exited with code 0"):
        hint = (
            "a service is expected to stay in the foreground: look for an option that keeps it there, "
            'or give it `"oneshot": true` if its work is done then'
        )
        return Said("exit", f"it {reason}{after}", hint)
    hint = _CODES.get(code or 0, f"its last lines may tell why; {logs} shows more")
    if code is not None and code - 128 in _SIGNALS:
        hint = f"a shell says {code} when {_SIGNALS[code - 128]} ended what it ran: see {logs}"
    return Said("exit", f"it {reason}{after}", hint)
