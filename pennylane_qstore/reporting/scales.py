"""Round numbers for axes, and short ones for labels."""

from math import floor, log10

_UNITS = ((172800.0, 86400.0, "days"), (7200.0, 3600.0, "h"), (120.0, 60.0, "min"))
"""From which span on, in seconds, time is shown in which unit, of so many seconds."""


def ticks(top: float, about: int = 4) -> list[float]:
    """Round numbers from 0 to at least ``top``, about so many steps apart."""
    if top <= 0:
        return [0.0, 1.0]
    raw = top / about
    power = 10.0 ** floor(log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    n = 1
    while n * step < top * (1 - 1e-9):
        n += 1
    return [i * step for i in range(n + 1)]


def short_number(value: float) -> str:
    """At most four digits, with k, M or G instead of zeros."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.4g} {letter}"
    return f"{value:.4g}"


def time_unit(span_s: float) -> tuple[float, str]:
    """The unit for times up to ``span_s``: its seconds, and its name."""
    found = ((unit_s, name) for least, unit_s, name in _UNITS if span_s >= least)
    return next(found, (1.0, "s"))


def cut(text: str, length: int) -> str:
    """A text of at most so many characters; an ellipsis stands for what is left out."""
    return text if len(text) <= length else text[: length - 1] + "…"
