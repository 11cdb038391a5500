r"""Depolarizing noise as trajectories, one per shot.

After every gate on one qubit each Pauli happens with probability :math:`r_1/4`; after every gate
on two qubits each of the 15 Paulis with :math:`r_2/16`. A gate on more qubits is followed by the
two-qubit channel on each pair of neighbours in its list of controls and targets, which is this
emulator's assumption. There is no readout error.

Which error strikes where is drawn first, for all shots. The many shots without error share the
exact distribution; only the distinct faulty trajectories are simulated, in batches that mix the
circuits of a job.

References:
    IonQ, "Simulation with Noise Models", documentation of the Quantum Cloud API v0.4.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.emulator.catalog import NoiseModel
from pennylane_qstore.emulator.engine import Errors, chunk_rows, distributions, simulate
from pennylane_qstore.emulator.matrices import PAULIS
from pennylane_qstore.emulator.program import FloatArray, Program

IntArray = NDArray[np.int64]
Pattern = tuple[int, ...]
"""Errors of one trajectory: ``16 * channel + pauli``, ascending."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One place where an error may strike.

    Attributes:
        gate: Index of the gate before it.
        qubits: One or two qubits.
    """

    gate: int
    qubits: tuple[int, ...]


def channels(program: Program) -> tuple[Channel, ...]:
    """Places where errors may strike, in time order."""
    found = []
    for index, op in enumerate(program.ops):
        if op.name == "nop":
            continue
        if len(op.qubits) == 1:
            found.append(Channel(index, op.qubits))
        else:
            found += [Channel(index, pair) for pair in pairwise(op.qubits)]
    return tuple(found)


def error_probability(program: Program, model: NoiseModel) -> float:
    """Probability that a shot has any error."""
    places = channels(program)
    n_one = sum(len(place.qubits) == 1 for place in places)
    p1, p2 = 0.75 * model.rate1, 0.9375 * model.rate2
    return float(1 - (1 - p1) ** n_one * (1 - p2) ** (len(places) - n_one))


def sample(
    program: Program,
    values: FloatArray,
    *,
    model: NoiseModel,
    shots: int,
    rngs: Sequence[np.random.Generator],
    stopped: Callable[[], bool] = lambda: False,
) -> IntArray:
    """Counts of every outcome of noisy circuits that share a structure.

    Args:
        program: The structure.
        values: Numbers of each circuit; shape ``(batch, n_slots)``.
        model: Rates of errors.
        shots: Repetitions of each circuit.
        rngs: One source of randomness per circuit.
        stopped: Asked now and then; True abandons the calculation.

    Returns:
        Counts; shape ``(batch, 2**n)`` in the order of :func:`~.engine.distributions`.
    """
    places = channels(program)
    exact = distributions(program, values, stopped=stopped)
    exact /= exact.sum(axis=1, keepdims=True)
    counts = np.zeros(exact.shape, dtype=np.int64)
    rows: list[int] = []
    patterns: list[Pattern] = []
    draws: list[FloatArray] = []
    for row, rng in enumerate(rngs):
        faulty = draw_errors(places, model=model, shots=shots, rng=rng)
        n_faulty = sum(faulty.values())
        counts[row] = rng.multinomial(shots - n_faulty, exact[row])
        for pattern in sorted(faulty):
            rows.append(row)
            patterns.append(pattern)
            draws.append(rng.random(faulty[pattern]))
    step = chunk_rows(program)
    for start in range(0, len(rows), step):
        chosen = slice(start, start + step)
        errors = _error_matrices(places, patterns[chosen])
        register = simulate(program, values[rows[chosen]], errors=errors, stopped=stopped)
        found = register.probabilities(program.qubits)
        _add_draws(counts, rows[chosen], found, draws[chosen])
    return counts


def draw_errors(
    places: Sequence[Channel], *, model: NoiseModel, shots: int, rng: np.random.Generator
) -> Counter[Pattern]:
    """How many shots have which errors; shots without error are left out."""
    codes: list[IntArray] = []
    where: list[IntArray] = []
    for width, probability, kinds in ((1, 0.75 * model.rate1, 4), (2, 0.9375 * model.rate2, 16)):
        chosen = np.array([i for i, p in enumerate(places) if len(p.qubits) == width], np.int64)
        hits = successes(len(chosen) * shots, probability, rng)
        codes.append(16 * chosen[hits // shots] + rng.integers(1, kinds, size=len(hits)))
        where.append(hits % shots)
    code, shot = np.concatenate(codes), np.concatenate(where)
    order = np.lexsort((code, shot))
    code, shot = code[order], shot[order]
    borders = np.flatnonzero(np.diff(shot)) + 1
    if not len(code):
        return Counter()
    return Counter(tuple(part.tolist()) for part in np.split(code, borders))


def successes(n: int, probability: float, rng: np.random.Generator) -> IntArray:
    """Indices of the successes among ``n`` independent trials, from the gaps between them."""
    found: list[IntArray] = []
    last = -1
    if n == 0 or probability <= 0:
        return np.zeros(0, dtype=np.int64)
    while last < n:
        size = int((n - last) * probability * 1.1) + 16
        indices = last + np.cumsum(rng.geometric(probability, size=size))
        found.append(indices)
        last = int(indices[-1])
    joined = np.concatenate(found)
    return joined[joined < n]


def _error_matrices(places: Sequence[Channel], patterns: Sequence[Pattern]) -> Errors:
    """Pauli matrices to apply after each gate, for the trajectories of one chunk."""
    kinds: dict[int, dict[int, IntArray]] = {}
    for row, pattern in enumerate(patterns):
        for code in pattern:
            channel, pauli = places[code // 16], code % 16
            struck = kinds.setdefault(channel.gate, {})
            single = (pauli,) if len(channel.qubits) == 1 else divmod(pauli, 4)
            for qubit, letter in zip(channel.qubits, single, strict=True):
                if qubit not in struck:
                    struck[qubit] = np.zeros(len(patterns), dtype=np.int64)
                # Neighbouring channels of a wide gate share a qubit; the index of a product of
                # Paulis (I, X, Y, Z as 0 to 3) up to phase is the exclusive or of the indices.
                struck[qubit][row] ^= letter
    return {
        gate: {qubit: np.moveaxis(PAULIS[letters], 0, -1) for qubit, letters in struck.items()}
        for gate, struck in kinds.items()
    }


def _add_draws(
    counts: IntArray, rows: Sequence[int], found: FloatArray, draws: Sequence[FloatArray]
) -> None:
    edges = np.cumsum(found, axis=1)
    edges /= edges[:, -1:]
    for row, edge, drawn in zip(rows, edges, draws, strict=True):
        np.add.at(counts[row], np.searchsorted(edge, drawn, side="right"), 1)
