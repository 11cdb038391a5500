"""What a run of the circuit model knows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.optimize.core.circuit_model.kernel import (
    CircuitHyperparameters,
    CircuitKernel,
)
from pennylane_qstore.optimize.core.circuit_model.process import Results
from pennylane_qstore.optimize.core.circuit_model.proposal import Remembered
from pennylane_qstore.optimize.core.surrogate import AngleKernel

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CircuitModelState:
    """All that a resumed run needs; the settings stay with :class:`CircuitModel`.

    Attributes:
        params: The answer so far, shape ``(n_params,)``, read-only.
        step: Number of rounds taken.
        seed: Together with the step, decides all that is random.
        trained: Angles of trained gates per unit of each parameter, and how many gates have each,
            as an :class:`AngleKernel`.
        encoded: The same of the gates that encode data, per unit of their own angles.
        direct: Indices of the parameters that the loss depends on directly, shape ``(n_direct,)``.
        results: What the model is fitted to; None before the first round, as are the next two.
        hyper: What was learned besides.
        circuits: What the loss is the mean over.
        centre: What the next round is about: the answer, or on the way from another start.
        origin: Where the last step began, and ``gain``, by how much the loss should have fallen.
        gain: See ``origin``; 0 where nothing was predicted.
        radius: Half side of the box of the next step, in natural shifts of a right angle.
        shifted: Parameters shifted so far, and ``turn``, circuits run so far.
        turn: See ``shifted``.
        anchor: Where the loss last fell significantly; None before the first round.
        stalled: Rounds since then.
        rival: Expected loss at ``params`` that another start has to beat; None if there is none.
        loss: By the model, at the answer before the last step; on the way from another start, when
            the answer was last looked at.
        loss_error: Its standard deviation.
    """

    params: FloatArray
    step: int
    seed: int
    trained: AngleKernel
    encoded: AngleKernel
    direct: NDArray[np.int64]
    centre: FloatArray
    origin: FloatArray
    radius: float
    results: Results | None = None
    hyper: CircuitHyperparameters | None = None
    circuits: Remembered | None = None
    gain: float = 0.0
    shifted: int = 0
    turn: int = 0
    anchor: FloatArray | None = None
    stalled: int = 0
    rival: float | None = None
    loss: float | None = None
    loss_error: float | None = None

    @property
    def kernel(self) -> CircuitKernel:
        """Covariance of results."""
        return CircuitKernel(self.trained, self.encoded, self.direct)

    @property
    def reason(self) -> str:
        """What the model is of, and whether the answer waits for something better."""
        model = "model of single circuits' results"
        return model if self.rival is None else model + "; another start is tried"
