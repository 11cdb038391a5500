r"""Fubini-Study metric tensor of an objective's states, from circuits.

.. math::
    g_{ij} = \operatorname{Re}\left[\langle\partial_i\psi|\partial_j\psi\rangle
    - \langle\partial_i\psi|\psi\rangle\langle\psi|\partial_j\psi\rangle\right]
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.devices.preprocess import decompose
from pennylane.tape import QuantumScript

from pennylane_qstore.optimize.differentiate import values_and_jacobian
from pennylane_qstore.optimize.errors import UnknownStateError
from pennylane_qstore.optimize.foresight import Evaluation, Trial, foresee
from pennylane_qstore.optimize.interception import intercepted, traced_params
from pennylane_qstore.optimize.overlaps import overlap_tape
from pennylane_qstore.optimize.request import Call, Request, request_for, same_content

FloatArray = NDArray[np.float64]
Approximation = Literal["diag", "block-diag"] | None
"""Which entries are measured: the diagonal, those within a layer of commuting gates, or all."""

_PAULI_ROTATIONS = {"RX", "RY", "RZ", "PauliRot", "MultiRZ", "IsingXX", "IsingYY", "IsingZZ"}
"""Gates whose generator has the two eigenvalues 1/2 and -1/2, as the shift rule needs it."""


@dataclass(frozen=True, slots=True, eq=False)
class MetricRequest:
    """What has to be run for the metric of one state.

    Attributes:
        tape: The circuit that prepares it.
        request: The circuits.
        jacobian: Derivatives of the gates' angles, shape ``(n_gates, n_params)``.
        metric: From results to the metric in the gates' angles, shape ``(n_gates, n_gates)``.
    """

    tape: QuantumScript
    request: Request
    jacobian: FloatArray
    metric: Callable[[Sequence[Any]], FloatArray]

    def finish(self, results: Sequence[Any]) -> FloatArray:
        """Metric in the parameters, shape ``(n_params, n_params)``."""
        return self.jacobian.T @ self.metric(results) @ self.jacobian


def metric_requests(
    objective_fn: Callable[..., Any],
    args: Sequence[Any],
    positions: Sequence[int],
    *,
    approx: Approximation = "block-diag",
) -> list[MetricRequest]:
    """Circuits for the metric of each different state of an objective.

    The circuits are brought to gates of one angle (for all entries to rotations about Pauli words);
    how the angles depend on the parameters is differentiated classically.

    Args:
        objective_fn: The objective, without keyword arguments.
        args: Where the metric is wanted.
        positions: Which arguments are trainable.
        approx: Which entries to measure.

    Raises:
        UnknownStateError: If no circuit that is known in advance depends on the parameters.
    """
    seen: list[tuple[QuantumScript, Call]] = []
    is_final = _is_pauli_rotation if approx is None else _has_one_generator

    def angles(*new: Any) -> list[Any]:
        evaluation = Evaluation(lambda: objective_fn(*new), differentiates=True)
        seen[:] = _Collector(evaluation, known, is_final).collect()
        found = [angle for tape, _ in seen for angle in tape.get_parameters()]
        if not found:
            raise UnknownStateError(
                "no circuit of the objective that is known before it is run depends on the "
                "trainable parameters, so there is no metric; use an optimizer without one"
            )
        return found

    with intercepted():
        known = len(foresee(Evaluation(lambda: objective_fn(*args))).requests)
        values, jacobian = values_and_jacobian(angles, args, positions)
    requests: list[MetricRequest] = []
    start = 0
    for tape, call in seen:
        stop = start + len(tape.trainable_params)
        plain = _plain(tape, values[start:stop])
        if stop > start and not any(same_content(plain, one.tape) for one in requests):
            requests.append(_request(plain, call, jacobian[start:stop], approx))
        start = stop
    return requests


def _request(
    tape: QuantumScript, call: Call, jacobian: FloatArray, approx: Approximation
) -> MetricRequest:
    n = len(jacobian)
    if approx is None:
        tapes, finish = _by_overlaps(tape)
    else:
        tapes, finish = qml.metric_tensor(_marked(tape), approx=approx)

    def metric(results: Sequence[Any]) -> FloatArray:
        return np.asarray(finish(tuple(results)), dtype=np.float64).reshape(n, n)

    plain = tuple(_to_numpy(one) for one in tapes)
    request = Request(Call(call.device, plain, call.mcm), plain, tuple)
    return MetricRequest(tape, request, jacobian, metric)


class _Collector(Trial):
    """Collects tapes while their parameters are traced, with the calls they belong to."""

    def __init__(
        self,
        evaluation: Evaluation,
        known: int,
        is_final: Callable[[qml.operation.Operator], bool],
    ) -> None:
        super().__init__(evaluation, seed=1)
        self._known, self._is_final = known, is_final
        self._pending: list[QuantumScript] = []
        self._seen: list[tuple[QuantumScript, Call]] = []

    def collect(self) -> list[tuple[QuantumScript, Call]]:
        """The tapes of the known calls, decomposed."""
        self.run()
        return self._seen

    def see(self, tape: QuantumScript) -> None:
        """Keep a decomposed tape, until its call tells where it is to run."""
        (tape,), _ = decompose(tape, lambda op: self._is_final(op) or not _is_traced(op))
        kept = [op for op in tape.operations if not isinstance(op, qml.GlobalPhase)]
        tape = QuantumScript(kept, [qml.probs(wires=tape.wires)], shots=tape.shots)
        # Measurements have no parameters here, so these are the gates'.
        self._pending.append(tape.copy(trainable_params=traced_params(tape)))

    def answer(self, call: Call) -> Any:
        """Make results up; all derivatives are 0."""
        if len(self._seen) < self._known:
            self._seen += [(tape, call) for tape in self._pending]
        self._pending.clear()
        request = request_for(call, only=[() for _ in call.circuits])
        return request.finish([self.make_up(tape) for tape in request.tapes])


def _is_pauli_rotation(op: qml.operation.Operator) -> bool:
    return op.name in _PAULI_ROTATIONS


def _has_one_generator(op: qml.operation.Operator) -> bool:
    return op.num_params == 1 and bool(op.has_generator)


def _is_traced(op: qml.operation.Operator) -> bool:
    return bool(traced_params(QuantumScript([op])))


def _plain(tape: QuantumScript, angles: FloatArray) -> QuantumScript:
    trainable = tape.trainable_params
    tape = _to_numpy(tape.bind_new_parameters(angles.tolist(), trainable))
    return tape.copy(trainable_params=trainable)


def _marked(tape: QuantumScript) -> QuantumScript:
    """The tape with marks that survive PennyLane's decompositions."""
    angles = [qml.numpy.array(x, requires_grad=True) for x in tape.get_parameters()]
    return tape.bind_new_parameters(angles, tape.trainable_params)


