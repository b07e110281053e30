"""Where control groups may be made, and that nothing is touched anywhere else."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from control_groups import Ground, ground  # noqa: F401 - a fixture

from dumb_actors.errors import UnusablePath
from dumb_actors.process import delegation as delegation_module
from dumb_actors.process.cgroup import Cgroup, write
from dumb_actors.process.delegation import Delegation, adopt_cgroup

ROOT = "/srv/root"


@pytest.fixture
def given(ground: Ground) -> Delegation:  # noqa: F811
    """The ground, delegated to us as systemd does it."""
    mark(ground.path)
    found = find(ground)
    assert found is not None
    return found


@pytest.fixture
def dweller(leaves_nothing: None) -> Iterator[subprocess.Popen[bytes]]:
    """A process to be put somewhere; it ends when its standard input is closed."""
    with subprocess.Popen(["sh", "-c", "read line"], stdin=subprocess.PIPE) as child:
        yield child


def mark(path: Path, name: str = "user.delegate") -> None:
    os.setxattr(path, name, b"1")


def find(ground: Ground, group: str | None = None, **options: str) -> Delegation | None:  # noqa: F811
    proc = ground.pretend_in(ground.group if group is None else group, options.pop("mountinfo", None))
    return Delegation.find(ROOT, proc=proc, systemd=options.pop("systemd", "/nonexistent"))


def names(path: str | Path) -> set[str]:
    return {entry.name for entry in Path(path).iterdir() if entry.is_dir()}


def as_container(ground: Ground) -> str:  # noqa: F811
    """A mount table in which the ground is all that there is."""
    return f"40 31 0:38 {ground.group} {ground.path} rw,relatime - cgroup2 cgroup2 rw\n"


# --- whether we may ---------------------------------------------------------------------------------------------------


def test_a_group_that_was_not_delegated_is_left_alone(ground: Ground) -> None:  # noqa: F811
    assert find(ground) is None
    assert names(ground.path) == set()


@pytest.mark.parametrize("attribute", ["user.delegate", "trusted.delegate"])
def test_a_group_that_says_so_is_ours_to_divide(ground: Ground, attribute: str) -> None:  # noqa: F811
    mark(ground.path, attribute)
    found = find(ground, systemd="/")
    assert found is not None
    assert (found.base, found.own) == (str(ground.path), str(ground.path))
    assert Path(found.path).parent == ground.path
    assert names(ground.path) == set()


def test_a_mark_that_says_no_is_none(ground: Ground) -> None:  # noqa: F811
    os.setxattr(ground.path, "user.delegate", b"0")
    assert find(ground) is None


def test_the_group_above_may_say_so_when_nobody_else_divides_it(ground: Ground) -> None:  # noqa: F811
    mark(ground.path)
    (ground.path / "main").mkdir()
    found = find(ground, f"{ground.group}/main")
    assert found is not None
    assert (found.base, found.own) == (str(ground.path), f"{ground.path}/main")
    (ground.path / "init.scope").mkdir()
    assert find(ground, f"{ground.group}/main") is None


def test_the_topmost_group_of_a_container_is_ours_without_systemd(ground: Ground) -> None:  # noqa: F811
    found = find(ground, mountinfo=as_container(ground))
    assert found is not None
    assert found.base == str(ground.path)
    assert find(ground, mountinfo=as_container(ground), systemd="/") is None


def test_a_group_inside_a_container_is_not(ground: Ground) -> None:  # noqa: F811
    (ground.path / "inner").mkdir()
    assert find(ground, f"{ground.group}/inner", mountinfo=as_container(ground)) is None


def test_the_topmost_group_of_a_machine_is_nobody_s(ground: Ground) -> None:  # noqa: F811
    if (ground.mount / "cgroup.type").exists():
        pytest.skip("this is a container: the topmost group of the machine is out of sight")
    assert find(ground, "/") is None


def test_an_ordinary_user_s_own_group_is_ours(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    assert find(ground) is None
    os.chown(ground.path, 65534, 65534)
    found = find(ground)
    assert found is not None
    assert found.base == str(ground.path)


def test_but_not_where_the_user_s_own_systemd_made_it(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    inner = ground.path / "user@65534.service" / "app.slice" / "shell.scope"
    inner.mkdir(parents=True)
    os.chown(inner, 65534, 65534)
    group = f"{ground.group}/user@65534.service/app.slice/shell.scope"
    assert find(ground, group) is None
    mark(inner)
    assert find(ground, group) is not None


def test_what_cannot_be_written_to_is_not_ours(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    mark(ground.path)
    read_only = f"{ground.path}/cgroup.procs"
    monkeypatch.setattr(os, "access", lambda path, mode: path != read_only)
    assert find(ground) is None


def test_a_group_for_threads_cannot_be_divided(ground: Ground) -> None:  # noqa: F811
    inner = ground.path / "threads"
    inner.mkdir()
    mark(inner)
    assert find(ground, f"{ground.group}/threads") is not None
    (inner / "cgroup.type").write_text("threaded")
    assert find(ground, f"{ground.group}/threads") is None


@pytest.mark.parametrize(
    ("group", "mountinfo"),
    [
        ("/../elsewhere", None),
        ("/removed (deleted)", None),
        (None, "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"),
        (None, "40 31 0:38 /another /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
        (None, "40 31 0:38 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
        (None, "garbage\n"),
    ],
)
def test_what_is_out_of_sight_is_not_ours(ground: Ground, group: str | None, mountinfo: str | None) -> None:  # noqa: F811
    mark(ground.path)
    assert (
        find(ground, **({"group": group} if group else {}), **({"mountinfo": mountinfo} if mountinfo else {})) is None
    )


def test_a_path_out_of_our_name_space_is_not_followed(ground: Ground) -> None:  # noqa: F811
    mark(ground.path)
    assert find(ground, f"/../{ground.mount.name}{ground.group}") is None


def test_a_group_that_is_gone_is_no_user_s(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    assert find(ground, f"{ground.group}/gone (deleted)") is None


def test_without_version_2_there_is_none(tmp_path: Path) -> None:
    assert Delegation.find(ROOT, proc=str(tmp_path)) is None
    (tmp_path / "cgroup").write_text("4:memory:/x\n")
    (tmp_path / "mountinfo").write_text("")
    assert Delegation.find(ROOT, proc=str(tmp_path)) is None


def test_roots_have_groups_of_their_own(given: Delegation, ground: Ground) -> None:  # noqa: F811
    other = Delegation.find("/srv/other", proc=str(ground.proc), systemd="/nonexistent")
    assert other is not None
    assert other.base == given.base
    assert other.path != given.path


# --- what is made in it -----------------------------------------------------------------------------------------------


def test_each_generation_gets_a_group_and_only_ours_is_touched(given: Delegation) -> None:
    first, second = given.create("web", 1), given.create("web", 2)
    assert names(given.base) == {Path(given.path).name}
    assert names(given.path) == {"web.1", "web.2"}
    assert given.leftovers() == [first, second]
    assert first.remove()
    assert given.create("web", 1) == first


def test_a_group_with_somebody_in_it_is_not_taken(given: Delegation, dweller: subprocess.Popen[bytes]) -> None:
    cgroup = given.create("web", 1)
    write(cgroup.procs_path, str(dweller.pid))
    with pytest.raises(UnusablePath, match=r"cannot make the control group .*: somebody lives in it"):
        given.create("web", 1)
    assert not cgroup.is_empty()


def test_what_was_recorded_is_found_again(given: Delegation, ground: Ground) -> None:  # noqa: F811
    cgroup = given.create("web", 1)
    assert adopt_cgroup(cgroup.path, ROOT) == cgroup
    assert adopt_cgroup(cgroup.path, "/srv/other") is None
    assert adopt_cgroup(given.path, ROOT) is None
    assert adopt_cgroup(str(ground.path), ROOT) is None
    assert cgroup.remove()
    assert adopt_cgroup(cgroup.path, ROOT) is None


def test_tidying_removes_what_is_empty_and_tells_the_rest(given: Delegation, dweller: subprocess.Popen[bytes]) -> None:
    lived_in, kept, _ = (given.create("web", number) for number in (1, 2, 3))
    write(lived_in.procs_path, str(dweller.pid))
    assert given.tidy(keep=[kept.path]) == [lived_in]
    assert given.leftovers() == [lived_in, kept]


def test_closing_leaves_it_as_it_was_found(given: Delegation) -> None:
    given.create("web", 1)
    given.close()
    assert names(given.base) == set()
    given.close()


def test_closing_leaves_what_goes_on(given: Delegation, dweller: subprocess.Popen[bytes]) -> None:
    cgroup = given.create("web", 1)
    write(cgroup.procs_path, str(dweller.pid))
    given.close()
    assert given.leftovers() == [cgroup]


def test_who_has_moved_finds_the_same_place_again(given: Delegation, ground: Ground) -> None:  # noqa: F811
    leaf = Path(given.path, "supervisor")
    leaf.mkdir(parents=True)
    again = find(ground, f"{ground.group}/{Path(given.path).name}/supervisor")
    assert again is not None
    assert (again.base, again.path, again.own) == (given.base, given.path, str(leaf))
    assert again.leftovers() == []


# --- memory: over plain files, since only one kernel in many has the controller free for a test -----------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files as in a delegated group with a memory controller."""
    for path in (tmp_path, tmp_path / "ours", tmp_path / "ours" / "supervisor"):
        path.mkdir(exist_ok=True)
        for name in ("cgroup.procs", "cgroup.subtree_control"):
            (path / name).touch()
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    return tmp_path


