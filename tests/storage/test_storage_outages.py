"""What counts as an outage, by what requests and urllib3 raise."""

from __future__ import annotations

import errno

import pytest
import requests
import urllib3
from tos.exceptions import TosClientError

from tui.storage.errors import StorageError
from tui.storage.translate import typed_errors


def refused_tunnel(status: str) -> Exception:
    cause = urllib3.exceptions.ProxyError("Unable to connect to proxy", OSError(f"Tunnel connection failed: {status}"))
    return requests.exceptions.ProxyError(urllib3.exceptions.MaxRetryError(None, "/", cause))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("raised", "outage"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), True),
        (OSError(errno.ENETUNREACH, "no network"), True),
        (TimeoutError("timed out"), True),
        (refused_tunnel("503 Service Unavailable"), True),
        (refused_tunnel("407 Proxy Authentication Required"), False),
        (OSError("Could not find a suitable TLS CA certificate bundle"), False),
        (OSError(errno.EMFILE, "too many open files"), False),
        (requests.exceptions.InvalidURL("no host"), False),
    ],
)
def test_only_the_network_has_outages(raised: Exception, outage: bool) -> None:
    with pytest.raises(StorageError) as caught, typed_errors("bucket", "key"):
        raise TosClientError("http request timeout", raised)
    assert caught.value.reply.outage is outage
