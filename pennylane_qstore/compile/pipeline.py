"""PennyLane's transforms that bring a user's tape to the point where it is compiled."""

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

import numpy as np
import pennylane as qml
from autograd.tracer import isbox
from pennylane.devices.preprocess import (
    decompose,
    device_resolve_dynamic_wires,
    validate_device_wires,
    validate_measurements,
    validate_observables,
)
from pennylane.exceptions import DecompositionUndefinedError
from pennylane.measurements import (
    CountsMP,
    ExpectationMP,
    MeasurementProcess,
    ProbabilityMP,
    SampleMeasurement,
    SampleMP,
    VarianceMP,
)
from pennylane.operation import Operator
from pennylane.ops import BlockEncode, DiagonalQubitUnitary, QubitUnitary
from pennylane.ops.qubit.state_preparation import StatePrepBase
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.transforms.core import CompilePipeline
from pennylane.typing import PostprocessingFn
from pennylane.wires import Wires

from pennylane_qstore.compile.batch import Compiled
from pennylane_qstore.compile.lower import (
    Source,
    can_lower,
    check_gate_sets,
    native_name,
    without_native_adjoint,
)
from pennylane_qstore.compile.measurements import (
    EXACT_MEASUREMENTS,
    is_measurable,
    measure_sums,
    needs_state,
    rotate_to_computational_basis,
)
from pennylane_qstore.compile.native_tape import Lowering, NativeTape
from pennylane_qstore.compile.qis import QIS_NAMES
from pennylane_qstore.compile.shifts import has_shift_rule
from pennylane_qstore.errors import TooManyWiresError, UnsupportedMeasurementError
from pennylane_qstore.native import GateSet

TARGET_GATES = frozenset(QIS_NAMES.keys() - {"SWAP"} | {"GlobalPhase", "Identity"})
"""Gates PennyLane decomposes to where an operation has no rule of ours."""


def _first(results: Sequence[Any]) -> Any:
    return results[0]


