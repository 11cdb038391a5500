r"""PennyLane's operations as one-qubit unitaries and Pauli rotations.

Each rule gives the operations of :mod:`~pennylane_qstore.compile.form` that equal one of
PennyLane's up to global phase. The identities behind them:

* a rotation about :math:`P`, controlled by a qubit, is :math:`R_P(\theta/2) \cdot
  R_{ZP}(-\theta/2)`;
* a phase on all-ones, :math:`\exp(i\varphi |1 \dots 1\rangle\langle 1 \dots 1|)`, is one rotation
  about each word of Z, with angle :math:`\mp 2\varphi / 2^k` for an even or odd number of letters;
* excitations are products of commuting rotations, because their generators are sums of commuting
  words.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from math import pi

from pennylane_qstore.compile.form import Local, Operation, Rotation
from pennylane_qstore.compile.one_qubit import FIXED, rx, ry, rz

Rule = Callable[..., list[Operation]]
"""Takes the qubits, then the parameters in radians."""


def phase_on_ones(qubits: Sequence[int], phase: float) -> list[Operation]:
    """``exp(i phase)`` where all ``qubits`` are one: controlled phases, CZ, CCZ and beyond."""
    unit = 2 * phase / 2 ** len(qubits)
    return [
        Rotation(word, "Z" * len(word), unit if len(word) % 2 else -unit)
        for size in range(1, len(qubits) + 1)
        for word in combinations(qubits, size)
    ]


def _around(qubit: int, inner: list[Operation], name: str = "Hadamard") -> list[Operation]:
    """``inner`` between a self-inverse gate on ``qubit``."""
    gate = Local(qubit, FIXED[name])
    return [gate, *inner, gate]


def _rotation(axes: str) -> Rule:
    return lambda qubits, angle: [Rotation(qubits, axes, angle)]


def _controlled_rotation(axis: str) -> Rule:
    return lambda qubits, angle: [
        Rotation(qubits, "Z" + axis, -angle / 2),
        Rotation(qubits[1:], axis, angle / 2),
    ]


def _controlled_pauli(axis: str) -> Rule:
    return lambda qubits: [
        Rotation(qubits, "Z" + axis, -pi / 2),
        Rotation(qubits[1:], axis, pi / 2),
        Rotation(qubits[:1], "Z", pi / 2),
    ]


def _toffoli(qubits: Sequence[int]) -> list[Operation]:
    return _around(qubits[-1], phase_on_ones(sorted(qubits), pi))


def _fredkin(qubits: Sequence[int]) -> list[Operation]:
    swapped = _controlled_pauli("X")((qubits[2], qubits[1]))
    return [*swapped, *_toffoli(qubits), *swapped]


def _xy(qubits: tuple[int, ...], angle: float) -> list[Operation]:
    return [Rotation(qubits, "XX", -angle / 2), Rotation(qubits, "YY", -angle / 2)]


def _single_excitation(qubits: tuple[int, ...], angle: float) -> list[Operation]:
    return [Rotation(qubits, "XY", -angle / 2), Rotation(qubits, "YX", angle / 2)]


def _excitation_with_phase(sign: float) -> Rule:
    return lambda qubits, angle: [
        *_single_excitation(qubits, angle),
        Rotation(qubits, "ZZ", sign * angle / 2),
    ]


_DOUBLE_EXCITATION = {
    "XXXY": -1,
    "XXYX": -1,
    "XYXX": 1,
    "YXXX": 1,
    "YYYX": 1,
    "YYXY": 1,
    "YXYY": -1,
    "XYYY": -1,
}
"""Signs of the eight commuting words of a double excitation."""


def _double_excitation(qubits: tuple[int, ...], angle: float) -> list[Operation]:
    return [Rotation(qubits, axes, sign * angle / 8) for axes, sign in _DOUBLE_EXCITATION.items()]


ROTATIONS = {"X": rx, "Y": ry, "Z": rz}
"""The one-qubit rotation about each axis."""


def _u3(qubits: tuple[int, ...], theta: float, phi: float, delta: float) -> list[Operation]:
    return [
        Rotation(qubits, "Z", delta),
        Rotation(qubits, "Y", theta),
        Rotation(qubits, "Z", phi),
    ]


RULES: dict[str, Rule] = {
    "RX": _rotation("X"),
    "RY": _rotation("Y"),
    "RZ": _rotation("Z"),
    "PhaseShift": _rotation("Z"),
    "U1": _rotation("Z"),
    "U2": lambda qubits, phi, delta: _u3(qubits, pi / 2, phi, delta),
    "U3": _u3,
    "Rot": lambda qubits, phi, theta, omega: _u3(qubits, theta, omega, phi),
    "IsingXX": _rotation("XX"),
    "IsingYY": _rotation("YY"),
    "IsingZZ": _rotation("ZZ"),
    "IsingXY": _xy,
    "CRX": _controlled_rotation("X"),
    "CRY": _controlled_rotation("Y"),
    "CRZ": _controlled_rotation("Z"),
    "CNOT": _controlled_pauli("X"),
    "CY": _controlled_pauli("Y"),
    "CZ": lambda qubits: phase_on_ones(qubits, pi),
    "CCZ": lambda qubits: phase_on_ones(sorted(qubits), pi),
    "ControlledPhaseShift": phase_on_ones,
    "Toffoli": _toffoli,
    "CSWAP": _fredkin,
    "MultiRZ": lambda qubits, angle: [Rotation(qubits, "Z" * len(qubits), angle)],
    "SingleExcitation": _single_excitation,
    "SingleExcitationPlus": _excitation_with_phase(-1),
    "SingleExcitationMinus": _excitation_with_phase(1),
    "DoubleExcitation": _double_excitation,
}
"""Operations that are products of rotations and fixed gates, by PennyLane's name."""


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
