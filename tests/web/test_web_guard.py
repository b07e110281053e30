"""Who may ask: Host, Origin, Sec-Fetch-Site, preflights."""

import pytest
from web_support import config_of, raw, site, spec

from dumb_web.guard import Guard
from dumb_web.policy import Policy, normal_origin

GOOD_HOSTS = ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:1", "127.9.9.9:8000", "[::1]", "[::1]:8000"]
BAD_HOSTS = [
    "evil.example",
    "evil.example:8000",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "localhost@evil.example",
    "evil.example#localhost",
    "evil.example/localhost",
    "evil.example\\@localhost",
    "192.168.1.5:8000",
    "0.0.0.0:8000",
    "0:8000",
    "[::]:8000",
    "[::ffff:127.0.0.1]",
    "[::1",
    "localhost:port",
    "127.1",
    "",
    ":8000",
]


@pytest.mark.parametrize("host", GOOD_HOSTS)
async def test_loopback_hosts_pass(host):
    async with site() as here:
        assert (await here.client.get("/health", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", BAD_HOSTS)
@pytest.mark.parametrize("path", ["/health", "/api/status/", "/nothing"])
async def test_other_hosts_are_refused_whatever_is_asked(host, path):
    async with site([spec("web")]) as here:
        for method in ("GET", "POST", "OPTIONS"):
            response = await here.client.request(method, path, headers={"host": host})
            assert (response.status_code, response.json()["code"]) == (403, "forbidden-host")
            assert "detail" in response.json()


@pytest.mark.parametrize(
    "hosts", ["host: localhost\r\nhost: evil.example\r\n", "host: evil.example\r\nhost: localhost\r\n", ""]
)
async def test_no_host_or_two_hosts_are_refused(hosts):
    async with site() as here:
        answer = await raw(here.port, f"GET /health HTTP/1.0\r\n{hosts}connection: close\r\n\r\n")
    assert answer.split()[1] in {b"403", b"400"}


async def test_a_rebound_name_starts_nothing():
    async with site([spec("web")]) as here:
        headers = {"host": f"evil.example:{here.port}", "origin": f"http://evil.example:{here.port}"}
        response = await here.client.post("/process/start-service", json={"process_name": "web"}, headers=headers)
        assert response.status_code == 403
        assert here.host.live == {}


async def test_hosts_can_be_allowed():
    async with site(allowed_hosts=["Dumb.example", "other.example:81"]) as here:
        for host, status in [("dumb.EXAMPLE", 200), ("dumb.example:8", 200), ("other.example:81", 200)]:
            assert (await here.client.get("/health", headers={"host": host})).status_code == status
        for host in ("x.dumb.example", "other.example", "other.example:82"):
            assert (await here.client.get("/health", headers={"host": host})).status_code == 403
        own = {"host": "dumb.example", "origin": "https://dumb.example"}
        assert (await here.client.post("/shutdown", headers=own)).status_code == 200


GOOD_ORIGINS = [
    "http://localhost:3005",
    "http://127.0.0.1",
    "http://[::1]:3005",
    "https://localhost",
    "https://dumb.example",
    "https://dumb.example:443",
    "HTTPS://DUMB.example",
]
BAD_ORIGINS = [
    "https://evil.example",
    "http://dumb.example",
    "https://dumb.example:8443",
    "https://dumb.example.evil.example",
    "https://evil.example@dumb.example",
    "http://localhost.evil.example",
    "file://",
    "chrome-extension://localhost",
    "http://",
    "nonsense",
    "*",
]
DOCUMENT = {"dumb": {"frontend": {"origins": ["https://dumb.example"]}}}


@pytest.mark.parametrize("origin", GOOD_ORIGINS)
async def test_allowed_origins_get_cors(origin):
    async with site(config_of(DOCUMENT)) as here:
        for response in (
            await here.client.get("/process/processes", headers={"origin": origin}),
            await here.client.post("/process/start-service", json={}, headers={"origin": origin}),
            await here.client.get("/nothing", headers={"origin": origin}),
        ):
            assert response.status_code in {200, 404, 422}
            assert response.headers["access-control-allow-origin"] == origin
            assert response.headers["access-control-allow-credentials"] == "true"
            assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", BAD_ORIGINS)
async def test_other_origins_are_refused_without_cors(origin):
    async with site(config_of(DOCUMENT)) as here:
        asked = {"origin": origin, "access-control-request-method": "POST"}
        for response in (
            await here.client.get("/process/processes", headers={"origin": origin}),
            await here.client.post("/shutdown", headers={"origin": origin}),
            await here.client.options("/shutdown", headers=asked),
        ):
            assert (response.status_code, response.json()["code"]) == (403, "forbidden-origin")
            assert not [name for name in response.headers if name.startswith("access-control")]
        assert not here.shutdown.is_set()


async def test_a_null_origin_may_read_but_not_change():
    async with site() as here:
        read = await here.client.get("/health", headers={"origin": "null"})
        assert (read.status_code, "access-control-allow-origin" in read.headers) == (200, False)
        assert (await here.client.post("/shutdown", headers={"origin": "null"})).status_code == 403


async def test_two_origins_must_both_be_allowed():
    async with site() as here:
        headers = [("origin", "http://localhost"), ("origin", "http://evil.example")]
        assert (await here.client.get("/health", headers=headers)).status_code == 403


async def test_requests_without_an_origin_have_no_cors():
    async with site() as here:
        response = await here.client.get("/health")
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_a_form_of_another_site_starts_nothing():
    async with site([spec("web")]) as here:
        form = {"content-type": "text/plain", "origin": "http://evil.example", "sec-fetch-site": "cross-site"}
        content = '{"process_name": "web", "x": "="}'
        response = await here.client.post("/process/start-service", content=content, headers=form)
        assert response.status_code == 403
        del form["origin"]
        response = await here.client.post("/process/start-service", content=content, headers=form)
        assert (response.status_code, response.json()["code"]) == (403, "forbidden-origin")
        del form["sec-fetch-site"]
        response = await here.client.post("/process/start-service", content=content, headers=form)
        assert response.status_code == 422
        assert here.host.live == {}


async def test_a_cross_site_request_of_an_allowed_origin_passes():
    async with site(origins=["https://dumb.example"]) as here:
        headers = {"origin": "https://dumb.example", "sec-fetch-site": "cross-site"}
        assert (await here.client.post("/shutdown", headers=headers)).status_code == 200


@pytest.mark.parametrize("path", ["/process/start-service", "/api/process/start-service/", "/nothing"])
async def test_preflight(path):
    headers = {
        "origin": "http://localhost:3005",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    async with site() as here:
        response = await here.client.options(path, headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "http://localhost:3005"
    assert response.headers["access-control-allow-methods"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
    assert response.headers["access-control-allow-headers"] == "authorization,content-type"
    assert response.headers["access-control-max-age"] == "600"
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ([(b"host", b"localhost")], True),
        ([(b"host", b"localhost"), (b"origin", b"http://localhost:3005")], True),
        ([(b"host", b"localhost"), (b"origin", b"http://evil.example")], False),
        ([(b"host", b"localhost"), (b"origin", b"null")], False),
        ([(b"host", b"evil.example")], False),
    ],
)
async def test_websockets_are_guarded_too(headers, passes):
    reached, sent = [], []

    async def app(scope, receive, send):
        reached.append(scope)

    async def send(event):
        sent.append(event["type"])

    await Guard(app, Policy())({"type": "websocket", "headers": headers}, None, send)
    assert (bool(reached), sent) == (passes, [] if passes else ["websocket.close"])


@pytest.mark.parametrize(
    ("origin", "normal"),
    [
        ("http://a:80", "http://a"),
        ("https://A/", "https://a"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("http://a/b", None),
        ("http://a:x", None),
        ("ftp://a", None),
        ("null", None),
    ],
)
def test_the_normal_form_of_an_origin(origin, normal):
    assert normal_origin(origin) == normal
