r"""Trailing Clifford gates as arithmetic on outcomes, or as part of the observable.

A twist by :math:`\pm\pi/2` about :math:`Z\otimes m` is a one-qubit rotation and a controlled
:math:`m`. Where the control is measured along Z and the target at a right angle to m, the latter
only adds one outcome to the other, which can as well be done afterwards. For expectation values any
trailing Clifford twist can be left out and applied to the observable.

References:
    Liu, Tan, Li, Wang, QuCLEAR (2024), arXiv:2408.13316.
"""

from math import pi

from pennylane_qstore.compile.form import Bit, Rotation
from pennylane_qstore.compile.passes.spins import (
    LETTERS,
    Spin,
    Vector,
    Z,
    about,
    inverse,
    orthogonal,
    parallel,
    product,
    turn,
)
from pennylane_qstore.compile.passes.twists import ANGLE_ATOL, Twist, TwistForm, commute


def _is_clifford(angle: float) -> bool:
    return abs(abs(angle) - pi / 2) < ANGLE_ATOL


def _control(twist: Twist, measured: list[Vector]) -> int | None:
    """The end of a twist that is a control of the outcome at the other end."""
    for end in (0, 1):
        control, target = twist.qubits[end], twist.qubits[1 - end]
        if parallel(twist.axes[end], measured[control]) and orthogonal(
            twist.axes[1 - end], measured[target]
        ):
            return end
    return None


def absorb_entanglers(form: TwistForm) -> TwistForm:
    """Turn trailing controlled Paulis into sums of outcomes modulo two.

    Args:
        form: A circuit with angles between -π/2 and π/2.

    Returns:
        A circuit with the same distribution of the bits that its readout gives.
    """
    finals, readout, kept = list(form.finals), list(form.readout), list[Twist]()
    measured = form.measured()
    for twist in reversed(form.twists):
        end = _control(twist, measured) if _is_clifford(twist.angle) else None
        if end is None or not all(commute(later, twist) for later in kept):
            kept.append(twist)
            continue
        control, target = twist.qubits[end], twist.qubits[1 - end]
        sign = parallel(twist.axes[end], measured[control])
        rotation = about(twist.axes[1 - end], sign * twist.angle)
        finals[target] = product(finals[target], rotation)
        measured[target] = turn(inverse(finals[target]), Z)
        readout = [_added(bit, control) if target in bit.qubits else bit for bit in readout]
    return TwistForm(form.n_qubits, tuple(kept[::-1]), tuple(finals), tuple(readout))


def _added(bit: Bit, qubit: int) -> Bit:
    """A bit with one more outcome added to it."""
    return Bit(tuple(sorted(set(bit.qubits) ^ {qubit})), bit.flip)


def absorb_flips(form: TwistForm, start: list[Vector] | None = None) -> TwistForm:
    """Read a qubit inverted where that saves turning it over.

    Args:
        form: Any circuit of twists.
        start: Direction along which each qubit would be measured without a last pulse; by default
            that of its last twist.

    Returns:
        A circuit with the same distribution of the bits that its readout gives.
    """
    poles = start or _last_directions(form)
    finals, flipped = list(form.finals), set()
    for qubit, (pole, direction) in enumerate(zip(poles, form.measured(), strict=True)):
        if parallel(pole, direction) < 0:
            finals[qubit] = product((0.0, 1.0, 0.0, 0.0), finals[qubit])
            flipped.add(qubit)
    readout = tuple(
        Bit(bit.qubits, bit.flip ^ (len(flipped.intersection(bit.qubits)) % 2 == 1))
        for bit in form.readout
    )
    return TwistForm(form.n_qubits, form.twists, tuple(finals), readout)


def _last_directions(form: TwistForm) -> list[Vector]:
    directions = [Z] * form.n_qubits
    for twist in form.twists:
        for qubit, axis in zip(twist.qubits, twist.axes, strict=True):
            directions[qubit] = axis
    return directions


def split_clifford_tail(form: TwistForm) -> tuple[TwistForm, tuple[Rotation, ...]]:
    r"""Take the trailing Clifford entanglers off a circuit, for use on its observables.

    Only twists by ±π/2 that are Pauli words in the frame of the measurement are taken, so that
    :math:`C^\dagger O C` is a Pauli word for every Pauli word :math:`O`.

    Args:
        form: A circuit with angles between -π/2 and π/2.

    Returns:
        The circuit without them, and the Clifford C as rotations by ±π/2 in time order: the
        original is the circuit followed by C.
    """
    head: list[Twist] = []
    tail: list[Rotation] = []
    for twist in reversed(form.twists):
        word = _word(twist, form.finals) if _is_clifford(twist.angle) else None
        if word is None or not all(commute(later, twist) for later in head):
            head.append(twist)
        else:
            tail.append(word)
    kept = TwistForm(form.n_qubits, tuple(head[::-1]), form.finals, form.readout)
    return kept, tuple(tail[::-1])


def _word(twist: Twist, finals: tuple[Spin, ...]) -> Rotation | None:
    """A twist as a rotation that stands behind the last one-qubit gates; None if it is no word."""
    letters, sign = "", 1
    for qubit, axis in zip(twist.qubits, twist.axes, strict=True):
        seen = turn(finals[qubit], axis)
        for letter, direction in LETTERS.items():
            if parallel(seen, direction):
                letters += letter
                sign *= parallel(seen, direction)
    if len(letters) < 2:
        return None
    return Rotation(twist.qubits, letters, sign * twist.angle)
