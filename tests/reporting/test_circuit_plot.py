import pytest

from pennylane_qstore.native import Circuit, Gate
from pennylane_qstore.ops import GPI, GPI2, MS
from pennylane_qstore.reporting import InvalidSeriesError
from pennylane_qstore.reporting.circuit_plot import plot_circuit
from tests.reporting.test_plots import overlaps

GATES = [
    ("gpi2", (0,), (0.5,)),
    ("gpi", (0,), (0.125,)),
    ("ms", (0, 2), (0.0, 0.75, 0.125)),
    ("gpi2", (1,), (0.25,)),
]


def texts(figure):
    (axes,) = figure.axes
    return [text.get_text() for text in axes.texts]


def boxes(figure):
    """Where each box stands: column and line."""
    (axes,) = figure.axes
    centres = [(box.get_x() + box.get_width() / 2, box.get_y() + 0.3) for box in axes.patches]
    return [(round(x), round(y, 3)) for x, y in centres]


def test_pulses_are_counted_for_each_qubit_and_in_all():
    figure = plot_circuit(GATES)
    assert texts(figure)[-3:] == ["2 pulses", "1 pulse", "0 pulses"]
    title = figure.axes[0].get_title(loc="left")
    assert title == "3 pulses, 1 entangling gate (0.5 full angles)"


def test_each_gate_stands_on_its_qubits_as_early_as_it_can():
    # The line of the pair crosses qubit 1, whose gate must wait until it has passed.
    assert boxes(plot_circuit(GATES)) == [(0, 0), (1, 0), (2, 0), (2, 2), (3, 1)]


def test_phases_and_the_angle_are_written_at_the_gates():
    shown = texts(plot_circuit(GATES))
    for text in ("GPI2\n0.500", "GPI\n0.125", "MS\n0.000", "MS\n0.750", "0.125", "GPI2\n0.250"):
        assert text in shown


def test_circuits_and_pennylane_operations_are_read_alike():
    circuit = Circuit(3, tuple(Gate(*gate) for gate in GATES))
    operations = [GPI2(0.5, 0), GPI(0.125, 0), MS(0.0, 0.75, 0.125, wires=[0, 2]), GPI2(0.25, 1)]
    expected = texts(plot_circuit(GATES))
    assert texts(plot_circuit(circuit.gates)) == texts(plot_circuit(operations)) == expected


def test_a_long_circuit_goes_on_below_and_loses_no_gate():
    figure = plot_circuit([("gpi", (0,), (0.1,))] * 40 + [("zz", (0, 1), (0.25,))])
    places = boxes(figure)
    assert len(places) == len(set(places)) == 42
    assert max(x for x, _ in places) == 13
    assert texts(figure)[-2:] == ["40 pulses", "0 pulses"]


@pytest.mark.parametrize("n_qubits", [2, 5])
def test_no_text_covers_another(n_qubits):
    gates = [("gpi", (q,), (0.1,)) for q in range(n_qubits)] * 9
    gates += [("ms", (q, q + 1), (0.1, 0.2, 0.25)) for q in range(n_qubits - 1)]
    assert overlaps(plot_circuit(gates, labels=["a long label $x$"] * n_qubits)) == []


@pytest.mark.parametrize(
    ("gates", "options"),
    [
        ([], {}),
        (["gpi"], {}),
        ([("gpi", (2,), (0.1,))], {"n_qubits": 2}),
        ([("gpi", (0,), ("x",))], {}),
        (GATES, {"labels": ["a"]}),
    ],
)
def test_what_cannot_be_drawn_is_refused(gates, options):
    with pytest.raises(InvalidSeriesError):
        plot_circuit(gates, **options)


def test_qubits_without_gates_are_drawn_as_lines():
    assert texts(plot_circuit([], 2))[-2:] == ["0 pulses", "0 pulses"]
