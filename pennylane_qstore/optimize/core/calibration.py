"""Gains from measured curvature, so that no step size has to be chosen."""

from dataclasses import dataclass

import numpy as np

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.gains import Probe


@dataclass(frozen=True, slots=True)
class CalibratedGains:
    r"""A step size from the trace of the Hessian, measured in the first batch.

    The first step asks for ``pairs_first`` pairs at ``width`` times the perturbation and for the
    loss at the start. Along a direction with :math:`E[\Delta\Delta^T] = 1`,

    .. math:: E\left[\frac{L_+ + L_- - 2 L_0}{c^2}\right] = \operatorname{tr} H + O(c^2)

    and the mean of :math:`R` directions in :math:`P` dimensions is stable on a quadratic with that
    trace and even curvature up to a step size of about twice the inverse of
    :math:`\operatorname{tr} H\,(1/R + 1/P)`. The step size is

    .. math:: a_k = \frac{s}{\operatorname{tr} H\,(1/R + 1/P)} \left(\frac{A + 1}{A + 1 + k}
        \right)^\alpha

    The losses of that first batch give a gradient, too, so it is a step like every other. Where the
    objective curves downwards or hardly at all, the spread of the curvatures and the size of the
    slopes bound the step instead (see :meth:`learn`).

    With ``every``, the centre joins every so many batches and the trace follows the run.

    Attributes:
        scale: :math:`s`, the fraction of the stable step.
        c: Scale of the perturbation, in the parameters' unit.
        stability: :math:`A`.
        alpha: Decay of the step size.
        gamma: Decay of the perturbation.
        pairs_first: Pairs in the first batch.
        width: Their perturbation over ``c``: curvature needs more distance than slopes.
        every: How often the curvature is measured again; 0 for never.
        memory: Weight of the trace so far against a lower new one; a higher one counts faster.
    """

    scale: float = 0.5
    c: float = 0.2
    stability: float = 50.0
    alpha: float = 0.602
    gamma: float = 0.101
    pairs_first: int = 10
    width: float = 2.0
    every: int = 0
    memory: float = 0.9

    def __post_init__(self) -> None:
        positive = ("scale", "c", "width", "pairs_first")
        for name in positive:
            if not 0 < getattr(self, name) < np.inf:
                raise InvalidOptionError(f"{name} is {getattr(self, name)}; it has to be positive")

    def perturbation(self, step: int, curvature: float | None = None) -> float:
        """Return :math:`c_k`, wider while the curvature is not known."""
        decayed = self.c / (step + 1) ** self.gamma
        return decayed * self.width if curvature is None else decayed

    def pairs(self, resamplings: int, curvature: float | None = None) -> int:
        """As many as there are resamplings, but ``pairs_first`` to measure the curvature first."""
        return max(self.pairs_first, resamplings) if curvature is None else resamplings

    def wants_centre(self, step: int, curvature: float | None = None) -> bool:
        """While the curvature is not known, and every ``every`` steps."""
        return curvature is None or (self.every > 0 and step % self.every == 0)

    def learn(self, probe: Probe, curvature: float | None) -> float | None:
        r"""Trace of the Hessian after a step.

        The first is the largest of three: the mean curvature; half of its root mean square, which
        does not vanish at a saddle; and half of :math:`\sqrt P` times the root mean square slope,
        with which the first step is at most about two over the number of directions long in every
        coordinate, whatever the curvature.
        """
        if probe.centre is None:
            return curvature
        curvatures = (probe.plus + probe.minus - 2 * probe.centre) / probe.perturbation**2
        if curvature is None:
            return float(
                max(
                    curvatures.mean(),
                    np.sqrt(np.mean(curvatures**2)) / 2,
                    np.sqrt(probe.n_params * np.mean(probe.slopes**2)) / 2,
                    np.finfo(np.float64).tiny,
                )
            )
        new = float(abs(curvatures.mean()))
        weight = self.memory if new < curvature else self.memory**3
        return weight * curvature + (1 - weight) * new

    def step_size(self, step: int, curvature: float | None = None, *, spread: float = 1.0) -> float:
        """Return :math:`a_k` for the measured trace.

        Raises:
            InvalidOptionError: If the curvature has not been measured yet.
        """
        if curvature is None:
            raise InvalidOptionError("the step size is not known before the curvature is measured")
        decay = ((self.stability + 1) / (self.stability + 1 + step)) ** self.alpha
        return self.scale / (curvature * spread) * decay
