"""Pictures of runs, drawn by matplotlib. Needs the extra ``train``.

Each function returns a figure, which a notebook shows and ``figure.savefig(path)`` writes.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.reporting.errors import InvalidSeriesError
from pennylane_qstore.reporting.records import BatchRecord
from pennylane_qstore.reporting.scales import cut, short_number, time_unit
from pennylane_qstore.reporting.series import Series, circuits_over_time, cost_over_time
from pennylane_qstore.reporting.stages import STAGES
from pennylane_qstore.reporting.summary import summarize
from pennylane_qstore.training.errors import MissingExtraError

try:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
except ImportError as error:
    raise MissingExtraError("train", error) from error

FloatArray = NDArray[np.float64]

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666")
"""Okabe and Ito's palette, which colour-blind readers can tell apart."""

_DASHES = ("-", "--", "-.", ":")


def plot_convergence(
    losses: Mapping[str, ArrayLike],
    errors: Mapping[str, ArrayLike] | None = None,
    *,
    steps: Mapping[str, ArrayLike] | None = None,
    xlabel: str = "step",
    ylabel: str = "loss",
) -> Figure:
    """Draw the loss of each step, with a band of one standard error to both sides.

    Args:
        losses: By label one run, shape ``(n_steps,)``, or several runs of the same kind, shape
            ``(n_runs, n_steps)``, whose mean is drawn with its standard error.
        errors: Standard error of each step by label, shape ``(n_steps,)``, of single runs.
        steps: Where each step lies, by label, shape ``(n_steps,)``, such as the circuits so far;
            1, 2, ... where not given.
        xlabel: What the steps count.
        ylabel: What the losses are, with their unit.

    Raises:
        InvalidSeriesError: If there is nothing to draw, or shapes do not fit.
    """
    if not losses:
        raise InvalidSeriesError("there are no losses to draw; give at least one run")
    figure, axes = _new_figure()
    for (label, values), color, dash in zip(losses.items(), cycle(COLORS), _dashes(), strict=False):
        mean, error = _mean(values, (errors or {}).get(label), label)
        x = _fitting((steps or {}).get(label, np.arange(1, len(mean) + 1)), mean, label)
        marker = "o" if len(mean) == 1 else ""
        axes.plot(x, mean, color=color, ls=dash, marker=marker, label=_verbatim(label))
        if error is not None:
            axes.fill_between(x, mean - error, mean + error, color=color, alpha=0.2, lw=0)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if steps is None:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(losses) > 1 or "" not in losses:
        axes.legend(frameon=False, fontsize=9)
    return figure


def plot_progress(records: Sequence[BatchRecord]) -> Figure:
    """Draw circuits and cost over time, one below the other; costs once for each currency."""
    _require(records)
    costs = cost_over_time(records)
    panels = [("circuits", circuits_over_time(records))]
    panels += [(f"cost ({unit})", pair) for unit, pair in costs.items()]
    figure, grid = _new_figure(n_rows=len(panels))
    unit_s, unit = time_unit(max(panels[0][1][0].times))
    for axes, (ylabel, pair) in zip(np.atleast_1d(grid), panels, strict=True):
        _draw_pair(axes, pair, unit_s)
        axes.set_ylabel(_verbatim(ylabel))
    np.atleast_1d(grid)[-1].set_xlabel(f"time since the run began ({unit})")
    return figure


def plot_stages(records: Sequence[BatchRecord]) -> Figure:
    """Draw where the wall time went: bars that add up to it."""
    _require(records)
    numbers = summarize(records).to_dict()
    total = numbers["total_time"]
    times = [numbers["stages"][stage] for stage in STAGES]
    unit_s, unit = (1.0, "s") if total >= 1 else (1e-3, "ms")
    figure, axes = _new_figure()
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
    figure, grid = _new_figure(
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
        axes.set_yticks(places, [_verbatim(cut(name, 28)) for name in runs])
        axes.margins(x=0.28)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda value, _: short_number(value))
        axes.grid(visible=False, axis="y")
        axes.set_title(_verbatim(title), loc="left", fontsize=10)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    grid.flat[0].invert_yaxis()
    return figure


def _new_figure(
    n_rows: int = 1, n_columns: int = 1, *, height: float | None = None, sharey: bool = False
) -> tuple[Figure, Any]:
    """A figure that no window holds, with quiet axes; ``height`` of a row in inches."""
    each = height or (4.2 if n_rows == 1 else 2.6)
    figure = Figure(figsize=(7.2, max(2.2, each * n_rows)), dpi=120, layout="constrained")
    grid = figure.subplots(n_rows, n_columns, sharex=n_columns == 1, sharey=sharey)
    for axes in np.atleast_1d(grid).flat:
        axes.grid(alpha=0.25, lw=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, grid


def _draw_pair(axes: Any, pair: tuple[Series, Series], unit_s: float) -> None:
    """Two running totals as stairs; the first may hide behind the second and is drawn wider."""
    for series, color, width in zip(pair, (COLORS[1], COLORS[0]), (3.0, 1.5), strict=True):
        times = [time / unit_s for time in series.times]
        axes.step(times, series.values, where="post", color=color, lw=width, label=series.label)
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.legend(frameon=False, fontsize=9, loc="upper left")


def _mean(
    values: ArrayLike, error: ArrayLike | None, label: str
) -> tuple[FloatArray, FloatArray | None]:
    """Mean and standard error of each step; without an error for a single run that names none."""
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as problem:
        raise InvalidSeriesError(
            f"{label!r}: runs must be numbers, and all have as many steps: {problem}"
        ) from problem
    if array.ndim not in (1, 2) or not array.size:
        raise InvalidSeriesError(
            f"{label!r} has shape {array.shape}; give (n_steps,) or (n_runs, n_steps), not empty"
        )
    if array.ndim == 1:
        return array, None if error is None else _fitting(error, array, label)
    if error is not None:
        raise InvalidSeriesError(f"{label!r}: several runs have their own standard error")
    spread = array.std(axis=0, ddof=1) / sqrt(len(array)) if len(array) > 1 else None
    return array.mean(axis=0), spread


def _fitting(numbers: ArrayLike, mean: FloatArray, label: str) -> FloatArray:
    array = np.asarray(numbers, dtype=float)
    if array.shape != mean.shape:
        raise InvalidSeriesError(
            f"{label!r} has {len(mean)} steps, but what goes with them has shape {array.shape}"
        )
    return array


def _require(records: Sequence[BatchRecord]) -> None:
    if not records:
        raise InvalidSeriesError("the run has no batches yet; there is nothing to draw")


def _label(value: float | None) -> str:
    return "not recorded" if value is None else short_number(value)


def _verbatim(text: str) -> str:
    """A text in which matplotlib sees no formula, and that does not hide from the legend."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return (" " if plain.startswith("_") else "") + plain.replace("$", r"\$")


def _dashes() -> Any:
    """Lines change their dashes where colours begin anew."""
    return cycle(dash for dash in _DASHES for _ in COLORS)
