"""CRC-64/XZ of an object whose parts' checksums are known, without reading it again."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_POLYNOMIAL: Final = 0xC96C5795D7870F42  # ECMA-182, bits reflected: the highest bit is the coefficient of x^0
_ONE: Final = 1 << 63
_X_TO_THE_8: Final = 1 << 55


def combine_crc64(first: int, second: int, second_size: int) -> int:
    """Return the checksum of two pieces in a row.

    Args:
        first: checksum of the first piece.
        second: checksum of the second piece.
        second_size: bytes in the second piece.
    """
    return _multiply(first, _shift_by(second_size)) ^ second


def _multiply(left: int, right: int) -> int:
    """Multiply two polynomials over GF(2) modulo the checksum's polynomial."""
    product = 0
    while left:
        if left & _ONE:
            product ^= right
        left = (left << 1) & (2 * _ONE - 1)
        right = (right >> 1) ^ (_POLYNOMIAL if right & 1 else 0)
    return product


@lru_cache(maxsize=64)  # the parts of an upload have at most a few sizes
def _shift_by(size: int) -> int:
    """Return x^(8·size): what `size` more bytes do to a checksum."""
    power, square = _ONE, _X_TO_THE_8
    while size:
        if size & 1:
            power = _multiply(power, square)
        square = _multiply(square, square)
        size >>= 1
    return power
