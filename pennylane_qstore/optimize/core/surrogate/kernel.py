"""The kernel of functions that circuits of Pauli rotations can produce."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

# The factors stay positive and their Fourier series short: coefficients fall as 0.54 ** k.
SMALLEST_SPREAD = 2.2
LARGEST_SPREAD = 1e5
# That of hardware-efficient circuits, QAOA and matching ansatzes from random starts.
TYPICAL_SPREAD = 4.0
_TOLERANCE = 1e-10
# Of a matrix that are worked on at a time, so that they stay in the processor's cache.
_ROWS = 64


@dataclass(frozen=True, slots=True, eq=False)
class AngleKernel:
    r"""Correlation of losses at two points through the angles of their gates.

    .. math::

        R(x, x') = \prod_f \left(\frac{g + \cos(a_f - a'_f)}{g + 1}\right)^{n_f},
        \qquad a = M x

    Each factor holds the constant and one frequency of its angle, so that with one gate per
    factor the sample paths are exactly what Pauli rotations produce, a parameter shared by
    several gates having as many frequencies. ``spread`` is :math:`g + 1`: the squared length
    scale of one angle, and about how many of the gates act on the loss together. Where methods
    take an array of spreads, each angle has its own.

    The logarithm of a factor is a short Fourier series (:func:`series`), so the logarithm of
    the whole matrix is a few products of matrices, none of which depends on the spread: what is
    needed to learn it.

    Attributes:
        angles: :math:`M`: radians of each distinct angle per unit of each parameter, shape
            ``(n_angles, n_params)``.
        counts: :math:`n`: how many gates have each angle, shape ``(n_angles,)``.
    """

    angles: FloatArray
    counts: FloatArray

    @classmethod
    def independent(cls, n_params: int) -> "AngleKernel":
        """Each parameter is the angle of one gate."""
        return cls(np.eye(n_params), np.ones(n_params))

    def harmonics(self, left: ArrayLike, right: ArrayLike, n_terms: int) -> FloatArray:
        r"""Sums :math:`\sum_f n_f (\cos k(a_f - a'_f) - 1)` for :math:`k = 1, \dots`.

        Returns:
            Shape ``(n_terms, n_left, n_right)``.
        """
        a, b = (np.atleast_2d(side) @ self.angles.T for side in (left, right))
        out = np.empty((n_terms, len(a), len(b)))
        for index in range(n_terms):
            k = index + 1
            u = np.concatenate([np.cos(k * a) * self.counts, np.sin(k * a) * self.counts], axis=1)
            v = np.concatenate([np.cos(k * b), np.sin(k * b)], axis=1)
            np.matmul(u, v.T, out=out[index])
        out -= self.counts.sum()
        return out

    def correlation(
        self, left: ArrayLike, right: ArrayLike, spread: float | FloatArray
    ) -> FloatArray:
        """:math:`R` between two sets of points, shape ``(n_left, n_right)``."""
        rows, columns = self._sides(left, right, spread)
        out = np.ones((rows.shape[1], columns.shape[2]))
        for start in range(0, len(out), _ROWS):
            part = out[start : start + _ROWS]
            for count, row, column in zip(self.counts.tolist(), rows, columns, strict=True):
                factor = row[start : start + _ROWS] @ column
                part *= factor if count == 1 else factor**count
        return out

    def by_spread(
        self, points: ArrayLike, weights: FloatArray, spread: float | FloatArray
    ) -> FloatArray:
        r"""Weighted sums of :math:`\partial \log R / \partial \log g_f`, shape ``(n_angles,)``.

        Args:
            points: Between all pairs of these, shape ``(n, n_params)``.
            weights: Of each pair, shape ``(n, n)``.
            spread: Of each angle, here :math:`g_f`.
        """
        rows, columns = self._sides(points, points, spread)
        out = np.full(len(self.counts), -weights.sum())
        for start in range(0, len(weights), _ROWS):
            part = weights[start : start + _ROWS]
            for index, (row, column) in enumerate(zip(rows, columns, strict=True)):
                out[index] += np.sum(part / (row[start : start + _ROWS] @ column))
        return out * self.counts

    def _sides(
        self, left: ArrayLike, right: ArrayLike, spread: float | FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Of each angle, two matrices whose product is its factor between all pairs of points."""
        a, b = ((np.atleast_2d(side) @ self.angles.T).T for side in (left, right))
        spreads = np.broadcast_to(spread, len(a))[:, None]
        constant = np.broadcast_to(spreads - 1, a.shape)
        rows = np.stack([np.cos(a), np.sin(a), constant], axis=-1) / spreads[:, :, None]
        return rows, np.stack([np.cos(b), np.sin(b), np.ones(b.shape)], axis=1)

    def with_gradient(
        self, point: FloatArray, others: FloatArray, spread: float | FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        r"""Correlations of one point with others, and what their gradients are made of.

        Args:
            point: Shape ``(n_params,)``.
            others: Their angles, shape ``(n_others, n_angles)``.
            spread: :math:`g + 1`.

        Returns:
            :math:`R`, shape ``(n_others,)``, and :math:`\partial \log R / \partial a` at the
            point, shape ``(n_others, n_angles)``.
        """
        difference = self.angles @ point - others
        factors = spread - 1 + np.cos(difference)
        values = np.exp(np.log(factors / spread) @ self.counts)
        return values, -np.sin(difference) / factors * self.counts

    def nearest(self, points: FloatArray, centre: FloatArray, n_points: int) -> NDArray[np.int64]:
        """Rows of the points most correlated with a centre, in their order."""
        correlation = self.correlation(points, centre, TYPICAL_SPREAD)[:, 0]
        return np.sort(np.argsort(-correlation, kind="stable")[:n_points])

    def natural_shifts(self) -> FloatArray:
        r"""Shifts :math:`\frac{\pi}{2} / \sqrt{\sum_f n_f M_{fp}^2}` of each parameter.

        A quarter turn for the parameter of one Pauli rotation, as far as the parameter-shift
        rule goes; less for a parameter of many gates. Parameters of no gate get a quarter turn.
        """
        strength = self.counts @ self.angles**2
        return np.pi / 2 / np.sqrt(np.where(strength > 0, strength, 1.0))


def series(spread: float) -> tuple[FloatArray, FloatArray]:
    r"""Weights of the harmonics of :math:`\log R`, and their derivatives by the spread.

    .. math::

        \log\frac{g + \cos d}{g + 1} = \sum_{k \ge 1} \frac{2 (-1)^{k+1} r^k}{k} (\cos kd - 1),
        \qquad r = g - \sqrt{g^2 - 1}
    """
    g = spread - 1
    root = np.sqrt(g * g - 1)
    r = 1 / (g + root)
    k = np.arange(1, max(2, int(np.ceil(np.log(_TOLERANCE) / np.log(r)))) + 1)
    weights = 2 * (-1.0) ** (k + 1) * r**k / k
    return weights, -weights * k / root
