"""Outcomes to what a tape asks for: expectation values, variances, probabilities, samples, counts.

Every measurement arrives diagonal in the computational basis: a word of Z, an observable whose
eigenvalues belong to the basis states of its wires, or no observable at all.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pennylane.measurements import (
    ExpectationMP,
    MeasurementProcess,
    ProbabilityMP,
    SampleMeasurement,
    Shots,
    VarianceMP,
)
from pennylane.ops import PauliZ, Prod
from pennylane.wires import Wires

from pennylane_qstore.errors import UnsupportedMeasurementError
from pennylane_qstore.native import Outcomes

Index = Mapping[Any, int]
"""Qubit of each wire."""


def _qubits(wires: Wires, index: Index) -> NDArray[np.int64]:
    return np.array([index[wire] for wire in wires], dtype=np.int64)


def _is_z_word(mp: MeasurementProcess) -> bool:
    if isinstance(mp.obs, Prod):
        return all(isinstance(factor, PauliZ) for factor in mp.obs.operands)
    return isinstance(mp.obs, PauliZ)


def _basis_states(mp: MeasurementProcess, outcomes: Outcomes, index: Index) -> NDArray[np.int64]:
    """Basis state of the measured wires in each outcome, as an integer."""
    if [index[wire] for wire in mp.wires] == list(range(outcomes.n_qubits)):
        return outcomes.states
    bits = outcomes.bits(_qubits(mp.wires, index)).astype(np.int64)
    return bits @ (1 << np.arange(len(mp.wires))[::-1])


def _eigenvalues(mp: MeasurementProcess, outcomes: Outcomes, index: Index) -> NDArray[np.float64]:
    """Value of the observable in each outcome; shape ``(n_states,)``."""
    if _is_z_word(mp):
        mask = sum(1 << (outcomes.n_qubits - 1 - index[wire]) for wire in mp.wires)
        return 1.0 - 2.0 * (np.bitwise_count(outcomes.states & mask) & 1)
    eigenvalues = np.real(np.asarray(mp.eigvals()))
    if len(mp.wires) == 0:  # a multiple of the identity
        return np.full(len(outcomes.states), eigenvalues.ravel()[0])
    return np.asarray(eigenvalues[_basis_states(mp, outcomes, index)])


def _expval(mp: MeasurementProcess, outcomes: Outcomes, index: Index) -> Any:
    return np.dot(outcomes.probabilities, _eigenvalues(mp, outcomes, index))


def _variance(mp: MeasurementProcess, outcomes: Outcomes, index: Index) -> Any:
    values = _eigenvalues(mp, outcomes, index)
    mean = np.dot(outcomes.probabilities, values)
    return np.dot(outcomes.probabilities, (values - mean) ** 2)


def _probabilities(mp: MeasurementProcess, outcomes: Outcomes, index: Index) -> Any:
    states = _basis_states(mp, outcomes, index)
    return np.bincount(states, weights=outcomes.probabilities, minlength=2 ** len(mp.wires))


def _per_shot(mp: SampleMeasurement, states: NDArray[np.int64], n_qubits: int, index: Index) -> Any:
    """PennyLane's own samples or counts, from one basis state per shot."""
    shots = Outcomes(n_qubits, states, np.ones(len(states)), len(states))
    wires = mp.wires or Wires(list(index))
    return mp.process_samples(shots.bits(_qubits(wires, index)).astype(np.int64), wires)


_FROM_WEIGHTS = {ExpectationMP: _expval, VarianceMP: _variance, ProbabilityMP: _probabilities}


def _values(
    measurements: Sequence[MeasurementProcess],
    outcomes: Outcomes,
    index: Index,
    states: NDArray[np.int64] | None,
) -> Any:
    values = []
    for mp in measurements:
        if type(mp) in _FROM_WEIGHTS:
            values.append(_FROM_WEIGHTS[type(mp)](mp, outcomes, index))
        elif isinstance(mp, SampleMeasurement) and states is not None:
            values.append(_per_shot(mp, states, outcomes.n_qubits, index))
        else:
            raise UnsupportedMeasurementError(
                f"{mp} cannot be obtained from "
                f"{'an exact distribution' if states is None else 'outcomes'}; "
                "use expval, var, probs, or with shots also sample and counts"
            )
    return values[0] if len(values) == 1 else tuple(values)


def _tally(states: NDArray[np.int64], n_qubits: int) -> Outcomes:
    distinct, counts = np.unique(states, return_counts=True)
    return Outcomes(n_qubits, distinct, counts.astype(float), len(states))


def _parts(outcomes: Outcomes, shots: Shots, rng: np.random.Generator) -> list[Outcomes]:
    """What each part of the shots saw; one part if they are not divided."""
    if not shots:
        return [outcomes]
    if outcomes.is_exact:
        outcomes = outcomes.sample(shots.total_shots, rng)
    if not shots.has_partitioned_shots:
        return [outcomes]
    states = outcomes.shuffled(rng)
    return [_tally(states[start:stop], outcomes.n_qubits) for start, stop in shots.bins()]


