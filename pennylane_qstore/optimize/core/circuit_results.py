"""Results of an objective's single circuits, and how its value follows from them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.optimize.errors import InvalidLossError, NonFiniteLossError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LossExpansion:
    r"""A loss as a function of circuits' results, to second order.

    .. math::

        L(u) \approx L + \sum_i g_i \cdot (u_i - u^0_i)
            + \tfrac12 \sum_i (u_i - u^0_i)^\top H_i\, (u_i - u^0_i)

    where :math:`u_i` are the outputs of circuit :math:`i`, followed by the parameters that the loss
    depends on directly, as on a bias or on the weights of a readout. Terms of these alone are
    divided equally among the circuits.

    Attributes:
        value: :math:`L` at the reference.
        slope: :math:`g`, shape ``(n_circuits, n_outputs + n_direct)``.
        curvature: :math:`H`, shape ``(n_circuits, n_outputs + n_direct, n_outputs + n_direct)``.
    """

    value: float
    slope: FloatArray
    curvature: FloatArray

    def check(self, step: int) -> None:
        """Refuse a loss from which no step can be derived.

        Raises:
            NonFiniteLossError: If its value, slope or curvature is NaN or infinite.
        """
        if not all(np.isfinite(one).all() for one in (self.value, self.slope, self.curvature)):
            raise NonFiniteLossError(
                f"the loss of step {step} is {self.value:g}, or its derivatives by the circuits' "
                "results are not finite; the step was not taken. Check the objective for "
                "logarithms of zero",
                losses=(self.value,),
                step=step,
            )


@dataclass(frozen=True, slots=True, eq=False)
class CircuitResults:
    """What single circuits of an objective gave, each at parameters of its own.

    Attributes:
        circuits: Which circuit each entry ran, shape ``(n_entries,)``.
        values: Its expectation values, shape ``(n_entries, n_outputs)``.
        variances: Their variances as estimates, of the same shape; NaN where not known.
        data: Angles of the gates that the parameters do not change, shape
            ``(n_circuits, n_data)``.
        expand: From results of all circuits, shape ``(n_circuits, n_outputs)``, to the loss around
            them and around the parameters that the query is about.
    """

    circuits: IntArray
    values: FloatArray
    variances: FloatArray
    data: FloatArray
    expand: Callable[[FloatArray], LossExpansion]

    def check(self, n_entries: int, step: int) -> None:
        """Refuse results from which no step can be derived.

        Raises:
            InvalidLossError: If there is not one result for each entry.
            NonFiniteLossError: If a result is NaN or infinite.
        """
        if len(self.values) != n_entries or len(self.circuits) != n_entries:
            raise InvalidLossError(
                f"expected {n_entries} results of circuits, but got {len(self.values)} values of "
                f"{len(self.circuits)} circuits"
            )
        if not np.isfinite(self.values).all():
            found = tuple(self.values.ravel().tolist())
            raise NonFiniteLossError(
                f"the results of step {step} are not all finite; the step was not taken. Check "
                "the device",
                losses=found,
                step=step,
            )
