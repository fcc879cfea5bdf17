"""Whether a pair of keys opens a profile's door."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.clock import Clock
    from tui.settings.credentials import Credentials
    from tui.settings.profiles import Profile


async def count_jobs(profile: Profile, credentials: Credentials, *, clock: Clock) -> int:
    """Return how many jobs the profile's project has: the cheapest call that keys and permissions must pass.

    Raises:
        AccessError: the keys or a permission are refused.
        ArkdeckError: the service cannot be reached, or did not answer.
    """
    from tui.ark.client import ArkClient
    from tui.ark.models import JobQuery

    client = ArkClient(profile.ark_endpoint, profile.region, credentials, clock=clock, account_id=profile.account_id)
    async with client:
        return (await client.list_jobs(JobQuery(project=profile.project), page_size=1)).total
