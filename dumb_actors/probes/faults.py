"""What went wrong, in words that are safe to show: no text of a library's exception, which may quote a URL."""

import errno
import os
import socket
import ssl

__all__ = ["describe", "describe_os"]


def describe_os(error: OSError) -> str:
    """Say what the operating system said, without the path or address: `connection refused`."""
    if isinstance(error, socket.gaierror):
        return f"the name cannot be resolved ({error.strerror})"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or 'handshake'})"
    if error.errno is None:
        return "failed"
    text = os.strerror(error.errno)
    return text if error.errno == errno.EIO else text[:1].lower() + text[1:]


def describe(error: BaseException) -> str | None:
    """Say which error of the operating system lies behind *error*; None when there is none."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        current = todo.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, OSError) and (current.errno is not None or isinstance(current, ssl.SSLError)):
            return describe_os(current)
        if isinstance(current, BaseExceptionGroup):
            todo.extend(current.exceptions)
        todo += [current.__context__, current.__cause__]
    return None
