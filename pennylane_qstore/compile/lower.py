"""PennyLane operations to sources: wire labels become qubit indices, parameters an array.

This is the only place that knows both sides. Broadcast parameters give one circuit per entry.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pennylane_ionq.ops as ionq_ops
from numpy.typing import NDArray
from pennylane.operation import Operator
from pennylane.ops import Adjoint
from pennylane.wires import Wires

from pennylane_qstore.compile.one_qubit import Unitary, euler_angles
from pennylane_qstore.compile.qis import QIS_NAMES
from pennylane_qstore.compile.template import Skeleton, Slot
from pennylane_qstore.compile.translate import TRANSLATABLE
from pennylane_qstore.errors import InvalidAngleError, MixedGateSetsError, UnsupportedGateError
from pennylane_qstore.native import GateSet
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
NO_GATE = frozenset({"Barrier", "GlobalPhase", "Identity", "Snapshot", "WireCut"})
_DIRECT_NAMES = frozenset(TRANSLATABLE | QIS_NAMES.keys() | set(_NATIVE_OPS.values()))
_NATIVE_GATE_NAMES = frozenset(_NATIVE_OPS.values())
_MAX_ANGLE = 0.25


def native_name(op: Operator) -> str | None:
    """IonQ's name of a native gate the user wrote; None for any other operation."""
    return _NATIVE_OPS.get(type(op))


def without_native_adjoint(op: Operator) -> list[Operator]:
    """The gate itself, or if it is the adjoint of a native gate, the native gates that it is."""
    name = native_name(op.base) if isinstance(op, Adjoint) else None
    if name is None:
        return [op]
    base, wires = op.base, op.base.wires
    if name == "zz":
        # X Z X = -Z turns the interaction round; its own angle is not to be negative.
        return [GPI(0.0, wires=wires[0]), base, GPI(0.0, wires=wires[0])]
    kinds: dict[str, Any] = {"gpi": GPI, "gpi2": GPI2, "ms": MS}
    return [kinds[name](*base.data, wires=wires).adjoint()]


def can_lower(op: Operator, gateset: GateSet) -> bool:
    """Whether ``op`` is compiled as it stands; where not, PennyLane decomposes it first."""
    name = op.name
    if name in NO_GATE or native_name(op) or type(op) in _IONQ_ISING:
        return True
    if gateset == "qis":
        return name in QIS_NAMES
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
        elif op.name not in NO_GATE:
            other = op
        if native is not None and other is not None:
            raise MixedGateSetsError(
                f"the circuit has both the native gate {native.name} on wires "
                f"{native.wires.tolist()} and {other.name} on wires {other.wires.tolist()}, which "
                "has to be compiled; write all gates natively, or none"
            )


class Source(NamedTuple):
    """A circuit to compile, its structure apart from its parameters.

    Attributes:
        skeleton: Gates in time order, without parameters.
        params: Parameters of all gates in that order; radians, or turns of native gates; one row
            for each entry of a broadcast; shape ``(batch, n_params)``.
        n_native: How many gates at the start are native ones that the user wrote.
        n_qubits: Width of the circuit.
        only_values: Whether only expectation values and variances are asked of the outcomes, so
            that it does not matter which circuit they come from.
    """

    skeleton: Skeleton
    params: NDArray[np.float64]
    n_native: int
    n_qubits: int
    only_values: bool = False


def _slot(op: Operator, index: Mapping[Any, int]) -> tuple[Slot, Sequence[Any]]:
    """A gate and its parameters: numbers, or arrays where broadcast."""
    name = native_name(op) or _IONQ_ISING.get(type(op)) or op.name
    qubits = tuple([index[wire] for wire in op.wires])
    if name in _DIRECT_NAMES:
        word = op.hyperparameters["pauli_word"] if name == "PauliRot" else ""
        return Slot(name, qubits, op.num_params, word), op.data
    if len(qubits) == 1 and op.has_matrix:
        matrices = np.asarray(op.matrix()).reshape(-1, 4)
        angles = [_u3_angles(op, matrix) for matrix in matrices]
        return Slot("U3", qubits, 3), [np.array(column) for column in zip(*angles, strict=True)]
    raise UnsupportedGateError(
        f"no native form for {op.name} on wires {op.wires.tolist()}; decompose it to one-qubit "
        "gates and CNOT first"
    )


def _u3_angles(op: Operator, matrix: NDArray[np.complex128]) -> tuple[float, float, float]:
    if not np.isfinite(matrix).all():
        raise _not_finite(op, matrix.tolist())
    return euler_angles(Unitary(*matrix.tolist()))


def _not_finite(op: Operator, value: Any) -> InvalidAngleError:
    return InvalidAngleError(
        f"{op.name} on wires {op.wires.tolist()} has the parameter {value}; angles must be finite "
        "numbers"
    )


def _native_params(op: Operator, name: str, params: list[Any]) -> list[Any]:
    """Check a native gate's values, and bring its phases between -1 and 1 turns."""
    values = [np.asarray(param, dtype=float) for param in params]
    if name in ("ms", "zz") and not ((values[-1] >= 0) & (values[-1] <= _MAX_ANGLE)).all():
        raise InvalidAngleError(
            f"{op.name} on wires {op.wires.tolist()} has the angle {params[-1]} turns; IonQ takes "
            f"0 to {_MAX_ANGLE} (turn an axis by half a turn for the opposite sign)"
        )
    return [np.where(np.abs(value) <= 1, value, value - np.round(value)) for value in values]


def read(operations: Iterable[Operator], wires: Wires, *, batch_size: int | None = None) -> Source:
    """Take operations apart into structure and parameters.

    Args:
        operations: Operations for which :func:`can_lower` holds, in time order, native ones first.
        wires: Wire labels in qubit order.
        batch_size: Length of broadcast parameters, if there are any.

    Raises:
        InvalidAngleError: If a parameter is not finite, or a native angle is out of range.
        UnsupportedGateError: If an operation has no form in any gate set.
    """
    index = {wire: position for position, wire in enumerate(wires)}
    slots: list[Slot] = []
    columns: list[Any] = []
    owners: list[Operator] = []
    n_native = 0
    for op in operations:
        if op.name in NO_GATE:
            continue
        slot, data = _slot(op, index)
        if slot.name in _NATIVE_GATE_NAMES:
            _check_all_finite(op, data)
            data = _native_params(op, slot.name, list(data))
            n_native += 1
        slots.append(slot)
        columns += data
        owners += [op] * len(data)
    params = np.empty((batch_size or 1, len(columns)))
    for place, column in enumerate(columns):
        params[:, place] = column if isinstance(column, float) else np.ravel(column)
    if not np.isfinite(params).all():
        row, place = np.argwhere(~np.isfinite(params))[0]
        raise _not_finite(owners[place], params[row, place])
    return Source(tuple(slots), params, n_native, len(wires))


def _check_all_finite(op: Operator, data: Sequence[Any]) -> None:
    for value in data:
        if not np.isfinite(value).all():
            raise _not_finite(op, value)
