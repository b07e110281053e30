"""
Errors, by whose fault it is: the configuration's, the request's, the service's, the host's, or ours.

Every error carries its facts as attributes (`detail`), never only as prose, and a stable `code` for machines.
A child that fails is not an exception inside the supervisor: it is an event. These classes are what callers of
`start()` and friends see, and what `web` turns into status codes (in one table of its own).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import attrs

__all__ = [
    "ApiUnreachable",
    "Busy",
    "ConfigError",
    "ConfigFault",
    "DumbActorsError",
    "EventsLost",
    "GaveUp",
    "HostError",
    "IllegalTransition",
    "InternalError",
    "PortTaken",
    "Refused",
    "RequestError",
    "RootLocked",
    "ServiceError",
    "ShuttingDown",
    "SpawnFailed",
    "StaleRevision",
    "StartFailed",
    "StartTimeout",
    "StopTimeout",
    "Superseded",
    "UnknownBoot",
    "UnknownRevision",
    "UnknownService",
    "UnusablePath",
]


class DumbActorsError(Exception):
    """
    Base of every error this project raises on purpose; not raised itself.

    Attributes:
        code: A stable slug for machines.

        detail: The facts, JSON-ready.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, **detail: Any) -> None:
        if type(self) is DumbActorsError:
            raise TypeError("DumbActorsError is abstract: raise one of its leaves")
        super().__init__(message)
        self.detail: Mapping[str, Any] = MappingProxyType(detail)


# --- the configuration's fault ----------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ConfigFault:
    """
    One thing that is wrong in a configuration.

    Attributes:
        path: JSON path of the value, `$.dumb.api_service.port`; `$` for the whole document.

        problem: What is wrong, one sentence without a full stop.

        got: The value, shortened for display; None when nothing is there.

        expected: What would be right; empty when `problem` already says it.

        hint: What to do; may be empty.

        kind: `syntax`, `schema`, `reference` or `cycle`.

        line, column: Position in the file, 1-based, for syntax faults.

        names: The services involved; for a cycle in order, the first one repeated at the end.

        origin: Where the value comes from when it does not stand in the file: `the environment variable TZ`.
    """

    path: str
    problem: str
    got: str | None = None
    expected: str = ""
    hint: str = ""
    kind: str = "schema"
    line: int | None = None
    column: int | None = None
    names: tuple[str, ...] = ()
    origin: str = ""

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}" if self.line is not None else self.path
        text = f"{where}: {self.problem}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.got is not None:
            text += f"; got {self.got}"
        if self.origin:
            text += f"; it comes from {self.origin}"
        if self.hint:
            text += f" ({self.hint})"
        return text


class ConfigError(DumbActorsError):
    """
    The configuration cannot be used; nothing was started or changed.

    Attributes:
        faults: Every fault found, not only the first.

        source: The file, or a word for where the specs came from.

        warnings: What is allowed and probably not meant, each with its path: a misspelt key may explain a fault.
    """

    code = "config-error"

    def __init__(
        self, faults: Sequence[ConfigFault], *, source: str = "configuration", warnings: Sequence[str] = ()
    ) -> None:
        self.faults = tuple(faults)
        self.warnings = tuple(warnings)
        self.source = source
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(
            f"{source}: {count}\n{lines}",
            source=source,
            faults=[attrs.asdict(f) for f in self.faults],
            warnings=list(self.warnings),
        )


# --- the caller's fault -----------------------------------------------------------------------------------------------


class RequestError(DumbActorsError):
    """The request cannot be carried out as asked; nothing was changed."""

    code = "bad-request"


class UnknownService(RequestError, LookupError):
    """No service of that name; `.service` is the name as asked, `.known` the names there are."""

    code = "unknown-service"

    def __init__(self, service: str, known: Sequence[str] = ()) -> None:
        self.service = service
        self.known = tuple(known)
        super().__init__(f"no service is called {service!r}", service=service, known=list(known))


class UnknownBoot(RequestError, LookupError):
    """The journal knows no such boot or start; `.boot` is what was asked for, `.boots` the last boots that it knows."""

    code = "unknown-boot"

    def __init__(self, boot: int | str, boots: Sequence[Mapping[str, Any]] = (), *, text: str = "") -> None:
        self.boot = boot
        self.boots = tuple(boots)
        known = ", ".join(str(one["seq"]) for one in boots)
        there = f"there are {known}" if known else "it knows none"
        super().__init__(text or f"the journal knows no boot {boot}; {there}", boot=boot, boots=list(boots))


class Refused(RequestError):
    """What was asked is not allowed; the message says why and what would be."""

    code = "refused"


class Busy(RequestError):
    """The service's mailbox is full; nothing was queued, try again."""

    code = "busy"


class StaleRevision(RequestError):
    """
    The configuration is another one than the caller knows; nothing was changed. Read it again, and try again.

    `.yours` is the revision that the change was based on, `.current` the one there is now; None: it was edited outside,
    and what stands in the file cannot be used.
    """

    code = "stale-revision"

    def __init__(self, yours: int, current: int | None, why: str = "") -> None:
        self.yours = yours
        self.current = current
        now = "the file was edited and cannot be used as it is" if current is None else f"it is at {current} now"
        text = f"the configuration changed since revision {yours}: {why or now}; read it again"
        super().__init__(text, yours=yours, current=current)


