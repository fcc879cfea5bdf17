"""A local cloud that cannot start says why in words, and names the option to change."""

import socket

import pytest

from tui.cli.local import serve
from tui.errors import UsageError
from tui.localcloud.object_storage import ObjectStorage


def refusal(*arguments):
    """Return what the operator reads."""
    with pytest.raises(UsageError) as refused:
        serve.main([str(argument) for argument in arguments], standalone_mode=False)
    assert "Errno" not in refused.value.message
    return refused.value


@pytest.fixture
def taken_port():
    """A port that something else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_in_use_is_named(taken_port):
    if taken_port > 65534:
        pytest.skip("the system gave the last port, which Ark cannot have")
    error = refusal("--port", taken_port)
    assert f"port {taken_port} of 127.0.0.1 is in use" in error.message
    assert error.advice == "Choose another --port."


def test_a_data_folder_in_use_is_named(tmp_path):
    storage = ObjectStorage(tmp_path / "objects")
    error = refusal("--data", tmp_path)
    storage.close()
    assert (str(tmp_path) in error.message, error.advice) == (True, "Choose another --data.")


def test_a_log_that_cannot_be_written_is_named(tmp_path):
    error = refusal("--log", tmp_path)
    assert error.message == f"the local cloud cannot start: Is a directory: {tmp_path}"
    assert error.advice == "Choose another --log."
