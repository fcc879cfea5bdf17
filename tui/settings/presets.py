"""The clouds that a profile can start from: hosts and region, so that only a bucket is left to name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


class Preset(msgspec.Struct, frozen=True):
    """One cloud's hosts; `{region}` in them follows the profile's region (ark-openapi.md §7.1, tos.md §6)."""

    ark_endpoint: str
    tos_endpoint: str
    region: str
    bucket: str = ""

    def values(self, region: str) -> dict[str, str]:
        """Return the settings that this preset gives to a profile in `region`."""
        values = {
            "ark_endpoint": self.ark_endpoint.format(region=region),
            "tos_endpoint": self.tos_endpoint.format(region=region),
            "region": self.region,
        }
        return values | ({"bucket": self.bucket} if self.bucket else {})


PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "volcengine": Preset(
            ark_endpoint="https://ark.{region}.volcengineapi.com",
            tos_endpoint="https://tos-{region}.volces.com",
            region="cn-beijing",
        ),
        "byteplus": Preset(
            ark_endpoint="https://ark.{region}.byteplusapi.com",
            tos_endpoint="https://tos-{region}.bytepluses.com",
            region="ap-southeast-1",
        ),
        "local": Preset(
            ark_endpoint="http://127.0.0.1:8480",
            tos_endpoint="http://127.0.0.1:8481",
            region="cn-beijing",
            bucket="arkdeck-local",
        ),
    }
)
DEFAULT_PRESET: Final = "volcengine"
