r"""Directions and one-qubit rotations as plain floats.

A one-qubit unitary is, up to global phase, a unit quaternion :math:`(w, x, y, z)` that stands for
:math:`w - i (x X + y Y + z Z)`; it turns directions of the Bloch sphere,
:math:`U (v \cdot \sigma) U^\dagger = (R v) \cdot \sigma`. Tuples of floats are an order of
magnitude faster here than arrays of three or four entries.
"""

from cmath import sqrt as csqrt
from math import cos, sin, sqrt

from pennylane_qstore.compile.one_qubit import Unitary

Vector = tuple[float, float, float]
"""A unit vector of the Bloch sphere."""

Spin = tuple[float, float, float, float]
"""A one-qubit unitary as a unit quaternion."""

ATOL = 1e-10
"""Largest deviation from parallel or orthogonal that counts as none."""

X: Vector = (1.0, 0.0, 0.0)
Y: Vector = (0.0, 1.0, 0.0)
Z: Vector = (0.0, 0.0, 1.0)
LETTERS: dict[str, Vector] = {"X": X, "Y": Y, "Z": Z}
"""Direction of each Pauli matrix."""

STILL: Spin = (1.0, 0.0, 0.0, 0.0)
"""The identity."""


def dot(first: Vector, second: Vector) -> float:
    """Scalar product."""
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]


def cross(first: Vector, second: Vector) -> Vector:
    """Vector product."""
    a, b, c = first
    d, e, f = second
    return (b * f - c * e, c * d - a * f, a * e - b * d)


def negated(vector: Vector) -> Vector:
    """The opposite direction."""
    return (-vector[0], -vector[1], -vector[2])


def normalized(vector: Vector) -> Vector:
    """The vector brought to length one."""
    length = sqrt(dot(vector, vector))
    return (vector[0] / length, vector[1] / length, vector[2] / length)


def perpendicular(vector: Vector) -> Vector:
    """A unit vector at a right angle to ``vector``."""
    other = X if abs(vector[0]) < 0.6 else Y
    return normalized(cross(vector, other))


def parallel(first: Vector, second: Vector) -> int:
    """1 if two unit vectors are equal, -1 if they are opposite, else 0."""
    a, b, c = cross(first, second)
    if a * a + b * b + c * c > ATOL * ATOL:
        return 0
    return 1 if dot(first, second) > 0 else -1


def orthogonal(first: Vector, second: Vector) -> bool:
    """Whether two unit vectors stand at a right angle."""
    return abs(dot(first, second)) < ATOL


def product(second: Spin, first: Spin) -> Spin:
    """The unitary ``second · first``: ``first`` acts first; kept at length one."""
    a, b, c, d = second
    e, f, g, h = first
    w = a * e - b * f - c * g - d * h
    x = a * f + b * e + c * h - d * g
    y = a * g - b * h + c * e + d * f
    z = a * h + b * g - c * f + d * e
    # one step of Newton's method for 1/length; without it errors grow from product to product
    scale = 1.5 - 0.5 * (w * w + x * x + y * y + z * z)
    return (w * scale, x * scale, y * scale, z * scale)


def inverse(spin: Spin) -> Spin:
    """The inverse unitary."""
    return (spin[0], -spin[1], -spin[2], -spin[3])


def turn(spin: Spin, vector: Vector) -> Vector:
    """The direction ``R v`` with ``U (v·σ) U† = (R v)·σ``, kept at length one."""
    w, x, y, z = spin
    a, b, c = vector
    p, q, r = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
    a, b, c = a + w * p + y * r - z * q, b + w * q + z * p - x * r, c + w * r + x * q - y * p
    scale = 1.5 - 0.5 * (a * a + b * b + c * c)
    return (a * scale, b * scale, c * scale)


def about(axis: Vector, angle: float) -> Spin:
    """The rotation ``exp(-i angle/2 axis·σ)``."""
    s = sin(angle / 2)
    return (cos(angle / 2), s * axis[0], s * axis[1], s * axis[2])


def between(first: Vector, second: Vector) -> Spin:
    """The shortest rotation that takes one direction to another."""
    w = 1 + dot(first, second)
    if w < 1e-8:
        sideways = cross(first, second)
        axis = normalized(sideways) if dot(sideways, sideways) > 1e-24 else perpendicular(first)
        spin = (0.0, *axis)
        rest = between(turn(spin, first), second)
        return product(rest, spin)
    a, b, c = cross(first, second)
    length = sqrt(w * w + a * a + b * b + c * c)
    return (w / length, a / length, b / length, c / length)


def onto_axes(to_x: Vector, to_z: Vector) -> Spin:
    """The rotation that takes ``to_z`` to Z and the orthogonal ``to_x`` to X."""
    first = between(to_z, Z)
    a, b, _ = turn(first, to_x)
    return product(between((a, b, 0.0), X), first)


def spin_of(unitary: Unitary) -> Spin:
    """The quaternion of a matrix, up to sign."""
    a, b, c, d = unitary
    root = csqrt(a * d - b * c)
    a, b, c, d = a / root, b / root, c / root, d / root
    w, x, y, z = (a + d).real / 2, -(b + c).imag / 2, (c - b).real / 2, (d - a).imag / 2
    length = sqrt(w * w + x * x + y * y + z * z)
    return (w / length, x / length, y / length, z / length)


def unitary_of(spin: Spin) -> Unitary:
    """The matrix of a quaternion."""
    w, x, y, z = spin
    return Unitary(complex(w, -z), complex(-y, -x), complex(y, -x), complex(w, z))


def is_still(spin: Spin) -> bool:
    """Whether a quaternion is the identity up to phase."""
    return abs(spin[1]) + abs(spin[2]) + abs(spin[3]) < ATOL
