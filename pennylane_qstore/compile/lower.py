"""PennyLane operations to circuits: wire labels become qubit indices, parameters plain floats.

This is the only place that knows both sides. Broadcast parameters give one circuit per entry.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import pennylane_ionq.ops as ionq_ops
from pennylane.operation import Operator
from pennylane.wires import Wires

from pennylane_qstore.compile.expand import expand_wide_rotations
from pennylane_qstore.compile.form import Bit, plain_readout
from pennylane_qstore.compile.instruction import Instruction
from pennylane_qstore.compile.qis import QIS_NAMES, to_qis
from pennylane_qstore.compile.synthesize import synthesize
from pennylane_qstore.compile.target import Target
from pennylane_qstore.compile.translate import TRANSLATABLE, to_form
from pennylane_qstore.errors import InvalidAngleError, MixedGateSetsError, UnsupportedGateError
from pennylane_qstore.native import Circuit, Gate, GateSet
from pennylane_qstore.ops import GPI, GPI2, MS, ZZ

_NATIVE_OPS: dict[type[Operator], str] = {
    GPI: "gpi",
    GPI2: "gpi2",
    MS: "ms",
    ZZ: "zz",
    ionq_ops.GPI: "gpi",
    ionq_ops.GPI2: "gpi2",
    ionq_ops.MS: "ms",
}
_IONQ_ISING = {
    ionq_ops.XX: "IsingXX",
    ionq_ops.YY: "IsingYY",
    ionq_ops.ZZ: "IsingZZ",
}
_NO_GATE = frozenset({"Barrier", "GlobalPhase", "Snapshot", "WireCut"})
_QIS_NAMES = QIS_NAMES.keys() | {"Identity"}
_DIRECT_NAMES = frozenset(TRANSLATABLE | _QIS_NAMES | set(_NATIVE_OPS.values()))
_NATIVE_GATE_NAMES = frozenset(_NATIVE_OPS.values())
_MAX_ANGLE = 0.25


def native_name(op: Operator) -> str | None:
    """IonQ's name of a native gate the user wrote; None for any other operation."""
    return _NATIVE_OPS.get(type(op))


def can_lower(op: Operator, gateset: GateSet) -> bool:
    """Whether ``op`` is compiled as it stands; where not, PennyLane decomposes it first."""
    name = op.name
    if name in _NO_GATE or native_name(op) or type(op) in _IONQ_ISING:
        return True
    if gateset == "qis":
        return name in _QIS_NAMES
    return name in TRANSLATABLE or (len(op.wires) == 1 and op.has_matrix)


def check_gate_sets(operations: Iterable[Operator]) -> None:
    """Refuse a circuit that mixes native gates with others.

    Raises:
        MixedGateSetsError: Naming one gate of each kind.
    """
    native: Operator | None = None
    other: Operator | None = None
    for op in operations:
        if native_name(op):
            native = op
        elif op.name not in _NO_GATE and op.name != "Identity":
            other = op
        if native is not None and other is not None:
            raise MixedGateSetsError(
                f"the circuit has both the native gate {native.name} on wires "
                f"{native.wires.tolist()} and {other.name} on wires {other.wires.tolist()}, which "
                "has to be compiled; write all gates natively, or none"
            )


def _instruction_name(op: Operator) -> str:
    return native_name(op) or _IONQ_ISING.get(type(op)) or op.name


def _read(op: Operator, index: Mapping[Any, int]) -> tuple[str, tuple[int, ...], Sequence[Any]]:
    """Name, qubits and parameters (floats, or arrays where broadcast) of an operation."""
    name = _instruction_name(op)
    qubits = tuple([index[wire] for wire in op.wires])
    if name in _DIRECT_NAMES:
        return name, qubits, op.data
    if len(qubits) == 1 and op.has_matrix:
        return "matrix", qubits, list(np.asarray(op.matrix()).reshape(-1, 4).T)
    raise UnsupportedGateError(
        f"no native form for {op.name} on wires {op.wires.tolist()}; decompose it to one-qubit "
        "gates and CNOT first"
    )


