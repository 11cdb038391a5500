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
from collections.abc import Callable
from math import atan2, cos, pi, sin
from typing import NamedTuple

TURN = 2 * pi
_ATOL = 1e-11


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


def phase_shift(angle: float) -> Unitary:
    """``diag(1, exp(i angle))``."""
    return Unitary(1, 0, 0, cexp(1j * angle))


def u3(theta: float, phi: float, delta: float) -> Unitary:
    """``RZ(phi) RY(theta) RZ(delta)`` up to phase: PennyLane's U3."""
    c, s = cos(theta / 2), sin(theta / 2)
    return Unitary(c, -s * cexp(1j * delta), s * cexp(1j * phi), c * cexp(1j * (phi + delta)))


def rot(phi: float, theta: float, omega: float) -> Unitary:
    """``RZ(omega) RY(theta) RZ(phi)``: PennyLane's Rot."""
    return u3(theta, omega, phi)


def u2(phi: float, delta: float) -> Unitary:
    """PennyLane's U2."""
    return u3(pi / 2, phi, delta)


def wrap(phase: float) -> float:
    """The same phase between -0.5 and 0.5 turns."""
    return phase - round(phase)


def to_pulses(unitary: Unitary) -> Pulses:
    """Write a unitary as at most two pulses and a frame.

    Args:
        unitary: Any 2×2 unitary.

    Returns:
        Pulses and frame whose product equals ``unitary`` up to global phase.
    """
    a, b, c, d = unitary
    if abs(b) < _ATOL:
        return Pulses((), argument(d / a))
    if abs(a) < _ATOL:
        phase = argument(c / b) / 2 / TURN
        # GPI(phase + 1/2) = -GPI(phase): take the phase that writes Y as GPI(1/4)
        return Pulses((("gpi", phase + 0.5 if phase < -0.125 else phase),), 0.0)
    if abs(abs(a) - abs(c)) < _ATOL:
        return Pulses((("gpi2", wrap(-(argument(b / a) + pi / 2) / TURN)),), argument(d / a))
    theta = 2 * atan2(abs(c), abs(a))
    first = -argument(-b / a) / TURN
    second = first - (theta + pi) / TURN
    frame = argument(c / a) + pi - TURN * second
    return Pulses((("gpi2", wrap(first)), ("gpi2", wrap(second))), frame)


PARAMETRIC: dict[str, Callable[..., Unitary]] = {
    "RX": rx,
    "RY": ry,
    "RZ": rz,
    "PhaseShift": phase_shift,
    "U1": phase_shift,
    "U2": u2,
    "U3": u3,
    "Rot": rot,
    "matrix": Unitary,
}
"""One-qubit operations with parameters (radians; entries by rows for ``matrix``), by name."""
