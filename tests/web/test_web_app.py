"""Routes, methods, unexpected errors, shutdown by request, and the table of errors."""

import logging
import subprocess
import sys

import pytest
from web_support import site, spec

import dumb_actors
from dumb_actors import DumbActorsError, Supervisor
from dumb_web.errors import STATUS, status_of

GETS = [
    "/process/processes",
    "/process",
    "/process/service-status",
    "/process/capabilities",
    "/health",
    "/status",
    "/logs",
]
POSTS = ["/process/start-service", "/process/stop-service", "/process/restart-service", "/shutdown"]


@pytest.mark.parametrize("path", GETS + POSTS)
@pytest.mark.parametrize("spelling", ["{}", "{}/", "/api{}", "/api{}/"])
async def test_a_wrong_method_is_405_with_allow(path, spelling):
    right, wrong = (
        ("GET", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"]) if path in GETS else ("POST", ["GET", "PATCH", "HEAD"])
    )
    async with site() as here:
        for method in wrong:
            response = await here.client.request(method, spelling.format(path))
            assert (response.status_code, response.headers["allow"]) == (405, right), method
            if method != "HEAD":
                assert response.json() == {"detail": "Method Not Allowed"}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing",
        "/api",
        "/api/",
        "/process/nothing",
        "/api/api/health",
        "/static/x",
        "/process//processes",
    ],
)
async def test_an_unknown_route_is_404(path):
    async with site() as here:
        response = await here.client.get(here.url + path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


async def test_an_unexpected_error_tells_nobody_but_the_log(monkeypatch, caplog):
    def broken(self):
        raise RuntimeError("a secret")

    async with site() as here:
        monkeypatch.setattr(Supervisor, "snapshot", broken)
        with caplog.at_level(logging.ERROR, "dumb_web"):
            response = await here.client.get("/status")
    assert response.status_code == 500
    assert list(response.json()) == ["detail"]
    assert "secret" not in response.text
    assert [record.name for record in caplog.records] == ["dumb_web"]
    assert "a secret" in caplog.text


@pytest.mark.parametrize("path", ["/shutdown", "/shutdown/", "/api/shutdown"])
async def test_shutdown_is_answered_and_then_done(path):
    async with site([spec("web")]) as here:
        response = await here.client.post(path)
        assert response.json() == {"status": "Shutting down", "pid": __import__("os").getpid()}
        await here.stopped.wait()


async def test_shutdown_that_is_not_offered_is_404():
    async with site(on_shutdown=None) as here:
        response = await here.client.post("/shutdown", json={})
        assert (response.status_code, response.json()["code"]) == (404, "not-offered")


async def test_shutdown_by_a_form_is_refused():
    async with site() as here:
        response = await here.client.post("/shutdown", data={"a": "b"})
        assert response.status_code == 422
        assert not here.shutdown.is_set()


async def test_answers_are_not_kept_and_the_server_is_not_named():
    async with site() as here:
        response = await here.client.get("/health")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    assert "server" not in response.headers


async def test_the_app_answers_without_a_server():
    async with site([spec("web")]) as here:
        client = here.app.test_client()
        response = await client.get("/process/service-status?process_name=web")
        assert (await response.get_json())["status"] == "stopped"


def test_every_error_class_has_a_status():
    kinds = [getattr(dumb_actors, name) for name in dir(dumb_actors)]
    errors = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, DumbActorsError)]
    assert len(errors) > 10
    for kind in errors:
        assert kind is DumbActorsError or any(base in STATUS for base in kind.__mro__), kind
    assert status_of(dumb_actors.PortTaken("x", address="127.0.0.1:1", errno=None)) == 500
    assert status_of(dumb_actors.Busy("x")) == 503


def test_importing_the_package_imports_no_web_framework():
    code = (
        "import sys, dumb_web, dumb_web.serve; dumb_web.bind('127.0.0.1:0').close();"
        "print(*(m for m in ('quart', 'quart_trio', 'hypercorn', 'werkzeug') if m in sys.modules), end='')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert callable(__import__("dumb_web").create_app)
    with pytest.raises(AttributeError):
        _ = __import__("dumb_web").nothing
