"""Instructions to IonQ's abstract ("qis") gate set, for users who want IonQ's own compiler."""

from collections.abc import Iterable

from pennylane_qstore.compile.instruction import Instruction
from pennylane_qstore.errors import MixedGateSetsError, UnsupportedGateError
from pennylane_qstore.native import NATIVE_GATES, Circuit, Gate

QIS_NAMES = {
    "PauliX": "x",
    "PauliY": "y",
    "PauliZ": "z",
    "Hadamard": "h",
    "S": "s",
    "Adjoint(S)": "si",
    "T": "t",
    "Adjoint(T)": "ti",
    "SX": "v",
    "Adjoint(SX)": "vi",
    "RX": "rx",
    "RY": "ry",
    "RZ": "rz",
    "PhaseShift": "rz",
    "CNOT": "cnot",
    "SWAP": "swap",
    "IsingXX": "xx",
    "IsingYY": "yy",
    "IsingZZ": "zz",
}
"""IonQ's name of each PennyLane operation in the set; a phase shift is an RZ up to global phase."""


def to_qis(instructions: Iterable[Instruction], n_qubits: int) -> Circuit:
    """Translate to the qis set, gate by gate; rotations stay in radians.

    Args:
        instructions: Gates in time order.
        n_qubits: Width of the circuit.

    Returns:
        A circuit of the qis set. One without gates, which IonQ refuses, is returned as a pair of X
        gates on qubit 0.

    Raises:
        MixedGateSetsError: If there are native gates among the instructions.
        UnsupportedGateError: If an instruction has no form in the set.
    """
    gates = []
    for name, qubits, params, _ in instructions:
        if name in NATIVE_GATES:
            raise MixedGateSetsError(
                f"native gate {name.upper()} on qubits {list(qubits)}, but the device was made "
                "with gateset='qis'; use gateset='native'"
            )
        if name not in QIS_NAMES:
            raise UnsupportedGateError(f"no qis form for {name} on qubits {list(qubits)}")
        gates.append(Gate(QIS_NAMES[name], qubits, params))
    return Circuit(n_qubits, tuple(gates or [Gate("x", (0,))] * 2), "qis")