@qml.transform
def resolve_native_adjoints(
    tape: QuantumScript,
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Write adjoints of native gates as native gates, as they come from folding a circuit."""
    resolved = [gate for op in tape.operations for gate in without_native_adjoint(op)]
    if len(resolved) == len(tape.operations) and all(map(is_, resolved, tape.operations)):
        return (tape,), _first
    return (tape.copy(operations=resolved),), _first


@qml.transform
def refuse_mixed_gate_sets(tape: QuantumScript) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Raise :class:`MixedGateSetsError` for a tape with native gates and others."""
    check_gate_sets(tape.operations)
    return (tape,), _first


@qml.transform
def name_measured_wires(
    tape: QuantumScript, wires: Wires | None
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Write the wires into measurements of all wires, before other transforms reorder them."""
    everything = wires or standard_order(tape.wires)
    named = [_on_wires(mp, everything) for mp in tape.measurements]
    return (tape.copy(measurements=named),), _first


def standard_order(wires: Wires) -> Wires:
    """The order PennyLane gives wires that no device names: 0 to n - 1, else by first use."""
    numbers = Wires(range(len(wires)))
    return numbers if set(numbers) == set(wires) else wires


def _on_wires(mp: MeasurementProcess, wires: Wires) -> MeasurementProcess:
    if mp.obs is not None or mp.mv is not None or len(mp.wires) > 0 or len(wires) == 0:
        return mp
    if isinstance(mp, SampleMP):
        return SampleMP(wires=wires, dtype=mp._dtype)
    if isinstance(mp, CountsMP):
        return CountsMP(wires=wires, all_outcomes=mp.all_outcomes)
    return ProbabilityMP(wires=wires) if isinstance(mp, ProbabilityMP) else mp


@qml.transform
def defer_measurements(
    tape: QuantumScript, wires: Wires | None
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Defer mid-circuit measurements to the end, on spare wires of the device.

    Raises:
        TooManyWiresError: If the device has too few spare wires.
    """
    (deferred,), postprocess = qml.defer_measurements(tape, allow_postselect=False)
    added = [wire for wire in deferred.wires if wires and wire not in wires]
    added = [wire for wire in added if wire not in tape.wires]
    if added:
        spare = [wire for wire in wires or () if wire not in deferred.wires]
        if len(spare) < len(added):
            raise TooManyWiresError(
                f"the circuit's mid-circuit measurements need {len(added)} wires besides the "
                f"{len(tape.wires)} it names, and the device has {len(spare)} to spare; make the "
                f"device with {len(added) - len(spare)} more"
            )
        (deferred,), _ = qml.map_wires(deferred, dict(zip(added, spare, strict=False)))
    return (deferred,), postprocess


_MATRIX_OPS = (
    BlockEncode,
    DiagonalQubitUnitary,
    QubitUnitary,
    StatePrepBase,
    qml.AmplitudeEmbedding,
)


@qml.transform
def expand_broadcast_matrices(tape: QuantumScript) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Split a tape whose broadcast parameters are matrices or states, which have to be decomposed
    one by one; broadcast angles stay together.
    """  # noqa: D205
    if tape.batch_size and any(
        isinstance(op, _MATRIX_OPS) and op.batch_size for op in tape.operations
    ):
        return qml.transforms.broadcast_expand(tape)
    return (tape,), _first


def _by_matrix(op: Operator) -> Sequence[Operator]:
    """PennyLane's decomposition, or through the matrix where there is none."""
    if op.has_decomposition:
        return op.decomposition()
    if not op.has_matrix:
        raise DecompositionUndefinedError  # PennyLane names the operation and the device
    return qml.QubitUnitary(op.matrix(), wires=op.wires).decomposition()


def decomposition(
    gateset: GateSet, wires: Wires | None, name: str, *, shiftable: bool = False
) -> dict[str, Any]:
    """Arguments of PennyLane's ``decompose`` for a gate set.

    Args:
        gateset: Gate set to send.
        wires: Wires of the device.
        name: The device's name, for messages.
        shiftable: Whether operations have to have a shift rule as well.
    """

    def stops(op: Operator) -> bool:
        return can_lower(op, gateset) and (not shiftable or has_shift_rule(op) or not op.num_params)

    return {
        "stopping_condition": stops,
        "decomposer": _by_matrix,
        "target_gates": set(TARGET_GATES),
        "device_wires": wires,
        "skip_initial_state_prep": False,
        "name": name,
    }


_PLAIN = frozenset({float, int, np.float64, np.ndarray})
"""Types of parameters that need no conversion."""


def _qubit_order(tape: QuantumScript, wires: Wires | None) -> Wires:
    """Device wires; else integer labels ascending, other labels in order of first use."""
    if wires:
        return wires
    labels = tape.wires.tolist()
    if all(isinstance(label, (int, np.integer)) for label in labels):
        labels.sort()
    return Wires(labels or [0])


@qml.transform
def compile_natively(
    tape: QuantumScript,
    compile_all: Callable[[Sequence[Source]], list[list[Compiled]]],
    gateset: GateSet,
    wires: Wires | None,
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Turn a tape of lowerable gates into tapes of one circuit each, to be compiled when read.

    Broadcast parameters give one tape per entry, and results stacked along the first axis. A tape
    that asks for the state, which no job returns, stays as it is.
    """
    if any(needs_state(mp) for mp in tape.measurements):
        return (tape,), _first
    rotations, measurements = rotate_to_computational_basis(tape.measurements)
    if not all(can_lower(op, gateset) for op in rotations):
        (tail,), _ = decompose(
            QuantumScript(rotations), **decomposition(gateset, wires, "qstore.ionq")
        )
        rotations = tail.operations
    params = tape.get_parameters(trainable_only=False)
    is_single = all(type(param) in _PLAIN and np.ndim(param) == 0 for param in params)
    batch_size = None if is_single else tape.batch_size  # which takes a while to find out
    lowering = Lowering(
        [*tape.operations, *rotations],
        _qubit_order(tape, wires),
        batch_size,
        all(isinstance(mp, ExpectationMP | VarianceMP) for mp in measurements),
        compile_all,
    )
    tapes = tuple(
        NativeTape(lowering, measurements, tape.shots, position)
        for position in range(batch_size or 1)
    )
    if batch_size is None:
        return tapes, _first
    several = len(measurements) > 1
    return tapes, lambda results: _stack(results, tape.shots.has_partitioned_shots, several)


@qml.transform
def compile_untraced(
    tape: QuantumScript,
    compile_all: Callable[[Sequence[Source]], list[list[Compiled]]],
    gateset: GateSet,
    wires: Wires | None,
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """:func:`compile_natively`, but for tapes whose parameters are traced for a gradient: these
    stay as they are.
    """  # noqa: D205
    if any(_is_traced(param) for param in tape.get_parameters(trainable_only=False)):
        return (tape,), _first
    return compile_natively(to_numpy(tape), compile_all, gateset, wires)


def to_numpy(tape: QuantumScript) -> QuantumScript:
    """The tape with plain NumPy parameters; PennyLane has often seen to that already."""
    if all(type(param) in _PLAIN for param in tape.get_parameters(trainable_only=False)):
        return tape
    (plain,), _ = qml.transforms.convert_to_numpy_parameters(tape)
    return plain


def _is_traced(param: Any) -> bool:
    """Whether a gradient may flow back to ``param``."""
    interface = qml.math.get_interface(param)
    if interface == "torch":
        return bool(param.requires_grad)
    if interface == "jax":
        return "Tracer" in type(param).__name__
    return bool(isbox(param))


@qml.transform
def refuse_traced_observables(
    tape: QuantumScript,
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Raise for a gradient that would flow into an observable, which no shifted circuit gives."""
    for mp in tape.measurements:
        if mp.obs is not None and any(_is_traced(param) for param in mp.obs.data):
            raise UnsupportedMeasurementError(
                f"{type(mp).__name__} of {mp.obs.name} on wires {mp.wires.tolist()} depends on a "
                "trainable parameter; only the coefficients of a sum can be trained in expval, so "
                "write the observable as a sum of fixed terms, or make the parameter constant"
            )
    return (tape,), _first


def _stack(results: Sequence[Any], is_partitioned: bool, several: bool) -> Any:
    """Results of the entries of a broadcast, stacked for each measurement and part of the shots."""
    if is_partitioned:
        return tuple(_stack(part, False, several) for part in zip(*results, strict=True))
    if several:
        return tuple(_stack(values, False, False) for values in zip(*results, strict=True))
    if isinstance(results[0], dict):
        return list(results)
    return np.stack(results)


def can_differentiate(tape: QuantumScript) -> bool:
    """Whether the device differentiates a user's tape itself, by parameter shift."""
    measured = all(isinstance(mp, EXACT_MEASUREMENTS) for mp in tape.measurements)
    return measured and not any(native_name(op) for op in tape.operations)


def to_lowerable(
    wires: Wires | None,
    *,
    gateset: GateSet,
    name: str,
    accepts_exactly: Callable[[MeasurementProcess], bool],
    differentiating: bool,
) -> CompilePipeline:
    """The transforms from a user's tape to tapes that can be compiled.

    Args:
        wires: Wires of the device, or None where it takes any.
        gateset: Gate set to send.
        name: The device's name, for messages.
        accepts_exactly: Which measurements are available without shots.
        differentiating: Whether PennyLane traces the transforms, to differentiate through them.
    """
    pipeline = CompilePipeline()
    add = pipeline.add_transform
    add(resolve_native_adjoints)
    add(refuse_mixed_gate_sets)
    add(validate_observables, is_measurable, name=name)
    add(name_measured_wires, wires)
    if not differentiating:
        add(qml.transforms.convert_to_numpy_parameters)
    add(defer_measurements, wires=wires)
    add(measure_sums)
    add(qml.transforms.broadcast_expand if differentiating else expand_broadcast_matrices)
    add(decompose, **decomposition(gateset, wires, name, shiftable=differentiating))
    add(device_resolve_dynamic_wires, wires=wires, allow_resets=False)
    add(validate_device_wires, wires, name=name)
    add(
        validate_measurements,
        analytic_measurements=accepts_exactly,
        sample_measurements=lambda mp: isinstance(mp, SampleMeasurement),
        name=name,
    )
    add(qml.transforms.split_non_commuting, grouping_strategy="qwc")
    if differentiating:
        add(refuse_traced_observables)
    return pipeline
