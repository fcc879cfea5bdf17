"""Messages filled with what an operator works with."""

from __future__ import annotations

import pytest

from tui.i18n import _, plural


def test_fields_are_filled() -> None:
    assert _("uploaded {name}", name="train.jsonl") == "uploaded train.jsonl"


def test_a_message_without_values_keeps_its_braces() -> None:
    assert _('{"custom_id": …}') == '{"custom_id": …}'


def test_a_value_with_braces_is_text() -> None:
    assert _("job {name}", name="{0.__class__} %s") == "job {0.__class__} %s"


def test_a_value_may_have_any_name() -> None:
    assert _("{message}", message="x") == "x"


def test_a_forgotten_value_is_a_fault_that_shows() -> None:
    with pytest.raises(KeyError):
        _("uploaded {name}", other="x")


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 requests"), (1, "1 request"), (2, "2 requests"), (12_345, "12,345 requests")]
)
def test_one_and_many(count: int, text: str) -> None:
    assert plural("{count} request", "{count} requests", count) == text


def test_a_plural_has_other_fields_too() -> None:
    assert plural("{count} of {total}", "{count} of {total}", 2, total=9) == "2 of 9"
