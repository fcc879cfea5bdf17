"""What a setting may hold: the same rules for the file, the environment and the forms that write profiles."""

from __future__ import annotations

import ipaddress
import re
import urllib.parse
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta

from tui.hosts import is_loopback
from tui.i18n import _
from tui.settings.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BUCKET_PATTERN: Final = r"^([a-z0-9][a-z0-9-]{1,61}[a-z0-9])?$"
REGION_PATTERN: Final = r"^[a-z0-9]+(-[a-z0-9]+)*$"
ACCOUNT_PATTERN: Final = r"^[0-9]*$"
PROFILE_PATTERN: Final = r"^\w[\w.-]{0,63}$"

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_YES: Final = frozenset(["true", "1", "yes"])
_NO: Final = frozenset(["false", "0", "no"])

Endpoint = Annotated[str, Meta(description="Host of the service; https unless loopback.", min_length=1)]
Region = Annotated[str, Meta(description="Region of the service, as in cn-beijing.", pattern=REGION_PATTERN)]
Bucket = Annotated[str, Meta(description="Bucket for inputs and results.", pattern=BUCKET_PATTERN)]
Project = Annotated[str, Meta(description="Project that jobs belong to.", min_length=1)]
Prefix = Annotated[str, Meta(description="Where objects go; no leading slash.", pattern="^[^/]|^$")]
AccountId = Annotated[str, Meta(description="Account sent as X-Account-Id.", pattern=ACCOUNT_PATTERN)]
ReadOnly = Annotated[bool, Meta(description="Refuse whatever changes jobs or objects.")]


class InvalidValueError(ValueError):
    """A setting's value breaks a rule; the text says which, and whoever read the value says where."""


def parse(field: str, value: str) -> str | bool:
    """Return `value` as the profile keeps it, say with the scheme or the closing slash added.

    Args:
        field: name of a profile's field.
        value: what the operator wrote; for a switch true, 1, yes, or false, 0, no, in any case.

    Raises:
        InvalidValueError: the value breaks the field's rule.
    """
    return _PARSERS[field](value)


def parse_name(name: str) -> str:
    """Return a profile's name when it can be one (InvalidValueError)."""
    return _matching(
        PROFILE_PATTERN, name, _("a profile's name has 1 to 64 letters, digits, and . _ -"), ascii_only=False
    )


def _switch(value: str) -> bool:
    if value.lower() in _YES:
        return True
    if value.lower() in _NO:
        return False
    raise InvalidValueError(_("write true or false"))


def _preset(value: str) -> str:
    if value not in PRESETS:
        raise InvalidValueError(_("choose one of {presets}", presets=", ".join(PRESETS)))
    return value


def _endpoint(value: str) -> str:
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        raise InvalidValueError(_("an endpoint holds plain ASCII characters and no blanks"))
    try:
        parts = urllib.parse.urlsplit(value if "://" in value else f"https://{value}")
        host, port = _host(parts.hostname or ""), parts.port
    except ValueError:
        raise InvalidValueError(_("that is not a host name with an optional port")) from None
    if parts.username is not None or parts.password is not None:
        raise InvalidValueError(_("an endpoint holds no user name or password"))
    if parts.path.strip("/") or "?" in value or "#" in value:
        raise InvalidValueError(_("an endpoint is a host alone, without path, query or fragment"))
    if parts.scheme not in ("https", "http"):
        raise InvalidValueError(_("an endpoint begins with https://"))
    if parts.scheme == "http" and not is_loopback(host):
        raise InvalidValueError(_("http is for this machine alone; write https://"))
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")


def _host(name: str) -> str:
    """Return the host as a URL spells it, IPv6 in brackets; ValueError when it is none."""
    if ":" in name and "%" not in name:  # an address with a zone means something on one machine alone
        return f"[{ipaddress.IPv6Address(name)}]"
    if not _HOST.fullmatch(name):
        raise ValueError(name)
    return name


def _region(value: str) -> str:
    return _matching(REGION_PATTERN, value, _("a region looks like cn-beijing"))


def _bucket(value: str) -> str:
    return _matching(
        BUCKET_PATTERN,
        value,
        _("a bucket has 3 to 63 characters a-z, 0-9 and -, and neither begins nor ends with -"),
    )


def _account_id(value: str) -> str:
    return _matching(ACCOUNT_PATTERN, value, _("an account id holds digits only"))


def _matching(pattern: str, value: str, rule: str, *, ascii_only: bool = True) -> str:
    if not re.fullmatch(pattern, value) or (ascii_only and not value.isascii()) or value.endswith("\n"):
        raise InvalidValueError(rule)
    return value


def _project(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise InvalidValueError(_("a project has a name without control characters"))
    return value


def _prefix(value: str) -> str:
    if not value.isprintable():
        raise InvalidValueError(_("a prefix holds no control characters"))
    if value.startswith("/"):
        raise InvalidValueError(_("a prefix does not begin with /"))
    whole = value if value.endswith("/") or not value else f"{value}/"
    if any(segment in ("", ".", "..") for segment in whole.split("/")[:-1]):
        raise InvalidValueError(_("a prefix has no empty, . or .. part"))
    return whole


_PARSERS: Final[Mapping[str, Callable[[str], str | bool]]] = MappingProxyType(
    {
        "preset": _preset,
        "ark_endpoint": _endpoint,
        "tos_endpoint": _endpoint,
        "region": _region,
        "bucket": _bucket,
        "project": _project,
        "input_prefix": _prefix,
        "output_prefix": _prefix,
        "account_id": _account_id,
        "read_only": _switch,
    }
)
