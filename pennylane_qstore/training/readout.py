"""Circuits with re-uploaded features, read out linearly; and the losses of such readouts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.devices import Device

from pennylane_qstore.templates import HardwareEfficientAnsatz

FloatArray = NDArray[np.float64]

INITIAL_SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Readout:
    r"""Outputs :math:`b_k + \sum_i W_{ki} \langle Z_i \rangle_{x, \theta}` of one circuit.

    The circuit embeds as many features at a time as it has qubits, each block followed by a layer
    of :class:`~pennylane_qstore.templates.HardwareEfficientAnsatz`; with more layers than blocks
    the blocks come again. Features are angles of RY about :math:`\pi/2`, so that
    :math:`\langle Z \rangle` is odd in them at first. Angles, weights and biases are one flat
    vector, in this order.

    Attributes:
        n_features: Features of a sample.
        n_outputs: Outputs of a sample.
        n_qubits: Qubits.
        n_layers: Layers asked for; there are at least as many as blocks of features.
    """

    n_features: int
    n_outputs: int
    n_qubits: int
    n_layers: int

    @property
    def depth(self) -> int:
        """Layers that there are."""
        return max(self.n_layers, -(-self.n_features // self.n_qubits))

    @property
    def angles_shape(self) -> tuple[int, ...]:
        """Shape of the circuit's angles."""
        return tuple(HardwareEfficientAnsatz.shape(self.depth, self.n_qubits))

    @property
    def n_expectations(self) -> int:
        """Expectation values of the circuit."""
        return self.n_qubits

    @property
    def n_params(self) -> int:
        """Angles, weights and biases."""
        return int(np.prod(self.angles_shape)) + self.n_outputs * (self.n_expectations + 1)

    def initial_params(self, rng: np.random.RandomState) -> FloatArray:
        """Small angles and weights near 1 and -1, biases 0; shape ``(n_params,)``."""
        angles = rng.normal(0, INITIAL_SPREAD, int(np.prod(self.angles_shape)))
        weights = rng.choice([-1.0, 1.0], self.n_outputs * self.n_expectations)
        return np.concatenate([angles, weights, np.zeros(self.n_outputs)])

    def qnode(self, device: Device, shots: int | None) -> qml.QNode:
        """Build ``(angles, features) -> [expval Z_0, ...]``, batched over samples."""
        blocks = [
            range(start, min(start + self.n_qubits, self.n_features))
            for start in range(0, self.n_features, self.n_qubits)
        ]

        @qml.set_shots(shots)
        @qml.qnode(device, diff_method="best")
        def circuit(angles: Any, features: Any) -> Any:
            for layer in range(self.depth):
                for wire, feature in enumerate(blocks[layer % len(blocks)]):
                    qml.RY(features[:, feature] + np.pi / 2, wires=wire)
                HardwareEfficientAnsatz(angles[layer : layer + 1], wires=range(self.n_qubits))
            return [qml.expval(qml.Z(wire)) for wire in range(self.n_qubits)]

        return circuit

    def outputs(self, qnode: qml.QNode, params: Any, features: Any) -> Any:
        """Evaluate samples in one call; differentiable.

        Args:
            qnode: From :meth:`qnode`.
            params: Shape ``(n_params,)``.
            features: Angles in radians, shape ``(n_samples, n_features)``.

        Returns:
            Shape ``(n_samples, n_outputs)``.
        """
        n_angles = int(np.prod(self.angles_shape))
        n_weights = self.n_outputs * self.n_expectations
        angles = qml.math.reshape(params[:n_angles], self.angles_shape)
        weights = qml.math.reshape(
            params[n_angles : n_angles + n_weights], (self.n_outputs, self.n_expectations)
        )
        expectations = qml.math.stack(qnode(angles, features))
        return qml.math.transpose(qml.math.dot(weights, expectations)) + params[-self.n_outputs :]


def squared_error(outputs: Any, targets: Any) -> Any:
    """Mean squared error of the one output; ``targets`` has shape ``(n_samples,)``."""
    return qml.numpy.mean((outputs[:, 0] - targets) ** 2)


def log_loss(outputs: Any, labels: Any) -> Any:
    """Cross-entropy in nats per sample.

    Args:
        outputs: Log-odds of label 1, shape ``(n_samples, 1)``, or one logit for each label.
        labels: Indices, shape ``(n_samples,)``.
    """
    if outputs.shape[1] == 1:
        return qml.numpy.mean(qml.numpy.logaddexp(0.0, (1 - 2 * labels) * outputs[:, 0]))
    highest = qml.numpy.max(outputs, axis=1)
    norms = highest + qml.numpy.log(
        qml.numpy.sum(qml.numpy.exp(outputs - highest[:, None]), axis=1)
    )
    return qml.numpy.mean(norms - outputs[np.arange(len(outputs)), np.asarray(labels, dtype=int)])


def softmax(outputs: FloatArray) -> FloatArray:
    """Probabilities from logits, both of shape ``(n_samples, n_classes)``."""
    exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
