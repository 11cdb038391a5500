"""Measurements to computational-basis measurements: rotations in front, eigenvalues behind."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import singledispatch
from typing import Any

import numpy as np
import pennylane as qml
from pennylane.measurements import (
    CountsMP,
    ExpectationMP,
    MeasurementProcess,
    ProbabilityMP,
    StateMeasurement,
    VarianceMP,
)
from pennylane.operation import Operator
from pennylane.pauli import PauliSentence, PauliWord
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.typing import PostprocessingFn
from scipy.linalg import hadamard

from pennylane_qstore.native import Bit

_MAX_DENSE_WIRES = 8
"""Widest observable that is diagonalised as a dense matrix."""

EXACT_MEASUREMENTS = (ExpectationMP, VarianceMP, ProbabilityMP)
"""Measurements that a distribution determines; with shots, any ``SampleMeasurement`` will do."""


def needs_state(mp: MeasurementProcess) -> bool:
    """Whether ``mp`` needs the state vector, which outcomes do not determine."""
    return isinstance(mp, StateMeasurement) and not isinstance(mp, EXACT_MEASUREMENTS)


@singledispatch
def is_measurable(obs: Operator) -> bool:
    """Whether ``obs`` can be obtained from computational-basis outcomes after rotations."""
    if obs.pauli_rep is not None or obs.has_diagonalizing_gates:
        return True
    return len(obs.wires) <= _MAX_DENSE_WIRES and (obs.has_matrix or obs.has_sparse_matrix)


@is_measurable.register(qml.ops.CompositeOp)
def _(obs: qml.ops.CompositeOp) -> bool:
    return all(is_measurable(operand) for operand in obs.operands)


@is_measurable.register(qml.ops.SymbolicOp)
def _(obs: qml.ops.SymbolicOp) -> bool:
    return obs.pauli_rep is not None or is_measurable(obs.base)


def _dense(obs: Operator) -> Operator:
    """``obs`` as a dense Hermitian operator.

    Raises:
        DeviceError: If it is too wide to be diagonalised.
    """
    if len(obs.wires) > _MAX_DENSE_WIRES:
        raise qml.exceptions.DeviceError(
            f"{obs} acts on {len(obs.wires)} wires; sampling it needs a dense eigenbasis, which is "
            f"offered for at most {_MAX_DENSE_WIRES}. Measure its terms one by one, or its expval"
        )
    matrix = obs.matrix() if obs.has_matrix else obs.sparse_matrix().toarray()
    return qml.Hermitian(matrix, wires=obs.wires)


def _is_sum(obs: Operator | None) -> bool:
    if isinstance(obs, qml.ops.SymbolicOp):
        return _is_sum(obs.base)
    if isinstance(obs, qml.ops.Prod):
        return any(_is_sum(operand) for operand in obs.operands)
    return isinstance(obs, qml.ops.Sum)


def _one_observable(mp: MeasurementProcess) -> MeasurementProcess:
    """``mp`` of an observable that can be diagonalised as a whole, or be split by PennyLane."""
    obs = mp.obs
    if obs is None or isinstance(mp, ProbabilityMP):
        return mp
    if isinstance(mp, ExpectationMP):
        needs_dense = obs.pauli_rep is None and not (obs.has_diagonalizing_gates or _is_sum(obs))
        return ExpectationMP(obs=_dense(obs)) if needs_dense else mp
    if isinstance(obs, qml.SparseHamiltonian) or (_is_sum(obs) and not _is_pauli_word(obs)):
        dense = _dense(obs)
        if isinstance(mp, CountsMP):
            return CountsMP(obs=dense, all_outcomes=mp.all_outcomes)
        return type(mp)(obs=dense)
    return mp


def _is_pauli_word(obs: Operator) -> bool:
    return obs.pauli_rep is not None and len(obs.pauli_rep) == 1


def _split_variance(mp: MeasurementProcess) -> list[MeasurementProcess]:
    """The variance of a Pauli sum ``H`` as the expectations of ``H²`` and ``H``."""
    sentence = mp.obs.pauli_rep
    square = (sentence @ sentence).operation(wire_order=mp.obs.wires)
    return [ExpectationMP(obs=square), ExpectationMP(obs=mp.obs)]


def _is_variance_of_sum(mp: MeasurementProcess) -> bool:
    if not isinstance(mp, VarianceMP) or mp.obs is None:
        return False
    return mp.obs.pauli_rep is not None and len(mp.obs.pauli_rep) > 1


@qml.transform
def measure_sums(tape: QuantumScript) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    r"""Rewrite what PennyLane cannot split: variances of sums, samples of sums, sparse matrices.

    The variance of a Pauli sum becomes :math:`\langle H^2 \rangle - \langle H \rangle^2`; other
    observables without a Pauli form are measured in their dense eigenbasis.
    """
    measurements: list[MeasurementProcess] = []
    is_split = [_is_variance_of_sum(mp) for mp in tape.measurements]
    for mp, split in zip(tape.measurements, is_split, strict=True):
        measurements += _split_variance(mp) if split else [_one_observable(mp)]
    if measurements == tape.measurements:
        return (tape,), _first
    rewritten = tape.copy(measurements=measurements)

    def combine(parts: Any) -> Any:
        values = list(parts) if len(measurements) > 1 else [parts]
        combined = []
        for split in is_split:
            value = values.pop(0)
            combined.append(value - values.pop(0) ** 2 if split else value)
        return combined[0] if len(combined) == 1 else tuple(combined)

    def postprocess(results: Sequence[Any]) -> Any:
        if tape.shots.has_partitioned_shots:
            return tuple(combine(part) for part in results[0])
        return combine(results[0])

    return (rewritten,), postprocess


def _first(results: Sequence[Any]) -> Any:
    return results[0]


_TO_Z: dict[str, Callable[[Any], Operator]] = {
    "X": lambda wire: qml.RY(-np.pi / 2, wires=wire),
    "Y": lambda wire: qml.RX(np.pi / 2, wires=wire),
}


def _word(mp: MeasurementProcess) -> Any:
    """The Pauli word that ``mp`` measures with coefficient one, if it measures one."""
    if mp.obs is None or mp.obs.pauli_rep is None or len(mp.obs.pauli_rep) != 1:
        return None
    word, coefficient = next(iter(mp.obs.pauli_rep.items()))
    return word if coefficient == 1 and len(word) > 0 else None


def _with_obs(mp: MeasurementProcess, obs: Operator) -> MeasurementProcess:
    if isinstance(mp, CountsMP):
        return CountsMP(obs=obs, all_outcomes=mp.all_outcomes)
    if isinstance(mp, ProbabilityMP):
        return ProbabilityMP(wires=mp.wires)
    return type(mp)(obs=obs)


@qml.QueuingManager.stop_recording()
def rotate_to_computational_basis(
    measurements: Sequence[MeasurementProcess],
) -> tuple[list[Operator], list[MeasurementProcess]]:
    """Rotations that make every measurement diagonal, and the measurements behind them.

    Args:
        measurements: Measurements that commute qubit by qubit, or act on different wires.

    Returns:
        Operations to append to the circuit, and the measurements: Pauli words as words of Z, other
        observables as they were (their eigenvalues are in the order of the rotated basis).
    """
    axes: dict[Any, str] = {}
    rotations: list[Operator] = []
    rotated = []
    for mp in measurements:
        word = _word(mp)
        if word is None:
            rotations += mp.diagonalizing_gates()
            rotated.append(mp)
            continue
        axes.update(word)
        rotated.append(_with_obs(mp, qml.prod(*(qml.Z(wire) for wire in mp.wires), lazy=False)))
    rotations += [_TO_Z[axis](wire) for wire, axis in axes.items() if axis in _TO_Z]
    return rotations, rotated


def read_through(
    mp: MeasurementProcess, bits: Mapping[Any, Bit], labels: Sequence[Any]
) -> MeasurementProcess:
    r"""The measurement of the measured qubits that gives what ``mp`` asks of the bits read.

    A bit that is a sum of outcomes, :math:`b = q_1 \oplus q_2 \oplus f`, turns
    :math:`(-1)^b` into :math:`(-1)^f Z_1 Z_2`; a diagonal observable is a sum of such words.

    Args:
        mp: An expectation value or variance, diagonal in the computational basis; others are
            returned as they are.
        bits: How each wire is read.
        labels: Label of each measured qubit.
    """
    if not isinstance(mp, ExpectationMP | VarianceMP) or not mp.wires:
        return mp
    is_plain = all(len(bits[wire].qubits) == 1 and not bits[wire].flip for wire in mp.wires)
    if is_plain and _word(mp) is not None:
        return mp
    sentence = PauliSentence()
    for wires, coefficient in _z_words(mp):
        qubits: set[int] = set()
        for wire in wires:
            qubits ^= set(bits[wire].qubits)
        sign = -1 if sum(bits[wire].flip for wire in wires) % 2 else 1
        sentence[PauliWord({labels[qubit]: "Z" for qubit in sorted(qubits)})] += sign * coefficient
    sentence.simplify()
    return type(mp)(obs=sentence.operation(wire_order=mp.wires))


def _z_words(mp: MeasurementProcess) -> Iterator[tuple[list[Any], float]]:
    """A diagonal observable as words of Z: the wires of each, and its coefficient."""
    if _word(mp) is not None:
        yield list(mp.wires), 1.0
        return
    n_wires = len(mp.wires)
    values = np.real(np.asarray(mp.eigvals()))
    for letters, coefficient in enumerate((hadamard(2**n_wires) @ values / 2**n_wires).tolist()):
        wires = [w for place, w in enumerate(mp.wires) if letters >> (n_wires - 1 - place) & 1]
        yield wires, coefficient
