"""
Who a service runs as, and what it may use: settled by small standard programs that are put in front of its own.

Each of them changes one thing in the process that it runs in and then replaces itself by the next, so the pid stays the
same and the arguments and the environment of the program are what they would be without:

    sh (joins the control group) → prlimit → setpriv (becomes the user) → env (gives back what was held back) → program

Only the needed ones are there, mostly none. `subprocess` could do some of it in the forked child, at the price of
vfork: with a large supervisor that makes each start ten times slower.
"""

import errno
import os
import re
import resource
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import attrs

from dumb_actors.errors import SpawnFailed
from dumb_actors.model.fields import MEMORY, UNLIMITED

__all__ = ["JOIN_FAILED", "Tools", "Wrapped", "wrap"]

JOIN_FAILED = 125
"""Exit code of a child that could not join its control group; its standard error says why."""

# Not the service's `PATH`: these run as root.
_SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
_MIB = 2**20
# After SIGXCPU at the limit a program may say goodbye; the kernel's SIGKILL comes so many seconds of work later.
_LAST_CPU_S = 5

# `0` means the process that writes. Shells put their own idea of PWD into the environment: $2 has what it was.
_JOIN = f"""\
echo 0 > "$1" || {{ echo "cannot join the control group ${{1%/*}}" >&2; exit {JOIN_FAILED}; }}
case $2 in +*) PWD=${{2#+}} ;; *) unset PWD ;; esac
shift 2
exec "$@"
"""
# The same for an environment that a shell would not pass on as it is: some ten milliseconds slower. What Python has its
# own idea of is LC_CTYPE, where the locale is plain C.
_JOIN_SLOWLY = f"""\
import os, sys
try:
    with open(sys.argv[1], "w") as procs:
        procs.write("0")
except OSError as error:
    group = os.path.dirname(sys.argv[1])
    sys.stderr.write(f"cannot join the control group {{group}}: {{error.strerror}}\\n")
    sys.exit({JOIN_FAILED})
os.environ.pop("LC_CTYPE", None)
if sys.argv[2]:
    os.environ["LC_CTYPE"] = sys.argv[2][1:]
try:
    os.execvp(sys.argv[3], sys.argv[3:])
except OSError as error:
    sys.stderr.write(f"cannot start {{sys.argv[3]}}: {{error.strerror}}\\n")
    sys.exit(126 + isinstance(error, FileNotFoundError))
"""
# A shell drops names that are no identifiers, and gives values of its own to these. (Some give new ones to `_` and
# SHLVL, which are theirs for every program that was ever started by hand.)
_SHELLS_OWN = frozenset({"IFS", "LINENO", "OPTIND", "PPID"})
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

# What makes the dynamic linker or the C library load code: it is the service's to use, not for programs that still run
# as root, since the named files may be writable by the user that the service runs as.
_LOADING = re.compile(r"LD_.*|GCONV_PATH|GLIBC_TUNABLES|LOCPATH|MALLOC_TRACE|NLSPATH", re.DOTALL)

# Source: capabilities(7), and its number in <linux/capability.h>.
_MAY_RAISE_LIMITS = 1 << 24

_RLIMITS: Mapping[str, tuple[str, int, int]] = MappingProxyType(
    {
        "nofile": ("--nofile", 1, resource.RLIMIT_NOFILE),
        "nproc": ("--nproc", 1, resource.RLIMIT_NPROC),
        "core": ("--core", 1, resource.RLIMIT_CORE),
        "fsize_mb": ("--fsize", _MIB, resource.RLIMIT_FSIZE),
        "cpu_s": ("--cpu", 1, resource.RLIMIT_CPU),
        "stack_mb": ("--stack", _MIB, resource.RLIMIT_STACK),
        "address_space_mb": ("--as", _MIB, resource.RLIMIT_AS),
    }
)
"""Option of prlimit, bytes in one, and number of the resource, for each limit that is the kernel's for a process."""


@attrs.define
class Tools:
    """Finds the small programs, each once; one for a host."""

    _found: dict[str, str] = attrs.field(init=False, factory=dict)

    def find(self, name: str, argv: Sequence[str]) -> str:
        """
        Give the absolute path of the system's program *name*.

        Raises:
            SpawnFailed: It is not installed; says for what *argv* needs it and which package has it.
        """
        path = self._found.get(name) or shutil.which(name, path=_SYSTEM_PATH)
        if path is None:
            package = "coreutils" if name == "env" else "util-linux"
            raise _refused(f"it needs the program {name}, of Debian's package {package}", argv, name, errno.ENOENT)
        self._found[name] = path
        return path


