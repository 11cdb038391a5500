"""Circuits as they are sent: gates on qubit indices, all measured at the end."""

import hashlib
import sys
from array import array
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

GateSet = Literal["native", "qis"]

NATIVE_GATES: dict[str, int] = {"gpi": 1, "gpi2": 1, "ms": 3, "zz": 1}
"""Native gates and how many values each takes: phases and angles, in turns."""

QIS_GATES: dict[str, int] = {
    **dict.fromkeys(("x", "y", "z", "h", "s", "si", "t", "ti", "v", "vi", "cnot", "swap"), 0),
    **dict.fromkeys(("rx", "ry", "rz", "xx", "yy", "zz"), 1),
}
"""Gates of IonQ's abstract ("qis") set that we send, and how many rotations (in radians) each has.
"""


class Gate(NamedTuple):
    """One gate.

    Attributes:
        name: IonQ's name of the gate.
        qubits: Indices it acts on; for ``cnot`` the control comes first.
        values: For ``gpi``, ``gpi2``: ``(phase,)``; for ``ms``: ``(phase0, phase1, angle)``; for
            native ``zz``: ``(angle,)``, all in turns. For gates of the qis set: ``(rotation,)`` in
            radians, the unit of the wire, or ``()``.
    """

    name: str
    qubits: tuple[int, ...]
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Circuit:
    """Gates on qubits ``0 .. n_qubits - 1``, all measured at the end.

    Attributes:
        n_qubits: Width of the circuit.
        gates: Gates in time order, all of one gate set.
        gateset: ``"native"``, or ``"qis"`` where IonQ's compiler is wanted.
    """

    n_qubits: int
    gates: tuple[Gate, ...]
    gateset: GateSet = "native"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the content, as hex: equal for equal circuits, in any process.

        A gate's name fixes how many qubits and values it has, so the three streams of names, qubits
        and little-endian doubles determine the circuit.
        """
        names = ",".join([gate.name for gate in self.gates])
        qubits = array("q", [qubit for gate in self.gates for qubit in gate.qubits])
        values = array("d", [value for gate in self.gates for value in gate.values])
        if sys.byteorder == "big":
            qubits.byteswap()
            values.byteswap()
        digest = hashlib.sha256(f"{self.n_qubits};{self.gateset};{names};".encode())
        digest.update(qubits.tobytes())
        digest.update(values.tobytes())
        return digest.hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """How often each gate occurs, by name."""
        return dict(Counter(gate.name for gate in self.gates))

    @property
    def n_entangling(self) -> int:
        """Number of gates on two qubits."""
        return sum(len(gate.qubits) == 2 for gate in self.gates)

    @property
    def depth(self) -> int:
        """Number of layers when every gate starts as early as it can."""
        free = [0] * self.n_qubits
        for gate in self.gates:
            layer = 1 + max(free[qubit] for qubit in gate.qubits)
            for qubit in gate.qubits:
                free[qubit] = layer
        return max(free, default=0)
