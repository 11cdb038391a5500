"""Moves of pytket, where it is installed: starting points for the exhaustive level.

They are used as black boxes between two conversions; whatever they return passes through our own
passes afterwards. Without pytket there are none.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from math import pi
from typing import Any

import numpy as np

from pennylane_qstore.compile.form import Bit, Form, Local, Operation, Rotation
from pennylane_qstore.compile.one_qubit import Unitary

_SEQUENCES = (
    ("GreedyPauliSimp", "FullPeepholeOptimise"),
    ("CliffordSimp", "FullPeepholeOptimise"),
    ("KAKDecomposition", "CliffordSimp"),
)


def pytket_forms(form: Form) -> Iterator[Form]:
    """What pytket makes of a circuit, by several sequences of its passes.

    Args:
        form: Rotations of at most two qubits.

    Yields:
        Equivalent forms.
    """
    if find_spec("pytket") is None:
        return
    passes: Any = import_module("pytket.passes")
    for names in _SEQUENCES:
        circuit = _to_pytket(form)
        try:
            for name in names:
                getattr(passes, name)().apply(circuit)
            passes.AutoRebase(_gate_set("ZZPhase", "TK1")).apply(circuit)
        except RuntimeError:  # a circuit that a pass refuses is no start, and nothing worse
            continue
        yield _from_pytket(circuit, form)


def _gate_set(*names: str) -> set[Any]:
    types: Any = import_module("pytket.circuit").OpType
    return {getattr(types, name) for name in names}


def _to_pytket(form: Form) -> Any:
    """A form as a pytket circuit; its angles are in half turns."""
    module: Any = import_module("pytket.circuit")
    circuit = module.Circuit(form.n_qubits)
    for op in form.operations:
        if isinstance(op, Local):
            matrix = np.array(op.unitary).reshape(2, 2)
            circuit.add_unitary1qbox(module.Unitary1qBox(matrix), op.qubit)
        elif op.qubits:
            paulis = [getattr(_letters(), letter) for letter in op.axes]
            circuit.add_pauliexpbox(module.PauliExpBox(paulis, op.angle / pi), list(op.qubits))
    passes: Any = import_module("pytket.passes")
    passes.DecomposeBoxes().apply(circuit)
    passes.AutoRebase(_gate_set("CX", "Rz", "Rx")).apply(circuit)
    return circuit


def _letters() -> Any:
    """The Pauli letters."""
    return import_module("pytket.pauli").Pauli


def _from_pytket(circuit: Any, form: Form) -> Form:
    """A rebased pytket circuit as a form, with its implicit permutation in the readout."""
    operations: list[Operation] = []
    readers: dict[str, Callable[..., Operation]] = {"ZZPhase": _zz, "TK1": _tk1}
    for command in circuit.get_commands():
        qubits = tuple(qubit.index[0] for qubit in command.qubits)
        operations.append(readers[command.op.type.name](qubits, command.op))
    permutation = circuit.implicit_qubit_permutation()
    place = {last.index[0]: first.index[0] for first, last in permutation.items()}
    readout = tuple(Bit(tuple(sorted(place[q] for q in b.qubits)), b.flip) for b in form.readout)
    return Form(form.n_qubits, tuple(operations), readout)


def _zz(qubits: tuple[int, ...], op: Any) -> Operation:
    return Rotation(qubits, "ZZ", float(op.params[0]) * pi)


def _tk1(qubits: tuple[int, ...], op: Any) -> Operation:
    return Local(qubits[0], Unitary(*op.get_unitary().ravel().tolist()))
