"""The loss curve as a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.training.errors import MissingExtraError

try:
    from matplotlib.figure import Figure
except ImportError as error:
    raise MissingExtraError("train", error) from error

FloatArray = NDArray[np.float64]
_POINTS = "#9aa7b8"
_LINE = "#1f4e9c"
_REFERENCE = "#b4532a"


def smooth(values: Sequence[float], window: int) -> FloatArray:
    """Centred running mean; near the ends over the neighbours that exist.

    Args:
        values: Shape ``(n,)``.
        window: Width in values.

    Returns:
        Shape ``(n,)``.
    """
    kernel = np.ones(min(window, len(values)))
    sums = np.convolve(values, kernel, mode="same")
    return np.asarray(sums / np.convolve(np.ones(len(values)), kernel, mode="same"))


def save_loss_curve(
    losses: Sequence[float], path: Path, *, title: str, majority: float | None = None
) -> None:
    """Draw the loss of every step, and its running mean, as a PNG.

    Args:
        losses: Cross-entropy of each step's mini-batch, in nats.
        path: File to write; its folder has to exist.
        title: Heading of the picture.
        majority: Share of the more frequent label; if given, the loss of predicting nothing but
            the shares is drawn for comparison.
    """
    window = max(1, len(losses) // 12)
    figure = Figure(figsize=(7.2, 4.2), dpi=160, layout="constrained")
    axes = figure.subplots()
    steps = np.arange(1, len(losses) + 1)
    axes.plot(steps, losses, "o", ms=3, mew=0, color=_POINTS, label="mini-batch")
    axes.plot(
        steps, smooth(losses, window), color=_LINE, lw=2, label=f"running mean over {window} steps"
    )
    if majority is not None and 0 < majority < 1:
        entropy = -majority * np.log(majority) - (1 - majority) * np.log(1 - majority)
        axes.axhline(
            entropy, color=_REFERENCE, lw=1, ls="--", label="always predicting the class shares"
        )
    axes.set(xlabel="SPSA step", ylabel="cross-entropy (nats per sample)")
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, len(losses) + 1)
    axes.grid(alpha=0.25, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    figure.savefig(path)
