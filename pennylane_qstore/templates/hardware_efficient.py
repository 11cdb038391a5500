"""The hardware-efficient ansatz as one PennyLane operation."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import pennylane as qml
from pennylane.operation import Operation, Operator
from pennylane.typing import TensorLike
from pennylane.wires import Wires, WiresLike

from pennylane_qstore.errors import InvalidCircuitError
from pennylane_qstore.templates.entanglement import (
    ROTATIONS,
    Entanglement,
    checked_entanglement,
    checked_rotations,
    entangling_pairs,
    rotate,
)

RY_RZ = ("RY", "RZ")


class HardwareEfficientAnsatz(Operation):
    r"""Layers of rotations on every wire, each followed by CNOTs.

    One layer applies, by default, :math:`RZ(\phi_i)\,RY(\theta_i)` (RY first) to every wire
    :math:`i` and then CNOTs along ``entanglement``. RY and RZ alone are not universal on one qubit;
    layers and entanglers together are what makes the ansatz expressive.

    The standard layer of three rotations, any one-qubit unitary, is
    ``rotations=STANDARD_ROTATIONS``. It has no class of its own, because all else is the same: in a
    circle it is PennyLane's ``StronglyEntanglingLayers`` with all ``ranges`` 1, which runs natively
    here as well; a chain has one entangler fewer in each layer, and bricks half as many. Where RZ
    precedes a CNOT on its control and again follows it, the two angles add up to one: the third
    rotation brings fewer independent angles than it has (docs/site/depth.md has numbers).

    Measured in the computational basis, the last layer's RZ angles have no effect: the CNOTs turn
    them into rotations about products of Z, which change phases only.

    Args:
        params: Angles in radians, shape ``(n_layers, n_wires, n_rotations)``; by default RY at
            ``[..., 0]``, RZ at ``[..., 1]``. Angles are shared along an axis of length one: by all
            wires, or by ``n_layers`` layers. A leading axis broadcasts.
        wires: The wires to act on, in order.
        entanglement: ``"linear"``, ``"circular"``, ``"full"``, ``"brickwork"``, or pairs of
            positions; see :func:`entangling_pairs`.
        rotations: Names of the rotations of a layer, in time order.
        n_layers: How many layers there are, where they share their angles.

    Raises:
        InvalidCircuitError: If the shape does not fit the wires or layers, or the entanglement or
            a rotation is unknown.

    References:
        Kandala et al., Nature 549, 242 (2017).
    """

    num_params = 1
    ndim_params = (3,)
    grad_method = None
    resource_keys: ClassVar[set[str]] = {"n_layers", "n_wires", "entanglement", "rotations"}

    def __init__(
        self,
        params: TensorLike,
        wires: WiresLike,
        *,
        entanglement: Entanglement = "linear",
        rotations: Sequence[str] = RY_RZ,
        n_layers: int | None = None,
        id: str | None = None,
    ) -> None:
        wires = Wires(wires)
        if isinstance(params, Sequence):
            params = qml.math.asarray(params)
        names = checked_rotations(rotations)
        _check_shape(tuple(qml.math.shape(params)), len(wires), len(names), n_layers=n_layers)
        self._hyperparameters = {
            "entanglement": checked_entanglement(len(wires), entanglement),
            "rotations": names,
            "n_layers": n_layers,
        }
        super().__init__(params, wires=wires, id=id)

    @property
    def resource_params(self) -> dict[str, Any]:
        """What a decomposition rule has to know: layers, wires, entanglement and rotations."""
        return {
            "n_layers": self.hyperparameters["n_layers"] or qml.math.shape(self.data[0])[-3],
            "n_wires": len(self.wires),
            "entanglement": self.hyperparameters["entanglement"],
            "rotations": self.hyperparameters["rotations"],
        }

    @staticmethod
    def shape(
        n_layers: int, n_wires: int, *, rotations: Sequence[str] = RY_RZ
    ) -> tuple[int, int, int]:
        """Return the shape of ``params`` for this many layers and wires.

        To share angles, ask for one layer or one wire.
        """
        return n_layers, n_wires, len(checked_rotations(rotations))

    @staticmethod
    def compute_decomposition(
        params: TensorLike,
        wires: WiresLike,
        entanglement: Entanglement = "linear",
        rotations: Sequence[str] = RY_RZ,
        n_layers: int | None = None,
    ) -> list[Operator]:
        """Write the layers out as rotations and CNOT gates, in time order.

        Args:
            params: Angles in radians, shape ``([n_batch,] n_layers, n_wires, n_rotations)``.
            wires: The wires to act on, in order.
            entanglement: Which pairs the CNOTs join.
            rotations: Names of the rotations of a layer, in time order.
            n_layers: How many layers there are, where they share their angles.

        Returns:
            For each layer ``n_rotations * n_wires`` rotations, then its CNOTs.
        """
        wires = Wires(wires)
        of_layers, of_wires = qml.math.shape(params)[-3:-1]
        gates: list[Operator] = []
        for layer in range(n_layers or of_layers):
            for i, wire in enumerate(wires):
                angles = params[..., layer % of_layers, i % of_wires, :]
                gates += rotate(angles, wire, rotations)
            pairs = entangling_pairs(len(wires), entanglement, layer=layer)
            gates += [qml.CNOT(wires=[wires[i], wires[j]]) for i, j in pairs]
        return gates


def _check_shape(
    shape: tuple[int, ...], n_wires: int, n_rotations: int, *, n_layers: int | None
) -> None:
    """Refuse a shape that is neither one angle per place nor shared.

    Raises:
        InvalidCircuitError: If it does not fit.
    """
    fits = len(shape) in (3, 4) and shape[-1] == n_rotations and shape[-2] in (1, n_wires)
    if not fits or (n_layers is not None and shape[-3] not in (1, n_layers)):
        raise InvalidCircuitError(
            f"params have shape {shape}, but {n_wires} wires need "
            f"({n_layers or 'n_layers'}, {n_wires}, {n_rotations}), or 1 in place of what is "
            "shared; see HardwareEfficientAnsatz.shape"
        )


def _resources(
    n_layers: int, n_wires: int, entanglement: Entanglement, rotations: Sequence[str]
) -> dict[Any, int]:
    """Count the gates for PennyLane's graph decomposition."""
    counts: Counter[Any] = Counter()
    for layer in range(n_layers):
        for name in rotations:
            counts[ROTATIONS[name]] += n_wires
        counts[qml.CNOT] += len(entangling_pairs(n_wires, entanglement, layer=layer))
    return {gate: count for gate, count in counts.items() if count}


@qml.register_resources(_resources)
def _write_out(params: TensorLike, wires: WiresLike, **hyperparameters: Any) -> None:
    """Queue the gates of one ansatz, as PennyLane's graph decomposition expects."""
    # Building a gate queues it; returning the list is all that would be left to do.
    HardwareEfficientAnsatz.compute_decomposition(params, wires, **hyperparameters)


qml.add_decomps(HardwareEfficientAnsatz, _write_out)
