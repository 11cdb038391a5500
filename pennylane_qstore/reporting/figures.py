"""What all plots share: quiet axes, colours, texts. Needs the extra ``train``."""

from typing import Any

import numpy as np

from pennylane_qstore.training.errors import MissingExtraError

try:
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch
    from matplotlib.ticker import MaxNLocator
except ImportError as error:
    raise MissingExtraError("train", error) from error

__all__ = ["COLORS", "FancyBboxPatch", "Figure", "MaxNLocator", "new_figure", "verbatim"]

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666")
"""Okabe and Ito's palette, which colour-blind readers can tell apart."""


def new_figure(
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


def verbatim(text: str) -> str:
    """A text in which matplotlib sees no formula, and that does not hide from the legend."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return (" " if plain.startswith("_") else "") + plain.replace("$", r"\$")
