"""Paulis drawn behind the gates of a circuit: how likely, and what each counts."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pennylane.operation import Operator
from pennylane.queuing import QueuingManager
from pennylane.tape import QuantumScript

from pennylane_qstore.mitigation.frames import (
    Frame,
    in_frame,
    measure_in_frame,
    obstacle,
    play_flip,
)
from pennylane_qstore.mitigation.pauli_noise import PauliNoise


@dataclass(frozen=True, slots=True)
class Inverse:
    """What the Pauli behind one gate is drawn from.

    Attributes:
        edges: Sums of the first probabilities, the last being 1; the first is the identity's.
        signs: Of the quasi-probabilities.
        gamma: Sum of their magnitudes.
    """

    edges: NDArray[np.float64]
    signs: NDArray[np.float64]
    gamma: float

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, noise: PauliNoise, n_qubits: int) -> "Inverse":
        """The inverse of what happens behind a gate."""
        quasi = noise.quasi_probabilities(n_qubits)
        sums = np.cumsum(np.abs(quasi))
        return cls(sums / sums[-1], np.sign(quasi), float(sums[-1]))

    def draw(self, rng: np.random.Generator, *, strikes: bool = False) -> tuple[int, float]:
        """A Pauli's number, and what results are multiplied by.

        Args:
            rng: Randomness.
            strikes: Whether it has to be another than the identity.
        """
        place = rng.uniform(self.edges[0] if strikes else 0, 1)
        pauli = int(np.searchsorted(self.edges, place, side="right"))
        return pauli, float(self.signs[pauli] * self.gamma)


@dataclass(frozen=True, slots=True)
class Odds:
    r"""How likely it is that a circuit has any Pauli, and what the others contribute.

    Attributes:
        none_until: Probability that no Pauli is behind any of the first gates, for each number of
            gates from 1 on; shape ``(n_gates,)``.
        gamma: Magnitude of the factor of a circuit without Paulis.
    """

    none_until: NDArray[np.float64]
    gamma: float

    @classmethod
    def of(cls, tape: QuantumScript, noise: PauliNoise) -> Self:
        """Those of a native circuit."""
        inverses = {n: Inverse.of(noise, n) for n in (1, 2)}
        behind = [inverses[len(op.wires)] for op in tape.operations]
        gamma = float(np.prod([inverse.gamma for inverse in behind]))
        return cls(np.cumprod([inverse.edges[0] for inverse in behind]), gamma)

    @property
    def chance(self) -> float:
        """Probability of any Pauli."""
        return 1 - float(self.none_until[-1])

    @property
    def plain(self) -> float:
        """Weight of the circuit without Paulis in the mean."""
        return float(self.none_until[-1]) * self.gamma

    @property
    def mean_factor(self) -> float:
        """Expectation of the factor of a circuit with Paulis: over all circuits, it is 1."""
        return (1 - self.plain) / self.chance

    def draw_first(self, rng: np.random.Generator) -> int:
        """Index of the gate behind which the first Pauli is, if there is one."""
        return int(np.searchsorted(1 - self.none_until, rng.uniform(0, self.chance), side="right"))

    def allot(self, n_samples: int, shots: int | None) -> int:
        """How many of some circuits should be without Paulis, for the least variance.

        The mean of those scatters by their shots alone, that of the others also by which Paulis
        they have; both are taken to be as large as they can be.

        Args:
            n_samples: Number of circuits, at least 2.
            shots: Shots of each; None if results are exact.
        """
        by_shots = 0.0 if shots is None else 1 / shots
        plain = self.plain * np.sqrt(by_shots)
        struck = self.chance * self.gamma * np.sqrt(1 + by_shots)
        return int(np.clip(round(n_samples * plain / (plain + struck)), 1, n_samples - 1))


@dataclass(frozen=True, slots=True)
class Sample:
    """One circuit with Paulis.

    Attributes:
        tape: What is run.
        factor: What its results are multiplied by.
        frame: Pauli of each wire that is still to be put right in its probabilities.
    """

    tape: QuantumScript
    factor: float
    frame: Frame


def draw(tape: QuantumScript, noise: PauliNoise, rng: np.random.Generator, first: int) -> Sample:
    """One circuit, with Paulis behind its gates, those included that a frame made necessary.

    Args:
        tape: Native gates.
        noise: What happens behind each gate.
        rng: Randomness.
        first: Index of the first gate that has a Pauli behind it.
    """
    inverses = {n: Inverse.of(noise, n) for n in (1, 2)}
    total, frame = 1.0, dict.fromkeys(tape.wires, 0)
    played: list[Operator] = []

    def play(gate: Operator, *, strikes: bool = False) -> float:
        """Put a Pauli behind a gate into the frame; gives its factor."""
        played.append(gate)
        pauli, factor = inverses[len(gate.wires)].draw(rng, strikes=strikes)
        letters = (pauli,) if len(gate.wires) == 1 else divmod(pauli, 4)
        for wire, letter in zip(gate.wires, letters, strict=True):
            frame[wire] ^= letter
        return factor

    with QueuingManager.stop_recording():
        for index, op in enumerate(tape.operations):
            if index < first:
                played.append(op)
                total *= inverses[len(op.wires)].gamma
                continue
            # What is behind a flip that is played may be a flip again.
            while (wire := obstacle(op, frame)) is not None:
                total *= play(play_flip(wire, frame))
            total *= play(in_frame(op, frame), strikes=index == first)
        measured = [measure_in_frame(mp, frame) for mp in tape.measurements]
    return Sample(tape.copy(operations=played, measurements=measured), total, frame)
