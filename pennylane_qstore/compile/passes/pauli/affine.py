r"""Clifford circuits from the ground state: uniform outcomes under parity constraints.

If :math:`M_q = D^\dagger Z_q D` has the X part :math:`v_q`, then the outcomes of the qubits are
fair coin tosses but for one constraint for each dependence: where :math:`\sum_{q \in T} v_q = 0`,
the product of the :math:`M_q` is :math:`\pm` a word of Z, and its sign is the parity of the
outcomes on T. A dependence of w qubits is produced by w - 1 CNOTs onto one of them, and the phases
of the state do not matter.

References:
    Dehaene, De Moor, Phys. Rev. A 68, 042318 (2003), stabiliser states as affine spaces.
"""

from collections.abc import Iterator
from itertools import combinations
from math import pi

from pennylane_qstore.compile.form import Form, Local, Operation, Rotation
from pennylane_qstore.compile.one_qubit import FIXED, rx
from pennylane_qstore.compile.passes.pauli.program import Program
from pennylane_qstore.compile.passes.pauli.words import IDENTITY_WORD, times

_LARGEST = 5


def toss_coins(form: Form, program: Program) -> Form | None:
    """Prepare the distribution of a Clifford circuit by coin tosses and CNOTs.

    Args:
        form: A circuit from the ground state to a measurement.
        program: The same as a program, without rotations.

    Returns:
        A form with the same readout; None if some dependence is too long to look for.
    """
    dependences = _dependences(program)
    if dependences is None:
        return None
    targets = {target for target, _ in dependences}
    flips: set[int] = set()
    operations: list[Operation] = [
        Local(q, FIXED["Hadamard"]) for q in program.observables if q not in targets
    ]
    for target, others in reversed(dependences):
        for control in others:
            operations.append(Rotation((control, target), "ZX", -pi / 2))
            operations.append(Local(target, rx(pi / 2)))
        if (len(flips & set(others)) + _parity(program, (target, *others))) % 2:
            flips.add(target)
    operations += [Local(q, rx(pi)) for q in sorted(flips)]
    return Form(form.n_qubits, tuple(operations), form.readout)


def _parity(program: Program, qubits: tuple[int, ...]) -> int:
    """The parity of dependent outcomes."""
    word = IDENTITY_WORD
    for qubit in qubits:
        word = times(word, program.observables[qubit])
    return word.minus


def _dependences(program: Program) -> list[tuple[int, tuple[int, ...]]] | None:
    """A qubit and those whose outcomes add up to its own, shortest first, until none depends."""
    vectors = {q: word.x for q, word in program.observables.items()}
    found = []
    while _rank(list(vectors.values())) < len(vectors):
        shortest = next(_dependent(vectors), None)
        if shortest is None:
            return None
        found.append((shortest[-1], shortest[:-1]))
        del vectors[shortest[-1]]
    return found


def _dependent(vectors: dict[int, int]) -> Iterator[tuple[int, ...]]:
    """Sets of qubits whose vectors add up to zero, by size."""
    for size in range(1, _LARGEST + 1):
        for qubits in combinations(vectors, size):
            total = 0
            for qubit in qubits:
                total ^= vectors[qubit]
            if not total:
                yield qubits


def _rank(vectors: list[int]) -> int:
    """Rank of bit vectors over the field of two elements."""
    basis: list[int] = []
    for vector in vectors:
        for other in basis:
            vector = min(vector, vector ^ other)
        if vector:
            basis.append(vector)
    return len(basis)
