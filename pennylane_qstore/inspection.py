"""What a device sends for a tape: described, and compared with the tape."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import pennylane as qml
from pennylane.measurements import MeasurementProcess
from pennylane.operation import Operator
from pennylane.tape import QuantumScript
from pennylane.transforms.core import CompilePipeline
from pennylane.wires import Wires

from pennylane_qstore.compile import Compiled, NativeTape, Source, Target
from pennylane_qstore.compile.report import CompileReport, compile_report
from pennylane_qstore.compile.stages import trace_stages
from pennylane_qstore.compile.verify import Limits, Verification, verify_circuit
from pennylane_qstore.errors import UnsupportedMeasurementError
from pennylane_qstore.ops import GPI, GPI2, MS, ZZ
from pennylane_qstore.transforms import native_pipeline, to_target

_NOT_GATES = frozenset({"MidMeasureMP", "PauliMeasure", "Conditional", "Allocate", "Deallocate"})
_NATIVE = {"gpi": GPI, "gpi2": GPI2, "ms": MS, "zz": ZZ}


class Preprocessing(Protocol):
    """A device, as far as its compiler goes."""

    @property
    def target(self) -> Target:
        """What circuits are compiled to."""

    def preprocess_transforms(self) -> CompilePipeline:
        """Transforms of which the last one compiles."""


class Prepared(NamedTuple):
    """One circuit that a tape is sent as.

    Attributes:
        native: The compiled tape.
        source: The operations it was compiled from, as the user wrote them, with PennyLane's
            rotations to the measurement basis.
        read: Qubits whose outcomes are used.
    """

    native: NativeTape
    source: list[Operator]
    read: tuple[int, ...]


def prepare(tape: QuantumScript, pipeline: CompilePipeline) -> Iterator[Prepared]:
    """The circuits of a tape, each with its source.

    Mid-circuit measurements are deferred by PennyLane, and operations on wires it then adds stand
    for what the user wrote.

    Raises:
        UnsupportedMeasurementError: If the tape asks for a state, for which nothing is compiled.
    """
    if not tape.measurements:
        tape = tape.copy(measurements=[qml.probs(wires=tape.wires)])
    tapes = qml.transforms.broadcast_expand(tape)[0] if tape.batch_size else (tape,)
    for single in tapes:
        for lowered in pipeline[:-1]((single,))[0]:
            (native,) = pipeline[-1:]((lowered,))[0]
            if not isinstance(native, NativeTape):
                raise UnsupportedMeasurementError(
                    f"{lowered.measurements[0]} needs the state, for which nothing is compiled"
                )
            is_plain = not any(op.name in _NOT_GATES for op in single.operations)
            operations = single.operations if is_plain else lowered.operations
            source = [*operations, *_to_eigenbasis(lowered.measurements)]
            measured = Wires.all_wires([mp.wires for mp in lowered.measurements])
            yield Prepared(native, source, tuple(sorted(native.index[w] for w in measured)))


def _to_eigenbasis(measurements: Sequence[MeasurementProcess]) -> list[Operator]:
    """Textbook rotations: H for X, H S† for Y; other observables by PennyLane."""
    letters: dict[Any, str] = {}
    rotations: list[Operator] = []
    for mp in measurements:
        sentence = mp.obs.pauli_rep if mp.obs is not None else None
        if sentence is not None and len(sentence) == 1:
            letters.update(next(iter(sentence)))
        else:
            rotations += mp.diagonalizing_gates()
    for wire, letter in letters.items():
        if letter == "Y":
            rotations.append(qml.adjoint(qml.S(wire)))
        if letter in "XY":
            rotations.append(qml.Hadamard(wire))
    return rotations


@qml.QueuingManager.stop_recording()
def verify(
    tape: QuantumScript,
    device: Preprocessing | None = None,
    *,
    from_ground: bool = True,
    limits: Limits | None = None,
) -> Verification:
    """Compare what a device sends for a tape with the tape.

    Args:
        tape: A user's tape; of a QNode, ``qml.workflow.construct_tape(qnode)(*args)``.
        device: The device whose compiler is checked; None for :func:`to_ionq_native`.
        from_ground: Whether only the ground state counts as input, where every circuit starts;
            see :func:`~pennylane_qstore.compile.verify.verify_circuit`.
        limits: How far to go.

    Returns:
        What was found; of several circuits (groups of observables, broadcast parameters), the
        worst. ``.require()`` raises where it is not good.
    """
    found = [
        verify_circuit(
            native.lowering.circuits[0],
            source,
            native.lowering.wires,
            read=read,
            from_ground=from_ground,
            limits=limits,
        )
        for native, source, read in prepare(tape, _pipeline_of(device))
    ]
    return max(found, key=lambda one: (one.ok is False, one.ok is None, one.error))


def source_operations(source: Source, row: int = 0) -> list[Operator]:
    """One row of a source as PennyLane's operations on qubits."""
    values = iter(source.params[row].tolist())
    operations: list[Operator] = []
    for name, qubits, n_params, word in source.skeleton:
        params = [next(values) for _ in range(n_params)]
        if name == "PauliRot":
            operations.append(qml.PauliRot(*params, word, wires=qubits))
        elif name.startswith("Adjoint("):
            base = getattr(qml, name.removeprefix("Adjoint(").removesuffix(")"))
            operations.append(qml.adjoint(base(*params, wires=qubits)))
        else:
            kind = _NATIVE[name] if name in _NATIVE else getattr(qml, name)
            operations.append(kind(*params, wires=qubits))
    return operations


@qml.QueuingManager.stop_recording()
def require_verified(
    sources: Sequence[Source],
    compiled: Sequence[Sequence[Compiled]],
    *,
    limits: Limits | None = None,
) -> None:
    """Compare a whole batch with its sources, before it is sent.

    Circuits that no method reaches are named in a warning.

    Args:
        sources: What was compiled.
        compiled: For each source one circuit for each row of its parameters.
        limits: How far to go.

    Raises:
        VerificationError: If a circuit differs from its source.
    """
    for source, rows in zip(sources, compiled, strict=True):
        wires = Wires(range(source.n_qubits))
        for row, one in enumerate(rows):
            operations = source_operations(source, row)
            found = verify_circuit(one, operations, wires, limits=limits)
            if found.ok is None:
                warnings.warn(f"a circuit was not verified: {found.detail}", stacklevel=2)
            else:
                found.require()


def _pipeline_of(device: Preprocessing | None, level: int = 1) -> CompilePipeline:
    if device is None:
        return native_pipeline(to_target("ms"), level, None)
    return device.preprocess_transforms()


@qml.QueuingManager.stop_recording()
def report(
    tape: QuantumScript, device: Preprocessing | None = None, *, level: int = 1
) -> tuple[CompileReport, ...]:
    """Describe the circuits that a device sends for a tape.

    Args:
        tape: A user's tape; of a QNode, ``qml.workflow.construct_tape(qnode)(*args)``.
        device: The device; None for :func:`to_ionq_native`.
        level: The device's optimisation level, up to which stages are shown.
    """
    target = device.target if device is not None else to_target("ms")
    by_template = device is not None and level == 1
    reports = []
    for native, source, _ in prepare(tape, _pipeline_of(device, level)):
        lowering, between = native.lowering, []
        if native.compiled.gateset == "native":
            between = trace_stages(
                lowering.source,
                target,
                level=level,
                absorb_tail=any(len(bit.qubits) != 1 or bit.flip for bit in native.readout),
                by_template=by_template,
            )
        reports.append(
            compile_report(lowering.circuits[0], lowering.wires, source=source, between=between)
        )
    return tuple(reports)
