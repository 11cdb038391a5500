"""An ansatz of trapped ions' own interactions, at angles that are trained."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal

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

Interaction = Literal["XX", "ZZ"]
INTERACTIONS: dict[str, type[Operator]] = {"XX": qml.IsingXX, "ZZ": qml.IsingZZ}
RY_RZ = ("RY", "RZ")


class TrappedIonAnsatz(Operation):
    r"""Bricks of one native interaction each, with rotations only where they add something.

    An interaction :math:`e^{-i\gamma XX/2}` or :math:`e^{-i\gamma ZZ/2}` of trained angle takes the
    place of a CNOT, which is one at a fixed angle and rotations around it. Each wire is rotated
    once at the start, and once after each interaction that it took part in. A wire that was idle
    in a layer is not rotated again: two rotations with nothing between them are one.

    At :math:`\gamma = 0` the interaction is gone, so that training can start close to a product
    state, and how much each pair interacts is found by training.

    Args:
        params: Angles in radians, shape ``(n_params,)``; see :meth:`shape`. First the rotations of
            each wire, then for each pair its :math:`\gamma` and the rotations of its first and
            second wire. A leading axis broadcasts.
        wires: The wires to act on, in order.
        n_layers: How many layers of interactions there are.
        entanglement: Which pairs interact; see :func:`entangling_pairs`.
        interaction: ``"XX"`` (MS gates) or ``"ZZ"`` (ZZ gates): whichever the machine has.
        rotations: Names of the rotations, in time order.
        kept: Indices, in time order, of the interactions that there are; the others are left out,
            and their :math:`\gamma` has no effect. None keeps all. See
            :func:`~pennylane_qstore.training.drop_layers`.

    Raises:
        InvalidCircuitError: If the number of angles does not fit, or an argument is unknown.
    """

    num_params = 1
    ndim_params = (1,)
    grad_method = None
    resource_keys: ClassVar[set[str]] = {
        "n_layers",
        "n_wires",
        "entanglement",
        "interaction",
        "rotations",
        "kept",
    }

    def __init__(
        self,
        params: TensorLike,
        wires: WiresLike,
        *,
        n_layers: int,
        entanglement: Entanglement = "brickwork",
        interaction: Interaction = "XX",
        rotations: Sequence[str] = RY_RZ,
        kept: Iterable[int] | None = None,
        id: str | None = None,
    ) -> None:
        wires = Wires(wires)
        if isinstance(params, Sequence):
            params = qml.math.asarray(params)
        if interaction not in INTERACTIONS:
            raise InvalidCircuitError(
                f"unknown interaction {interaction!r}; choose one of {', '.join(INTERACTIONS)}"
            )
        self._hyperparameters = {
            "n_layers": n_layers,
            "entanglement": checked_entanglement(len(wires), entanglement),
            "interaction": interaction,
            "rotations": checked_rotations(rotations),
            "kept": _checked_kept(kept, len(_pairs(n_layers, len(wires), entanglement))),
        }
        needed = self.shape(n_layers, len(wires), entanglement=entanglement, rotations=rotations)
        shape = tuple(qml.math.shape(params))
        if len(shape) not in (1, 2) or shape[-1:] != needed:
            raise InvalidCircuitError(
                f"params have shape {shape}, but {n_layers} layers on {len(wires)} wires need "
                f"{needed}; see TrappedIonAnsatz.shape"
            )
        super().__init__(params, wires=wires, id=id)

    @property
    def resource_params(self) -> dict[str, Any]:
        """What a decomposition rule has to know."""
        return {"n_wires": len(self.wires), **self.hyperparameters}

    @staticmethod
    def shape(
        n_layers: int,
        n_wires: int,
        *,
        entanglement: Entanglement = "brickwork",
        rotations: Sequence[str] = RY_RZ,
    ) -> tuple[int]:
        """Return the shape of ``params``: one angle per rotation and per interaction."""
        n_rotations = len(checked_rotations(rotations))
        n_pairs = len(_pairs(n_layers, n_wires, entanglement))
        return (n_rotations * n_wires + (1 + 2 * n_rotations) * n_pairs,)

    @staticmethod
    def compute_decomposition(
        params: TensorLike,
        wires: WiresLike,
        **hyperparameters: Any,
    ) -> list[Operator]:
        """Write the layers out as rotations and Ising gates, in time order.

        Args:
            params: Angles in radians, shape ``([n_batch,] n_params)``.
            wires: The wires to act on, in order.
            **hyperparameters: ``n_layers``, ``entanglement``, ``interaction``, ``rotations`` and
                ``kept``, as the constructor takes them.

        Returns:
            Rotations of all wires, then for each pair an interaction and rotations of its wires.
        """
        wires = Wires(wires)
        rotations = hyperparameters["rotations"]
        interact = INTERACTIONS[hyperparameters["interaction"]]
        step, at = len(rotations), 0
        gates: list[Operator] = []
        for wire in wires:
            gates += rotate(params[..., at : at + step], wire, rotations)
            at += step
        pairs = _pairs(hyperparameters["n_layers"], len(wires), hyperparameters["entanglement"])
        kept = hyperparameters["kept"]
        for index, pair in enumerate(pairs):
            if kept is None or index in kept:
                gates.append(interact(params[..., at], wires=[wires[i] for i in pair]))
            at += 1
            for i in pair:
                gates += rotate(params[..., at : at + step], wires[i], rotations)
                at += step
        return gates


def _pairs(n_layers: int, n_wires: int, entanglement: Entanglement) -> list[tuple[int, int]]:
    """All pairs of positions that interact, in time order."""
    entanglement = checked_entanglement(n_wires, entanglement)
    return [
        pair
        for layer in range(n_layers)
        for pair in entangling_pairs(n_wires, entanglement, layer=layer)
    ]


def _checked_kept(kept: Iterable[int] | None, n_pairs: int) -> tuple[int, ...] | None:
    """Return the indices as a sorted tuple, which can be hashed and compared.

    Raises:
        InvalidCircuitError: If one is not from 0 to ``n_pairs - 1``.
    """
    if kept is None:
        return None
    good = tuple(sorted({int(i) for i in kept}))
    if any(not 0 <= i < n_pairs for i in good):
        raise InvalidCircuitError(
            f"cannot keep interactions {good}: there are {n_pairs}, counted from 0 in time order"
        )
    return good


def _resources(
    n_layers: int,
    n_wires: int,
    entanglement: Entanglement,
    interaction: str,
    rotations: Sequence[str],
    kept: tuple[int, ...] | None,
) -> dict[Any, int]:
    """Count the gates for PennyLane's graph decomposition."""
    n_pairs = len(_pairs(n_layers, n_wires, entanglement))
    n_kept = n_pairs if kept is None else len(kept)
    counts: Counter[Any] = Counter({INTERACTIONS[interaction]: n_kept})
    for name in rotations:
        counts[ROTATIONS[name]] += n_wires + 2 * n_pairs
    return {gate: count for gate, count in counts.items() if count}


@qml.register_resources(_resources)
def _write_out(params: TensorLike, wires: WiresLike, **hyperparameters: Any) -> None:
    """Queue the gates of one ansatz, as PennyLane's graph decomposition expects."""
    # Building a gate queues it; returning the list is all that would be left to do.
    TrappedIonAnsatz.compute_decomposition(params, wires, **hyperparameters)


qml.add_decomps(TrappedIonAnsatz, _write_out)
