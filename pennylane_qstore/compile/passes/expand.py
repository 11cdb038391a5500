r"""Rotations about words of three and more letters as rotations of pairs.

For cyclic Paulis :math:`BC = iA`, and with :math:`Q = B \otimes P` on two qubits and
:math:`P' = C \otimes R` on the first of them and the rest,

.. math:: e^{-i\frac{\theta}{2} A P R} =
    e^{-i\frac{\pi}{4} Q}\; e^{-i\frac{\theta}{2} P'}\; e^{i\frac{\pi}{4} Q},

so each letter above two costs a pair of full entanglers; the innermost rotation keeps its angle.
Letters are taken from the end, so that neighbours with a common ending share entanglers, which
:func:`~pennylane_qstore.compile.passes.merge.merge_twists` then cancels.
"""

from math import pi

from pennylane_qstore.compile.form import Form, Operation, Rotation

_CYCLIC = {"X": ("Y", "Z"), "Y": ("Z", "X"), "Z": ("X", "Y")}


def _ladder(rotation: Rotation) -> list[Operation]:
    """One rotation as rotations of at most two qubits."""
    qubits, axes = list(rotation.qubits), list(rotation.axes)
    before: list[Operation] = []
    after: list[Operation] = []
    while len(qubits) > 2:
        last, letter = qubits.pop(), axes.pop()
        first, second = _CYCLIC[axes[-1]]
        pair = (qubits[-1], last)
        before.append(Rotation(pair, first + letter, -pi / 2))
        after.append(Rotation(pair, first + letter, pi / 2))
        axes[-1] = second
    return [*before, Rotation(tuple(qubits), "".join(axes), rotation.angle), *reversed(after)]


def expand_rotations(form: Form) -> Form:
    """Expand every rotation of more than two qubits into rotations of pairs.

    Args:
        form: Any form.

    Returns:
        An equivalent form of native rotations: :math:`2k - 3` for a word of k letters.
    """
    operations: list[Operation] = []
    for op in form.operations:
        if isinstance(op, Rotation) and len(op.qubits) > 2:
            operations += _ladder(op)
        else:
            operations.append(op)
    return Form(form.n_qubits, tuple(operations), form.readout)
