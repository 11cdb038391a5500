r"""Parts of a circuit on a few qubits, and what they have to do there.

A window is a set of twists on at most a handful of qubits that commutation brings together. What
counts of it depends on its place: a qubit that nothing has touched is in the ground state, so only
some columns of its unitary :math:`W` count; where all that follows on some qubits is along their
measured direction, rows of different outcomes may differ in phase, :math:`W \sim
\sum_x e^{i\varphi_x} |x\rangle\langle x|\, W`. With :math:`k` qubits, :math:`f` of them fresh and
:math:`d` of them only measured afterwards, the number of parameters that count gives the length
:func:`generic_length` of a circuit for a window without special structure.
"""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import NamedTuple

import numpy as np

from pennylane_qstore.compile.passes.residuals import Guess, Target, images_of, pairs_of
from pennylane_qstore.compile.passes.spins import (
    STILL,
    Spin,
    Vector,
    Z,
    between,
    inverse,
    parallel,
    product,
)
from pennylane_qstore.compile.passes.twists import Twist, TwistForm, commute, swapped_ends, turned


class Window(NamedTuple):
    """Twists that can stand together, and the circuit around them.

    Attributes:
        qubits: Its qubits, fresh ones first.
        twists: Its twists in time order.
        before: Twists that go in front of it.
        behind: Twists that go behind it.
        n_fresh: How many of its qubits are in the ground state.
        ends: Direction along which each qubit is measured, None where something else follows.
    """

    qubits: tuple[int, ...]
    twists: tuple[Twist, ...]
    before: tuple[Twist, ...]
    behind: tuple[Twist, ...]
    n_fresh: int
    ends: tuple[Vector | None, ...]

    def n_ends(self) -> int:
        """How many of its qubits are only measured afterwards."""
        return sum(end is not None for end in self.ends)


def generic_length(width: int, n_fresh: int, n_ends: int) -> int:
    """Twists it takes to meet an unstructured target, by counting parameters."""
    rows, columns = 2**width, 2 ** (width - n_fresh)
    needed = 2 * rows * columns - columns**2 - 2**n_ends
    return max(1, ceil((needed - 3 * width + n_ends + n_fresh) / 5))


def _split(twists: Sequence[Twist], qubits: frozenset[int]) -> tuple[list[Twist], list[Twist]]:
    """Twists on ``qubits`` that can be moved to the front, and all others."""
    inside: list[Twist] = []
    outside: list[Twist] = []
    met: set[int] = set()
    for twist in twists:
        a, b = twist.qubits
        free = a in qubits and b in qubits
        if free and (a in met or b in met):
            free = all(
                commute(other, twist) for other in outside if a in other.qubits or b in other.qubits
            )
        if free:
            inside.append(twist)
        else:
            outside.append(twist)
            met.update(twist.qubits)
            if len(met & qubits) == len(qubits) and not inside:
                break
    return inside, outside + list(twists[len(inside) + len(outside) :])


def window_at(
    form: TwistForm, start: int, qubits: frozenset[int], *, backwards: bool = False
) -> Window:
    """The window of ``qubits`` that begins, or with ``backwards`` ends, at twist ``start``."""
    if backwards:
        inside, outside = _split(form.twists[start::-1], qubits)
        before, inside = tuple(outside[::-1]), inside[::-1]
        behind = form.twists[start + 1 :]
    else:
        inside, outside = _split(form.twists[start:], qubits)
        before, behind = form.twists[:start], tuple(outside)
    touched = {qubit for twist in before for qubit in twist.qubits}
    order = sorted(qubits, key=lambda qubit: (qubit in touched, qubit))
    measured = form.measured()
    ends = tuple(
        measured[q]
        if all(parallel(t.axis(q), measured[q]) for t in behind if q in t.qubits)
        else None
        for q in order
    )
    return Window(tuple(order), tuple(inside), before, behind, len(qubits - touched), ends)


