"""Pictures of runs, drawn by matplotlib. Needs the extra ``train``.

Each function returns a figure, which a notebook shows and ``figure.savefig(path)`` writes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pennylane_qstore.reporting.errors import InvalidSeriesError
from pennylane_qstore.reporting.figures import COLORS, Figure, MaxNLocator, new_figure, verbatim
from pennylane_qstore.reporting.records import BatchRecord
from pennylane_qstore.reporting.scales import cut, short_number, time_unit
from pennylane_qstore.reporting.series import Series, circuits_over_time, cost_over_time
from pennylane_qstore.reporting.stages import STAGES
from pennylane_qstore.reporting.summary import summarize


def plot_progress(records: Sequence[BatchRecord]) -> Figure:
    """Draw circuits and cost over time, one below the other; costs once for each currency."""
    _require(records)
    costs = cost_over_time(records)
    panels = [("circuits", circuits_over_time(records))]
    panels += [(f"cost ({unit})", pair) for unit, pair in costs.items()]
    figure, grid = new_figure(n_rows=len(panels))
    unit_s, unit = time_unit(max(panels[0][1][0].times))
    for axes, (ylabel, pair) in zip(np.atleast_1d(grid), panels, strict=True):
        _draw_pair(axes, pair, unit_s)
        axes.set_ylabel(verbatim(ylabel))
    np.atleast_1d(grid)[-1].set_xlabel(f"time since the run began ({unit})")
    return figure


def plot_stages(records: Sequence[BatchRecord]) -> Figure:
    """Draw where the wall time went: bars that add up to it."""
    _require(records)
    numbers = summarize(records).to_dict()
    total = numbers["total_time"]
    times = [numbers["stages"][stage] for stage in STAGES]
    unit_s, unit = (1.0, "s") if total >= 1 else (1e-3, "ms")
    figure, axes = new_figure()
    bars = axes.barh(STAGES, [time / unit_s for time in times], color=COLORS[0])
    shares = [f"{short_number(time / unit_s)} {unit}, {time / (total or 1):.1%}" for time in times]
    axes.bar_label(bars, shares, padding=4, fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.3)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"wall time ({unit})")
    axes.set_title(f"{short_number(total / unit_s)} {unit} in all", loc="left", fontsize=10)
    return figure


def plot_comparison(runs: Mapping[str, Sequence[BatchRecord]]) -> Figure:
    """Draw circuits run, shots, time and cost of several runs beside each other.

    Args:
        runs: Records of each run by its name.

    Raises:
        InvalidSeriesError: If there are no runs.
    """
    if not runs:
        raise InvalidSeriesError("there are no runs to compare; give at least one")
    numbers = [summarize(records).to_dict() for records in runs.values()]
    panels = {
        "circuits run": [one["client"]["circuits_run"] for one in numbers],
        "shots": [one["shots"] for one in numbers],
        "time (s)": [one["busy_time"] for one in numbers],
    }
    for unit in sorted({unit for one in numbers for unit in one["cost"]["spent"]}):
        panels[f"cost ({unit})"] = [one["cost"]["spent"].get(unit) for one in numbers]
    n_rows = (len(panels) + 1) // 2
    figure, grid = new_figure(
        n_rows=n_rows, n_columns=2, height=0.9 + 0.32 * len(runs), sharey=True
    )
    places = np.arange(len(runs))
    for axes, (title, values) in zip(grid.flat, panels.items(), strict=False):
        bars = axes.barh(
            places,
            [value or 0 for value in values],
            color=[COLORS[i % len(COLORS)] for i in places],
        )
        axes.bar_label(bars, [_label(value) for value in values], padding=3, fontsize=9)
        axes.set_yticks(places, [verbatim(cut(name, 28)) for name in runs])
        axes.margins(x=0.28)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda value, _: short_number(value))
        axes.grid(visible=False, axis="y")
        axes.set_title(verbatim(title), loc="left", fontsize=10)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    grid.flat[0].invert_yaxis()
    return figure


def _draw_pair(axes: Any, pair: tuple[Series, Series], unit_s: float) -> None:
    """Two running totals as stairs; the first may hide behind the second and is drawn wider."""
    for series, color, width in zip(pair, (COLORS[1], COLORS[0]), (3.0, 1.5), strict=True):
        times = [time / unit_s for time in series.times]
        axes.step(times, series.values, where="post", color=color, lw=width, label=series.label)
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.legend(frameon=False, fontsize=9, loc="upper left")


def _require(records: Sequence[BatchRecord]) -> None:
    if not records:
        raise InvalidSeriesError("the run has no batches yet; there is nothing to draw")


def _label(value: float | None) -> str:
    return "not recorded" if value is None else short_number(value)
