r"""Forms to native gates, with virtual Z frames.

Each qubit carries the one-qubit unitary that waits in front of its next entangling gate. There it
is written as at most two pulses and a frame (:mod:`~pennylane_qstore.compile.one_qubit`); the frame
moves on past the entangling gate:

* :math:`ZZ(\theta)` commutes with frames;
* :math:`MS(\phi_0, \phi_1, \theta) \cdot RZ(\gamma_0) \otimes RZ(\gamma_1) = RZ(\gamma_0) \otimes
  RZ(\gamma_1) \cdot MS(\phi_0 - \frac{\gamma_0}{2\pi}, \phi_1 - \frac{\gamma_1}{2\pi}, \theta)`;
* what remains at the end is dropped: a measurement does not see it.
"""

from collections.abc import Sequence
from math import pi

from pennylane_qstore.compile.form import Form, Local
from pennylane_qstore.compile.one_qubit import (
    DIGITS,
    FIXED,
    IDENTITY,
    PAULI_X,
    TURN,
    Unitary,
    rx,
    ry,
    rz,
    to_pulses,
    wrap,
)
from pennylane_qstore.compile.rules import ROTATIONS, reduced
from pennylane_qstore.compile.target import Target
from pennylane_qstore.errors import WrongNativeGateError
from pennylane_qstore.native import Circuit, Gate

TO_Z = {"X": ry(-pi / 2), "Y": rx(pi / 2), "Z": IDENTITY}
"""``C`` with ``C P C† = Z`` for each Pauli ``P``."""

TO_EQUATOR = {"X": (IDENTITY, 0.0), "Y": (IDENTITY, 0.25), "Z": (ry(pi / 2), 0.0)}
"""``C`` and phase with ``C P C† = A(phase)`` for each Pauli ``P``."""

_ATOL = 1e-12


def inverse(unitary: Unitary) -> Unitary:
    """The conjugate transpose."""
    a, b, c, d = (complex(entry).conjugate() for entry in unitary)
    return Unitary(a, c, b, d)


class _Frames:
    """Gates emitted so far, and the unitary that waits on each qubit."""

    def __init__(self, n_qubits: int) -> None:
        self.gates: list[Gate] = []
        self.waiting = [IDENTITY] * n_qubits

    def apply(self, qubit: int, unitary: Unitary) -> None:
        """Let ``unitary`` wait on ``qubit``, after what waits there already."""
        if unitary is not IDENTITY:
            before = self.waiting[qubit]
            self.waiting[qubit] = unitary if before is IDENTITY else unitary.after(before)

    def flush(self, qubit: int) -> float:
        """Emit the pulses that wait on ``qubit``; return the frame, in radians, that stays."""
        waiting = self.waiting[qubit]
        if waiting is IDENTITY:
            return 0.0
        pulses, frame = to_pulses(waiting)
        self.gates += [Gate(name, (qubit,), (phase,)) for name, phase in pulses]
        self.waiting[qubit] = rz(frame)
        return frame

    def interact_zz(self, qubits: tuple[int, int], axes: str, angle: float) -> None:
        """Apply ``exp(-iπ angle P⊗Q)`` as one ZZ gate; ``angle`` in turns."""
        rest, paulis = reduced(angle)
        changes = [TO_Z[axis] for axis in axes]
        if rest < -_ATOL:  # X ZZ(a) X = ZZ(-a), on the qubit where a pulse waits anyway
            first_is_diagonal = abs(self.waiting[qubits[0]].b) < _ATOL
            flipped = 1 if first_is_diagonal and abs(self.waiting[qubits[1]].b) > _ATOL else 0
            changes[flipped] = PAULI_X.after(changes[flipped])
        if abs(rest) > _ATOL:
            for qubit, change in zip(qubits, changes, strict=True):
                self.apply(qubit, change)
                self.flush(qubit)
            self.gates.append(Gate("zz", qubits, (round(abs(rest), DIGITS),)))
            for qubit, change in zip(qubits, changes, strict=True):
                self.apply(qubit, inverse(change))
        if paulis:
            self._apply_paulis(qubits, axes)

    def interact_ms(self, qubits: tuple[int, int], axes: str, angle: float) -> None:
        """Apply ``exp(-iπ angle P⊗Q)`` as one MS gate; ``angle`` in turns."""
        rest, paulis = reduced(angle)
        if abs(rest) > _ATOL:
            phases = []
            for qubit, axis in zip(qubits, axes, strict=True):
                change, phase = TO_EQUATOR[axis]
                self.apply(qubit, change)
                phases.append(phase - self.flush(qubit) / TURN)
            if rest < 0:  # A(phase + 1/2) = -A(phase)
                phases[0] += 0.5
            values = (wrap(phases[0]), wrap(phases[1]), round(abs(rest), DIGITS))
            self.gates.append(Gate("ms", qubits, values))
            for qubit, axis in zip(qubits, axes, strict=True):
                self.apply(qubit, inverse(TO_EQUATOR[axis][0]))
        if paulis:
            self._apply_paulis(qubits, axes)

    def _apply_paulis(self, qubits: tuple[int, int], axes: str) -> None:
        for qubit, axis in zip(qubits, axes, strict=True):
            self.apply(qubit, FIXED["Pauli" + axis])


def _check_family(gate: Gate, target: Target) -> None:
    if len(gate.qubits) == 2 and gate.name not in target.accepts:
        raise WrongNativeGateError(
            f"native gate {gate.name.upper()} on qubits {list(gate.qubits)}: this backend takes "
            f"{', '.join(sorted(target.accepts)).upper()} only; write the circuit with that gate, "
            "or with PennyLane's gates and let the device compile it"
        )


def synthesize(form: Form, target: Target, *, prefix: Sequence[Gate] = ()) -> Circuit:
    """Compile to native gates; equal to the source up to global phase and a final diagonal.

    Args:
        form: Locals and rotations about at most two letters.
        target: Gate family to use.
        prefix: Native gates a user wrote, which go first and untouched.

    Returns:
        A native circuit. One without gates, which IonQ refuses, is returned as a pair of pulses on
        qubit 0 that cancel.

    Raises:
        WrongNativeGateError: If a gate of the prefix is of another family than the target's.
    """
    for gate in prefix:
        _check_family(gate, target)
    frames = _Frames(form.n_qubits)
    interact = frames.interact_ms if target.entangler == "ms" else frames.interact_zz
    for operation in form.operations:
        if isinstance(operation, Local):
            frames.apply(operation.qubit, operation.unitary)
        elif len(operation.qubits) == 1:
            frames.apply(operation.qubits[0], ROTATIONS[operation.axes](operation.angle))
        else:
            first, second = operation.qubits
            interact((first, second), operation.axes, operation.angle / TURN)
    for qubit in range(form.n_qubits):
        frames.flush(qubit)
    gates = (*prefix, *frames.gates) or (Gate("gpi", (0,), (0.0,)),) * 2
    return Circuit(form.n_qubits, gates)
