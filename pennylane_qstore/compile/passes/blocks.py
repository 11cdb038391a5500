r"""Collect all twists of a pair of qubits that commutation brings together, and rewrite each block.

A block is any two-qubit unitary, so at most three twists
(:mod:`~pennylane_qstore.compile.passes.weyl`), as many as it has non-zero Weyl coordinates. Since
permutations are free, ``SWAP · U`` may stand for ``U``: it has the angles :math:`\pi/2 -
|\theta_k|`, and whatever follows sees the two qubits exchanged. Exchanging labels changes neither
which qubits meet nor any later block, so the choice is made block by block.
"""

from collections.abc import Callable, Sequence
from math import atan2, hypot
from typing import NamedTuple

from pennylane_qstore.compile.form import Bit
from pennylane_qstore.compile.passes.spins import (
    STILL,
    Spin,
    Vector,
    Z,
    about,
    cross,
    dot,
    inverse,
    onto_axes,
    orthogonal,
    parallel,
    product,
    turn,
)
from pennylane_qstore.compile.passes.twists import (
    ANGLE_ATOL,
    Twist,
    TwistForm,
    commute,
    paulis,
    reduced_angle,
    swapped_ends,
    total_angle,
    turned,
)
from pennylane_qstore.compile.passes.weyl import Cartan, cartan, directions, matrix_of, mirrored


class Block(NamedTuple):
    """Twists of one pair of qubits that stand together.

    Attributes:
        twists: Twists in time order, all with the same qubits in the same order.
        fresh: Which of the two qubits are still in the ground state.
        ends: Direction each qubit is measured along, where all that follows on it commutes with it.
    """

    twists: tuple[Twist, ...]
    fresh: tuple[bool, bool]
    ends: tuple[Vector | None, Vector | None]


class Rewritten(NamedTuple):
    """What takes the place of a block.

    Attributes:
        twists: Twists on the same qubits.
        after: One-qubit unitaries that follow.
        swapped: Whether the qubits are exchanged after that.
    """

    twists: tuple[Twist, ...]
    after: tuple[Spin, Spin] = (STILL, STILL)
    swapped: bool = False

    def cost(self) -> tuple[int, float]:
        """Number of twists, then their total angle."""
        return len(self.twists), total_angle(self.twists)


Rule = Callable[[Block], Rewritten | None]


def is_better(first: tuple[int, float], second: tuple[int, float]) -> bool:
    """Whether one cost is lower, beyond rounding."""
    return first[0] < second[0] or (first[0] == second[0] and first[1] < second[1] - 1e-9)


def gather(twists: Sequence[Twist]) -> list[list[Twist]]:
    """Put every twist into the nearest earlier block of its pair that it can be moved to."""
    blocks: list[list[Twist]] = []
    for twist in twists:
        a, b = twist.qubits
        home = None
        for block in reversed(blocks):
            qubits = block[0].qubits
            if a in qubits and b in qubits:
                home = block
                break
            if (a in qubits or b in qubits) and not all(commute(other, twist) for other in block):
                break
        if home is None:
            blocks.append([twist])
        else:
            home.append(twist if home[0].qubits == twist.qubits else swapped_ends(twist))
    return blocks


def _open_ends(
    blocks: Sequence[Sequence[Twist]], measured: Sequence[Vector]
) -> list[tuple[bool, bool]]:
    """For each block: on which of its qubits all that follows is along the measured direction."""
    closed = [False] * len(measured)
    found = []
    for block in reversed(blocks):
        a, b = block[0].qubits
        found.append((not closed[a], not closed[b]))
        for qubit in (a, b):
            if not all(parallel(twist.axis(qubit), measured[qubit]) for twist in block):
                closed[qubit] = True
    return found[::-1]


class _Rewriting:
    """Twists emitted so far, one-qubit gates behind them, and where each qubit now is."""

    def __init__(self, form: TwistForm) -> None:
        self.form = form
        self.twists: list[Twist] = []
        self.spins: list[Spin] = [STILL] * form.n_qubits
        self.place = list(range(form.n_qubits))
        self.touched = [False] * form.n_qubits

    def block(
        self, members: Sequence[Twist], opened: tuple[bool, bool], measured: list[Vector]
    ) -> Block:
        """The block as it stands at this point."""
        a, b = members[0].qubits
        pair = (self.place[a], self.place[b])
        moved = tuple(turned(Twist(pair, t.axes, t.angle), self.spins) for t in members)
        ends = [
            turn(inverse(self.spins[self.place[q]]), measured[q]) if is_open else None
            for q, is_open in zip((a, b), opened, strict=True)
        ]
        fresh = (not self.touched[pair[0]], not self.touched[pair[1]])
        return Block(moved, fresh, (ends[0], ends[1]))

    def emit(self, qubits: tuple[int, int], new: Rewritten) -> None:
        """Append what replaces the block of the form's ``qubits``."""
        first, second = (self.place[qubit] for qubit in qubits)
        self.twists += new.twists
        if new.swapped:
            a, b = qubits
            self.place[a], self.place[b] = second, first
            self.spins[first], self.spins[second] = self.spins[second], self.spins[first]
        for place, spin in zip((first, second), new.after, strict=True):
            if new.twists or new.swapped:
                self.touched[place] = True
            if spin is not STILL:
                self.spins[place] = product(self.spins[place], spin)

    def finish(self) -> TwistForm:
        """The rewritten circuit."""
        finals = list(self.spins)
        for qubit, place in enumerate(self.place):
            finals[place] = product(self.form.finals[qubit], self.spins[place])
        readout = tuple(
            Bit(tuple(sorted(self.place[q] for q in bit.qubits)), bit.flip)
            for bit in self.form.readout
        )
        return TwistForm(self.form.n_qubits, tuple(self.twists), tuple(finals), readout)


def rewrite_blocks(form: TwistForm, rule: Rule, *, backwards: bool = False) -> TwistForm:
    """Replace every two-qubit block by what ``rule`` makes of it.

    Args:
        form: Any circuit of twists.
        rule: From a block to its replacement, or None to leave it.
        backwards: Collect blocks from the end, so that twists move to later blocks.

    Returns:
        The circuit with all blocks rewritten.
    """
    if backwards:
        blocks = [block[::-1] for block in reversed(gather(form.twists[::-1]))]
    else:
        blocks = gather(form.twists)
    measured = form.measured()
    rewriting = _Rewriting(form)
    for members, opened in zip(blocks, _open_ends(blocks, measured), strict=True):
        block = rewriting.block(members, opened, measured)
        new = rule(block) or Rewritten(block.twists)
        rewriting.emit(members[0].qubits, new)
    return rewriting.finish()


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
