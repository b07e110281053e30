"""The stack of the demo: its files, and the `dumb_config.json` that runs it."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from dumb_actors.cli.demo_programs import DemoPrograms
from dumb_actors.config.root import Root

__all__ = ["CADDY", "COUNTER", "NOTES", "POSTGRES", "VALKEY", "Stack", "write_stack"]

WEBDAV, RCLONE, CADDY, POSTGRES, NOTES = "WebDAV", "rclone", "Caddy", "PostgreSQL", "Notes"
VALKEY, COUNTER = "Valkey", "Counter"

_CADDYFILE = """\
{{
	admin off
	persist_config off
	auto_https off
	storage file_system {data}/caddy
}}
http://127.0.0.1:{port} {{
	bind 127.0.0.1
	reverse_proxy 127.0.0.1:{upstream}
}}
"""

# A log line is the honest proof: the port of PostgreSQL is open before it takes queries.
_POSTGRES = """\
set -e
test -s "$PGDATA/PG_VERSION" || initdb --username=demo --auth=trust --no-locale --encoding=UTF8 --no-sync
exec postgres -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=
"""

_NOTES = """\
set -e
psql --quiet -c "CREATE TABLE IF NOT EXISTS notes (text text, written_at timestamptz DEFAULT now())"
psql --quiet -c "INSERT INTO notes (text) VALUES ('$NOTE')"
echo "note is written"
exec sleep infinity
"""

# Its answer to INCR is `:1`, `:2`, …
_COUNT = """\
import os, signal, socket
with socket.create_connection(("127.0.0.1", int(os.environ["VALKEY_PORT"]))) as valkey:
    valkey.sendall(b"INCR " + os.environb[b"VALKEY_KEY"] + b"\\r\\n")
    print("counted", valkey.makefile().readline().strip(), flush=True)
    signal.pause()
