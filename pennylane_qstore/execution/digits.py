"""Circuits of one structure to JSON all at once: fixed text, and digits written by arrays.

A bound circuit's phases and angles lie between 0 and 1 turn and are rounded to twelve decimals, so
every number takes the same place in the text: ``0.`` and twelve digits. Only those digits differ
between the circuits of a batch.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_DECIMALS = 12
_WIDTH = 2 + _DECIMALS
_THREE_DIGITS = np.array([list(b"%03d" % number) for number in range(1000)], dtype=np.uint8)


def write_rows(template: str, values: NDArray[np.float64]) -> list[str] | None:
    """Fill a template for each row of values.

    Args:
        template: Text with one ``%s`` for each value.
        values: Numbers from 0 to below 1, rounded to twelve decimals; shape ``(rows, n_values)``.

    Returns:
        One text for each row, or None where a value is out of that range.
    """
    scaled = np.rint(values * 10.0**_DECIMALS).astype(np.int64)
    in_range = np.isfinite(values).all() and scaled.min(initial=0) >= 0
    if not in_range or scaled.max(initial=0) >= 10**_DECIMALS:
        return None
    pieces = template.split("%s")
    starts = np.cumsum([len(piece) for piece in pieces[:-1]])
    starts += _WIDTH * np.arange(len(starts))
    text = np.frombuffer(("0." + "0" * _DECIMALS).join(pieces).encode(), dtype=np.uint8)
    rows = np.tile(text, (len(values), 1))
    for start, digits in zip(starts, _digits(scaled), strict=True):
        rows[:, start + 2 : start + _WIDTH] = digits
    return [str(row, "ascii") for row in rows]


def _digits(scaled: NDArray[np.int64]) -> Sequence[NDArray[np.uint8]]:
    """The decimal digits of integers below 10^12, for each column; shape ``(rows, 12)`` each."""
    digits = np.empty((*scaled.shape[::-1], _DECIMALS), dtype=np.uint8)
    rest = scaled.T
    for start in range(_DECIMALS - 3, -1, -3):
        higher = rest // 1000  # a division by a constant, which NumPy does without dividing
        digits[:, :, start : start + 3] = _THREE_DIGITS[rest - 1000 * higher]
        rest = higher
    return list(digits)