def _entry(param: Any, position: int) -> Any:
    """One entry of a parameter that may be broadcast, as a plain number."""
    if isinstance(param, float | int):
        return param
    array = np.ravel(param)
    return array[position if len(array) > 1 else 0].item()


def _check_finite(op: Operator, params: tuple[Any, ...]) -> None:
    for value in params:
        if not (isfinite(value.real) and isfinite(value.imag)):
            raise InvalidAngleError(
                f"{op.name} on wires {op.wires.tolist()} has the parameter {value}; "
                "angles must be finite numbers"
            )


def _native_params(op: Operator, name: str, params: tuple[float, ...]) -> tuple[float, ...]:
    """Check a native gate's values, and bring its phases between -1 and 1 turns."""
    has_angle = name in ("ms", "zz")
    if has_angle and not 0 <= params[-1] <= _MAX_ANGLE:
        raise InvalidAngleError(
            f"{op.name} on wires {op.wires.tolist()} has the angle {params[-1]} turns; IonQ takes "
            f"0 to {_MAX_ANGLE} (turn an axis by half a turn for the opposite sign)"
        )
    phases = params[:-1] if has_angle else params
    wrapped = tuple(p if -1 <= p <= 1 else p - round(p) for p in phases)
    return wrapped + params[len(phases) :]


def _instructions(
    operations: Iterable[Operator], index: Mapping[Any, int], batch_size: int | None
) -> list[list[Instruction]]:
    circuits: list[list[Instruction]] = [[] for _ in range(batch_size or 1)]
    for op in operations:
        if op.name in _NO_GATE:
            continue
        name, qubits, data = _read(op, index)
        is_native = name in _NATIVE_GATE_NAMES
        word = op.hyperparameters["pauli_word"] if name == "PauliRot" else ""
        for position, circuit in enumerate(circuits):
            params: tuple[Any, ...] = tuple(_entry(param, position) for param in data)
            _check_finite(op, params)
            if is_native:
                params = _native_params(op, name, params)
            circuit.append(Instruction(name, qubits, params, word))
    return circuits


class Compiled(NamedTuple):
    """What is sent, and how its outcomes are read.

    Attributes:
        circuit: The circuit that is sent.
        readout: How each qubit of the source is read from the circuit's measured qubits.
    """

    circuit: Circuit
    readout: tuple[Bit, ...]


def _compile(instructions: list[Instruction], n_qubits: int, target: Target) -> Compiled:
    is_native = [instruction.name in _NATIVE_GATE_NAMES for instruction in instructions]
    prefix = [
        Gate(instruction.name, instruction.qubits, instruction.params)  # type: ignore[arg-type]
        for instruction, native in zip(instructions, is_native, strict=True)
        if native
    ]
    others = [i for i, native in zip(instructions, is_native, strict=True) if not native]
    form = expand_wide_rotations(to_form(others, n_qubits))
    return Compiled(synthesize(form, target, prefix=prefix), form.readout)


def lower(
    operations: Iterable[Operator],
    wires: Wires,
    *,
    target: Target,
    gateset: GateSet = "native",
    batch_size: int | None = None,
) -> list[Compiled]:
    """Compile operations for a target.

    Args:
        operations: Operations for which :func:`can_lower` holds, in time order.
        wires: Wire labels in qubit order.
        target: Gate family and limits.
        gateset: ``"native"`` (compiled here) or ``"qis"`` (compiled by IonQ).
        batch_size: Length of broadcast parameters, if there are any.

    Returns:
        One circuit, or ``batch_size`` of them.

    Raises:
        InvalidAngleError: If a parameter is not finite, or a native angle is out of range.
        UnsupportedGateError: If an operation has no form in the gate set.
        WrongNativeGateError: If a native gate is of another family than the target's.
    """
    index = {wire: position for position, wire in enumerate(wires)}
    circuits = _instructions(operations, index, batch_size)
    if gateset == "qis":
        readout = plain_readout(len(wires))
        return [Compiled(to_qis(one, len(wires)), readout) for one in circuits]
    return [_compile(instructions, len(wires), target) for instructions in circuits]
