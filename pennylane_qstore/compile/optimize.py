r"""Forms to equivalent forms with fewer native interactions, at three levels of effort.

Level 0 only expands rotations of more than two qubits. Level 1 alternates exact passes until none
helps: merging, two-qubit blocks, rules for both ends of the circuit; and rebuilds the circuit from
its Pauli rotations where there are few of them. Level 2 tries more orders and weightings, then it
shortens windows of up to six qubits by fitting.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from math import pi
from time import monotonic

from pennylane_qstore.compile.expand import expand_wide_rotations
from pennylane_qstore.compile.form import Form
from pennylane_qstore.compile.passes.blocks import rewrite_blocks
from pennylane_qstore.compile.passes.edges import resynthesize_at_edges, trim_inputs, trim_outputs
from pennylane_qstore.compile.passes.merge import merge_twists
from pennylane_qstore.compile.passes.pauli import Search, resynthesize_paulis
from pennylane_qstore.compile.passes.pauli.fold import fold
from pennylane_qstore.compile.passes.pauli.program import read_program
from pennylane_qstore.compile.passes.poles import (
    Entangler,
    count_pulses,
    from_twists,
    pulses_between,
)
from pennylane_qstore.compile.passes.search import Limits, shorten_windows
from pennylane_qstore.compile.passes.spins import Z
from pennylane_qstore.compile.passes.tail import absorb_entanglers, absorb_flips
from pennylane_qstore.compile.passes.twists import (
    TwistForm,
    reduced_angle,
    to_twists,
    total_angle,
)
from pennylane_qstore.errors import InvalidOptionError

Cost = tuple[int, float, int]

_ROUNDS = 8
_QUICK_TRIALS = 2
_SMALL = 2000
_TRIALS = 60
_FINALISTS = 3


@dataclass(frozen=True, slots=True)
class _Task:
    """What an optimisation may do, and what counts.

    Attributes:
        absorb_tail: Whether bits may be sums of outcomes.
        read: Bits of the result that matter; all if None.
        entangler: Native gate to save pulses for.
        widest: Most qubits of a window at level 2.
    """

    absorb_tail: bool
    read: Collection[int] | None
    entangler: Entangler
    widest: int

    def cost(self, form: TwistForm) -> Cost:
        """Twists, their total angle, then one-qubit pulses."""
        angle = round(total_angle(form.twists), 7)
        return len(form.twists), angle, count_pulses(form, self.entangler)

    def simplify(self, form: TwistForm, *, backwards: bool = False) -> TwistForm:
        """Alternate the exact passes until none makes the circuit shorter."""
        best, lowest = form, (len(form.twists), total_angle(form.twists))
        for turn in range(_ROUNDS):
            form = merge_twists(form)
            collected_backwards = turn % 2 == (0 if backwards else 1)
            form = rewrite_blocks(form, resynthesize_at_edges, backwards=collected_backwards)
            form = trim_outputs(trim_inputs(form), read=self.read)
            if self.absorb_tail:
                form = absorb_entanglers(form)
            cost = (len(form.twists), total_angle(form.twists))
            if turn and cost > (lowest[0], lowest[1] - 1e-9):
                break
            if cost < lowest:
                best, lowest = form, cost
        return best


def optimize(
    form: Form,
    *,
    level: int = 1,
    absorb_tail: bool = False,
    read: Collection[int] | None = None,
    time_limit_s: float = 20.0,
    seed: int = 0,
    entangler: Entangler = "zz",
    widest: int = 6,
) -> Form:
    """Write a circuit with fewer native interactions, less total angle and fewer pulses.

    The result has the same distribution of bits, from the ground state. Rules for both ends of the
    circuit use that; a circuit on no more than ``widest`` qubits may at level 2 be replaced by any
    shorter one with the same distribution.

    Args:
        form: Any form.
        level: 0 expands wide rotations only, 1 is exact and fast, 2 searches.
        absorb_tail: Allow bits that are sums modulo two of outcomes, and inverted bits.
        read: Bits of the result that matter; all if None.
        time_limit_s: Time after which level 2 stops searching. A search that is not cut short
            depends on ``seed`` only.
        seed: Of all random choices.
        entangler: Native gate whose pulses are to be saved, ``"zz"`` or ``"ms"``.
        widest: Most qubits of a window that level 2 fits anew, from 3 to 6.

    Returns:
        An equivalent form, never with more interactions than a lower level gives.

    Raises:
        InvalidOptionError: If there is no such level.
    """
    if level not in (0, 1, 2):
        raise InvalidOptionError(f"level={level!r} is not known; use 0, 1 or 2")
    expanded = expand_wide_rotations(form)
    if level == 0:
        return expanded
    task = _Task(absorb_tail, read, entangler, widest)
    best = _quick(form, expanded, task)
    if level == 2:
        best = _search(form, expanded, best, task, Limits(widest, monotonic() + time_limit_s, seed))
    if absorb_tail:
        best = absorb_flips(best)
    return from_twists(best, entangler)


def _quick(form: Form, expanded: Form, task: _Task) -> TwistForm:
    """Level 1."""
    best = task.simplify(to_twists(expanded))
    if not _has_few_rotations(best, form):
        return best
    is_small = len(best.twists) * best.n_qubits < _SMALL
    search = Search(trials=_QUICK_TRIALS if is_small else 1)
    for source in (form, from_twists(best)) if is_small else (form,):
        again = resynthesize_paulis(source, absorb_tail=task.absorb_tail, search=search)
        new = task.simplify(to_twists(expand_wide_rotations(again)))
        best = min(best, new, key=task.cost)
    return best


def _has_few_rotations(twists: TwistForm, form: Form) -> bool:
    """Whether a circuit is so close to Clifford that its Pauli rotations may be the shorter form.

    A circuit with as many twists as links its qubits need is short already; one that turns qubits
    by odd angles at most steps has too many rotations.
    """
    n_twists = len(twists.twists)
    if n_twists < len({qubit for twist in twists.twists for qubit in twist.qubits}):
        return False
    odd = sum(abs(abs(reduced_angle(t.angle)[0]) - pi / 2) > 1e-9 for t in twists.twists)
    if odd > 0.75 * n_twists:
        return False
    last = [Z] * twists.n_qubits
    for twist in twists.twists:
        for qubit, axis in zip(twist.qubits, twist.axes, strict=True):
            odd += pulses_between(last[qubit], axis) == 2
            last[qubit] = axis
    if odd > 1.1 * n_twists:
        return False
    program = fold(read_program(form, from_ground=True, to_measurement=True))
    return len(program.words) < 0.9 * n_twists


def _search(form: Form, expanded: Form, best: TwistForm, task: _Task, limits: Limits) -> TwistForm:
    """Level 2: the best of many starts, shortened window by window."""
    starts = {task.cost(best): best}
    half = monotonic() + 0.4 * (limits.deadline - monotonic())
    for start in _starts(form, expanded, best, task, limits._replace(deadline=half)):
        starts.setdefault(task.cost(start), start)
        if monotonic() > half:
            break
    finalists = [starts[cost] for cost in sorted(starts)[:_FINALISTS]]
    results = [best]
    for place, finalist in enumerate(finalists):
        share = (limits.deadline - monotonic()) / (len(finalists) - place)
        part = limits._replace(deadline=monotonic() + share)
        results.append(shorten_windows(finalist, task.simplify, part))
    return min(results, key=task.cost)


def _starts(
    form: Form, expanded: Form, best: TwistForm, task: _Task, limits: Limits
) -> Iterator[TwistForm]:
    """Circuits worth shortening further."""
    twists = to_twists(expanded)
    yield task.simplify(twists, backwards=True)
    late = _late(limits.deadline)
    for source in (form, from_twists(best)):
        for trials, width in ((5, 1), (_TRIALS, 1), (5, 4)):
            search = Search(trials=trials, width=width, seed=limits.seed, deadline=late)
            again = resynthesize_paulis(source, absorb_tail=task.absorb_tail, search=search)
            yield task.simplify(to_twists(expand_wide_rotations(again)))
            if late():
                return


def _late(deadline: float) -> Callable[[], bool]:
    return lambda: monotonic() > deadline
