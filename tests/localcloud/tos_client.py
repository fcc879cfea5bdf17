"""The official object storage SDK, pointed at a local cloud by its public constructor alone (tos.md §1.3 P)."""

from urllib.parse import urlsplit

import tos


def tos_client(info, **options):
    endpoint = urlsplit(info.tos_endpoint)
    return tos.TosClientV2(
        info.access_key,
        options.pop("secret_key", info.secret_key),
        "http://tos.arkdeck.local",
        info.region,
        proxy_host=endpoint.hostname,
        proxy_port=endpoint.port,
        dns_cache_time=0,
        **{"max_retry_count": 0} | options,
    )


def read(info, key):
    """Return an object's bytes."""
    return tos_client(info).get_object(info.bucket, key).read()
