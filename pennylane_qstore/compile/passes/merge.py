r"""Commute twists until equal ones meet, and add their angles.

Two twists about the same directions of the same qubits merge if everything between them commutes
with the later one: :math:`e^{-i\frac{\alpha}{2}P} e^{-i\frac{\beta}{2}P} =
e^{-i\frac{\alpha+\beta}{2}P}`. What exceeds π/2 is a pair of Paulis, pushed to the end like any
one-qubit gate. This merges phase polynomials (networks of CNOT and RZ become one twist per pair)
and cancels inverse entanglers.
"""

from math import pi

from pennylane_qstore.compile.passes.spins import STILL, Spin, parallel, product
from pennylane_qstore.compile.passes.twists import (
    ANGLE_ATOL,
    Twist,
    TwistForm,
    commute,
    paulis,
    reduced_angle,
    turned,
)


def relation(first: Twist, second: Twist) -> int:
    """1 or -1 if two twists are about the same word or its opposite, else 0."""
    if first.qubits == second.qubits:
        n, m = second.axes
    elif first.qubits == second.qubits[::-1]:
        m, n = second.axes
    else:
        return 0
    return parallel(first.axes[0], n) and parallel(first.axes[0], n) * parallel(first.axes[1], m)


def _partner(kept: list[Twist], twist: Twist) -> tuple[int, int]:
    """Place and sign of an earlier twist that ``twist`` can be added to; place -1 if none."""
    a, b = twist.qubits
    for place in range(len(kept) - 1, -1, -1):
        other = kept[place]
        if a in other.qubits or b in other.qubits:
            sign = relation(other, twist)
            if sign:
                return place, sign
            if not commute(other, twist):
                break
    return -1, 0


class _Merged:
    """Twists so far, and the one-qubit gates behind them."""

    def __init__(self, n_qubits: int) -> None:
        self.kept: list[Twist] = []
        self.spins: list[Spin] = [STILL] * n_qubits

    def take(self, twist: Twist) -> None:
        """Add a twist, at the end or to an earlier one."""
        twist = turned(twist, self.spins)
        place, sign = _partner(self.kept, twist)
        if place < 0:
            place = len(self.kept)
            angle = twist.angle
        else:
            twist = self.kept[place]._replace(
                angle=(angle := self.kept[place].angle + sign * twist.angle)
            )
            del self.kept[place]
        rest, half = reduced_angle(angle) if abs(angle) > pi / 2 else (angle, False)
        if abs(rest) > ANGLE_ATOL:
            self.kept.insert(place, twist._replace(angle=rest))
        if half:
            # they commute with all kept twists that this one has passed
            for qubit, gate in zip(twist.qubits, paulis(twist), strict=True):
                self.spins[qubit] = product(self.spins[qubit], gate)


def merge_twists(form: TwistForm) -> TwistForm:
    """Merge twists about equal words that commutation brings together.

    Args:
        form: Any circuit of twists.

    Returns:
        An equivalent circuit, never longer, with all angles between -π/2 and π/2.
    """
    merged = _Merged(form.n_qubits)
    for twist in form.twists:
        merged.take(twist)
    finals = tuple(product(f, s) for f, s in zip(form.finals, merged.spins, strict=True))
    return TwistForm(form.n_qubits, tuple(merged.kept), finals, form.readout)
