"""A variational classifier: angle embedding, hardware-efficient layers, linear readout."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.devices import Device

from pennylane_qstore.templates import HardwareEfficientAnsatz

FloatArray = NDArray[np.float64]

INITIAL_WEIGHT = 5.0
INITIAL_SPREAD = 0.05


@dataclass(frozen=True, slots=True)
class Classifier:
    r"""Log-odds of label 1 from the Z expectation values of every qubit.

    .. math:: \text{logit}(x) = b + \sum_i w_i \langle Z_i \rangle_{x, \theta}

    The circuit's angles :math:`\theta`, the weights :math:`w` and the bias :math:`b` are all
    trained, as one flat vector in this order. All :math:`\langle Z_i \rangle` of a sample come
    from one circuit.

    Attributes:
        qnode: ``(angles, features) -> [expval Z_0, ...]``, with its shots.
        n_layers: Layers of the ansatz.
        n_qubits: Qubits, one for each feature.
    """

    qnode: qml.QNode
    n_layers: int
    n_qubits: int

    @property
    def n_params(self) -> int:
        """Number of trainable values: two angles per layer and qubit, weights and bias."""
        return 2 * self.n_layers * self.n_qubits + self.n_qubits + 1

    def initial_params(self, *, seed: int) -> FloatArray:
        """Start near the identity, reading the first qubit; shape ``(n_params,)``."""
        rng = np.random.default_rng([seed, 0, 2])
        angles = rng.normal(0, INITIAL_SPREAD, 2 * self.n_layers * self.n_qubits)
        weights = np.zeros(self.n_qubits)
        weights[0] = INITIAL_WEIGHT
        return np.concatenate([angles, weights, [0.0]])

    def logits(self, params: Any, features: Any) -> Any:
        """Evaluate every sample, in one call of the circuit.

        Args:
            params: Trainable values, shape ``(n_params,)``.
            features: Angles in radians, shape ``(n_samples, n_qubits)``.

        Returns:
            Log-odds, shape ``(n_samples,)``.
        """
        n_angles = 2 * self.n_layers * self.n_qubits
        shape = HardwareEfficientAnsatz.shape(self.n_layers, self.n_qubits)
        angles = qml.math.reshape(params[:n_angles], shape)
        expectations = qml.math.stack(self.qnode(angles, features))
        return params[-1] + qml.math.dot(params[n_angles:-1], expectations)


def make_classifier(device: Device, *, n_layers: int, n_qubits: int, shots: int) -> Classifier:
    """Build the circuit of a :class:`Classifier` on a device whose wires are ``0, 1, ...``."""

    @qml.set_shots(shots)
    @qml.qnode(device, diff_method=None)
    def circuit(angles: Any, features: Any) -> list[qml.measurements.ExpectationMP]:
        qml.AngleEmbedding(features, wires=range(n_qubits), rotation="Y")
        HardwareEfficientAnsatz(angles, wires=range(n_qubits))
        return [qml.expval(qml.Z(i)) for i in range(n_qubits)]

    return Classifier(circuit, n_layers, n_qubits)
