"""Circuits back to PennyLane operations, to be drawn and counted."""

from collections.abc import Sequence

from pennylane.operation import Operator
from pennylane.ops import (
    CNOT,
    RX,
    RY,
    RZ,
    SWAP,
    SX,
    Hadamard,
    IsingXX,
    IsingYY,
    IsingZZ,
    PauliX,
    PauliY,
    PauliZ,
    S,
    T,
    adjoint,
)
from pennylane.queuing import QueuingManager
from pennylane.wires import Wires

from pennylane_qstore.native import Bit, Circuit, GateSet
from pennylane_qstore.ops import GPI, GPI2, MS, ZZ

_NATIVE = {"gpi": GPI, "gpi2": GPI2, "ms": MS, "zz": ZZ}
_QIS = {
    "x": PauliX,
    "y": PauliY,
    "z": PauliZ,
    "h": Hadamard,
    "s": S,
    "t": T,
    "v": SX,
    "rx": RX,
    "ry": RY,
    "rz": RZ,
    "cnot": CNOT,
    "swap": SWAP,
    "xx": IsingXX,
    "yy": IsingYY,
    "zz": IsingZZ,
}
_QIS_INVERSES = {"si": S, "ti": T, "vi": SX}


def operation_name(name: str, gateset: GateSet) -> str:
    """PennyLane's name of a gate, such as ``"GPI2"`` or ``"Adjoint(S)"``."""
    if gateset == "qis" and name in _QIS_INVERSES:
        return f"Adjoint({_QIS_INVERSES[name].__name__})"
    return (_NATIVE if gateset == "native" else _QIS)[name].__name__


def to_operations(circuit: Circuit, wires: Wires) -> list[Operator]:
    """The gates of a circuit as PennyLane operations.

    Args:
        circuit: What is sent.
        wires: Wire labels in qubit order.
    """
    table = _NATIVE if circuit.gateset == "native" else _QIS
    operations: list[Operator] = []
    with QueuingManager.stop_recording():
        for name, qubits, values in circuit.gates:
            labels = [wires[qubit] for qubit in qubits]
            if circuit.gateset == "qis" and name in _QIS_INVERSES:
                operations.append(adjoint(_QIS_INVERSES[name](wires=labels)))
            else:
                operations.append(table[name](*values, wires=labels))
    return operations


def read_labels(circuit: Circuit, readout: Sequence[Bit], wires: Wires) -> list[object]:
    """Label of each qubit: that of the wire read from it, else the one in its place."""
    labels: list[object] = [None] * circuit.n_qubits
    for wire, bit in zip(wires, readout, strict=True):
        if len(bit.qubits) == 1 and labels[bit.qubits[0]] is None:
            labels[bit.qubits[0]] = wire
    spare = iter([wire for wire in wires if wire not in labels])
    return [next(spare) if label is None else label for label in labels]
