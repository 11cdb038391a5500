"""A circuit that embeds features as amplitudes, with a linear readout."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qml
from pennylane.devices import Device

from pennylane_qstore.templates import HardwareEfficientAnsatz
from pennylane_qstore.training.readout import INITIAL_SPREAD, FloatArray, Readout


@dataclass(frozen=True, slots=True)
class AmplitudeReadout(Readout):
    r"""Outputs :math:`b_k + \sum_i W_{ki} \langle O_i \rangle` of one circuit on amplitudes.

    A sample's features, divided by their norm, are the amplitudes of the qubits' state, with zeros
    behind them where there are fewer than :math:`2^n`. One
    :class:`~pennylane_qstore.templates.HardwareEfficientAnsatz` follows. :math:`O_i` are Z of every
    qubit and Z Z of every pair; all commute, so that one circuit measures them.

    Every :math:`\langle O_i \rangle` is a quadratic form of the normalized features: the sign and
    the norm of a sample are lost. The state preparation takes about :math:`2^n` CNOTs, and twice
    as many where features have different signs.

    Attributes:
        pairs: Pairs of qubits whose Z Z is measured, too.
    """

    pairs: tuple[tuple[int, int], ...] = ()

    @property
    def depth(self) -> int:
        """Layers of the ansatz."""
        return self.n_layers

    @property
    def n_expectations(self) -> int:
        """Expectation values of the circuit."""
        return self.n_qubits + len(self.pairs)

    def initial_params(self, rng: np.random.RandomState) -> FloatArray:
        """Small angles and weights, biases 0; shape ``(n_params,)``."""
        params = rng.normal(0, INITIAL_SPREAD, self.n_params)
        params[-self.n_outputs :] = 0
        return params

    def qnode(self, device: Device, shots: int | None) -> qml.QNode:
        """Build ``(angles, features) -> [expval O_0, ...]``, batched over samples."""
        wires = range(self.n_qubits)

        @qml.set_shots(shots)
        @qml.qnode(device, diff_method="best")
        def circuit(angles: Any, features: Any) -> Any:
            qml.AmplitudeEmbedding(features, wires=wires, pad_with=0.0, normalize=True)
            HardwareEfficientAnsatz(angles, wires=wires)
            singles = [qml.expval(qml.Z(wire)) for wire in wires]
            return singles + [qml.expval(qml.Z(i) @ qml.Z(j)) for i, j in self.pairs]

        return circuit
