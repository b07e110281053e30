"""Binding."""

import socket
import stat

import pytest
from web_support import site

from dumb_actors import HostError, PortTaken, Refused, UnusablePath
from dumb_web import bind


@pytest.mark.parametrize(
    ("address", "start"),
    [("127.0.0.1:0", "http://127.0.0.1:"), ("localhost:0", "http://127.0.0.1:"), ("127.0.0.2:0", "http://127.0.0.2:")],
)
def test_a_free_port_is_known_at_once(address, start):
    with bind(address) as bound:
        assert bound.url.startswith(start)
        port = int(bound.url.rpartition(":")[2])
        with socket.create_connection(bound.socket.getsockname()):
            assert port > 0
        assert not bound.socket.get_inheritable()


def test_ipv6_in_brackets():
    with bind("[::1]:0") as bound:
        assert bound.url.startswith("http://[::1]:")


def test_a_port_in_use_is_one_clear_line():
    with bind("127.0.0.1:0") as bound:
        address = bound.url.removeprefix("http://")
        with pytest.raises(PortTaken) as caught:
            bind(address)
    assert str(caught.value) == f"cannot listen on {address}: it is in use by another program"
    assert caught.value.detail["address"] == address


def test_a_port_is_free_again_after_close():
    with bind("127.0.0.1:0") as bound:
        address = bound.url.removeprefix("http://")
        with socket.create_connection(bound.socket.getsockname()):
            pass
    bind(address).close()


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", ":8000", "*:8000", "192.0.2.1:0", "10.0.0.1:80"])
def test_beyond_loopback_is_refused_with_what_to_do(address):
    with pytest.raises(Refused, match=r"sign-in.*reverse proxy.*ssh"):
        bind(address)


@pytest.mark.parametrize(
    "address", ["", "8000", "localhost", "localhost:", "localhost:x", "localhost:65536", "::1:80", "unix:"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(Refused):
        bind(address)


def test_an_unknown_host_is_named():
    with pytest.raises(HostError, match=r"no-such-host\.invalid"):
        bind("no-such-host.invalid:80")


def test_a_unix_socket_is_private_and_removed(tmp_path):
    path = tmp_path / "api.sock"
    with bind(f"unix:{path}") as bound:
        assert bound.url == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()
    bound.close()


def test_a_relative_path_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with bind("unix:api.sock") as bound:
        assert bound.url == f"unix:{tmp_path}/api.sock"
    assert not (tmp_path / "api.sock").exists()


def test_a_stale_unix_socket_is_replaced_and_a_live_one_is_not(tmp_path):
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
        old.listen()
        with pytest.raises(PortTaken, match="in use"):
            bind(f"unix:{path}")
    assert path.exists()
    bind(f"unix:{path}").close()
    assert not path.exists()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path):
    (tmp_path / "api.sock").write_text("mine")
    with pytest.raises(PortTaken, match="no socket"):
        bind(f"unix:{tmp_path}/api.sock")
    assert (tmp_path / "api.sock").read_text() == "mine"


def test_somebody_elses_socket_is_not_removed(tmp_path):
    path = tmp_path / "api.sock"
    with bind(f"unix:{path}"):
        path.unlink()
        path.write_text("new")
    assert path.read_text() == "new"


def test_bad_unix_paths(tmp_path):
    with pytest.raises(UnusablePath, match="nothing"):
        bind(f"unix:{tmp_path}/nothing/api.sock")
    with pytest.raises(HostError, match="longer than 107"):
        bind(f"unix:{tmp_path}/{'x' * 107}")


async def test_serving_on_a_unix_socket(tmp_path):
    path = tmp_path / "api.sock"
    async with site(address=f"unix:{path}") as here:
        assert await here.get("/health") == {"status": "healthy"}
        assert (await here.client.get("/health", headers={"host": "evil.example"})).status_code == 403
    assert not path.exists()
