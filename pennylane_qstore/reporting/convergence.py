"""Losses as plots, with bands of their standard errors. Needs the extra ``train``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle
from math import nan, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.reporting.errors import InvalidSeriesError
from pennylane_qstore.reporting.figures import COLORS, Figure, MaxNLocator, new_figure, verbatim
from pennylane_qstore.reporting.scales import short_number
from pennylane_qstore.training.record import TrainRecord

FloatArray = NDArray[np.float64]

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
    figure, axes = new_figure()
    for (label, values), color, dash in zip(losses.items(), cycle(COLORS), _dashes(), strict=False):
        mean, error = _mean(values, (errors or {}).get(label), label)
        x = _fitting((steps or {}).get(label, np.arange(1, len(mean) + 1)), mean, label)
        marker = "o" if len(mean) == 1 else ""
        axes.plot(x, mean, color=color, ls=dash, marker=marker, label=verbatim(label))
        if error is not None:
            axes.fill_between(x, mean - error, mean + error, color=color, alpha=0.2, lw=0)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: short_number(value))
    if len(losses) > 1 or "" not in losses:
        axes.legend(frameon=False, fontsize=9)
    return figure


def plot_history(
    histories: Mapping[str, Sequence[TrainRecord]],
    *,
    over: Literal["steps", "circuits", "shots"] = "steps",
    ylabel: str = "loss",
) -> Figure:
    """Draw what trainings recorded: the loss of each step with a band of its standard error.

    Args:
        histories: Records of each training by its label, such as ``progress.history``.
        over: What to draw the losses over: steps, or circuits or shots so far.
        ylabel: What the losses are, with their unit.

    Raises:
        InvalidSeriesError: If there is nothing to draw, or nothing counted what to draw over.
    """
    losses: dict[str, ArrayLike] = {}
    errors: dict[str, ArrayLike] = {}
    places: dict[str, ArrayLike] = {}
    for label, history in histories.items():
        losses[label] = _with_gaps(record.loss for record in history)
        errors[label] = _with_gaps(record.loss_error for record in history)
        spent = [1 if over == "steps" else getattr(record, over) for record in history]
        if None in spent:
            raise InvalidSeriesError(f"{label!r}: nothing counted its {over}; draw over steps")
        places[label] = np.cumsum(spent)
    xlabel = "step" if over == "steps" else f"{over} so far"
    return plot_convergence(losses, errors, steps=places, xlabel=xlabel, ylabel=ylabel)


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


def _with_gaps(values: Iterable[float | None]) -> list[float]:
    return [nan if value is None else value for value in values]


def _dashes() -> Iterator[str]:
    """Lines change their dashes where colours begin anew."""
    return cycle(dash for dash in _DASHES for _ in COLORS)