def windows_of(form: TwistForm, widest: int) -> Iterator[Window]:
    """Windows of three and more qubits, grown from every twist in both directions of time."""
    for start, twist in enumerate(form.twists):
        for backwards in (False, True):
            pair = frozenset(twist.qubits)
            near = _neighbours(form, start, pair, backwards)
            for qubit in near:
                chosen = pair | {qubit}
                yield window_at(form, start, chosen, backwards=backwards)
                if len(near) > 1 and widest > 3:
                    yield from _grown(form, start, chosen, (widest, backwards))


def _neighbours(form: TwistForm, start: int, qubits: frozenset[int], backwards: bool) -> list[int]:
    """Qubits that interact with ``qubits`` soonest, a handful of them."""
    twists = form.twists[start::-1] if backwards else form.twists[start:]
    near: list[int] = []
    for twist in twists:
        a, b = twist.qubits
        if (a in qubits) != (b in qubits):
            other = b if a in qubits else a
            if other not in near:
                near.append(other)
    return near[:4]


def _grown(
    form: TwistForm, start: int, qubits: frozenset[int], how: tuple[int, bool]
) -> Iterator[Window]:
    """Windows with one qubit more at a time, each the one that brings most twists."""
    widest, backwards = how
    while len(qubits) < widest:
        options = [
            window_at(form, start, qubits | {qubit}, backwards=backwards)
            for qubit in _neighbours(form, start, qubits, backwards)
        ]
        if not options:
            return
        best = max(options, key=lambda window: len(window.twists))
        yield best
        qubits = frozenset(best.qubits)


def as_guess(window: Window) -> Guess:
    """The window's own circuit; measured directions are turned to Z at its end."""
    index = {qubit: position for position, qubit in enumerate(window.qubits)}
    pairs = {pair: position for position, pair in enumerate(pairs_of(len(index)))}
    places, axes, angles = [], [], []
    for twist in window.twists:
        pair = (index[twist.qubits[0]], index[twist.qubits[1]])
        straight = twist if pair[0] < pair[1] else swapped_ends(twist)
        places.append(pairs[min(pair), max(pair)])
        axes.append(straight.axes)
        angles.append(straight.angle)
    finals = [STILL if end is None else between(end, Z) for end in window.ends]
    shape = (1, len(places), 2, 3)
    return Guess(
        np.array([places], dtype=int),
        np.array(axes, dtype=float).reshape(shape),
        np.array([angles], dtype=float),
        np.array([finals]),
    )


def target_of(window: Window) -> Target:
    """What a circuit in place of the window has to do."""
    columns = images_of(as_guess(window), 2 ** (len(window.qubits) - window.n_fresh))
    groups = np.zeros(1, dtype=int)
    for end in window.ends:
        bits = np.arange(2) if end is not None else np.zeros(2, dtype=int)
        groups = (groups[:, None] * (2 if end is not None else 1) + bits).ravel()
    return Target(columns, groups)


def replace(form: TwistForm, window: Window, guess: Guess) -> TwistForm:
    """The circuit with a fitted one, a batch of one, in place of the window."""
    pairs = pairs_of(len(window.qubits))
    new = []
    for place, (n, m), angle in zip(
        guess.pairs[0].tolist(), guess.axes[0].tolist(), guess.angles[0].tolist(), strict=True
    ):
        a, b = pairs[place]
        qubits = (window.qubits[a], window.qubits[b])
        new.append(Twist(qubits, (tuple(n), tuple(m)), angle))
    spins: list[Spin] = [STILL] * form.n_qubits
    for qubit, end, spin in zip(window.qubits, window.ends, guess.finals[0].tolist(), strict=True):
        back = STILL if end is None else inverse(between(end, Z))
        spins[qubit] = product(back, tuple(spin))
    behind = tuple(turned(twist, spins) for twist in window.behind)
    finals = tuple(map(product, form.finals, spins))
    return TwistForm(form.n_qubits, (*window.before, *new, *behind), finals, form.readout)
