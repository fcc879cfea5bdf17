"""Fixtures for every test: a local cloud of one's own, on ports of its own, gone with the test."""

import pytest

from tui.localcloud import LocalCloud


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
