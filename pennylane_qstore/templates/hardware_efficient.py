"""The hardware-efficient ansatz as one PennyLane operation."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import pennylane as qml
from pennylane.operation import Operation, Operator
from pennylane.typing import TensorLike
from pennylane.wires import Wires, WiresLike

from pennylane_qstore.errors import InvalidCircuitError

Entanglement = Literal["linear", "circular", "full"]
ENTANGLEMENTS: tuple[Entanglement, ...] = ("linear", "circular", "full")


def entangling_pairs(n_wires: int, entanglement: Entanglement = "linear") -> list[tuple[int, int]]:
    """List the (control, target) positions of one layer's CNOTs, in time order.

    Args:
        n_wires: Width of the layer.
        entanglement: ``"linear"`` joins neighbours, ``"circular"`` also the last wire with the
            first (from three wires on: two wires have one pair), ``"full"`` all pairs.

    Returns:
        ``n_wires - 1``, ``n_wires`` or ``n_wires * (n_wires - 1) / 2`` pairs.

    Raises:
        InvalidCircuitError: If the entanglement has another name.
    """
    if entanglement not in ENTANGLEMENTS:
        raise InvalidCircuitError(
            f"unknown entanglement {entanglement!r}; choose one of {', '.join(ENTANGLEMENTS)}"
        )
    if entanglement == "full":
        return [(i, j) for i in range(n_wires) for j in range(i + 1, n_wires)]
    pairs = [(i, i + 1) for i in range(n_wires - 1)]
    if entanglement == "circular" and n_wires > 2:
        pairs.append((n_wires - 1, 0))
    return pairs


class HardwareEfficientAnsatz(Operation):
    r"""Layers of RY and RZ on every wire, each followed by CNOTs.

    One layer applies :math:`RZ(\phi_i)\,RY(\theta_i)` (RY first) to every wire :math:`i` and then
    CNOTs along ``entanglement``. RY and RZ alone are not universal on one qubit; layers and
    entanglers together are what makes the ansatz expressive.

    Measured in the computational basis, the last layer's RZ angles have no effect: the CNOTs turn
    them into rotations about products of Z, which change phases only.

    Args:
        params: Angles in radians, shape ``(n_layers, n_wires, 2)``: RY at ``[..., 0]``, RZ at
            ``[..., 1]``. A leading axis broadcasts.
        wires: The wires to act on, in order.
        entanglement: ``"linear"``, ``"circular"`` or ``"full"``; see :func:`entangling_pairs`.

    Raises:
        InvalidCircuitError: If the shape does not fit the wires, or the entanglement is unknown.

    References:
        Kandala et al., Nature 549, 242 (2017).
    """

    num_params = 1
    ndim_params = (3,)
    grad_method = None
    resource_keys: ClassVar[set[str]] = {"n_layers", "n_wires", "entanglement"}

    def __init__(
        self,
        params: TensorLike,
        wires: WiresLike,
        *,
        entanglement: Entanglement = "linear",
        id: str | None = None,
    ) -> None:
        wires = Wires(wires)
        if isinstance(params, Sequence):
            params = qml.math.asarray(params)
        shape = tuple(qml.math.shape(params))
        if len(shape) not in (3, 4) or shape[-2:] != (len(wires), 2):
            raise InvalidCircuitError(
                f"params have shape {shape}, but {len(wires)} wires need "
                f"(n_layers, {len(wires)}, 2); see HardwareEfficientAnsatz.shape"
            )
        entangling_pairs(len(wires), entanglement)
        self._hyperparameters = {"entanglement": entanglement}
        super().__init__(params, wires=wires, id=id)

    @property
    def resource_params(self) -> dict[str, Any]:
        """What a decomposition rule has to know: layers, wires and entanglement."""
        return {
            "n_layers": qml.math.shape(self.data[0])[-3],
            "n_wires": len(self.wires),
            "entanglement": self.hyperparameters["entanglement"],
        }

    @staticmethod
    def shape(n_layers: int, n_wires: int) -> tuple[int, int, int]:
        """Return the shape of ``params`` for this many layers and wires."""
        return n_layers, n_wires, 2

    @staticmethod
    def compute_decomposition(
        params: TensorLike, wires: WiresLike, entanglement: Entanglement
    ) -> list[Operator]:
        """Write the layers out as RY, RZ and CNOT gates, in time order.

        Args:
            params: Angles in radians, shape ``([n_batch,] n_layers, n_wires, 2)``.
            wires: The wires to act on, in order.
            entanglement: Which pairs the CNOTs join.

        Returns:
            ``n_layers * (2 * n_wires + n_pairs)`` gates.
        """
        wires = Wires(wires)
        pairs = entangling_pairs(len(wires), entanglement)
        gates: list[Operator] = []
        for layer in range(qml.math.shape(params)[-3]):
            for i, wire in enumerate(wires):
                gates.append(qml.RY(params[..., layer, i, 0], wires=wire))
                gates.append(qml.RZ(params[..., layer, i, 1], wires=wire))
            gates += [qml.CNOT(wires=[wires[i], wires[j]]) for i, j in pairs]
        return gates


def _resources(n_layers: int, n_wires: int, entanglement: Entanglement) -> dict[Any, int]:
    """Count the gates for PennyLane's graph decomposition."""
    counts: dict[Any, int] = {qml.RY: n_layers * n_wires, qml.RZ: n_layers * n_wires}
    n_cnots = n_layers * len(entangling_pairs(n_wires, entanglement))
    return counts | ({qml.CNOT: n_cnots} if n_cnots else {})


@qml.register_resources(_resources)
def _write_out(params: TensorLike, wires: WiresLike, entanglement: Entanglement, **_: Any) -> None:
    """Queue the gates of one ansatz, as PennyLane's graph decomposition expects."""
    # Building a gate queues it; returning the list is all that would be left to do.
    HardwareEfficientAnsatz.compute_decomposition(params, wires, entanglement)


qml.add_decomps(HardwareEfficientAnsatz, _write_out)
