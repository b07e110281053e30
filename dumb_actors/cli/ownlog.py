"""Our own log: stdlib logging to stderr, one record per line, `time level noun.verb key=value`."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dumb_actors.cli.output import LineWriter

__all__ = ["LEVELS", "log_to", "set_level"]

LEVELS = ("debug", "info", "warning", "error", "critical")
OUR_LOGGERS = ("dumb_actors", "dumb_web")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Format(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (the library's name)
        """Add the record's extra fields as `key=value`."""
        fields: dict[str, Any] = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        return " ".join([super().formatMessage(record), *(f"{key}={value!r}" for key, value in fields.items())])


class _ToWriter(logging.Handler):
    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer
        self.setFormatter(_Format())

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the record to the writer's thread."""
        try:
            self._writer.put(self.format(record))
        except Exception:  # noqa: BLE001  (the library's own rule: a record that cannot be written goes to handleError)
            self.handleError(record)


@contextmanager
def log_to(writer: LineWriter, level: str) -> Iterator[None]:
    """Send log records to *writer* for the length of a block: ours from *level* on, warnings of everybody else."""
    root = logging.getLogger()
    handler = _ToWriter(writer)
    root.addHandler(handler)
    set_level(level)
    try:
        yield
    finally:
        root.removeHandler(handler)


def set_level(level: str) -> None:
    """Log from *level* on; what libraries say below a warning (each request of httpx) is never of interest."""
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(level.upper())
