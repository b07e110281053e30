"""The one directory that everything lives below."""

import os
from collections.abc import Mapping
from pathlib import PurePosixPath

import attrs

__all__ = ["Root", "default_root"]


def _absolute(path: str | os.PathLike[str]) -> str:
    # POSIX keeps two leading slashes apart from one; nobody who types `//` means that.
    return "/" + os.path.abspath(os.fspath(path)).lstrip("/")  # noqa: PTH100  (a text is wanted, links stay)


@attrs.frozen
class Root:
    """
    The directories of one supervisor, all derived from `path`; nothing is created or read here.

    With `Root("/")` they are exactly the absolute paths of the API document.

    Attributes:
        path: Absolute path of the root itself.
    """

    path: str = attrs.field(converter=_absolute)

    @property
    def config(self) -> str:
        """Where `dumb_config.json`, wishes and revisions live."""
        return self.resolve("config")

    @property
    def catalogue(self) -> str:
        """Where files of the user's lie that are laid over the catalogue."""
        return self.resolve("config/catalogue")

    @property
    def data(self) -> str:
        """Where services keep their own files."""
        return self.resolve("data")

    @property
    def log(self) -> str:
        """Where the output of services goes."""
        return self.resolve("log")

    @property
    def mnt(self) -> str:
        """Below which services mount."""
        return self.resolve("mnt/debrid")

    @property
    def run(self) -> str:
        """What is void after a reboot: the lock, `api.json`, records of children."""
        # On `/` the directory is the system's: ours is one below it.
        return "/run/dumb_actors" if self.path == "/" else self.resolve("run")

    def placeholders(self) -> dict[str, str]:
        """Give what `{root}`, `{config}`, `{data}`, `{log}`, `{mnt}` and `{run}` stand for in a configuration."""
        return {
            "root": self.path,
            "config": self.config,
            "data": self.data,
            "log": self.log,
            "mnt": self.mnt,
            "run": self.run,
        }

    def resolve(self, path_text: str, base: str | None = None) -> str:
        """
        Make *path_text* absolute: what is relative lies below *base*, by default below the root.

        An absolute path is taken as it is; `~` is a character like any other. `..` is kept: what it means depends on
        links, which only the kernel knows.
        """
        if path_text.startswith("/"):
            return path_text
        return str(PurePosixPath(self.path if base is None else base, path_text))


def default_root(environ: Mapping[str, str]) -> Root:
    """Give the root that *environ* names in `DUMB_ACTORS_ROOT`, else `./dumb-root`."""
    return Root(environ.get("DUMB_ACTORS_ROOT") or "dumb-root")
