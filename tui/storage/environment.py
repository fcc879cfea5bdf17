"""What the operator's environment says about the way to a distant store: its proxy and its certificates."""

from __future__ import annotations

import os
import ssl
import urllib.parse
from pathlib import Path
from typing import Final

from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from tui.i18n import _
from tui.safety import Secret
from tui.storage.errors import EnvironmentUnusableError
from tui.text import clean

_CA_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def proxies_for(url: str) -> dict[str, str]:
    """Return the proxies by scheme that the environment names, none for a host that `no_proxy` excepts.

    Raises:
        EnvironmentUnusableError: the one that would be used for `url` is no http or https proxy.
    """
    proxies: dict[str, str] = get_environ_proxies(url)
    proxy = select_proxy(url, proxies)
    if proxy:
        try:
            _require_http(proxy)
        except (ValueError, LocationParseError) as error:
            raise EnvironmentUnusableError(
                _(
                    "the proxy that {variable} names cannot be used: {proxy}",
                    variable=_variable_of(proxy),
                    proxy=_shown(proxy),
                ),
                advice=_("Set it to a URL such as http://proxy.example:8080, or unset it."),
            ) from error
    return proxies


def certificates() -> str | None:
    """Return the file or folder of certificates that the environment names, None for those of the library.

    Raises:
        EnvironmentUnusableError: it is missing, unreadable or holds none.
    """
    variable = next(filter(os.environ.get, _CA_VARIABLES), None)
    if variable is None:
        return None
    path = Path(os.environ[variable])
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except OSError as error:
        raise EnvironmentUnusableError(
            _(
                "the certificates that {variable} names cannot be used: {path} ({why})",
                variable=variable,
                path=clean(str(path)),
                why=clean(error.strerror or str(error)),
            ),
            advice=_("Set it to a file of certificates in PEM format, or unset it."),
        ) from error
    return str(path)


def _require_http(proxy: str) -> None:
    password = proxy.rpartition("@")[0].rpartition("://")[2].partition(":")[2]
    Secret(urllib.parse.unquote(password))  # from now on no message, log or traceback shows it
    url = parse_url(prepend_scheme_if_needed(proxy, "http"))
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("neither an http nor an https proxy")


def _variable_of(proxy: str) -> str:
    """Return the variable that has this value; the lookup takes the name in small letters first."""
    names = (name for name in sorted(os.environ, reverse=True) if name.lower().endswith("_proxy"))
    return next((name for name in names if os.environ[name] == proxy), "http_proxy")


def _shown(proxy: str) -> str:
    """Return the proxy without what may be a user and a password."""
    scheme, separator, rest = proxy.rpartition("://")
    return clean(f"{scheme}{separator}{rest.rpartition('@')[2]}", strict=True)
