"""Every text that a person reads passes here: English in the source, other languages by gettext catalogues."""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path


@cache
def _catalogue() -> gettext.NullTranslations:
    return gettext.translation("arkdeck", Path(__file__).parent / "locale", fallback=True)


def _(message: str, /, **values: object) -> str:
    """Return `message` in the operator's language, its `{fields}` filled from `values`."""
    translated = _catalogue().gettext(message)
    return translated.format(**values) if values else translated


def plural(one: str, many: str, count: int, /, **values: object) -> str:
    """Return the form of the message that fits `count`, which fills `{count}`."""
    return _catalogue().ngettext(one, many, count).format(count=f"{count:,}", **values)
