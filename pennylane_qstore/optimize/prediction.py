"""What a QNode's loss, gradient and metric tensor take at most, before anything is run."""

from collections.abc import Iterable

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.measurements import ExpectationMP, MeasurementProcess
from pennylane.ops import MidMeasure
from pennylane.tape import QuantumScript

from pennylane_qstore.optimize.core.adaptive import Bounds
from pennylane_qstore.optimize.core.query import Counts, Query
from pennylane_qstore.optimize.evaluate import Evaluator
from pennylane_qstore.optimize.foresight import foresee
from pennylane_qstore.optimize.interception import intercepted


class Predictor(Evaluator):
    """Counts the circuits of a QNode without running them."""

    def bounds(self, params: NDArray[np.float64], *, gradient: bool, natural: bool) -> Bounds:
        """The most that evaluations take.

        Each term of a measured sum counts as a circuit; devices that measure commuting terms
        together take less.

        Args:
            params: Anywhere, shape ``(n_params,)``.
            gradient: Whether a gradient may be wanted.
            natural: Whether a metric tensor may be wanted.

        Returns:
            None for what cannot be told: everything of a Python function, whose circuits may
            depend on results, and of circuits with measurements in their middle, which some devices
            run shot by shot.
        """
        if not self._is_qnode:
            return Bounds()
        with intercepted():
            return self._bounds(params, gradient=gradient, natural=natural)

    def _bounds(self, params: NDArray[np.float64], *, gradient: bool, natural: bool) -> Bounds:
        point = foresee(self._points(Query(params[None]))[0])
        shifted: Counts | None = None
        both: Counts | None = None
        if gradient or natural:
            query = Query(gradient_at=params)
            requests = foresee(self._gradient(query, params)).requests
            shifted = _count(tape for request in requests for tape in request.tapes)
        if natural and shifted is not None:
            metric = _count(tape for one in self._metric(params) for tape in one.request.tapes)
            both = None if metric is None else shifted + Counts(metric.executions, metric.shots)
        return Bounds(
            _count(tape for request in point.requests for tape in request.tapes), shifted, both
        )


def _count(tapes: Iterable[QuantumScript]) -> Counts | None:
    total = Counts(batches=1)
    for tape in tapes:
        if any(isinstance(op, MidMeasure) for op in tape.operations):
            return None
        circuits = sum(map(_terms, tape.measurements)) * (tape.batch_size or 1)
        total += Counts(circuits, circuits * (tape.shots.total_shots or 0))
    return total if total.executions else None


def _terms(measurement: MeasurementProcess) -> int:
    """Circuits of one measurement at most."""
    observable = measurement.obs
    if not isinstance(measurement, ExpectationMP) or observable is None:
        return 1
    if isinstance(observable, qml.ops.LinearCombination | qml.ops.Sum | qml.ops.SProd):
        return max(1, len(observable.terms()[0]))
    return 1
