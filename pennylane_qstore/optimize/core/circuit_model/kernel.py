"""How alike the results of two circuits are that differ in parameters and in data."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.optimize.core.state import read_only
from pennylane_qstore.optimize.core.surrogate import AngleKernel

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CircuitHyperparameters:
    r"""What is learned of the process besides its values.

    Attributes:
        variance: Prior variance :math:`\sigma^2` of a result around 0.
        trained: Spread of the kernel for each angle of trained gates, shape ``(n_angles,)``: some
            gates change the results far more than others.
        data: Spread of the kernel over the angles of gates that encode data.
    """

    variance: float
    trained: FloatArray
    data: float

    def logs(self) -> FloatArray:
        """Logarithms, shape ``(n_angles + 2,)``: variance, data, trained."""
        return np.log(np.concatenate([[self.variance, self.data], self.trained]))

    @classmethod
    def of_logs(cls, logs: FloatArray) -> "CircuitHyperparameters":
        """The inverse of :meth:`logs`."""
        variance, data, *trained = np.exp(logs).tolist()
        return cls(variance, read_only(np.array(trained)), data)


@dataclass(frozen=True, slots=True, eq=False)
class CircuitKernel:
    r"""Covariance of the results of circuits that share their gates.

    .. math::

        \mathrm{cov}(z_x(\theta), z_{x'}(\theta')) =
            \sigma^2\, R_\text{trained}(\theta, \theta')\, R_\text{data}(x, x')

    A gate is trained or encodes data, never both, so that angles of either kind make a factor.

    Attributes:
        trained: Over the parameters; those that reach no measured wire are of no gate.
        data: Over the angles of all other gates.
        direct: Indices of the parameters that the loss depends on otherwise than through results.
    """

    trained: AngleKernel
    data: AngleKernel
    direct: NDArray[np.int64]

    @property
    def live(self) -> NDArray[np.int64]:
        """Indices of the parameters that any result depends on."""
        return np.flatnonzero(self.trained.angles.any(axis=0))
