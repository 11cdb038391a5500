"""A loss as a function of its circuits' results, differentiated without running a circuit."""

from collections.abc import Callable, Sequence
from typing import Any

import autograd
import numpy as np
import pennylane as qml
from autograd import numpy as anp
from numpy.typing import NDArray
from pennylane.tape import QuantumScript

from pennylane_qstore.optimize.circuit_family import output_shape
from pennylane_qstore.optimize.core.circuit_results import LossExpansion
from pennylane_qstore.optimize.errors import ChangedCircuitsError
from pennylane_qstore.optimize.interception import Forgetful, answered_by, intercepted
from pennylane_qstore.optimize.request import Call, Request

FloatArray = NDArray[np.float64]

# Of the central differences of slopes: results are of the order of one.
_STEP = 1e-3


class _OtherError(BaseException):
    """Leaves an objective that asks for something else than before."""


def outputs_of(circuit: QuantumScript, result: Any) -> FloatArray:
    """A circuit's result as one vector, shape ``(n_outputs,)``."""
    parts = result if len(circuit.measurements) > 1 else [result]
    return np.concatenate([np.ravel(np.asarray(part, dtype=np.float64)) for part in parts])


class LossOfResults:
    """An objective as a function of the results of its circuits, and of its parameters.

    What the results depend on is left out: they are given.

    Args:
        at: From parameters, which autograd may trace, to the objective there.
        requests: What the objective asks for, in order, wherever it is.
    """

    def __init__(self, at: Callable[[Any], Callable[[], Any]], requests: Sequence[Request]) -> None:
        self._at, self._requests = at, requests

    def __call__(self, results: Any, params: Any) -> Any:
        """The loss; differentiable by autograd.

        Args:
            results: Of all circuits, shape ``(n_circuits, n_outputs)``.
            params: Shape ``(n_params,)``.

        Raises:
            ChangedCircuitsError: If the objective calls other QNodes than before.
        """
        replay = _Replay(self._requests, results)
        try:
            with intercepted(), answered_by(replay):
                value = self._at(params)()
        except _OtherError:
            replay.is_over = False
        if not replay.is_over:
            raise ChangedCircuitsError(
                "the objective does not call the same QNodes each time; choose another optimizer "
                "for it, such as SPSAOptimizer"
            )
        return value

    def slope(self, results: FloatArray, params: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Derivatives by the results, of their shape, and by the parameters themselves."""
        found = autograd.grad(lambda both: anp.sum(self(*both)))((results, params))
        return np.asarray(found[0]), np.asarray(found[1])

    def expand(
        self, results: FloatArray, params: FloatArray, direct: NDArray[np.int64]
    ) -> LossExpansion:
        """The loss around results and parameters, its curvature by differences of slopes.

        Each circuit is taken to make a term of its own: how the slope of one changes with
        another's result is not looked at.

        Args:
            results: Shape ``(n_circuits, n_outputs)``.
            params: Shape ``(n_params,)``.
            direct: Indices of the parameters that the loss depends on directly.
        """
        n, n_outputs = results.shape
        by_result, by_param = self.slope(results, params)
        size = n_outputs + len(direct)
        curvature = np.zeros((n, size, size))
        for k, axis in enumerate(_STEP * np.eye(n_outputs)):
            change, _ = self._differences(results, params, axis, 0.0)
            curvature[:, :n_outputs, k] = change
        for k, index in enumerate(direct.tolist(), start=n_outputs):
            axis = _STEP * np.eye(len(params))[index]
            change, own = self._differences(results, params, 0.0, axis)
            curvature[:, :n_outputs, k] = curvature[:, k, :n_outputs] = change
            curvature[:, n_outputs:, k] = own[direct] / n
        shared = np.broadcast_to(by_param[direct] / n, (n, len(direct)))
        value = float(np.asarray(self(results, params)).item())
        return LossExpansion(value, np.concatenate([by_result, shared], axis=1), curvature)

    def direct(self, results: FloatArray, params: FloatArray) -> NDArray[np.int64] | None:
        """Parameters that the loss depends on directly, found out somewhere in general position.

        Returns:
            None if the loss cannot be differentiated by autograd, or is no sum over circuits.
        """
        moves = np.random.default_rng(0).uniform(-1.0, 1.0, (len(results), 1))
        try:
            _, by_param = self.slope(results, params)
            expanded = self.expand(results, params, np.empty(0, dtype=np.int64))
            found, _ = self._differences(results, params, _STEP * moves, 0.0)
        except Exception:
            return None  # NumPy's own functions or another library: nothing autograd can follow
        expected = expanded.curvature.sum(axis=2) * moves
        size = np.abs(expanded.slope).max() + np.abs(expected).max()
        if not size > 0 or not np.allclose(found, expected, rtol=0, atol=1e-4 * size):
            return None
        return np.flatnonzero(by_param)

    def _differences(
        self, results: FloatArray, params: FloatArray, by_result: Any, by_param: Any
    ) -> tuple[FloatArray, FloatArray]:
        """How the two parts of the slope change along a step, per unit of ``_STEP``."""
        after = self.slope(results + by_result, params + by_param)
        before = self.slope(results - by_result, params - by_param)
        return (after[0] - before[0]) / (2 * _STEP), (after[1] - before[1]) / (2 * _STEP)


class _Replay(Forgetful):
    """Answers an objective's calls with given results."""

    def __init__(self, requests: Sequence[Request], results: Any) -> None:
        self.shots: int | None = None
        self.differentiates = False
        self._left = list(requests)
        self._results, self._place = results, 0
        self.is_over = not self._left

    def answer(self, call: Call) -> Any:
        """Give the next results; only calls that were recalled come here."""
        request = self._left.pop(0)
        self.is_over = not self._left
        return request.finish([self._next(tape) for tape in request.tapes])

    def recall(self, qnode: qml.QNode, args: Any, kwargs: Any) -> Call | None:
        """The call as it was, whatever the parameters are now."""
        origin = self._left[0].call.origin if self._left else None
        if origin is None or origin.qnode is not qnode:
            raise _OtherError
        if qml.pytrees.flatten((args, kwargs))[1] != origin.structure:
            raise _OtherError
        return self._left[0].call

    def _next(self, tape: QuantumScript) -> Any:
        n = tape.batch_size or 1
        rows = self._results[self._place : self._place + n]
        self._place += n
        parts, start = [], 0
        for mp in tape.measurements:
            shape = output_shape(mp, tape)
            size = int(np.prod(shape))
            batch = () if tape.batch_size is None else (n,)
            parts.append(anp.reshape(rows[:, start : start + size], (*batch, *shape)))
            start += size
        return parts[0] if len(parts) == 1 else tuple(parts)