class UnknownRevision(RequestError, LookupError):
    """No such revision of the configuration is kept; `.revision`, and `.known` are those that are."""

    code = "unknown-revision"

    def __init__(self, revision: int, known: Sequence[int]) -> None:
        self.revision = revision
        self.known = tuple(known)
        super().__init__(f"revision {revision} is not kept", revision=revision, known=list(known))


class Superseded(RequestError):
    """A later command to the same service replaced this one before it was done; `.by` is that command."""

    code = "superseded"

    def __init__(self, service: str, command: str, by: str) -> None:
        self.service = service
        self.by = by
        super().__init__(f"{command} of {service!r} was superseded by a {by}", service=service, command=command, by=by)


class ShuttingDown(RequestError):
    """The supervisor is shutting down and takes no more commands."""

    code = "shutting-down"


class StartTimeout(RequestError, TimeoutError):
    """
    A start was not done within the caller's deadline; the wish stays, and the service may still become ready.

    `.waiting` says what it was waiting for, in words.
    """

    code = "start-timeout"

    def __init__(self, service: str, timeout: float, waiting: str) -> None:
        self.service = service
        self.timeout = timeout
        self.waiting = waiting
        super().__init__(
            f"{service!r} was not ready within {timeout:g} s: {waiting}",
            service=service,
            timeout=timeout,
            waiting=waiting,
        )


class StopTimeout(RequestError, TimeoutError):
    """A stop was not done within the caller's deadline; the service goes on stopping."""

    code = "stop-timeout"


class EventsLost(RequestError):
    """This reader of events was too slow and was dropped; `.after` is the last event it got. Subscribe anew."""

    code = "events-lost"

    def __init__(self, after: int) -> None:
        self.after = after
        super().__init__(f"this reader was too slow and was dropped after event {after}", after=after)


# --- the service's fault ----------------------------------------------------------------------------------------------


class ServiceError(DumbActorsError):
    """The service did not do what was wished; it is in phase `failed` and says so."""

    code = "service-failed"


class SpawnFailed(ServiceError):
    """The program could not be started: `.errno`, `.argv`, `.cwd` and `.path` (the file or directory at fault)."""

    code = "spawn-failed"

    def __init__(self, message: str, *, errno: int | None, argv: Sequence[str], cwd: str | None, path: str) -> None:
        self.errno = errno
        self.argv = tuple(argv)
        self.cwd = cwd
        self.path = path
        super().__init__(message, errno=errno, argv=list(argv), cwd=cwd, path=path)


class StartFailed(ServiceError):
    """
    A start did not get ready; the service's policy makes another attempt, and the wish stays.

    `.service` is who, `.reason` why, `.retry_in_s` the seconds until the next attempt (None: there is none).
    """

    code = "start-failed"

    def __init__(self, service: str, reason: str, retry_in_s: float | None) -> None:
        self.service = service
        self.reason = reason
        self.retry_in_s = retry_in_s
        text = f"{service!r} failed: {reason}"
        if retry_in_s is not None:
            text += f"; next attempt in {retry_in_s:.1f} s"
        super().__init__(text, service=service, reason=reason, retry_in_s=retry_in_s)


class GaveUp(StartFailed):
    """The service is in phase `failed` and is not tried again by itself."""

    code = "gave-up"

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(service, reason, None)


# --- the machine's fault ----------------------------------------------------------------------------------------------


class HostError(DumbActorsError):
    """The machine does not give what is needed."""

    code = "host-error"


class PortTaken(HostError):
    """An address that we were to listen on is in use or not ours; `.address`, `.errno`."""

    code = "port-taken"

    def __init__(self, message: str, *, address: str, errno: int | None) -> None:
        self.address = address
        self.errno = errno
        super().__init__(message, address=address, errno=errno)


class UnusablePath(HostError):
    """A file or directory of ours cannot be created or written; `.path`, `.errno`."""

    code = "unusable-path"

    def __init__(self, path: str, what: str, error: OSError) -> None:
        self.path = path
        self.errno = error.errno
        super().__init__(f"{what} {path}: {error.strerror or error}", path=path, errno=error.errno)


class RootLocked(HostError):
    """Another supervisor runs on this root; `.pid` tells which, where it is known."""

    code = "root-locked"

    def __init__(self, root: str, pid: int | None) -> None:
        self.root = root
        self.pid = pid
        who = f"pid {pid}" if pid else "another process"
        super().__init__(f"a supervisor already runs on {root} ({who}); stop it with `dumb-actors down`", root=root)


class ApiUnreachable(HostError):
    """No supervisor answers; the message says where it was looked for."""

    code = "no-supervisor"


# --- our fault --------------------------------------------------------------------------------------------------------


class InternalError(DumbActorsError):
    """A defect of this project; please report it with the message and our log."""

    code = "internal-error"


class IllegalTransition(InternalError):
    """A change of phase that the table does not allow; nothing was changed."""

    code = "illegal-transition"
