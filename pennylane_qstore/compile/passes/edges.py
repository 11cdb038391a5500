r"""Rules for the two ends of a circuit: the ground state before it, the measurement behind it.

Of a block that acts on the ground state only :math:`U|00\rangle` counts, one twist by its Schmidt
angle. If one qubit is fresh, :math:`U \sim U\,e^{-i\frac{\varphi}{2} Z\otimes m}` up to a
one-qubit gate on the other; if both qubits are only measured afterwards, :math:`U \sim
e^{-i\frac{\varphi}{2} Z\otimes Z} U`. For :math:`U \in SU(4)` with
:math:`G = U\,Y\!Y\,U^T\,Y\!Y`, a Weyl coordinate of :math:`e^{-i\frac{\varphi}{2} ZZ} U` vanishes
where

.. math:: \tan\varphi = \mathrm{Im}\,\mathrm{tr}\,G \,/\, \mathrm{Re}\,\mathrm{tr}(Z\!Z\,G),

so that two twists are enough; two coordinates can only vanish where :math:`\gamma + \gamma^\dagger
\propto 1` with :math:`\gamma = e^{-i\frac{\varphi}{2} ZZ} G e^{-i\frac{\varphi}{2} ZZ}`, which
leaves few angles to try.

References:
    Shende, Bullock, Markov, Phys. Rev. A 70, 012310 (2004): two-qubit circuits up to a diagonal.
"""

from collections.abc import Iterable
from math import atan2, sin

import numpy as np

from pennylane_qstore.compile.one_qubit import Unitary
from pennylane_qstore.compile.passes.blocks import Block, Rewritten, is_better
from pennylane_qstore.compile.passes.resynthesis import cheapest, resynthesize
from pennylane_qstore.compile.passes.spins import (
    LETTERS,
    STILL,
    Spin,
    Vector,
    X,
    Y,
    Z,
    about,
    between,
    parallel,
    product,
    spin_of,
    unitary_of,
)
from pennylane_qstore.compile.passes.twists import (
    ANGLE_ATOL,
    Twist,
    TwistForm,
    commute,
    total_angle,
    turned,
)
from pennylane_qstore.compile.passes.weyl import Matrix, cartan, matrix_of

_YY = np.array([[0, 0, 0, -1], [0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0]], dtype=complex)
_ZZ = np.array([1.0, -1.0, -1.0, 1.0])


def _zz(angle: float) -> Matrix:
    """Diagonal of the ZZ twist."""
    return np.exp(-0.5j * angle * _ZZ)


def _local(first: Spin, second: Spin) -> Matrix:
    a = np.array(unitary_of(first)).reshape(2, 2)
    return np.kron(a, np.array(unitary_of(second)).reshape(2, 2))


def _diagonal_angles(unitary: Matrix) -> list[float]:
    """Angles φ for which ``ZZ(φ) U`` may have fewer Weyl coordinates than ``U``."""
    special = unitary / np.linalg.det(unitary) ** 0.25
    g = special @ _YY @ special.T @ _YY
    twisted = (_ZZ * g.diagonal()).sum().real
    angles = [0.0]
    if abs(g.trace().imag) + abs(twisted) > 1e-9:
        angles.append(atan2(g.trace().imag, twisted))
    for i, j, sign in ((0, 3, 1), (1, 2, -1)):
        if abs(g[i, j]) > 1e-9 and abs(g[j, i]) > 1e-9:
            angles.append(-sign * float(np.angle(-g[j, i].conj() / g[i, j])) / 2)
    real, imaginary = (g[0, 0] - g[1, 1]).real, (g[0, 0] + g[1, 1]).imag
    if abs(real) + abs(imaginary) > 1e-9:
        angles.append(atan2(-real, imaginary))
    distinct: list[float] = []
    for angle in angles:
        if all(abs(sin(angle - other)) > 1e-9 for other in distinct):
            distinct.append(angle)
    return distinct


def prepare(block: Block) -> Rewritten:
    r"""A block on two fresh qubits as one twist by the Schmidt angle.

    :math:`U|00\rangle = (A\otimes B)(\cos\alpha\,|00\rangle + \sin\alpha\,|11\rangle)`, and
    :math:`e^{-i\alpha X\otimes Y}|00\rangle` is the state in brackets.
    """
    state = matrix_of(block.twists)[:, 0].reshape(2, 2)
    left, values, right = np.linalg.svd(state)
    angle = 2 * atan2(values[1], values[0])
    after = (
        spin_of(Unitary(*left.ravel().tolist())),
        spin_of(Unitary(*right.T.ravel().tolist())),
    )
    twist = Twist(block.twists[0].qubits, (X, Y), angle)
    return Rewritten((twist,) if angle > ANGLE_ATOL else (), after)


def _on_fresh(block: Block, end: int) -> Iterable[Rewritten]:
    """Forms of a block whose qubit at ``end`` is in the ground state."""
    unitary, qubits = matrix_of(block.twists), block.twists[0].qubits
    for axis in LETTERS.values():
        frame = between(Z, axis)
        change = _local(STILL, frame) if end == 0 else _local(frame, STILL)
        seen = unitary @ change
        for angle in _diagonal_angles(seen.T):
            new = cheapest(qubits, cartan(seen * _zz(angle) @ change.conj().T))
            # U = U' exp(iφ/2 Z⊗m), and Z is 1 on the fresh qubit
            local = about(axis, -angle)
            spins = (STILL, local) if end == 0 else (local, STILL)
            by_qubit = {qubits[0]: spins[0], qubits[1]: spins[1]}
            twists = tuple(_turned_by(twist, by_qubit) for twist in new.twists)
            yield Rewritten(twists, _product(new.after, spins), new.swapped)


