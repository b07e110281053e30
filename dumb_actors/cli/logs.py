"""`logs`: the output of a service, byte for byte."""

import sys

from dumb_actors.cli.client import Api, find_service
from dumb_actors.cli.paint import DONE
from dumb_actors.errors import UnknownService

__all__ = ["copy_log"]


def copy_log(api: Api, name: str, *, lines: int, follow: bool) -> int:
    """
    Copy the last *lines* lines of a service's log to stdout, and what comes when *follow* is set.

    Ends quietly when it is interrupted, and when nobody reads any more.

    Raises:
        UnknownService: No such name.

        ApiUnreachable, Answered: By the supervisor.
    """
    services = api.services()
    found = find_service(name, services)
    if found is None:
        raise UnknownService(name, [str(service["process_name"]) for service in services])
    try:
        with api.stream_log(str(found["process_name"]), tail=lines, follow=follow) as pieces:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
    except KeyboardInterrupt:
        return DONE
    return DONE
