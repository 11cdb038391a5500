r"""From twists back to a form, with as few one-qubit pulses as possible.

The *pole* of a qubit is the direction that its physical Z axis has in the form of twists. Virtual Z
rotations leave it, one GPI reverses it, one GPI2 turns it by a right angle, two GPI2 take it
anywhere. It starts at Z, and has to end along the measured direction. ZZ needs it along the
direction of the twist; MS needs it at a right angle to that, so that one pole, :math:`n_i \times
n_{i+1}`, serves two twists in a row and MS circuits need half the pulses. The cheapest path over
candidate poles is found by dynamic programming, qubit by qubit. Signs of directions are free where
the sign of an angle is.
"""

from collections.abc import Iterable
from math import pi
from typing import Literal

from pennylane_qstore.compile.form import Form, Local, Operation, Rotation
from pennylane_qstore.compile.passes.spins import (
    STILL,
    Spin,
    Vector,
    Z,
    between,
    cross,
    dot,
    inverse,
    is_still,
    negated,
    normalized,
    onto_axes,
    orthogonal,
    parallel,
    perpendicular,
    product,
    turn,
    unitary_of,
)
from pennylane_qstore.compile.passes.twists import ANGLE_ATOL, TwistForm

Entangler = Literal["ms", "zz"]


def pulses_between(first: Vector, second: Vector) -> int:
    """Pulses it takes to move a pole."""
    relation = parallel(first, second)
    if relation:
        return 0 if relation > 0 else 1
    return 1 if orthogonal(first, second) else 2


def _axes_by_qubit(form: TwistForm) -> list[list[Vector]]:
    axes: list[list[Vector]] = [[] for _ in range(form.n_qubits)]
    for twist in form.twists:
        for qubit, axis in zip(twist.qubits, twist.axes, strict=True):
            axes[qubit].append(axis)
    return axes


def _candidates(axes: list[Vector], end: Vector) -> list[list[Vector]]:
    """Poles worth trying for each MS twist: at right angles to it and to something near."""
    found: list[list[Vector]] = []
    previous = [Z]
    for place, axis in enumerate(axes):
        following = axes[place + 1 : place + 2] or [end]
        wishes = [*axes[max(place - 1, 0) : place], *following, Z, end, *previous]
        here: list[Vector] = [p for p in previous if orthogonal(p, axis)]
        for wish in wishes:
            normal = cross(axis, wish)
            if dot(normal, normal) > 1e-6:
                pole = normalized(normal)
                for option in (pole, negated(pole)):
                    if not any(parallel(option, other) > 0 for other in here):
                        here.append(option)
        here = here or [perpendicular(axis)]
        found.append(here[:14])
        previous = found[-1]
    return found


def _ms_poles(axes: list[Vector], end: Vector) -> list[Vector]:
    """The cheapest poles for the MS twists of one qubit."""
    layers = _candidates(axes, end)
    costs = [0]
    previous = [Z]
    choices: list[list[int]] = []
    for layer in layers:
        steps = [
            [c + pulses_between(p, q) for c, p in zip(costs, previous, strict=True)] for q in layer
        ]
        choices.append([step.index(min(step)) for step in steps])
        costs, previous = [min(step) for step in steps], layer
    last = [c + pulses_between(p, end) for c, p in zip(costs, previous, strict=True)]
    place = last.index(min(last))
    path = []
    for layer, choice in zip(reversed(layers), reversed(choices), strict=True):
        path.append(layer[place])
        place = choice[place]
    return path[::-1]


def _zz_poles(form: TwistForm) -> list[list[Vector]]:
    """Poles along the twists; signs follow the previous pole where the angle's sign allows it."""
    poles: list[list[Vector]] = [[Z] for _ in range(form.n_qubits)]
    ahead = [[*axes, end] for axes, end in zip(_axes_by_qubit(form), form.measured(), strict=True)]
    for twist in form.twists:
        ends, prices = [], []
        sign = twist.angle
        for qubit, axis in zip(twist.qubits, twist.axes, strict=True):
            before, after = poles[qubit][-1], ahead[qubit][len(poles[qubit])]
            relation = parallel(axis, before)
            ends.append(axis if relation >= 0 else negated(axis))
            prices.append(2 * abs(relation) + abs(parallel(axis, after)))
            sign = sign if relation >= 0 else -sign
        # ZZ(-π/2) is ZZ(π/2) and a frame; else turn an end over, where a pulse is needed anyway
        is_full = abs(abs(sign) - pi / 2) < ANGLE_ATOL
        flipped = -1 if sign >= 0 or is_full else prices.index(min(prices))
        for end, (qubit, pole) in enumerate(zip(twist.qubits, ends, strict=True)):
            poles[qubit].append(negated(pole) if end == flipped else pole)
    return [path[1:] for path in poles]


def choose_poles(form: TwistForm, entangler: Entangler) -> list[list[Vector]]:
    """The pole of every qubit at each of its twists."""
    if entangler == "zz":
        return _zz_poles(form)
    ends = form.measured()
    return [_ms_poles(axes, ends[q]) for q, axes in enumerate(_axes_by_qubit(form))]


def count_pulses(form: TwistForm, entangler: Entangler) -> int:
    """One-qubit pulses of a circuit: what :func:`from_twists` leads to."""
    total = 0
    measured = form.measured()
    for path, end in zip(choose_poles(form, entangler), measured, strict=True):
        steps = [Z, *path, end]
        total += sum(map(pulses_between, steps, steps[1:]))
    return total


class _Emitted:
    """Operations so far, and the unitary applied to each qubit in the frame of the twists."""

    def __init__(self, n_qubits: int) -> None:
        self.operations: list[Operation] = []
        self.spins: list[Spin] = [STILL] * n_qubits

    def reach(self, qubit: int, spin: Spin) -> None:
        """Bring a qubit's unitary to ``spin``."""
        step = product(spin, inverse(self.spins[qubit]))
        if not is_still(step):
            self.operations.append(Local(qubit, unitary_of(step)))
        self.spins[qubit] = spin


def from_twists(form: TwistForm, entangler: Entangler = "zz") -> Form:
    """Write twists as ZZ or XX rotations with the one-qubit gates between them.

    Args:
        form: Any circuit of twists.
        entangler: Native gate to save pulses for: every rotation is about ``ZZ`` or ``XX``.

    Returns:
        The same circuit.
    """
    poles: list[Iterable[Vector]] = [iter(path) for path in choose_poles(form, entangler)]
    emitted = _Emitted(form.n_qubits)
    for twist in form.twists:
        angle = twist.angle
        for qubit, axis in zip(twist.qubits, twist.axes, strict=True):
            pole = next(iter(poles[qubit]))
            if entangler == "ms":
                emitted.reach(qubit, onto_axes(axis, pole))
            else:
                angle = angle if dot(axis, pole) > 0 else -angle
                emitted.reach(qubit, _zz_spin(emitted.spins[qubit], pole))
        if abs(angle + pi / 2) < ANGLE_ATOL:
            angle = -pi / 2
        letters = "XX" if entangler == "ms" else "ZZ"
        emitted.operations.append(Rotation(twist.qubits, letters, angle))
    for qubit, spin in enumerate(form.finals):
        emitted.reach(qubit, spin)
    return Form(form.n_qubits, tuple(emitted.operations), form.readout)


def _zz_spin(now: Spin, pole: Vector) -> Spin:
    """The unitary nearest to ``now`` that takes ``pole`` to Z."""
    return product(between(turn(now, pole), Z), now)
