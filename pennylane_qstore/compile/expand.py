r"""Wide rotations as native ones.

A rotation about a word of more than two letters is a narrower one inside a pair of Clifford
interactions: if the words :math:`A` and :math:`B` anticommute,
:math:`R_{iBA}(\theta) = R_A(\frac{\pi}{2})\, R_B(\theta)\, R_A(-\frac{\pi}{2})`.
"""

from math import pi

from pennylane_qstore.compile.form import Form, Operation, Rotation

_NEXT = {"X": "Y", "Y": "Z", "Z": "X"}


def _narrow(rotation: Rotation) -> list[Operation]:
    """One rotation as native ones: a ladder over its letters."""
    if len(rotation.qubits) <= 2:
        return [rotation]
    first, second = rotation.qubits[:2]
    p, q = rotation.axes[0], rotation.axes[1]
    # With A = P M, B = M' W and (Q, M, M') cyclic: i B A = P (i M' M) W = P Q W
    middle = _NEXT[q]
    turn = Rotation((first, second), p + middle, -pi / 2)
    inner = Rotation(rotation.qubits[1:], _NEXT[middle] + rotation.axes[2:], rotation.angle)
    back = Rotation((first, second), p + middle, pi / 2)
    return [turn, *_narrow(inner), back]


def expand_wide_rotations(form: Form) -> Form:
    """Write rotations about more than two letters with native ones, 2 (k - 2) + 1 for k letters."""
    operations: list[Operation] = []
    for operation in form.operations:
        operations += _narrow(operation) if isinstance(operation, Rotation) else [operation]
    return Form(form.n_qubits, tuple(operations), form.readout)