@attrs.frozen(kw_only=True)
class Wrapped:
    """
    What to start so that in the end the program runs as it was asked for.

    Attributes:
        argv: Program and arguments, for the program itself or for the first of those in front of it.

        env: Environment to start it with.

        umask: For `subprocess.Popen`, which sets it at no cost; -1 leaves ours.

        is_wrapped: Something stands in front: a program that cannot be executed shows as exit code 126 or 127, with a
            sentence on its standard error, and not as an error of the spawn.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = attrs.field(repr=False)
    umask: int
    is_wrapped: bool


def wrap(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    uid: int | None = None,
    gid: int | None = None,
    groups: Sequence[int] = (),
    umask: int | None = None,
    limits: Mapping[str, int] = MappingProxyType({}),
    cgroup_procs: str | None = None,
    tools: Tools,
) -> Wrapped:
    """
    Put in front of *argv* what it takes to run it as asked for; nothing where nothing is asked, or we are so already.

    Looks at files in the system's directories only, and only at the first use: it does not block.

    Args:
        argv: Program and arguments. What stands in front searches the program in the `PATH` of *env*, and with rights
            of root's still: a file that the user may not execute is executed all the same, as that user.

        env: Whole environment of the program.

        uid, gid, groups: Who it runs as, all from one identity; None: as we do.

        umask: None: as ours.

        limits: By the names of `model.fields.LIMITS`. The memory limit is not for this: it is the control group's.

        cgroup_procs: The file `cgroup.procs` of the control group that it joins before anything else, as we are; None:
            it stays in ours. Where joining fails, the program is not run: the child ends with `JOIN_FAILED`.

        tools: Of the host.

    Raises:
        SpawnFailed: A program for it is not installed, or we lack the right to it; nothing was started.

    Privileges that the user does not have are lost, by the kernel's own rules for a process that leaves user 0, and
    what could be inherited is cleared. New ones may be gained as usual (`no_new_privs` is not set): fusermount3, sudo
    and their like have set-user-id bits, and services need them.
    """
    argv = tuple(argv)
    chain: list[str] = []
    held_back: dict[str, str] = {}
    if uid is not None and gid is not None and not _is_us(uid, gid, groups, argv):
        held_back = {name: text for name, text in env.items() if _LOADING.fullmatch(name)}
        chain += [*_setpriv(uid, gid, groups, tools, argv), *_give_back(held_back, tools, argv)]
    options = [option for name, limit in limits.items() if name != MEMORY for option in _prlimit(name, limit, argv)]
    if options:
        chain = [tools.find("prlimit", argv), *options, "--", *chain]
    start_env = {name: text for name, text in env.items() if name not in held_back}
    if cgroup_procs is not None:
        chain = [*_join(cgroup_procs, start_env, tools, argv), *chain]
    return Wrapped(argv=(*chain, *argv), env=start_env, umask=-1 if umask is None else umask, is_wrapped=bool(chain))


def _is_us(uid: int, gid: int, groups: Sequence[int], argv: Sequence[str]) -> bool:
    """Tell whether that is who we are already; refuse where it is not and only root could change it."""
    ours = os.geteuid(), os.getegid()
    if ours == (uid, gid) and (ours[0] != 0 or {*groups, gid} == {*os.getgroups(), gid}):
        return True  # who is not root cannot change groups, and has those of this very user anyway
    if ours[0] != 0:
        who = f"user {uid}, group {gid}"
        raise _refused(f"it is to run as {who}, and only root can do that: this is user {ours[0]}", argv, argv[0])
    return False


def _setpriv(uid: int, gid: int, groups: Sequence[int], tools: Tools, argv: Sequence[str]) -> Iterator[str]:
    # Numbers only: nothing is looked up in the child, where a directory service that hangs would show as a slow start.
    yield from (tools.find("setpriv", argv), f"--reuid={uid}", f"--regid={gid}")
    yield "--groups=" + ",".join(map(str, groups)) if groups else "--clear-groups"
    # In some containers root has inheritable ones, which a program's file could revive. Cleared only then, because
    # setpriv refuses to where the kernel knows more of them than it does.
    if _capabilities("CapInh"):
        yield "--inh-caps=-all"
    yield "--"


def _capabilities(which: str) -> int:
    """Give one of our sets of capabilities, `CapEff` or `CapInh`, as a number."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123 - as in procfs
        found = next((line for line in status if line.startswith(f"{which}:")), f"{which}: 0")
    return int(found.split()[1], 16)


def _give_back(held_back: Mapping[str, str], tools: Tools, argv: Sequence[str]) -> Iterator[str]:
    if held_back:
        if "=" in argv[0]:
            problem = f"the program's name has a `=`, which goes together with {' and '.join(held_back)} for root only"
            raise _refused(problem, argv, argv[0])
        yield tools.find("env", argv)
        yield from (f"{name}={text}" for name, text in held_back.items())


def _prlimit(name: str, limit: int, argv: Sequence[str]) -> Iterator[str]:
    option, unit, number = _RLIMITS[name]
    if limit == UNLIMITED:
        soft = hard = resource.RLIM_INFINITY
    else:
        soft, hard = limit * unit, limit * unit + (_LAST_CPU_S if name == "cpu_s" else 0)
    _, ours = resource.getrlimit(number)
    above = ours != resource.RLIM_INFINITY and (hard == resource.RLIM_INFINITY or hard > ours)
    # Not a question of who we are: root in a container mostly lacks this one.
    if above and not _capabilities("CapEff") & _MAY_RAISE_LIMITS:
        highest = (ours - (_LAST_CPU_S if name == "cpu_s" else 0)) // unit
        problem = f"its limit {name} is above {highest}, this program's own, which only CAP_SYS_RESOURCE could raise"
        raise _refused(problem, argv, argv[0])
    yield f"{option}={_number(soft)}:{_number(hard)}"


def _number(value: int) -> str:
    return "unlimited" if value == resource.RLIM_INFINITY else str(value)


def _join(procs: str, env: Mapping[str, str], tools: Tools, argv: Sequence[str]) -> list[str]:
    def as_it_was(name: str) -> str:
        return f"+{env[name]}" if name in env else ""

    if all(_IDENTIFIER.fullmatch(name) and name not in _SHELLS_OWN for name in env):
        return [tools.find("sh", argv), "-c", _JOIN, "sh", procs, as_it_was("PWD")]
    return [sys.executable, "-I", "-S", "-c", _JOIN_SLOWLY, procs, as_it_was("LC_CTYPE")]


def _refused(why: str, argv: Sequence[str], path: str, number: int = errno.EPERM) -> SpawnFailed:
    return SpawnFailed(f"cannot start {argv[0]}: {why}", errno=number, argv=argv, cwd=None, path=path)
