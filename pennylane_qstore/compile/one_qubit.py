r"""One-qubit unitaries as pulses and a frame.

Any unitary is :math:`U = RZ(\gamma)\, V` up to phase, where :math:`V` is at most two pulses: none
if :math:`U` is diagonal, one GPI if it is anti-diagonal, one GPI2 if it maps the poles to the
equator, else two GPI2. The rotation :math:`RZ(\gamma)`, the *frame*, costs nothing: it commutes
with ZZ, shifts the phases of MS, and is invisible to a measurement.

References:
    McKay, Wood, Sheldon, Chow, Gambetta, Phys. Rev. A 96, 022330 (2017), virtual Z gates.
"""

from cmath import exp as cexp
from cmath import phase as argument
from math import atan2, cos, pi, sin
from typing import NamedTuple

TURN = 2 * pi
DIGITS = 12
"""Decimals that phases and angles keep, in turns."""
ATOL = 1e-11
"""Entries of a unitary below this count as zero."""


class Unitary(NamedTuple):
    """A 2×2 matrix by rows, known up to global phase."""

    a: complex
    b: complex
    c: complex
    d: complex

    def after(self, first: "Unitary") -> "Unitary":
        """The product ``self · first``: ``first`` acts first."""
        a, b, c, d = self
        e, f, g, h = first
        return Unitary(a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h)


class Pulses(NamedTuple):
    """A unitary as pulses followed by a frame.

    Attributes:
        pulses: ``("gpi" | "gpi2", phase in turns)`` in time order.
        frame: Angle γ of the remaining RZ, in radians.
    """

    pulses: tuple[tuple[str, float], ...]
    frame: float


IDENTITY = Unitary(1, 0, 0, 1)
PAULI_X = Unitary(0, 1, 1, 0)
_R = 0.5**0.5

FIXED: dict[str, Unitary] = {
    "Identity": IDENTITY,
    "Hadamard": Unitary(_R, _R, _R, -_R),
    "PauliX": PAULI_X,
    "PauliY": Unitary(0, -1j, 1j, 0),
    "PauliZ": Unitary(1, 0, 0, -1),
    "S": Unitary(1, 0, 0, 1j),
    "Adjoint(S)": Unitary(1, 0, 0, -1j),
    "T": Unitary(1, 0, 0, _R * (1 + 1j)),
    "Adjoint(T)": Unitary(1, 0, 0, _R * (1 - 1j)),
    "SX": Unitary(0.5 + 0.5j, 0.5 - 0.5j, 0.5 - 0.5j, 0.5 + 0.5j),
    "Adjoint(SX)": Unitary(0.5 - 0.5j, 0.5 + 0.5j, 0.5 + 0.5j, 0.5 - 0.5j),
}
"""One-qubit operations without parameters, by PennyLane's name."""


def rz(angle: float) -> Unitary:
    """Rotation about Z by ``angle`` radians."""
    half = cexp(0.5j * angle)
    return Unitary(half.conjugate(), 0, 0, half)


def ry(angle: float) -> Unitary:
    """Rotation about Y by ``angle`` radians."""
    c, s = cos(angle / 2), sin(angle / 2)
    return Unitary(c, -s, s, c)


def rx(angle: float) -> Unitary:
    """Rotation about X by ``angle`` radians."""
    c, s = cos(angle / 2), -1j * sin(angle / 2)
    return Unitary(c, s, s, c)


def euler_angles(unitary: Unitary) -> tuple[float, float, float]:
    """Angles ``theta, phi, delta`` of PennyLane's U3 that give a unitary up to global phase."""
    a, b, c, d = unitary
    theta = 2 * atan2(abs(c), abs(a))
    if abs(b) < ATOL:
        return theta, argument(d / a), 0.0
    if abs(a) < ATOL:
        return theta, argument(-c / b), 0.0
    return theta, argument(c / a), argument(-b / a)


def wrap(phase: float, period: float = 1.0) -> float:
    """The same phase from 0 to ``period`` turns, rounded far below any machine's precision.

    Rounding makes the many ways to compute a phase agree to the last digit, so that equal circuits
    have equal fingerprints.
    """
    wrapped = round(phase % period, DIGITS)
    return 0.0 if wrapped == period else wrapped


def to_pulses(unitary: Unitary) -> Pulses:
    """Write a unitary as at most two pulses and a frame.

    Args:
        unitary: Any 2×2 unitary.

    Returns:
        Pulses and frame whose product equals ``unitary`` up to global phase.
    """
    a, b, c, d = unitary
    if abs(b) < ATOL:
        return Pulses((), argument(d / a))
    if abs(a) < ATOL:
        # GPI(phase + 1/2) = -GPI(phase)
        return Pulses((("gpi", wrap(argument(c / b) / 2 / TURN, 0.5)),), 0.0)
    if abs(abs(a) - abs(c)) < ATOL:
        return Pulses((("gpi2", wrap(-(argument(b / a) + pi / 2) / TURN)),), argument(d / a))
    theta = 2 * atan2(abs(c), abs(a))
    first = -argument(-b / a) / TURN
    second = first - (theta + pi) / TURN
    frame = argument(c / a) + pi - TURN * second
    return Pulses((("gpi2", wrap(first)), ("gpi2", wrap(second))), frame)
