"""Collect all twists of a pair of qubits that commutation brings together, and rewrite each block.

What a block becomes is up to a rule (:mod:`~pennylane_qstore.compile.passes.resynthesis`,
:mod:`~pennylane_qstore.compile.passes.edges`); one-qubit gates that it leaves are pushed to the
end, and exchanged qubits are renamed from there on.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pennylane_qstore.compile.form import Bit
from pennylane_qstore.compile.passes.spins import (
    STILL,
    Spin,
    Vector,
    inverse,
    parallel,
    product,
    turn,
)
from pennylane_qstore.compile.passes.twists import (
    Twist,
    TwistForm,
    commute,
    swapped_ends,
    total_angle,
    turned,
)


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
