"""Where to go on a Gaussian process of circuits' results: the lowest expected loss in a box."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from pennylane_qstore.optimize.core.circuit_model.process import CircuitPosterior
from pennylane_qstore.optimize.core.circuit_results import LossExpansion

FloatArray = NDArray[np.float64]

_ITERATIONS = 20
# Circuits whose uncertainty is looked at; the mean is taken over them.
_UNCERTAIN = 24


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """Circuits of former rounds, and how the loss of their round follows from their results.

    Attributes:
        data: Angles that no parameter changes, shape ``(n, n_data)``.
        reference: Results, followed by direct parameters, around which the loss is expanded, shape
            ``(n, n_outputs + n_direct)``.
        value: Share of each circuit in the loss, times the number of circuits, shape ``(n,)``.
        slope: Its derivatives, of the reference's shape.
        curvature: Its second derivatives, one more such axis.
    """

    data: FloatArray
    reference: FloatArray
    value: FloatArray
    slope: FloatArray
    curvature: FloatArray

    def __len__(self) -> int:
        return len(self.value)

    def take(self, rows: NDArray[np.int64]) -> "Remembered":
        """Some of them."""
        return Remembered(
            self.data[rows], self.reference[rows], self.value[rows], self.slope[rows],
            self.curvature[rows],
        )  # fmt: skip


def remembered(
    before: Remembered | None, data: FloatArray, reference: FloatArray, loss: LossExpansion
) -> Remembered:
    """Add a round's circuits; those with the same data from before are forgotten."""
    n = len(data)
    new = Remembered(
        data, reference, np.full(n, loss.value), n * loss.slope, n * _convex(loss.curvature)
    )
    if before is None:
        return new
    again = {row.tobytes() for row in data}
    kept = [i for i, row in enumerate(before.data) if row.tobytes() not in again]
    old = before.take(np.array(kept, dtype=np.int64))
    return Remembered(
        np.concatenate([old.data, new.data]),
        np.concatenate([old.reference, new.reference]),
        np.concatenate([old.value, new.value]),
        np.concatenate([old.slope, new.slope]),
        np.concatenate([old.curvature, new.curvature]),
    )


def _convex(curvature: FloatArray) -> FloatArray:
    """Without directions of negative curvature, which would promise ever more the further away."""
    values, vectors = np.linalg.eigh(curvature)
    return np.asarray((vectors * np.maximum(values, 0.0)[:, None, :]) @ vectors.swapaxes(1, 2))


class ExpectedLoss:
    r"""Mean loss of remembered circuits as the posterior expects it at a point.

    Uncertain results raise it where the loss is curved:
    :math:`E[L(z)] = L(E[z]) + \tfrac12 \operatorname{tr} H \operatorname{cov}(z)`.

    Args:
        posterior: Of the results.
        circuits: What the mean is taken over.
        caution: Weight of the second term.
    """

    def __init__(self, posterior: CircuitPosterior, circuits: Remembered, caution: float) -> None:
        self._posterior, self._circuits = posterior, circuits
        self._through_data = posterior.circuits(circuits.data)
        n = len(circuits)
        chosen = np.linspace(0, n - 1, min(n, _UNCERTAIN)).round().astype(np.int64)
        k = posterior.weights.shape[1]
        traces = np.trace(circuits.curvature[chosen, :k, :k], axis1=1, axis2=2)
        self._traces = 0.5 * caution / len(chosen) * traces
        self._chosen = self._through_data[chosen]

    def __call__(self, point: FloatArray) -> tuple[float, FloatArray]:
        """Value at a point, and the gradient, shape ``(n_params,)``."""
        posterior, circuits = self._posterior, self._circuits
        kernel, direct = posterior.kernel.trained, posterior.kernel.direct
        values, slopes = kernel.with_gradient(point, posterior.angles, posterior.hyper.trained)
        means = (self._through_data * values) @ posterior.weights
        own = np.broadcast_to(point[direct], (len(means), len(direct)))
        away = np.concatenate([means, own], axis=1) - circuits.reference
        bent = np.einsum("ijk,ik->ij", circuits.curvature, away)
        loss = np.mean(circuits.value + np.sum((circuits.slope + 0.5 * bent) * away, axis=1))
        outer = (circuits.slope + bent) / len(circuits)
        through = self._through_data.T @ outer[:, : means.shape[1]]
        known = self._chosen * values
        solved = known @ posterior.inverse
        spread = posterior.hyper.variance - np.sum(known * solved, axis=1)
        by_value = np.sum(through * posterior.weights, axis=1)
        by_value -= 2 * (self._traces @ (solved * self._chosen))
        gradient = ((by_value * values) @ slopes) @ kernel.angles
        gradient[direct] += outer[:, means.shape[1] :].sum(axis=0)
        return float(loss + self._traces @ spread), gradient


def lowest_expected(loss: ExpectedLoss, start: FloatArray, radius: FloatArray) -> FloatArray:
    """Minimise an expected loss in a box around ``start``, half its sides being ``radius``."""
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(start - radius, start + radius, strict=True)),
        options={"maxiter": _ITERATIONS},
    )
    return np.asarray(found.x)
