"""A server that cannot prove who it is gets nothing signed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tui.ark.client import ArkClient
from tui.ark.errors import ArkUnreachableError
from tui.clock import SystemClock


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = SystemClock().now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@asynccontextmanager
async def listening(context: ssl.SSLContext | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Yield the address of a server that answers anything with a plain HTTP 400, and what it was sent."""
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(65536))
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}", received


async def test_a_certificate_that_nobody_vouches_for_ends_the_call_at_once(clock, credentials, certificate):
    async with (
        listening(certificate) as (endpoint, received),
        ArkClient(endpoint, "cn-beijing", credentials, clock=clock) as client,
    ):
        with pytest.raises(ArkUnreachableError, match="its certificate is not trusted: self-signed") as caught:
            await client.get_job("bi-1")
    assert (caught.value.retryable, caught.value.maybe_applied, clock.monotonic(), received) == (False, False, 0, [])


async def test_a_server_without_tls_is_named(clock, credentials):
    async with (
        listening(None) as (endpoint, _),
        ArkClient(endpoint, "cn-beijing", credentials, clock=clock) as client,
    ):
        with pytest.raises(ArkUnreachableError, match="TLS failed") as caught:
            await client.stop_job("bi-1")
    assert caught.value.maybe_applied is False