def _product(second: tuple[Spin, Spin], first: tuple[Spin, Spin]) -> tuple[Spin, Spin]:
    return product(second[0], first[0]), product(second[1], first[1])


def _turned_by(twist: Twist, spins: dict[int, Spin]) -> Twist:
    size = max(twist.qubits) + 1
    return turned(twist, [spins.get(qubit, STILL) for qubit in range(size)])


def _on_measured(block: Block, ends: tuple[Vector, Vector]) -> Iterable[Rewritten]:
    """Forms of a block behind which both qubits are only measured along ``ends``."""
    unitary, qubits = matrix_of(block.twists), block.twists[0].qubits
    change = _local(between(ends[0], Z), between(ends[1], Z))
    seen = change @ unitary
    for angle in _diagonal_angles(seen):
        yield cheapest(qubits, cartan(change.conj().T @ (_zz(angle)[:, None] * seen)))


def resynthesize_at_edges(block: Block) -> Rewritten | None:
    """Write a block with the fewest twists, given what is before and behind it.

    Args:
        block: Twists of one pair, and which of its qubits are fresh or only measured.

    Returns:
        Something better, equal for this input and measurement; None if there is nothing.
    """
    twists = block.twists
    if len(twists) == 1:
        return None
    if all(block.fresh):
        new = prepare(block)
        return new if is_better(new.cost(), (len(twists), total_angle(twists))) else None
    best = resynthesize(block)
    cost = best.cost() if best else (len(twists), total_angle(twists))
    if cost[0] < 2:
        return best
    for new in _candidates(block):
        if is_better(new.cost(), cost):
            best, cost = new, new.cost()
    return best


def _candidates(block: Block) -> Iterable[Rewritten]:
    if any(block.fresh):
        yield from _on_fresh(block, block.fresh.index(True))
    first, second = block.ends
    if first is not None and second is not None:
        yield from _on_measured(block, (first, second))


def trim_inputs(form: TwistForm) -> TwistForm:
    r"""Turn twists that meet a fresh qubit along Z into one-qubit gates.

    :math:`e^{-i\frac{\theta}{2} Z\otimes m} = e^{\mp i\frac{\theta}{2} m}` where the first qubit is
    in an eigenstate of Z, here wherever commutation brings the twist there.
    """
    kept: list[Twist] = []
    spins: list[Spin] = [STILL] * form.n_qubits
    for original in form.twists:
        twist = turned(original, spins)
        start = _earliest(kept, twist)
        end = _fresh_end(kept[:start], twist)
        if end is None:
            kept.append(twist)
            continue
        sign = 1 if twist.axes[end][2] > 0 else -1
        local = [STILL] * form.n_qubits
        other = twist.qubits[1 - end]
        local[other] = about(twist.axes[1 - end], sign * twist.angle)
        kept[start:] = [turned(later, local) for later in kept[start:]]
        spins[other] = product(spins[other], local[other])
    finals = tuple(map(product, form.finals, spins))
    return TwistForm(form.n_qubits, tuple(kept), finals, form.readout)


def _earliest(kept: list[Twist], twist: Twist) -> int:
    """The first place that a twist at the end can be moved to."""
    a, b = twist.qubits
    for place in range(len(kept), 0, -1):
        other = kept[place - 1]
        if (a in other.qubits or b in other.qubits) and not commute(other, twist):
            return place
    return 0


def _fresh_end(before: list[Twist], twist: Twist) -> int | None:
    """The end at which a twist is along Z of a qubit that is still in an eigenstate of it."""
    for end, qubit in enumerate(twist.qubits):
        if parallel(twist.axes[end], Z) and all(
            qubit not in other.qubits or parallel(other.axis(qubit), Z) for other in before
        ):
            return end
    return None


def trim_outputs(form: TwistForm, *, read: Iterable[int] | None = None) -> TwistForm:
    """Drop twists that no measurement sees.

    A twist that commutes with all later ones can stand last; there it is not seen if each of its
    qubits is measured along its direction, or is not read at all.

    Args:
        form: Any circuit of twists.
        read: Bits of the result that matter; all if None.

    Returns:
        A circuit with the same distribution of these bits.
    """
    wanted = range(len(form.readout)) if read is None else read
    seen = {qubit for bit in wanted for qubit in form.readout[bit].qubits}
    measured = form.measured()
    kept: list[Twist] = []
    for twist in reversed(form.twists):
        is_unseen = all(
            qubit not in seen or parallel(axis, measured[qubit])
            for qubit, axis in zip(twist.qubits, twist.axes, strict=True)
        )
        if not (is_unseen and all(commute(later, twist) for later in kept)):
            kept.append(twist)
    return TwistForm(form.n_qubits, tuple(kept[::-1]), form.finals, form.readout)
