"""Line charts as SVG that stands in a page: no script, and colours by the page's style sheet."""

from collections.abc import Sequence
from typing import TypeVar

from pennylane_qstore.reporting.page import shown
from pennylane_qstore.reporting.scales import short_number, ticks, time_unit
from pennylane_qstore.reporting.series import Series

WIDTH, HEIGHT = 440, 230
Place = TypeVar("Place")
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 12, 42
_MOST_POINTS = 400


def line_chart(
    series: Sequence[Series], *, title: str, marks: Sequence[int] = (), stairs: bool = True
) -> str:
    """Draw series over the time since a run began.

    Args:
        series: At most three; those whose values all are zero are drawn along the axis.
        title: What is shown, for readers who cannot see it.
        marks: Points of the first series to mark.
        stairs: Whether a value holds until the next; otherwise points stand alone.
    """
    unit_s, unit = time_unit(max((max(one.times, default=0) for one in series), default=0))
    end = max((max(one.times, default=0.0) for one in series), default=0.0) / unit_s
    top = max((max(one.values, default=0.0) for one in series), default=0.0)
    x_ticks, y_ticks = ticks(end), ticks(top)
    x_scale = (WIDTH - _LEFT - _RIGHT) / max(end, x_ticks[-1])
    y_scale = (HEIGHT - _TOP - _BOTTOM) / max(top, y_ticks[-1])
    parts = [_axes(x_ticks, y_ticks, x_scale, y_scale), _x_label(unit)]
    for number, one in enumerate(series):
        places = [
            (_LEFT + time / unit_s * x_scale, HEIGHT - _BOTTOM - value * y_scale)
            for time, value in zip(one.times, one.values, strict=True)
        ]
        parts.append(_stairs(places, number) if stairs else _dots(places, number, marks))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{shown(title)}">'
        f"<title>{shown(title)}</title>{''.join(parts)}</svg>"
    )


def _axes(
    x_ticks: Sequence[float], y_ticks: Sequence[float], x_scale: float, y_scale: float
) -> str:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    parts = []
    for value in y_ticks:
        y = bottom - value * y_scale
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        text = short_number(value)
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    for value in x_ticks:
        x = _LEFT + value * x_scale
        text = short_number(value)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{text}</text>')
    return "".join(parts)


def _x_label(unit: str) -> str:
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    text = f"time since the run began ({unit})"
    return f'<text x="{middle:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{text}</text>'


def _stairs(places: Sequence[tuple[float, float]], number: int) -> str:
    (x, y), *rest = thin(places)
    steps = "".join(f"H{x:.1f}V{y:.1f}" for x, y in rest)
    return f'<path class="line s{number}" d="M{x:.1f} {y:.1f}{steps}"/>'


def _dots(places: Sequence[tuple[float, float]], number: int, marks: Sequence[int]) -> str:
    marked = set(marks)
    plain = [place for index, place in enumerate(places) if index not in marked]
    dots = [
        f'<circle class="dot s{number}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'
        for x, y in peaks(plain)
    ]
    rings = [
        f'<circle class="mark" cx="{places[i][0]:.1f}" cy="{places[i][1]:.1f}" r="5"/>'
        for i in thin(sorted(marked))
    ]
    return "".join(dots + rings)


def peaks(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most 400 points: of neighbours the highest, so that none that stands out is lost."""
    size = per_point(len(places))
    parts = (places[start : start + size] for start in range(0, len(places), size))
    return [min(part, key=lambda place: place[1]) for part in parts]


def per_point(n: int) -> int:
    """How many of ``n`` points one dot stands for."""
    return max(1, -(-n // _MOST_POINTS))


def thin(places: Sequence[Place]) -> list[Place]:
    """At most 400 points, evenly chosen, with the first and the last among them."""
    n = len(places)
    if n <= _MOST_POINTS:
        return list(places)
    return [places[round(i * (n - 1) / (_MOST_POINTS - 1))] for i in range(_MOST_POINTS)]
