"""The wheel: built from this checkout, installed into a fresh environment far from it, and a stack run from there."""

import json
import os
import secrets
import subprocess
import zipfile

from tests.cli.program import MARK, find_marked, service

from .support import ROOT, run

STACK = {"db": service("db"), "web": service("web", depends_on=["db"])}


def test_everything_is_inside(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for package, place in [("dumb_actors", ROOT / "dumb_actors"), ("dumb_web", ROOT / "web" / "dumb_web")]:
        kept = [path for path in place.rglob("*") if path.is_file() and path.suffix != ".pyc"]
        for path in kept:
            assert f"{package}/{path.relative_to(place)}" in names
    for data in ("dumb_actors/py.typed", "dumb_web/py.typed", "dumb_actors/catalogue/options.toml"):
        assert data in names
    assert any(name.startswith("dumb_web/static/") for name in names)
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"dumb_actors", "dumb_web"}
    assert not [name for name in names if name.endswith((".pyc", ".orig"))]


def test_it_runs_a_stack_far_from_the_checkout(program, tmp_path):
    python = program.parent / "python"
    where = run(python, "-c", "import dumb_actors, dumb_web; print(dumb_actors.__file__, dumb_web.__file__)")
    assert str(ROOT) not in where
    known = "from dumb_actors import core_offers, load_catalogue; print(len(core_offers(load_catalogue())))"
    assert run(python, "-c", known) == "28\n"
    version = run(python, "-c", "import dumb_actors; print(dumb_actors.__version__)").strip()
    assert run(program, "--version") == f"dumb-actors, version {version}\n"

    root, mark = tmp_path / "root", secrets.token_hex(12)
    (root / "config").mkdir(parents=True)
    (root / "config/dumb_config.json").write_text(json.dumps(STACK))
    env = {**os.environ, "DUMB_ACTORS_ROOT": str(root), MARK: mark}
    with subprocess.Popen([program, "up", "--bind", "127.0.0.1:0"], env=env, cwd="/", stdout=subprocess.PIPE) as up:
        assert any(line.startswith(b"listening on") for line in up.stdout)
        run(program, "start", "web", DUMB_ACTORS_ROOT=str(root))
        status = json.loads(run(program, "status", "--json", DUMB_ACTORS_ROOT=str(root)))
        assert {each["process_name"]: each["phase"] for each in status["services"]} == {"db": "ready", "web": "ready"}
        assert run(program, "down", DUMB_ACTORS_ROOT=str(root)) == "everything is stopped\n"
        rest = up.stdout.read()
        assert up.wait(20) == 0
    assert b"everything is stopped" in rest
    assert find_marked(mark) == []
