"""A tape that shows what is sent, and compiles only when asked."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pennylane.measurements import MeasurementProcess, Shots
from pennylane.operation import Operator
from pennylane.resource import SpecsResources
from pennylane.resource.resource import resources_from_tape
from pennylane.tape import QuantumScript
from pennylane.wires import Wires

from pennylane_qstore.compile.batch import Compiled
from pennylane_qstore.compile.lower import Source, read
from pennylane_qstore.compile.measurements import read_through
from pennylane_qstore.compile.operations import operation_name, read_labels, to_operations
from pennylane_qstore.native import Bit, Circuit


@dataclass(eq=False)
class Lowering:
    """Operations that wait to be compiled; broadcast parameters give several circuits.

    Attributes:
        operations: Operations in time order, with the rotations of the measurement basis.
        wires: Wire labels in qubit order.
        batch_size: Length of broadcast parameters, if there are any.
        only_values: Whether only expectation values and variances are measured.
        compile_all: Compiles the sources of several lowerings at once.
    """

    operations: Sequence[Operator]
    wires: Wires
    batch_size: int | None
    only_values: bool
    compile_all: Callable[[Sequence[Source]], list[list[Compiled]]]

    @cached_property
    def source(self) -> Source:
        """The operations, taken apart into structure and parameters."""
        source = read(self.operations, self.wires, batch_size=self.batch_size)
        return source._replace(only_values=self.only_values)

    @cached_property
    def circuits(self) -> list[Compiled]:
        """The compiled circuits, in the order of the broadcast parameters."""
        return self.compile_all([self.source])[0]

    @cached_property
    def index(self) -> Mapping[Any, int]:
        """Qubit of each wire."""
        return {wire: position for position, wire in enumerate(self.wires)}


def compile_tapes(tapes: "Sequence[NativeTape]") -> None:
    """Compile what the tapes wait for, together, so that equal structures are bound at once."""
    waiting = {id(t.lowering): t.lowering for t in tapes if "circuits" not in vars(t.lowering)}
    if waiting:
        lowerings = list(waiting.values())
        compiled = lowerings[0].compile_all([lowering.source for lowering in lowerings])
        for lowering, circuits in zip(lowerings, compiled, strict=True):
            lowering.circuits = circuits


class NativeTape(QuantumScript):
    """One circuit to be sent, as a tape.

    Its ``operations`` are the gates that the service receives, made when somebody looks at them:
    building PennyLane operations for every circuit of a gradient would take seconds. The device
    reads :attr:`compiled` instead.

    Attributes:
        requested: Measurements of the source, to be taken through :attr:`readout`.

    Args:
        lowering: What is compiled.
        measurements: Measurements of the source, diagonal in the computational basis.
        shots: Shots of the tape.
        position: Which circuit of ``lowering`` this is.
    """

    def __init__(
        self,
        lowering: Lowering,
        measurements: Sequence[MeasurementProcess],
        shots: Shots,
        position: int = 0,
    ) -> None:
        super().__init__((), measurements, shots, trainable_params=())
        self.requested = tuple(measurements)
        self.lowering = lowering
        self._position = position
        self._batch_size = None  # one circuit; spares PennyLane a look at the operations

    @property
    def compiled(self) -> Circuit:
        """The circuit that is sent."""
        return self.lowering.circuits[self._position].circuit

    @property
    def readout(self) -> tuple[Bit, ...]:
        """How each wire, in the order of :attr:`index`, is read from the measured qubits."""
        return self.lowering.circuits[self._position].readout

    @property
    def index(self) -> Mapping[Any, int]:
        """Qubit of each wire."""
        return self.lowering.index

    @cached_property
    def operations(self) -> list[Operator]:
        """The gates that are sent, as PennyLane operations.

        A qubit bears the label of the wire that is read from it, so that the tape as it stands
        measures what it says, although qubits may have been permuted for free.
        """
        return to_operations(self.compiled, Wires(self._labels))

    @property
    def _labels(self) -> list[object]:
        return read_labels(self.compiled, self.readout, self.lowering.wires)

    @cached_property
    def measurements(self) -> list[MeasurementProcess]:
        """What :attr:`operations` are measured for, with what an absorbed tail did to it."""
        bits = dict(zip(self.lowering.wires, self.readout, strict=True))
        return [read_through(mp, bits, self._labels) for mp in self.requested]

    @property
    def par_info(self) -> list[dict[str, Any]]:
        """No parameters: what is sent is not differentiated through."""
        return []

    @cached_property
    def resources(self) -> SpecsResources:
        """Gates and depth of what is sent, counted without building operations."""
        circuit = self.compiled
        names = Counter(operation_name(gate.name, circuit.gateset) for gate in circuit.gates)
        measured = resources_from_tape(QuantumScript((), self.measurements), compute_depth=False)
        return replace(
            measured,
            gate_types=dict(names),
            gate_sizes=dict(Counter(len(gate.qubits) for gate in circuit.gates)),
            num_allocs=circuit.n_qubits,
            depth=circuit.depth,
        )

    @cached_property
    def hash(self) -> int:
        """Identity of circuit, readout, measurements and shots within this process."""
        measured = tuple(mp.hash for mp in self.requested)
        return hash((self.compiled.fingerprint, self.readout, measured, tuple(self.shots)))

    def copy(self, copy_operations: bool = False, **update: Any) -> QuantumScript:
        """A plain tape of the gates that are sent; see :meth:`QuantumScript.copy`."""
        plain = QuantumScript(self.operations, self.measurements, self.shots, trainable_params=())
        return plain.copy(copy_operations, **update)
