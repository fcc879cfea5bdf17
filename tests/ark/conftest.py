from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tui.clock import FrozenClock
from tui.safety import Secret
from tui.settings.credentials import Credentials


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2025, 1, 15, 9, 49, 23, tzinfo=UTC))


@pytest.fixture
def credentials() -> Credentials:
    return Credentials("AKLTTESTONLY", Secret("not-a-secret-0123456789"), None, "test")