def content(tree: Path, name: str) -> str:
    return (tree / name).read_text()


def test_without_a_controller_it_says_so(given: Delegation) -> None:
    if "memory" in (Path(given.base) / "cgroup.controllers").read_text().split():
        pytest.skip("the memory controller is on here")
    assert given.enable_memory() == f"the control group {given.base} was given no memory controller"
    assert names(given.base) == set()


def test_we_make_room_before_the_controller_is_handed_on(tree: Path) -> None:
    ours = Delegation(str(tree), f"{tree}/ours", own=str(tree))
    assert ours.enable_memory(along=[4711]) is None
    # Each write is a command to the kernel; a plain file keeps them one over the other.
    assert content(tree, "ours/supervisor/cgroup.procs") == "4711"
    assert content(tree, "cgroup.subtree_control") == "+memory"
    assert content(tree, "ours/cgroup.subtree_control") == "+memory"
    assert ours.own == f"{tree}/ours/supervisor"


def test_nobody_moves_where_the_place_is_beside_us(tree: Path) -> None:
    ours = Delegation(str(tree), f"{tree}/ours", own=f"{tree}/main")
    assert ours.enable_memory() is None
    assert content(tree, "ours/supervisor/cgroup.procs") == content(tree, "cgroup.procs") == ""
    assert content(tree, "cgroup.subtree_control") == content(tree, "ours/cgroup.subtree_control") == "+memory"


