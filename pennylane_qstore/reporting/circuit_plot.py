"""Native circuits as pictures, with pulses counted. Needs the extra ``train``."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pennylane_qstore.reporting.errors import InvalidSeriesError
from pennylane_qstore.reporting.figures import FancyBboxPatch, Figure, verbatim
from pennylane_qstore.reporting.scales import cut

_PULSES = {"gpi": "#56b4e9", "gpi2": "#b5def5"}
_ENTANGLING = "#d55e00"
_OTHER = "#cccccc"
_FULL_ANGLE = 0.25
_COLUMNS = 14
"""Columns in one line of the drawing; longer circuits go on below."""


class _Gate(NamedTuple):
    name: str
    qubits: tuple[int, ...]
    values: tuple[float, ...]


def plot_circuit(
    gates: Iterable[Any], n_qubits: int | None = None, *, labels: Sequence[str] | None = None
) -> Figure:
    """Draw native gates in time order; phases and angles are in turns.

    At the right end of each line stands how many pulses (gates on one qubit) it takes.

    Args:
        gates: Gates ``(name, qubits, values)``, as those of a native circuit, or PennyLane's
            native operations on wires 0, 1, ..., as ``qml.draw(..., level="device")`` shows them.
        n_qubits: Lines to draw; as many as the gates need, where not given.
        labels: What to write before each line; the qubits' indices where not given.

    Raises:
        InvalidSeriesError: If there is nothing to draw, or a gate acts on no line that is drawn.
    """
    rows = [_read(gate) for gate in gates]
    width = n_qubits or 1 + max((qubit for gate in rows for qubit in gate.qubits), default=-1)
    if width < 1:
        raise InvalidSeriesError("there are neither gates nor qubits to draw")
    for gate in rows:
        if not all(0 <= qubit < width for qubit in gate.qubits):
            raise InvalidSeriesError(f"{gate} acts on no qubit from 0 to {width - 1}")
    names = [str(label) for label in labels or range(width)]
    if len(names) != width:
        raise InvalidSeriesError(f"{len(names)} labels do not fit {width} qubits")
    return _draw(rows, names)


def _draw(gates: Sequence[_Gate], names: Sequence[str]) -> Figure:
    columns = _columns(gates, len(names))
    n_columns = 1 + max(columns, default=0)
    n_lines = -(-n_columns // _COLUMNS)
    shown = min(n_columns, _COLUMNS)
    height = 0.62 * (len(names) + 0.6) * n_lines + 0.5
    figure = Figure(figsize=(max(4.6, 0.72 * shown + 1.7), height), dpi=120, layout="constrained")
    axes = figure.subplots()
    for line in range(n_lines):
        end = min(_COLUMNS, n_columns - line * _COLUMNS)
        _draw_wires(axes, names, end, line)
    for gate, column in zip(gates, columns, strict=True):
        line, x = divmod(column, _COLUMNS)
        _draw_gate(axes, gate, x, line * (len(names) + 0.6))
    y_end, x_end = (n_lines - 1) * (len(names) + 0.6), (n_columns - 1) % _COLUMNS + 0.75
    for qubit in range(len(names)):
        pulses = sum(gate.qubits == (qubit,) for gate in gates)
        axes.text(x_end, y_end + qubit, _count(pulses, "pulse"), va="center", fontsize=9)
    axes.set_xlim(-1.3, shown + 0.9)
    axes.set_ylim(n_lines * (len(names) + 0.6) - 0.9, -0.7)
    axes.set_aspect("equal", adjustable="box")
    axes.axis("off")
    axes.set_title(_title(gates), loc="left", fontsize=10)
    return figure


def _draw_wires(axes: Any, names: Sequence[str], end: int, line: int) -> None:
    for qubit, name in enumerate(names):
        y = line * (len(names) + 0.6) + qubit
        axes.plot([-0.6, end - 0.35], [y, y], color="#555555", lw=0.8, zorder=0)
        text = verbatim(cut(name, 8))
        axes.text(-0.7, y, text, ha="right", va="center", fontsize=9, color="#333333")


def _draw_gate(axes: Any, gate: _Gate, x: float, y: float) -> None:
    """A box with name and phase on each qubit; two boxes are joined, with the angle between."""
    color = _ENTANGLING if len(gate.qubits) > 1 else _PULSES.get(gate.name, _OTHER)
    low, high = y + min(gate.qubits), y + max(gate.qubits)
    if low < high:
        axes.plot([x, x], [low, high], color=color, lw=2.5, zorder=1)
        angle = gate.values[-1] if gate.values else None
        if angle is not None:
            text = f"{angle:.3f}"
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            axes.text(
                x, low + 0.5, text, ha="center", va="center", fontsize=6.5, bbox=box, zorder=3
            )
    phases = gate.values if len(gate.qubits) == 1 else gate.values[:-1]
    for place, qubit in enumerate(gate.qubits):
        style = "round,pad=0.02,rounding_size=0.08"
        axes.add_patch(
            FancyBboxPatch(
                (x - 0.4, y + qubit - 0.3), 0.8, 0.6, boxstyle=style, fc=color, lw=0, zorder=2
            )
        )
        ink = "white" if len(gate.qubits) > 1 else "black"
        text = gate.name.upper()
        if place < len(phases):
            text += f"\n{phases[place]:.3f}"
        axes.text(
            x,
            y + qubit,
            text,
            ha="center",
            va="center",
            fontsize=7,
            color=ink,
            zorder=3,
            linespacing=1.15,
        )


def _columns(gates: Sequence[_Gate], n_qubits: int) -> list[int]:
    """The column of each gate, as early as it can; a joined pair also needs the lines between."""
    free = [0] * n_qubits
    columns = []
    for gate in gates:
        span = range(min(gate.qubits), max(gate.qubits) + 1)
        column = max(free[qubit] for qubit in span)
        for qubit in span:
            free[qubit] = column + 1
        columns.append(column)
    return columns


def _title(gates: Sequence[_Gate]) -> str:
    pairs = [gate for gate in gates if len(gate.qubits) > 1]
    angle = sum(gate.values[-1] for gate in pairs if gate.values) / _FULL_ANGLE
    entangling = _count(len(pairs), "entangling gate")
    return f"{_count(len(gates) - len(pairs), 'pulse')}, {entangling} ({angle:.3g} full angles)"


def _count(n: int, name: str) -> str:
    return f"{n} {name}{'' if n == 1 else 's'}"


def _read(gate: Any) -> _Gate:
    """A gate from a tuple, or from an operation with wires and data."""
    try:
        if hasattr(gate, "wires"):
            return _Gate(
                gate.name.lower(), tuple(map(int, gate.wires)), tuple(map(float, gate.data))
            )
        name, qubits, *rest = gate
        values = tuple(map(float, rest[0])) if rest else ()
        return _Gate(str(name), tuple(map(int, qubits)), values)
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidSeriesError(f"{gate!r} is no gate (name, qubits, values): {error}") from error
