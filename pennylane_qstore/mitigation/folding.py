r"""Native circuits with more noise and the same unitary.

A gate :math:`G` becomes :math:`G (G^{-1} G)^k`. Folding happens on native gates, which no level of
the compiler changes; a source circuit that is folded may be unfolded by it.
"""

import pennylane as qml
import pennylane_ionq.ops as ionq_ops
from pennylane.operation import Operator
from pennylane.queuing import QueuingManager
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.typing import PostprocessingFn

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.mitigation.tapes import first, is_entangler, require_native
from pennylane_qstore.ops import GPI, GPI2, MS, ZZ


@qml.transform
def fold_native(
    tape: QuantumScript, scale_factor: float
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    r"""Scale the noise of a native circuit by folding its gates, each where it stands.

    Of :math:`n` entangling gates, :math:`n (\lambda - 1) / 2` folds are made (rounded), evenly
    spread over the circuit, and likewise of the gates on one qubit; :func:`noise_scale` says what
    factor that is. Odd factors are exact. ZZ has no inverse within IonQ's range of angles: it is
    turned round by a GPI on either side, and these two count as a fold of a gate on one qubit.

    It may be given to PennyLane's ``mitigate_with_zne`` as its ``folding``.

    Args:
        tape: Native gates; see :func:`~pennylane_qstore.to_ionq_native`.
        scale_factor: :math:`\lambda`, at least 1.

    Raises:
        InvalidOptionError: If the factor is below 1.
        UnsupportedGateError: If a gate is not native.

    References:
        Giurgica-Tiron, Hindy, LaRose, Mari and Zeng, IEEE QCE (2020), "Digital zero noise
        extrapolation for quantum error mitigation".
    """
    return [fold(tape, scale_factor)], first


def fold(tape: QuantumScript, scale_factor: float) -> QuantumScript:
    """The folded tape of :func:`fold_native`."""
    if not scale_factor >= 1:
        raise InvalidOptionError(f"scale_factor is {scale_factor}; noise can be scaled from 1 on")
    require_native(tape)
    entanglers = [op for op in tape.operations if is_entangler(op)]
    twos = iter(_spread(_n_folds(len(entanglers), scale_factor), len(entanglers)))
    n_ones = len(tape.operations) - len(entanglers)
    n_turned = _n_folds(len(entanglers), scale_factor) * any(
        isinstance(op, ZZ) for op in entanglers
    )
    ones = iter(_spread(max(0, _n_folds(n_ones, scale_factor) - n_turned), n_ones))
    operations: list[Operator] = []
    with QueuingManager.stop_recording():
        for op in tape.operations:
            n_folds = next(twos if is_entangler(op) else ones)
            operations += [op, *(n_folds * [*inverse(op), op])]
    return tape.copy(operations=operations)


def noise_scale(tape: QuantumScript, folded: QuantumScript) -> float:
    """By what factor folding multiplied the entangling gates; without any, all gates."""
    before, after = (
        sum(map(is_entangler, one.operations)) or len(one.operations) for one in (tape, folded)
    )
    return after / before if before else 1.0


def inverse(op: Operator) -> list[Operator]:
    """Native gates that undo a native gate, up to a phase."""
    if isinstance(op, ZZ):
        flip = GPI(0.0, wires=op.wires[0])
        return [flip, op, flip]
    first, *rest = op.data
    if isinstance(op, ionq_ops.GPI):
        return [GPI(first, wires=op.wires)]
    turned = (first + 0.5) % 1  # the opposite axis
    return [
        GPI2(turned, wires=op.wires) if len(op.wires) == 1 else MS(turned, *rest, wires=op.wires)
    ]


def _n_folds(n_gates: int, scale_factor: float) -> int:
    return round(n_gates * (scale_factor - 1) / 2)


def _spread(n_folds: int, n_gates: int) -> list[int]:
    """Folds of each gate, as even as can be."""
    return [(i + 1) * n_folds // n_gates - i * n_folds // n_gates for i in range(n_gates)]
