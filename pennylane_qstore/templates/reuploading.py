"""Classical data, uploaded into a circuit several times."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import pennylane as qml
from pennylane.operation import Operation, Operator
from pennylane.typing import TensorLike
from pennylane.wires import Wires, WiresLike

from pennylane_qstore.errors import InvalidCircuitError
from pennylane_qstore.templates.entanglement import (
    Entanglement,
    checked_entanglement,
    entangling_pairs,
)


class ReuploadingEmbedding(Operation):
    r"""Layers that each upload the data again, with trained scales and offsets.

    Layer :math:`l` applies :math:`RZ(w_2)\,RY(w_0 x_k + w_1)` (RY first) to wire :math:`i`, with
    :math:`w = w_{li}`, and then CNOTs along ``entanglement``. Features are dealt to the wires in
    turn, :math:`k = (l\,n_\text{wires} + i) \bmod n_\text{features}`: with as many features as
    wires each layer uploads all of them; more features than wires take several layers.

    What is measured is a Fourier series in the features, of at most as many frequencies each as
    the feature is uploaded times.

    Args:
        features: Data, shape ``(n_features,)``. A leading axis broadcasts.
        weights: Scale, offset and RZ angle (the last two in radians), shape
            ``(n_layers, n_wires, 3)``. A leading axis broadcasts.
        wires: The wires to act on, in order.
        entanglement: Which pairs the CNOTs join; see :func:`entangling_pairs`.

    Raises:
        InvalidCircuitError: If the weights do not fit the wires, or there are too few layers to
            upload each feature once.

    References:
        Pérez-Salinas et al., Quantum 4, 226 (2020). Schuld et al., Phys. Rev. A 103, 032430 (2021).
    """

    num_params = 2
    ndim_params = (1, 3)
    grad_method = None
    resource_keys: ClassVar[set[str]] = {"n_layers", "n_wires", "entanglement"}

    def __init__(
        self,
        features: TensorLike,
        weights: TensorLike,
        wires: WiresLike,
        *,
        entanglement: Entanglement = "linear",
        id: str | None = None,
    ) -> None:
        wires = Wires(wires)
        features, weights = (
            qml.math.asarray(value) if isinstance(value, Sequence) else value
            for value in (features, weights)
        )
        _check_shapes(qml.math.shape(features), qml.math.shape(weights), len(wires))
        self._hyperparameters = {"entanglement": checked_entanglement(len(wires), entanglement)}
        super().__init__(features, weights, wires=wires, id=id)

    @property
    def resource_params(self) -> dict[str, Any]:
        """What a decomposition rule has to know: layers, wires and entanglement."""
        return {
            "n_layers": qml.math.shape(self.data[1])[-3],
            "n_wires": len(self.wires),
            "entanglement": self.hyperparameters["entanglement"],
        }

    @staticmethod
    def shape(n_layers: int, n_wires: int) -> tuple[int, int, int]:
        """Return the shape of ``weights`` for this many layers and wires.

        Scales of one and offsets of zero (``weights[..., 0] = 1``, the rest 0) upload the data as
        they are.
        """
        return n_layers, n_wires, 3

    @staticmethod
    def compute_decomposition(
        features: TensorLike,
        weights: TensorLike,
        wires: WiresLike,
        entanglement: Entanglement = "linear",
    ) -> list[Operator]:
        """Write the layers out as RY, RZ and CNOT gates, in time order.

        Args:
            features: Data, shape ``([n_batch,] n_features)``.
            weights: Shape ``([n_batch,] n_layers, n_wires, 3)``.
            wires: The wires to act on, in order.
            entanglement: Which pairs the CNOTs join.

        Returns:
            For each layer ``2 * n_wires`` rotations, then its CNOTs.
        """
        wires = Wires(wires)
        n_features = qml.math.shape(features)[-1]
        gates: list[Operator] = []
        for layer in range(qml.math.shape(weights)[-3]):
            for i, wire in enumerate(wires):
                x = features[..., (layer * len(wires) + i) % n_features]
                w = weights[..., layer, i, :]
                gates.append(qml.RY(w[..., 0] * x + w[..., 1], wires=wire))
                gates.append(qml.RZ(w[..., 2], wires=wire))
            pairs = entangling_pairs(len(wires), entanglement, layer=layer)
            gates += [qml.CNOT(wires=[wires[i], wires[j]]) for i, j in pairs]
        return gates


def _check_shapes(features: tuple[int, ...], weights: tuple[int, ...], n_wires: int) -> None:
    """Refuse weights that do not fit, and features that would never be uploaded.

    Raises:
        InvalidCircuitError: In either case.
    """
    if len(weights) not in (3, 4) or tuple(weights[-2:]) != (n_wires, 3):
        raise InvalidCircuitError(
            f"weights have shape {tuple(weights)}, but {n_wires} wires need "
            f"(n_layers, {n_wires}, 3); see ReuploadingEmbedding.shape"
        )
    if len(features) not in (1, 2) or not features[-1]:
        raise InvalidCircuitError(
            f"features have shape {tuple(features)}; give (n_features,), or one row for each entry"
        )
    if features[-1] > weights[-3] * n_wires:
        raise InvalidCircuitError(
            f"{features[-1]} features do not fit into {weights[-3]} layers of {n_wires} wires; "
            f"take at least {-(-features[-1] // n_wires)} layers, or reduce the features first"
        )


def _resources(n_layers: int, n_wires: int, entanglement: Entanglement) -> dict[Any, int]:
    """Count the gates for PennyLane's graph decomposition."""
    n_rotations = n_layers * n_wires
    counts = Counter({qml.RY: n_rotations, qml.RZ: n_rotations})
    for layer in range(n_layers):
        counts[qml.CNOT] += len(entangling_pairs(n_wires, entanglement, layer=layer))
    return {gate: count for gate, count in counts.items() if count}


@qml.register_resources(_resources)
def _write_out(
    features: TensorLike, weights: TensorLike, wires: WiresLike, **hyperparameters: Any
) -> None:
    """Queue the gates of one embedding, as PennyLane's graph decomposition expects."""
    # Building a gate queues it; returning the list is all that would be left to do.
    ReuploadingEmbedding.compute_decomposition(features, weights, wires, **hyperparameters)


qml.add_decomps(ReuploadingEmbedding, _write_out)
