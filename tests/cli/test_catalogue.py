"""`catalogue`: what is known, ours and the user's."""

import json

from dumb_actors.catalogue import load_catalogue


def test_the_table_has_every_service(shell):
    ended = shell.run("catalogue")
    assert (ended.code, ended.err) == (0, "")
    head, *rows = ended.out.splitlines()
    assert head.split() == ["KEY", "NAME", "KIND", "NEEDS"]
    assert [row.split()[0] for row in rows] == list(load_catalogue())
    cells = [row.split() for row in rows]
    assert ["decypharr", "Decypharr", "core", "rclone"] in cells
    assert ["pgadmin", "pgAdmin", "optional", "postgres"] in cells


def test_one_service_by_key_or_name_with_a_block_to_copy(shell):
    ended = shell.run("catalogue", "Riven")
    assert ended.code == 0
    assert ended.out == shell.run("catalogue", "riven_backend").out
    told, _, block = ended.out.partition("\n{\n")
    assert json.loads("{\n" + block) == {"riven_backend": load_catalogue()["riven_backend"].default()}
    assert "also called     riven\n" in told
    assert "needs           zurg, rclone, postgres\n" in told
    assert "- Collects what you request or follow, without you." in told
    assert "on a condition  zurg where its flags say so, " in shell.run("catalogue", "rclone").out
    builtin = shell.run("catalogue", "DUMB API").out
    assert json.loads("{\n" + builtin.partition("\n{\n")[2])["dumb"]["api_service"]["port"] == 8000


def test_for_machines(shell):
    services = shell.run("catalogue", "--json").json["services"]
    assert [one["key"] for one in services] == list(load_catalogue())
    [sonarr] = shell.run("catalogue", "sonarr", "--json").json["services"]
    assert sonarr["instances"] == load_catalogue()["sonarr"].default()["instances"]
    assert sonarr["uses"] == [{"service": "zilean", "signal": "zilean_optional_integration"}]
    assert sonarr["core"]["order"] == 90


def test_an_unknown_name(shell):
    ended = shell.run("catalogue", "nobody")
    assert ended.code == 2
    assert "no service is called 'nobody'" in ended.err
    assert "riven_backend" in ended.err


def test_files_of_the_user_and_what_is_wrong_with_them(shell):
    folder = shell.root / "config" / "catalogue"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text('name = "Mine"\n')
    assert "mine" in shell.run("catalogue").out
    (folder / "mine.toml").write_text('name = "Mine"\nscoped = "yes"\n')
    ended = shell.run("catalogue")
    assert ended.code == 2
    assert "mine" not in ended.out
    for text in (f"{folder}/mine.toml", "1 fault", "$.scoped: wrong type", "true or false"):
        assert text in ended.err
