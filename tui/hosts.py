"""Which hosts are this machine: there plain HTTP is fine, proxies have no say, and polls may be quick."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether a host, a name or an address as URLs spell it, is this machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
