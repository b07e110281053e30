"""A one-shot (migrate) that must have done its work before a service (serve) starts: `until="completed"`."""

import sqlite3
import sys
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path

import trio

from dumb_actors import DependsOn, Log, ServiceSpec, open_supervisor

MIGRATE = """
import sqlite3
db = sqlite3.connect("notes.db")
db.execute("CREATE TABLE notes (text)")
db.execute("INSERT INTO notes VALUES ('made by the migration')")
db.commit()
db.close()
print("migrated")
"""

SERVE = """
import signal, sqlite3
db = sqlite3.connect("notes.db")
print("serving", *db.execute("SELECT text FROM notes").fetchone(), flush=True)
signal.pause()
"""


async def main(root: str) -> None:
    specs = [
        ServiceSpec("migrate", [sys.executable, "-c", MIGRATE], oneshot=True),
        ServiceSpec(
            "serve",
            [sys.executable, "-c", SERVE],
            depends_on=[DependsOn("migrate", until="completed")],
            readiness=Log("serving"),
        ),
    ]
    async with open_supervisor(specs, root=root) as supervisor:
        serve = await supervisor.start("serve")  # and what it needs: the migration
        migrate = supervisor.status("migrate")
        print(f"migrate is {migrate.phase} ({migrate.reason}), no process is left of it")
        print(f"serve is {serve.phase}: {(await trio.Path(supervisor.log_path('serve')).read_text()).strip()}")

        # The work is done: a restart of the service does not do it again.
        await supervisor.restart("serve")
        print(f"after a restart of serve the migration has run {supervisor.status('migrate').generation} time")
    with closing(sqlite3.connect(Path(root, "notes.db"))) as db:
        print("rows:", *db.execute("SELECT text FROM notes").fetchall())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        trio.run(partial(main, directory))