def differentiate(
    measurements: Sequence[MeasurementProcess],
    outcomes: Sequence[Outcomes],
    weights: NDArray[np.float64],
    index: Index,
    *,
    shots: Shots,
    rng: np.random.Generator,
) -> Any:
    r"""Derivatives of the measurements of one tape.

    Expectation values and probabilities are linear in the distribution, so weighted sums over
    shifted circuits give their derivatives; for a variance,
    :math:`\partial \mathrm{Var} = \partial\langle A^2 \rangle - 2 \langle A \rangle \partial\langle
    A \rangle`.

    Args:
        measurements: Expectation values, variances and probabilities, diagonal in the computational
            basis.
        outcomes: Outcomes of each circuit; the first is the tape's own.
        weights: Derivative with respect to each parameter as weights of the circuits; shape
            ``(n_params, n_circuits)``.
        index: Qubit of each wire.
        shots: The tape's shots.
        rng: Where sampling comes from.

    Returns:
        PennyLane's form of a Jacobian: for each part of a shot vector, for each measurement (if
        there are several), for each parameter (if there are several), an array.
    """
    parts = zip(*(_parts(one, shots, rng) for one in outcomes), strict=True)
    jacobians = []
    for part in parts:
        pool, owners = _pooled(part)
        columns = [_derivative(mp, pool, owners, weights, index) for mp in measurements]
        rows = [tuple(column) if len(weights) > 1 else column[0] for column in columns]
        jacobians.append(rows[0] if len(rows) == 1 else tuple(rows))
    return tuple(jacobians) if shots.has_partitioned_shots else jacobians[0]


def _pooled(outcomes: Sequence[Outcomes]) -> tuple[Outcomes, NDArray[np.int64]]:
    """All outcomes in one, with their probabilities, and the circuit each of them belongs to."""
    states = np.concatenate([one.states for one in outcomes])
    probabilities = np.concatenate([one.probabilities for one in outcomes])
    owners = np.repeat(np.arange(len(outcomes)), [len(one.states) for one in outcomes])
    return Outcomes(outcomes[0].n_qubits, states, probabilities, None), owners


def _derivative(
    mp: MeasurementProcess,
    pool: Outcomes,
    owners: NDArray[np.int64],
    weights: NDArray[np.float64],
    index: Index,
) -> NDArray[np.float64]:
    """Derivative of one measurement; shape ``(n_params, ...)``."""
    n_circuits = weights.shape[1]
    if isinstance(mp, ProbabilityMP):
        size = 2 ** len(mp.wires)
        places = owners * size + _basis_states(mp, pool, index)
        found = np.bincount(places, weights=pool.weights, minlength=n_circuits * size)
        return weights @ found.reshape(n_circuits, size)
    values = _eigenvalues(mp, pool, index)
    first = np.bincount(owners, weights=pool.weights * values, minlength=n_circuits)
    if isinstance(mp, ExpectationMP):
        return weights @ first
    second = np.bincount(owners, weights=pool.weights * values**2, minlength=n_circuits)
    return weights @ second - 2 * first[0] * (weights @ first)


def measure(
    measurements: Sequence[MeasurementProcess],
    outcomes: Outcomes,
    index: Index,
    *,
    shots: Shots,
    rng: np.random.Generator | None,
) -> Any:
    """Evaluate the measurements of one tape.

    Args:
        measurements: Measurements, diagonal in the computational basis.
        outcomes: Outcomes of the tape's circuit. An exact distribution is sampled first if
            ``shots`` asks for shots.
        index: Qubit of each wire.
        shots: The tape's shots; a shot vector gives one entry per part.
        rng: Where sampling, and the order of samples, come from; None without shots.

    Returns:
        One value, or a tuple with one per measurement; for a shot vector a tuple of those.
    """
    if not shots:
        return _values(measurements, outcomes, index, None)
    if rng is None:
        raise ValueError("shots need a source of randomness")
    if outcomes.is_exact:
        outcomes = outcomes.sample(shots.total_shots, rng)
    if not shots.has_partitioned_shots and not any(
        type(mp) not in _FROM_WEIGHTS for mp in measurements
    ):
        return _values(measurements, outcomes, index, np.empty(0, dtype=np.int64))
    states = outcomes.shuffled(rng)
    if not shots.has_partitioned_shots:
        return _values(measurements, outcomes, index, states)
    parts = [states[start:stop] for start, stop in shots.bins()]
    n_qubits = outcomes.n_qubits
    return tuple(_values(measurements, _tally(part, n_qubits), index, part) for part in parts)