def _to_numpy(tape: QuantumScript) -> QuantumScript:
    (converted,), _ = qml.transforms.convert_to_numpy_parameters(tape)
    return converted


def _by_overlaps(
    tape: QuantumScript,
) -> tuple[list[QuantumScript], Callable[[Sequence[Any]], FloatArray]]:
    r"""All entries, by parameter shift of the overlap with the state itself.

    With :math:`F(s) = |\langle\psi(\theta)|\psi(\theta + s)\rangle|^2`,
    :math:`g_{ij} = -\tfrac18 \sum_{\pm\pm} (\pm)(\pm) F(\pm\tfrac\pi2 e_i \pm
    \tfrac\pi2 e_j)`, which is :math:`\tfrac14 [1 - F(\pi e_i)]` on the diagonal.

    References:
        Mari, Bromley and Killoran, Physical Review A 103, 012405 (2021).
    """
    n = len(tape.trainable_params)
    rows, columns = np.triu_indices(n, 1)
    shifts = [math.pi * np.eye(n)[i] for i in range(n)]
    for i, j in zip(rows, columns, strict=True):
        shifts += [math.pi / 2 * (a * np.eye(n)[i] + b * np.eye(n)[j]) for a, b in _SIGNS]
    angles = np.array(tape.get_parameters(), dtype=np.float64)
    moved = [tape.bind_new_parameters((angles + s).tolist(), tape.trainable_params) for s in shifts]

    def finish(results: Sequence[Any]) -> FloatArray:
        found = np.array([probabilities[0] for probabilities in results])
        metric = np.diag((1 - found[:n]) / 4)
        mixed = found[n:].reshape(-1, 4) @ [a * b for a, b in _SIGNS]
        metric[rows, columns] = metric[columns, rows] = -mixed / 8
        return metric

    return [overlap_tape(tape, other) for other in moved], finish


_SIGNS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
