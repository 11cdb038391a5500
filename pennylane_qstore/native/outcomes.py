"""What came back: outcomes of measuring every qubit, exact or sampled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Bit(NamedTuple):
    """How one bit of the result is read from the measured qubits.

    Attributes:
        qubits: Qubits whose outcomes are added modulo two, ascending.
        flip: Whether the sum is inverted.
    """

    qubits: tuple[int, ...]
    flip: bool = False


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Computational-basis outcomes of one circuit. Qubit 0 is the most significant bit.

    Attributes:
        n_qubits: Number of measured qubits.
        states: Distinct outcomes as integers, ascending; shape ``(n_states,)``.
        weights: Probability of each outcome, or its count where ``shots`` is set; shape
            ``(n_states,)``.
        shots: Number of repetitions, or None for an exact distribution.
    """

    n_qubits: int
    states: NDArray[np.int64]
    weights: NDArray[np.float64]
    shots: int | None

    @property
    def is_exact(self) -> bool:
        """Whether this is a distribution rather than a sample."""
        return self.shots is None

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Probability, or relative frequency, of each state in ``states``."""
        return self.weights if self.shots is None else self.weights / self.shots

    def bits(self, qubits: NDArray[np.int64]) -> NDArray[np.int8]:
        """Bit of each qubit in each state; shape ``(n_states, len(qubits))``."""
        shifts = self.n_qubits - 1 - np.asarray(qubits, dtype=np.int64)
        return ((self.states[:, None] >> shifts) & 1).astype(np.int8)

    def read(self, readout: Sequence[Bit]) -> "Outcomes":
        """The outcomes of the source circuit, from those of the circuit that was sent.

        Args:
            readout: One entry for each qubit of the source.
        """
        if all(bit == ((place,), False) for place, bit in enumerate(readout)):
            return self
        states = np.zeros_like(self.states)
        for qubits, flip in readout:
            mask = sum(1 << (self.n_qubits - 1 - qubit) for qubit in qubits)
            parity = np.bitwise_count(self.states & mask).astype(np.int64) & 1
            states = (states << 1) | (parity ^ int(flip))
        distinct, places = np.unique(states, return_inverse=True)
        weights = np.bincount(places, weights=self.weights).astype(float)
        return Outcomes(len(readout), distinct, weights, self.shots)

    def sample(self, shots: int, rng: np.random.Generator) -> "Outcomes":
        """Draw ``shots`` repetitions from an exact distribution."""
        counts = rng.multinomial(shots, self.weights / self.weights.sum())
        seen = counts > 0
        return Outcomes(self.n_qubits, self.states[seen], counts[seen].astype(float), shots)

    def shuffled(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """One state per shot, in random order; shape ``(shots,)``."""
        states = np.repeat(self.states, self.weights.astype(np.int64))
        rng.shuffle(states)
        return states
