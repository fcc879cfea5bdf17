"""Fixtures for every test: a local cloud of one's own, gone with the test, and no way to the outside."""

import socket

import pytest

from tui.hosts import is_loopback
from tui.localcloud import LocalCloud


@pytest.fixture(autouse=True, scope="session")
def _no_way_out():
    """Refuse to look up any host but this machine, so that a mistake in a test cannot reach a real service."""
    look_up = socket.getaddrinfo

    def on_this_machine(host, *arguments, **options):
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not is_loopback(name):
            raise socket.gaierror(socket.EAI_NONAME, f"tests do not look up {name}")
        return look_up(host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", on_this_machine)
        yield


@pytest.fixture
def cloud_factory(tmp_path):
    """Starts local clouds, `cloud_factory(speed=0, clock=...)`, and stops them when the test ends.

    They share the data folder `tmp_path / "cloud"` unless told otherwise, so that a second one goes on where the first
    was stopped.
    """
    started = []

    def start(**options):
        cloud = LocalCloud(**({"data": tmp_path / "cloud"} | options)).start()
        started.append(cloud)
        return cloud

    yield start
    for cloud in reversed(started):
        cloud.stop()


@pytest.fixture
def cloud(cloud_factory):
    """A local cloud on the machine's clock that finishes jobs as fast as it can."""
    return cloud_factory(speed=0)