def test_what_is_handed_on_already_is_left_so(tree: Path) -> None:
    for name in ("cgroup.subtree_control", "ours/cgroup.subtree_control"):
        (tree / name).write_text("cpu memory\n")
    ours = Delegation(str(tree), f"{tree}/ours", own=str(tree))
    assert ours.enable_memory() is None
    assert content(tree, "cgroup.subtree_control") == "cpu memory\n"
    assert content(tree, "ours/supervisor/cgroup.procs") == ""


def test_others_in_the_group_keep_it_from_being_handed_on(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(path: str, text: str) -> None:
        if path == f"{tree}/cgroup.subtree_control":
            raise OSError(errno.EBUSY, "Device or resource busy")
        write(path, text)

    monkeypatch.setattr(delegation_module, "write", refuses)
    ours = Delegation(str(tree), f"{tree}/ours", own=str(tree))
    problem = ours.enable_memory()
    assert problem == (
        f"the memory controller of {tree} cannot be used: Device or resource busy (other processes are in it)"
    )
    assert ours.own == str(tree)
    assert content(tree, "cgroup.procs") == "0"


def test_closing_takes_the_controller_back_and_returns(tree: Path) -> None:
    ours = Delegation(str(tree), f"{tree}/ours", own=str(tree))
    ours.enable_memory()
    ours.close()
    assert content(tree, "cgroup.subtree_control") == content(tree, "ours/cgroup.subtree_control") == "-memory"
    assert content(tree, "cgroup.procs") == "0"
    assert ours.own == str(tree)


def test_a_group_gets_its_limit_of_memory(tree: Path) -> None:
    (tree / "ours" / "web.1").mkdir()
    (tree / "ours" / "web.1" / "memory.max").touch()
    ours = Delegation(str(tree), f"{tree}/ours", own=str(tree))
    assert ours.create("web", 1, memory_mb=3) == Cgroup(f"{tree}/ours/web.1")
    assert content(tree, "ours/web.1/memory.max") == str(3 * 2**20)


def test_a_group_without_its_limit_is_none(given: Delegation) -> None:
    with pytest.raises(UnusablePath, match="memory limit"):
        given.create("web", 1, memory_mb=3)
    assert given.leftovers() == []
