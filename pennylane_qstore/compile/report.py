"""What will be sent, and what it is worth: counts, angles, expected fidelity, before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import pennylane as qml
from pennylane.operation import Operator
from pennylane.tape import QuantumScript
from pennylane.wires import Wires

from pennylane_qstore.compile.batch import Compiled
from pennylane_qstore.compile.estimate import ESTIMATE_NOTE, Estimate, estimate
from pennylane_qstore.compile.operations import read_labels, to_operations
from pennylane_qstore.native import Bit, Circuit

FULL_ANGLE = 0.25
"""Angle of a fully entangling gate, in turns."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A circuit on its way through the compiler.

    Attributes:
        name: What was done last.
        n_entangling: Gates on two qubits; of the source, on two or more.
        angle: Their total angle, in fully entangling gates; None for the source.
        n_pulses: Gates on one qubit.
        depth: Layers when every gate starts as early as it can.
        two_qubit_depth: The same, gates on one qubit not counted.
    """

    name: str
    n_entangling: int
    angle: float | None
    n_pulses: int
    depth: int
    two_qubit_depth: int


@dataclass(frozen=True, slots=True)
class CompileReport:
    """A circuit as it will be sent.

    Attributes:
        circuit: The circuit.
        readout: How each wire is read from its qubits.
        wires: Wire labels, in the order of the readout.
        counts: How often each gate occurs, by IonQ's name.
        stages: From the source to what is sent.
        estimates: What to expect on each machine that takes these gates.
    """

    circuit: Circuit
    readout: tuple[Bit, ...]
    wires: Wires
    counts: dict[str, int]
    stages: tuple[Stage, ...]
    estimates: dict[str, Estimate]

    @property
    def sent(self) -> Stage:
        """Counts of what is sent."""
        return self.stages[-1]

    def draw(self) -> str:
        """The circuit as text; qubits bear the wires that are read from them."""
        labels = [str(label) for label in read_labels(self.circuit, self.readout, self.wires)]
        tape = QuantumScript(to_operations(self.circuit, Wires(labels)), [])
        return str(qml.drawer.tape_text(tape, wire_order=labels, decimals=3, show_matrices=False))

    def __str__(self) -> str:
        lines = [f"{self._title()}", "", *_aligned(self._stage_rows())]
        if self.estimates:
            lines += ["", *_aligned(self._estimate_rows()), "", ESTIMATE_NOTE]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        tables = [self._stage_rows()]
        if self.estimates:
            tables.append(self._estimate_rows())
        note = f"<p>{escape(ESTIMATE_NOTE)}</p>" if self.estimates else ""
        drawing = f"<pre>{escape(self.draw())}</pre>"
        return f"<p>{escape(self._title())}</p>{''.join(map(_html, tables))}{note}{drawing}"

    def _title(self) -> str:
        counted = ", ".join(f"{n} {name}" for name, n in sorted(self.counts.items()))
        return f"{self.circuit.n_qubits} qubits, {self.circuit.gateset} gates: {counted}"

    def _stage_rows(self) -> list[list[str]]:
        rows = [["stage", "entangling", "full angles", "one-qubit", "depth", "two-qubit depth"]]
        for stage in self.stages:
            angle = "" if stage.angle is None else f"{stage.angle:.2f}"
            counts = (stage.n_pulses, stage.depth, stage.two_qubit_depth)
            rows.append([stage.name, str(stage.n_entangling), angle, *map(str, counts)])
        return rows

    def _estimate_rows(self) -> list[list[str]]:
        rows = [["machine", "fidelity", "duration"]]
        for name, found in self.estimates.items():
            seconds = found.duration_s
            duration = "not published" if seconds is None else f"{seconds * 1e3:.2f} ms"
            rows.append([name, f"{found.fidelity:.4f}", duration])
        return rows


def compile_report(
    compiled: Compiled,
    wires: Wires,
    *,
    source: Sequence[Operator] = (),
    between: Sequence[tuple[str, Circuit]] = (),
) -> CompileReport:
    """Describe a compiled circuit.

    Args:
        compiled: The circuit, and how its outcomes are read.
        wires: Wire labels in qubit order.
        source: The operations it was compiled from.
        between: Circuits of earlier stages with their names, such as those of lower levels.

    Returns:
        The report; of a circuit of the qis gate set, whose native gates IonQ chooses, without
        angles and estimates.
    """
    stages = [_source_stage(source)] if source else []
    stages += [_stage(name, circuit) for name, circuit in between]
    stages.append(_stage("sent", compiled.circuit))
    return CompileReport(
        compiled.circuit,
        compiled.readout,
        wires,
        compiled.circuit.counts,
        tuple(stages),
        estimate(compiled.circuit),
    )


def _depth(acts_on: Sequence[tuple[object, ...]]) -> int:
    free: dict[object, int] = {}
    for places in acts_on:
        layer = 1 + max((free.get(place, 0) for place in places), default=0)
        free.update(dict.fromkeys(places, layer))
    return max(free.values(), default=0)


def _stage(name: str, circuit: Circuit) -> Stage:
    qubits = [gate.qubits for gate in circuit.gates]
    pairs = [on for on in qubits if len(on) == 2]
    angle = sum(gate.values[-1] for gate in circuit.gates if len(gate.qubits) == 2 and gate.values)
    is_native = circuit.gateset == "native"
    return Stage(
        name,
        len(pairs),
        angle / FULL_ANGLE if is_native else None,
        len(qubits) - len(pairs),
        _depth(qubits),
        _depth(pairs),
    )


def _source_stage(operations: Sequence[Operator]) -> Stage:
    wires = [tuple(op.wires) for op in operations if op.name != "Barrier"]
    wide = [on for on in wires if len(on) > 1]
    return Stage("source", len(wide), None, len(wires) - len(wide), _depth(wires), _depth(wide))


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]))
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def _html(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows[1:]
    )
    return f"<table><tr>{head}</tr>{body}</table>"
