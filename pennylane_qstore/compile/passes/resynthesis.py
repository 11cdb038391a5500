r"""A block of twists on two qubits as the fewest twists with the smallest angle.

A block is any two-qubit unitary, so at most three twists
(:mod:`~pennylane_qstore.compile.passes.weyl`), as many as it has non-zero Weyl coordinates. Since
permutations are free, ``SWAP · U`` may stand for ``U``: it has the angles :math:`\pi/2 -
|\theta_k|`, and whatever follows sees the two qubits exchanged. Exchanging labels changes neither
which qubits meet nor any later block, so the choice is made block by block.
"""

from collections.abc import Sequence
from math import atan2, hypot

from pennylane_qstore.compile.passes.blocks import Block, Rewritten, is_better
from pennylane_qstore.compile.passes.spins import (
    STILL,
    Spin,
    Z,
    about,
    cross,
    dot,
    inverse,
    onto_axes,
    orthogonal,
    parallel,
    product,
)
from pennylane_qstore.compile.passes.twists import (
    ANGLE_ATOL,
    Twist,
    paulis,
    reduced_angle,
    total_angle,
)
from pennylane_qstore.compile.passes.weyl import Cartan, cartan, directions, matrix_of, mirrored


def from_cartan(qubits: tuple[int, int], parts: Cartan) -> Rewritten:
    """Twists with angles between -π/2 and π/2; what exceeds that are Paulis that follow."""
    twists, after = [], parts.after
    for axes, angle in zip(directions(parts.frames), parts.angles, strict=True):
        rest, half = reduced_angle(angle)
        if abs(rest) > ANGLE_ATOL:
            twists.append(Twist(qubits, axes, rest))
        if half:
            after = (product(after[0], (0.0, *axes[0])), product(after[1], (0.0, *axes[1])))
    return Rewritten(tuple(twists), after)


def cheapest(qubits: tuple[int, int], parts: Cartan) -> Rewritten:
    """The decomposition or its mirror image, whichever has fewer twists, then less angle."""
    plain = from_cartan(qubits, parts)
    mirror = from_cartan(qubits, mirrored(parts))._replace(swapped=True)
    return mirror if is_better(mirror.cost(), plain.cost()) else plain


def commuting_parts(twists: Sequence[Twist]) -> Cartan | None:
    """The decomposition of a block that is one already: all directions at right angles."""
    if len(twists) > 3:
        return None
    for i, first in enumerate(twists):
        for second in twists[i + 1 :]:
            if not all(map(orthogonal, first.axes, second.axes)):
                return None
    if len(twists) == 1:
        return None
    (n, m), (p, q) = twists[0].axes, twists[1].axes
    angle = 0.0
    if len(twists) == 3:
        r, s = twists[2].axes
        sign = dot(r, cross(p, n)) * dot(s, cross(q, m))
        angle = twists[2].angle * (1 if sign > 0 else -1)
    frames = (inverse(onto_axes(n, p)), inverse(onto_axes(m, q)))
    return Cartan(frames, (twists[0].angle, angle, twists[1].angle), (STILL, STILL))


def multiplexed(twists: Sequence[Twist]) -> Rewritten | None:
    r"""A block whose twists are parallel on one qubit, as one twist.

    Where that qubit is along :math:`\pm n`, the other is turned by :math:`V_\pm`. With
    :math:`V_-^\dagger V_+ = e^{-i\gamma\, m\cdot\sigma}` this is :math:`K
    e^{-i\frac{\gamma}{2}\, (n\cdot\sigma)\otimes(m\cdot\sigma)}` with one-qubit :math:`K`.
    """
    for end in (0, 1):
        axis = twists[0].axes[end]
        signs = [parallel(twist.axes[end], axis) for twist in twists]
        if not all(signs):
            continue
        plus, minus = STILL, STILL
        for sign, twist in zip(signs, twists, strict=True):
            other = twist.axes[1 - end]
            plus = product(about(other, sign * twist.angle), plus)
            minus = product(about(other, -sign * twist.angle), minus)
        w, *vector = product(inverse(minus), plus)
        length = hypot(*vector)
        m = (vector[0] / length, vector[1] / length, vector[2] / length) if length > 1e-12 else Z
        angle = atan2(length, w)
        after = product(plus, about(m, -angle))
        axes, spins = ((axis, m), (STILL, after)) if end == 0 else ((m, axis), (after, STILL))
        return _single(Twist(twists[0].qubits, axes, angle), spins)
    return None


def _single(twist: Twist, after: tuple[Spin, Spin]) -> Rewritten:
    """One twist, with an angle between -π/2 and π/2."""
    rest, half = reduced_angle(twist.angle)
    if half:
        first, second = paulis(twist)
        after = (product(after[0], first), product(after[1], second))
    return Rewritten((twist._replace(angle=rest),) if abs(rest) > ANGLE_ATOL else (), after)


def resynthesize(block: Block) -> Rewritten | None:
    """Write a block with the fewest twists and the smallest total angle, exchanged if that pays."""
    twists = block.twists
    if len(twists) == 1:
        return None
    qubits = twists[0].qubits
    new = multiplexed(twists)
    if new is None:
        parts = commuting_parts(twists)
        new = cheapest(qubits, cartan(matrix_of(twists)) if parts is None else parts)
    return new if is_better(new.cost(), (len(twists), total_angle(twists))) else None