"""


@attrs.frozen(kw_only=True)
class Stack:
    """
    What was written, and how to prove that it works.

    Attributes:
        config: Path of the configuration.

        url: The file, as the last program of the chain serves it.

        content: What must come back from there.

        note: The text of the row that must come back from PostgreSQL.

        psql: A command that needs only `-c` and a query.

        valkey_port, counter: Where Valkey listens, and the key whose number must come back.
    """

    config: str
    url: str
    content: str
    note: str
    psql: tuple[str, ...]
    valkey_port: int
    counter: str


def write_stack(root: Root, programs: DemoPrograms, postgres_wrapper: Sequence[str]) -> Stack:
    """Write the files of the stack below *root*, which exists."""
    webdav, rclone, caddy, postgres, valkey = _free_ports(5)
    content, note = f"read through the whole chain: {secrets.token_hex(16)}\n", f"note {secrets.token_hex(8)}"
    counter = f"starts:{secrets.token_hex(8)}"
    _write(Path(root.data, "library", "hello.txt"), content)
    _write(Path(root.config, "Caddyfile"), _CADDYFILE.format(data=root.data, port=caddy, upstream=rclone))
    _make_postgres_home(Path(root.data, "postgres"), postgres_wrapper)
    Path(root.data, "valkey").mkdir()
    document = {
        "webdav": _webdav(programs, webdav),
        "rclone": _rclone(programs, rclone, upstream=webdav),
        "caddy": _caddy(programs, caddy, upstream=rclone),
        "postgres": _postgres(programs, postgres, postgres_wrapper),
        "notes": _notes(programs, postgres, note),
        "valkey": _valkey(programs, valkey),
        "counter": _counter(valkey, counter),
    }
    config = Path(root.config, "dumb_config.json")
    _write(config, json.dumps(document, indent=2) + "\n")
    server = ("-h", "127.0.0.1", "-p", str(postgres), "-U", "demo", "-d", "postgres")
    return Stack(
        config=str(config),
        url=f"http://127.0.0.1:{caddy}/hello.txt",
        content=content,
        note=note,
        psql=(f"{programs.postgres_bin}/psql", *server),
        valkey_port=valkey,
        counter=counter,
    )


def _webdav(programs: DemoPrograms, port: int) -> dict[str, Any]:
    """Give the block of the WebDAV provider; it stands where Zurg stands in a media stack."""
    where = ["--host", "127.0.0.1", "--port", "{port}", "--root", "{data}/library"]
    return {
        "enabled": True,
        "process_name": WEBDAV,
        "command": [programs.wsgidav, "--no-config", "--auth", "anonymous", *where],
        "port": port,
        "readiness": {"log": "Serving on"},
        "stop": [{"signal": "SIGINT", "wait": 10}],
    }


def _rclone(programs: DemoPrograms, port: int, *, upstream: int) -> dict[str, Any]:
    return {
        "enabled": True,
        "process_name": RCLONE,
        "command": [programs.rclone, "serve", "http", ":webdav:", "--addr", "127.0.0.1:{port}", "--read-only"],
        "env": {
            "RCLONE_CONFIG": "{config}/rclone.conf",
            "RCLONE_CACHE_DIR": "{data}/rclone-cache",
            "RCLONE_WEBDAV_URL": f"http://127.0.0.1:{upstream}/",
            "RCLONE_WEBDAV_VENDOR": "other",
        },
        "port": port,
        "wait_for_url": [{"url": f"http://127.0.0.1:{upstream}/"}],
        "readiness": {"url": "http://127.0.0.1:{port}/"},
    }


def _caddy(programs: DemoPrograms, port: int, *, upstream: int) -> dict[str, Any]:
    return {
        "enabled": True,
        "process_name": CADDY,
        "command": [programs.caddy, "run", "--config", "{config}/Caddyfile", "--adapter", "caddyfile"],
        "env": {"XDG_DATA_HOME": "{data}", "XDG_CONFIG_HOME": "{data}"},
        "port": port,
        "wait_for_url": [{"url": f"http://127.0.0.1:{upstream}/"}],
        "readiness": {"tcp": port},
    }


def _postgres(programs: DemoPrograms, port: int, wrapper: Sequence[str]) -> dict[str, Any]:
    return {
        "enabled": True,
        "process_name": POSTGRES,
        "command": [*wrapper, "sh", "-c", _POSTGRES.format(port=port)],
        "env": {
            "PATH": _path(programs),
            "PGDATA": "{data}/postgres/db",
        },
        "config_dir": "{data}/postgres",
        "port": port,
        "readiness": {"log": "ready to accept connections"},
        # SIGINT is PostgreSQL's fast shutdown: SIGTERM waits for its clients.
        "stop": [{"signal": "SIGINT", "wait": 30}],
    }


def _path(programs: DemoPrograms) -> str:
    return f"{programs.postgres_bin}:{os.environ.get('PATH', os.defpath)}"


def _notes(programs: DemoPrograms, port: int, note: str) -> dict[str, Any]:
    return {
        "enabled": True,
        "process_name": NOTES,
        "command": ["sh", "-c", _NOTES],
        "env": {
            "PATH": _path(programs),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGUSER": "demo",
            "PGDATABASE": "postgres",
            "NOTE": note,
        },
        "depends_on": [POSTGRES],
        "readiness": {"log": "note is written"},
    }


def _valkey(programs: DemoPrograms, port: int) -> dict[str, Any]:
    where = ["--bind", "127.0.0.1", "--port", "{port}", "--dir", "{data}/valkey"]
    return {
        "enabled": True,
        "process_name": VALKEY,
        "command": [programs.valkey, *where, "--save", "", "--appendonly", "no"],
        "port": port,
        "readiness": {"log": "Ready to accept connections"},
    }


def _counter(port: int, key: str) -> dict[str, Any]:
    return {
        "enabled": True,
        "process_name": COUNTER,
        "command": [sys.executable, "-c", _COUNT],
        "env": {"VALKEY_PORT": str(port), "VALKEY_KEY": key},
        "depends_on": [VALKEY],
        "readiness": {"log": "counted :"},
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _make_postgres_home(home: Path, wrapper: Sequence[str]) -> None:
    home.mkdir(parents=True)
    if "setpriv" in wrapper:
        shutil.chown(home, "nobody", "nogroup")
        home.chmod(0o700)


def _free_ports(count: int) -> list[int]:
    """Find ports that nobody listens on, all at once so that none comes twice."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
