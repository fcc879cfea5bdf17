"""Whether bytes are UTF-8, asked of every byte of the replies, and so found out for many of them at a time."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_PIECE: Final = 128 * 1024  # bytes looked at together: they stay in a processor's own cache
_UNSURE: Final = (b"\xc0", b"\xc1", b"\xe0", b"\xed")  # lead bytes that not every continuation byte may follow


def is_utf8(data: bytes | bytearray, start: int, stop: int) -> bool:
    """Return whether `data[start:stop]` is UTF-8 text."""
    if _is_surely_utf8(data, start, stop):
        return True
    with memoryview(data) as view:
        try:
            str(view[start:stop], "utf-8")
        except UnicodeDecodeError:
            return False
    return True


def _is_surely_utf8(data: bytes | bytearray, start: int, stop: int) -> bool:
    """Return whether continuation bytes stand where lead bytes ask for them, and nowhere else.

    That takes half of a decoder's time. It leaves the rest to one: text of lead bytes that not every continuation
    byte may follow (Korean, Thai, Hindi, what is not UTF-8 at all), or with other than ASCII at its ends.
    """
    if stop - start < 4 or not data[start : start + 3].isascii() or data[stop - 1] >= 0x80:
        return False
    if any(data.find(lead, start, stop) >= 0 for lead in _UNSURE):
        return False
    return all(
        _is_well_formed(np.frombuffer(data, np.uint8, min(_PIECE + 3, stop - at), at))
        for at in range(start, stop - 3, _PIECE)
    )


def _is_well_formed(octets: NDArray[np.uint8]) -> bool:
    """Judge each byte by the three before it."""
    highest = octets.max()
    if highest < 0x80:
        return True
    follows = octets[2:-1] >= 0xC0
    follows |= octets[1:-2] >= 0xE0
    if highest >= 0xF0:
        lead_four = octets[:-3] >= 0xF0
        follows |= lead_four
        leads = np.flatnonzero(lead_four)
        if (octets[leads] > 0xF0).any() or (octets[leads + 1] < 0x90).any():
            return False
    return np.array_equal(follows, octets[3:].view(np.int8) < -64)  # 0x80 to 0xbf
