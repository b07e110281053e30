"""Who a service runs as: from `run_as` to numbers, groups and the variables that say so."""

import errno
import grp
import os
import pwd

import attrs
import trio

from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Launch
from dumb_actors.model.fields import split_run_as

__all__ = ["Identities", "Identity", "UnknownIdentity", "resolve_identity"]

IDENTITY_TIMEOUT_S = 5.0
"""A directory service that is down answers never; files answer at once."""


class UnknownIdentity(LookupError):
    """There is no such user or group; the message names it."""


@attrs.frozen(kw_only=True)
class Identity:
    """
    Who a service runs as.

    Attributes:
        uid, gid: User and group.

        groups: All of its groups, `gid` among them.

        name, home, shell: Of the user; empty for an id that no user has.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]
    name: str = ""
    home: str = ""
    shell: str = ""

    def environment(self, cwd: str) -> dict[str, str]:
        """
        Give the variables that say who it is, for a service that works in *cwd*.

        An id that no user has finds its home there: it is the one place that is certainly meant for it.
        """
        named = {"USER": self.name, "LOGNAME": self.name, "SHELL": self.shell}
        return {"HOME": self.home or cwd, **{name: text for name, text in named.items() if text}}


def resolve_identity(run_as: str) -> Identity:
    """
    Look up whom *run_as* means: `user` or `user:group`, each by name or id.

    A user's supplementary groups are its own in either form. An id that no user has is taken as it is, and is then also
    the number of its group unless another one is given.

    Blocks: users may come from a directory service on the network. Call it in a thread, or use `Identities`.

    Raises:
        UnknownIdentity: A name that nobody has.

        ValueError: It is of another form.
    """
    user, group = split_run_as(run_as)
    entry = _user(user)
    gid = _group(group) if group is not None else entry.pw_gid if entry is not None else int(user)
    if entry is None:
        return Identity(uid=int(user), gid=gid, groups=(gid,))
    return Identity(
        uid=entry.pw_uid,
        gid=gid,
        groups=tuple(dict.fromkeys(os.getgrouplist(entry.pw_name, gid))),
        name=entry.pw_name,
        home=entry.pw_dir,
        shell=entry.pw_shell,
    )


def _user(user: str | int) -> pwd.struct_passwd | None:
    """Find a user; None for an id without one."""
    try:
        return pwd.getpwnam(user) if isinstance(user, str) else pwd.getpwuid(user)
    except KeyError:
        if isinstance(user, str):
            raise UnknownIdentity(f"no user is called {user!r}") from None
        return None


def _group(group: str | int) -> int:
    try:
        return group if isinstance(group, int) else grp.getgrnam(group).gr_gid
    except KeyError:
        raise UnknownIdentity(f"no group is called {group!r}") from None


@attrs.define(eq=False)
class Identities:
    """
    Looks up who services run as, without ever freezing anybody: at most one thread hangs for each service.

    Every start asks anew: users are made and changed while a supervisor runs.
    """

    _slots: dict[str, trio.CapacityLimiter] = attrs.field(init=False, factory=dict)

    async def identify(self, launch: Launch, *, timeout_s: float = IDENTITY_TIMEOUT_S) -> Launch:
        """
        Complete *launch* with `uid`, `gid` and `groups`, and with HOME, USER, LOGNAME and SHELL where it has none.

        Returns:
            The completed order; the same when it runs as we do.

        Raises:
            SpawnFailed: There is no such user or group, or no answer within *timeout_s* seconds of the run's clock
                (ETIMEDOUT).

        Cancellation: safe and at once; the thread may end later.
        """
        await trio.lowlevel.checkpoint()
        if launch.run_as is None:
            return launch
        slot = self._slots.setdefault(launch.service, trio.CapacityLimiter(1))
        identity: Identity | None = None
        try:
            with trio.move_on_after(timeout_s):
                identity = await trio.to_thread.run_sync(
                    resolve_identity, launch.run_as, abandon_on_cancel=True, limiter=slot
                )
        except UnknownIdentity as error:
            raise _no_identity(launch, str(error), errno.EINVAL) from None
        if identity is None:
            raise _no_identity(launch, f"no answer within {timeout_s:g} s to who that is", errno.ETIMEDOUT)
        env = {**identity.environment(launch.cwd), **launch.env}
        return attrs.evolve(launch, uid=identity.uid, gid=identity.gid, groups=identity.groups, env=env)


def _no_identity(launch: Launch, why: str, number: int) -> SpawnFailed:
    message = f"cannot start {launch.service!r} as {launch.run_as!r}: {why}"
    return SpawnFailed(message, errno=number, argv=launch.argv, cwd=launch.cwd, path=launch.run_as or "")
