"""The distant store is spoken to by TLS, through the proxy that the operator's environment names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.tls_gate import TlsGate
from tests.storage.tools import bytes_of, credentials_of, fingerprint_of
from tui.localcloud import CloudInfo
from tui.storage.client import ObjectStore
from tui.storage.download import download
from tui.storage.errors import StorageUnreachableError
from tui.storage.upload import Uploaded, upload

ENDPOINT = "tos-cn-beijing.volces.com"


@pytest.fixture
def gate(info: CloudInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TlsGate]:
    gate = TlsGate(f"{info.bucket}.{ENDPOINT}", int(info.tos_endpoint.rsplit(":", 1)[1]), tmp_path)
    monkeypatch.setenv("https_proxy", gate.endpoint)
    for variable in ("no_proxy", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(variable, raising=False)
    yield gate
    gate.close()


async def test_large_file_goes_there_and_back_by_tls(
    gate: TlsGate, info: CloudInfo, tmp_path: Path, big_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(gate.certificate))
    store = ObjectStore(ENDPOINT, info.region, credentials_of(info))
    events = [
        event async for event in upload(store, info.bucket, "tls", big_file, fingerprint_of(big_file), metadata={})
    ]
    assert isinstance(events[-1], Uploaded)
    _ = [event async for event in download(store, info.bucket, events[-1].info, tmp_path, "back")]
    assert bytes_of(tmp_path / "back") == bytes_of(big_file)
    await store.close()


async def test_certificate_that_nobody_vouches_for_ends_the_call_at_once(gate: TlsGate, info: CloudInfo) -> None:
    store = ObjectStore(ENDPOINT, info.region, credentials_of(info))
    with pytest.raises(StorageUnreachableError, match="certificate verify failed"):
        await store.check_bucket(info.bucket)
    assert gate.connections == 1
