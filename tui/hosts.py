"""Which hosts are this machine: there plain HTTP is fine, proxies have no say, and polls may be quick."""

from __future__ import annotations

import ipaddress
import urllib.parse


def is_loopback(host: str) -> bool:
    """Return whether a host, a name or an address as URLs spell it, is this machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def service_of(endpoint: str) -> str:
    """Return which service an endpoint stands for: its host, or `loopback` for a cloud of one's own on any port."""
    host = urllib.parse.urlsplit(endpoint).hostname or endpoint
    return "loopback" if is_loopback(host) else host
