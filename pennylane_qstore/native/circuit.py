"""Circuits as they are sent: gates on qubit indices, all measured at the end."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, chain
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

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
class Structure:
    """Native gates without their values: what the circuits of a batch share.

    Attributes:
        names: IonQ's name of each gate, in time order.
        qubits: Indices each gate acts on.
    """

    names: tuple[str, ...]
    qubits: tuple[tuple[int, ...], ...]

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each gate's values start in a row of values, and where the row ends."""
        return tuple(accumulate((NATIVE_GATES[name] for name in self.names), initial=0))

    @cached_property
    def n_entangling(self) -> int:
        """Number of gates on two qubits."""
        return sum(len(qubits) == 2 for qubits in self.qubits)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.names, self.qubits))


class BoundGates(Sequence[Gate]):
    """The gates of one circuit of a batch: a shared structure, and a row of values in turns.

    Args:
        structure: What the batch shares.
        values: Values of all gates in time order; shape ``(n_values,)``. Not copied.
    """

    __slots__ = ("structure", "values")

    def __init__(self, structure: Structure, values: NDArray[np.float64]) -> None:
        self.structure = structure
        self.values = values

    def __len__(self) -> int:
        return len(self.structure.names)

    @overload
    def __getitem__(self, place: int) -> Gate: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Gate, ...]: ...
    def __getitem__(self, place: int | slice) -> Gate | tuple[Gate, ...]:
        return tuple(self)[place]

    def __iter__(self) -> Iterator[Gate]:
        values, offsets = self.values.tolist(), self.structure.offsets
        for place, (name, qubits) in enumerate(
            zip(self.structure.names, self.structure.qubits, strict=True)
        ):
            yield Gate(name, qubits, tuple(values[offsets[place] : offsets[place + 1]]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoundGates):
            return NotImplemented
        return self.structure == other.structure and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash((self.structure, self.values.tobytes()))

    def __repr__(self) -> str:
        return repr(tuple(self))


@dataclass(frozen=True)
class Circuit:
    """Gates on qubits ``0 .. n_qubits - 1``, all measured at the end.

    Attributes:
        n_qubits: Width of the circuit.
        gates: Gates in time order, all of one gate set.
        gateset: ``"native"``, or ``"qis"`` where IonQ's compiler is wanted.
    """

    n_qubits: int
    gates: tuple[Gate, ...] | BoundGates
    gateset: GateSet = "native"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the content, as hex: equal for equal circuits, in any process.

        A gate's name fixes how many qubits and values it has, so the three streams of names, qubits
        and little-endian doubles determine the circuit.
        """
        if isinstance(self.gates, BoundGates):
            names, qubits = self.gates.structure.names, self.gates.structure.qubits
            values = self.gates.values
        else:
            names = tuple([gate[0] for gate in self.gates])
            qubits = tuple([gate[1] for gate in self.gates])
            values = np.array([value for gate in self.gates for value in gate[2]], dtype=float)
        digest = _digest(self.n_qubits, self.gateset, names, qubits).copy()
        digest.update(values.astype("<f8", copy=False).tobytes())
        return digest.hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """How often each gate occurs, by name."""
        return dict(Counter(gate.name for gate in self.gates))

    @property
    def n_entangling(self) -> int:
        """Number of gates on two qubits."""
        if isinstance(self.gates, BoundGates):
            return self.gates.structure.n_entangling
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


@lru_cache(maxsize=1024)
def _digest(
    n_qubits: int, gateset: str, names: tuple[str, ...], qubits: tuple[tuple[int, ...], ...]
) -> Any:
    """SHA-256 of everything but the values, to be continued."""
    digest = hashlib.sha256(f"{n_qubits};{gateset};{','.join(names)};".encode())
    digest.update(np.array(list(chain.from_iterable(qubits)), dtype="<i8").tobytes())
    return digest
