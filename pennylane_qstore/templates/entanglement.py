"""Which pairs of wires a layer entangles, and which rotations it applies."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import pennylane as qml
from pennylane.operation import Operator
from pennylane.typing import TensorLike

from pennylane_qstore.errors import InvalidCircuitError

Pairs = tuple[tuple[int, int], ...]
Pattern = Literal["linear", "circular", "full", "brickwork"]
Entanglement = Pattern | Iterable[Sequence[int]]
Rotation = Literal["RX", "RY", "RZ"]

ENTANGLEMENTS: tuple[Pattern, ...] = ("linear", "circular", "full", "brickwork")
ROTATIONS: dict[str, type[Operator]] = {"RX": qml.RX, "RY": qml.RY, "RZ": qml.RZ}
STANDARD_ROTATIONS: tuple[Rotation, ...] = ("RZ", "RY", "RZ")
"""Any one-qubit unitary, up to its phase, from three angles."""


def entangling_pairs(
    n_wires: int, entanglement: Entanglement = "linear", *, layer: int = 0
) -> list[tuple[int, int]]:
    """List the (control, target) positions of one layer's entanglers, in time order.

    Args:
        n_wires: Width of the layer.
        entanglement: ``"linear"`` joins neighbours, ``"circular"`` also the last wire with the
            first (from three wires on: two wires have one pair), ``"full"`` all pairs,
            ``"brickwork"`` wires (0, 1), (2, 3), … in even layers and (1, 2), (3, 4), … in odd
            ones, so that all entanglers of a layer can run at once. A sequence of pairs of
            positions, such as a device's own connectivity, is taken as it is.
        layer: Which layer, from 0. Only ``"brickwork"`` depends on it.

    Returns:
        ``n_wires - 1``, ``n_wires``, ``n_wires * (n_wires - 1) / 2``, about ``n_wires / 2``, or
        the given pairs.

    Raises:
        InvalidCircuitError: If the entanglement has another name, or a pair does not name two
            different positions.
    """
    entanglement = checked_entanglement(n_wires, entanglement)
    if not isinstance(entanglement, str):
        return list(entanglement)
    if entanglement == "full":
        return [(i, j) for i in range(n_wires) for j in range(i + 1, n_wires)]
    if entanglement == "brickwork":
        # Two wires have one pair, and an odd layer without entanglers would be of no use.
        first = layer % 2 if n_wires > 2 else 0
        return [(i, i + 1) for i in range(first, n_wires - 1, 2)]
    pairs = [(i, i + 1) for i in range(n_wires - 1)]
    if entanglement == "circular" and n_wires > 2:
        pairs.append((n_wires - 1, 0))
    return pairs


def checked_entanglement(n_wires: int, entanglement: Entanglement) -> Pattern | Pairs:
    """Return a pattern's name, or pairs as tuples, which can be hashed and compared.

    Raises:
        InvalidCircuitError: If the name is unknown, or a pair does not name two different
            positions from 0 to ``n_wires - 1``.
    """
    if isinstance(entanglement, str):
        for name in ENTANGLEMENTS:
            if name == entanglement:
                return name
        raise InvalidCircuitError(
            f"unknown entanglement {entanglement!r}; choose one of {', '.join(ENTANGLEMENTS)}, "
            "or give a list of pairs of positions"
        )
    good: list[tuple[int, int]] = []
    for pair in entanglement:
        positions = tuple(int(i) for i in pair)
        if len(set(positions)) != len(positions) or not all(0 <= i < n_wires for i in positions):
            positions = ()
        if len(positions) != 2:
            raise InvalidCircuitError(
                f"{tuple(pair)} is not a pair of positions; give two different ones from 0 to "
                f"{n_wires - 1}, counted along the wires"
            )
        good.append((positions[0], positions[1]))
    return tuple(good)


def checked_rotations(rotations: Sequence[str]) -> tuple[Rotation, ...]:
    """Return the names of rotations as a tuple.

    Raises:
        InvalidCircuitError: If there are none, or one is not RX, RY or RZ.
    """
    names: Any = (rotations,) if isinstance(rotations, str) else tuple(rotations)
    if not names or any(name not in ROTATIONS for name in names):
        raise InvalidCircuitError(
            f"cannot rotate by {names!r}; name one or more of {', '.join(ROTATIONS)}, in time "
            "order, for example ('RY', 'RZ')"
        )
    return names


def rotate(angles: TensorLike, wire: Any, rotations: Sequence[str]) -> list[Operator]:
    """Rotate one wire by ``angles[..., k]`` radians about the k-th axis, in time order."""
    return [ROTATIONS[name](angles[..., k], wires=wire) for k, name in enumerate(rotations)]
