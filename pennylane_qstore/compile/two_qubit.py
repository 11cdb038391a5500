r"""Two-qubit gates as one Ising interaction each.

Every gate of the table is, up to global phase, one-qubit gates around
:math:`\exp(-i\frac{\theta}{2} P \otimes Q)` with Pauli axes :math:`P, Q`. The identity behind the
controlled gates is :math:`\mathrm{CPhase}(\varphi) = RZ(\varphi/2) \otimes RZ(\varphi/2) \cdot
\mathrm{IsingZZ}(-\varphi/2)`.
"""

from collections.abc import Callable
from math import pi
from typing import NamedTuple

from pennylane_qstore.compile.one_qubit import IDENTITY, Unitary, rx, ry, rz

Pair = tuple[Unitary, Unitary]


class Interaction(NamedTuple):
    """An Ising interaction followed by a one-qubit gate on each qubit.

    Attributes:
        axes: Pauli axis on each qubit.
        angle: θ, in radians.
        after: One-qubit gates that follow.
    """

    axes: str
    angle: float
    after: Pair = (IDENTITY, IDENTITY)


ROTATIONS: dict[str, Callable[[float], Unitary]] = {"X": rx, "Y": ry, "Z": rz}
"""Rotation about each Pauli axis."""


def _ising(axes: str) -> Callable[[float], Interaction]:
    """The interaction itself, as in PennyLane's ``IsingXX`` and its neighbours."""
    return lambda angle: Interaction(axes, angle)


def _controlled_rotation(axis: str) -> Callable[[float], Interaction]:
    """A rotation about ``axis`` on the second qubit, controlled by the first."""
    rotation = ROTATIONS[axis]
    return lambda angle: Interaction("Z" + axis, -angle / 2, (IDENTITY, rotation(angle / 2)))


def _controlled_pauli(axis: str) -> Callable[[], Interaction]:
    """A Pauli on the second qubit, controlled by the first."""
    rotation = ROTATIONS[axis]
    return lambda: Interaction("Z" + axis, -pi / 2, (rz(pi / 2), rotation(pi / 2)))


def _controlled_phase(angle: float) -> Interaction:
    return Interaction("ZZ", -angle / 2, (rz(angle / 2), rz(angle / 2)))


INTERACTIONS: dict[str, Callable[..., Interaction]] = {
    "IsingXX": _ising("XX"),
    "IsingYY": _ising("YY"),
    "IsingZZ": _ising("ZZ"),
    "CRX": _controlled_rotation("X"),
    "CRY": _controlled_rotation("Y"),
    "CRZ": _controlled_rotation("Z"),
    "CNOT": _controlled_pauli("X"),
    "CY": _controlled_pauli("Y"),
    "CZ": _controlled_pauli("Z"),
    "ControlledPhaseShift": _controlled_phase,
}
"""PennyLane's two-qubit operations that cost one interaction, by name."""


def reduced(angle: float) -> tuple[float, bool]:
    r"""Bring an interaction into the range of the native gates.

    Half a turn of interaction is a pair of Paulis: :math:`\exp(-i\frac{\pi}{2} PQ) = -i PQ`.

    Args:
        angle: Interaction angle in turns; a full entangler has 0.25.

    Returns:
        The angle between -0.25 and 0.25 turns, and whether Paulis ``P ⊗ Q`` remain besides it.
    """
    halves = round(2 * angle)
    rest = angle - halves / 2
    if abs(rest + 0.25) < 1e-12:
        rest, halves = 0.25, halves - 1
    return rest, halves % 2 == 1
