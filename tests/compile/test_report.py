import re

import numpy as np
import pennylane as qml
import pytest
from pennylane.wires import Wires

from pennylane_qstore import GPI2, MS, IonQDevice
from pennylane_qstore.compile import read, target_for
from pennylane_qstore.compile.batch import Compiled
from pennylane_qstore.compile.estimate import estimate
from pennylane_qstore.compile.report import compile_report
from pennylane_qstore.compile.stages import trace_stages
from pennylane_qstore.emulator.catalog import MODELS
from pennylane_qstore.inspection import report
from pennylane_qstore.native import FIGURES, Bit, Circuit, Gate

GATES = (
    Gate("gpi2", (0,), (0.25,)),
    Gate("ms", (0, 1), (0.0, 0.5, 0.25)),
    Gate("ms", (1, 2), (0.0, 0.5, 0.1)),
    Gate("gpi", (1,), (0.5,)),
    Gate("ms", (0, 1), (0.0, 0.5, 0.05)),
)
READOUT = (Bit((1,)), Bit((0,)), Bit((2,)))
TARGETS = {"ms": target_for("simulator"), "zz": target_for("simulator", noise_model="forte-1")}


def some_report():
    source = [qml.Hadamard("a"), qml.CNOT(wires=["a", "b"]), qml.Toffoli(wires=["a", "b", "c"])]
    compiled = Compiled(Circuit(3, GATES), READOUT)
    return compile_report(compiled, Wires(["a", "b", "c"]), source=source)


def test_gates_angles_and_depths_are_counted():
    report = some_report()
    assert report.counts == {"gpi2": 1, "ms": 3, "gpi": 1}
    sent = report.sent
    assert (sent.n_entangling, sent.n_pulses, sent.depth, sent.two_qubit_depth) == (3, 2, 5, 3)
    assert sent.angle == pytest.approx((0.25 + 0.1 + 0.05) / 0.25)
    source = report.stages[0]
    assert (source.name, source.n_entangling, source.n_pulses, source.depth) == ("source", 2, 1, 3)


def test_fidelity_and_duration_are_products_and_sums_over_gates():
    estimates = some_report().estimates
    assert set(estimates) == {"aria-1", "aria-2"}
    infidelities = 0.0005 / 2, 0.0133 * 3 / 4
    fidelity = (1 - infidelities[0]) ** 2 * (1 - infidelities[1]) ** 3
    assert estimates["aria-1"].fidelity == pytest.approx(fidelity, abs=1e-12)
    assert estimates["aria-1"].duration_s == pytest.approx(2 * 135e-6 + 3 * 600e-6)
    assert estimates["aria-2"].fidelity < estimates["aria-1"].fidelity


def test_durations_that_are_not_published_are_not_invented():
    circuit = Circuit(2, (Gate("zz", (0, 1), (0.2,)),))
    estimates = estimate(circuit)
    assert set(estimates) == {"forte-1"}
    assert estimates["forte-1"].duration_s is None
    text = str(compile_report(Compiled(circuit, (Bit((0,)), Bit((1,)))), Wires([0, 1])))
    assert re.search(r"forte-1 +0\.9963 +not published", text)


def test_pulses_alone_run_anywhere():
    assert set(estimate(Circuit(1, (Gate("gpi", (0,), (0.2,)),)))) == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_rates_are_those_of_the_emulated_machines(name):
    model = MODELS[name]
    assert FIGURES[name].rates == pytest.approx((model.rate1, model.rate2), rel=1e-5)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("k", [1, 2])
def test_infidelities_are_those_of_the_documented_channel(name, k):
    rate = FIGURES[name].rates[k - 1]
    paulis = [np.array(m) for m in ([[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]])]
    paulis.append(np.diag([1, -1]))
    words = paulis if k == 1 else [np.kron(p, q) for p in paulis for q in paulis]
    weights = np.full(len(words), rate / len(words))
    weights[0] = 1 - rate * (1 - 1 / len(words))
    rng = np.random.default_rng(0)
    states = rng.normal(size=(5, 2**k)) + 1j * rng.normal(size=(5, 2**k))
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    overlaps = [np.abs(np.einsum("si,ij,sj->s", states.conj(), w, states)) ** 2 for w in words]
    fidelity = weights @ np.array(overlaps)
    gates = (Gate("gpi", (0,), (0.0,)),) if k == 1 else (Gate(FIGURES[name].entangler, (0, 1)),)
    expected = 1 - rate * (1 - 2.0**-k)
    assert np.allclose(fidelity, expected, atol=1e-12)  # the same for every state
    assert estimate(Circuit(2, gates))[name].fidelity == pytest.approx(expected)


def test_the_drawing_names_wires_as_they_are_read():
    drawing = some_report().draw()
    lines = drawing.splitlines()
    assert lines[0].startswith("b: ──GPI2(0.250)─╭MS(0.000,0.500,0.250)")
    assert lines[1].startswith("a: ")


def test_sums_of_outcomes_can_be_drawn():
    readout = (Bit((0,)), Bit((0, 1)), Bit((2,), True))
    drawing = compile_report(Compiled(Circuit(3, GATES), readout), Wires([0, 1, 2])).draw()
    assert [line[0] for line in drawing.splitlines()[:3]] == ["0", "1", "2"]


def test_text_and_html_show_the_same_rows():
    report = some_report()
    text, html = str(report), report._repr_html_()
    assert text.startswith("3 qubits, native gates: 1 gpi, 1 gpi2, 3 ms")
    for cell in ("source", "sent", "1.60", "aria-1", "2.07 ms", "partial angles as full gates"):
        assert cell in text
        assert cell in html
    assert html.count("<table>") == 2
    assert "<pre>b: ──GPI2" in html


@pytest.mark.parametrize("family", TARGETS)
def test_stages_go_from_the_rules_to_level_1(family):
    ops = [
        qml.Hadamard(0),
        qml.CNOT(wires=[0, 1]),
        qml.CNOT(wires=[0, 1]),
        qml.Toffoli(wires=[0, 1, 2]),
        qml.CZ(wires=[1, 2]),
        qml.Hadamard(2),
    ]
    source = read(ops, Wires(range(3)))
    stages = trace_stages(source, TARGETS[family])
    names = [name for name, _ in stages]
    assert names[0] == "rules (level 0)"
    assert names[-1] == "all of level 1"
    assert "rewrite_blocks" in names
    counts = [circuit.n_entangling for _, circuit in stages]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < counts[0]
    assert [name for name, _ in trace_stages(source, TARGETS[family], level=0)] == names[:1]


def test_a_device_reports_every_circuit_of_a_tape():
    device = IonQDevice()
    tape = qml.tape.QuantumScript(
        [qml.RX(np.array([0.1, 0.2]), wires=0), qml.CNOT(wires=[0, 1])],
        [qml.expval(qml.X(0)), qml.expval(qml.Z(0))],
    )
    reports = report(tape, device)
    assert len(reports) == 4
    assert all(r.stages[0].name == "source" and r.sent.n_entangling <= 1 for r in reports)


def test_native_and_qis_circuits_have_no_stages_between():
    tape = qml.tape.QuantumScript(
        [GPI2(0.1, wires=0), MS(0.1, 0.2, 0.2, wires=[0, 1])], [qml.expval(qml.Z(1))]
    )
    device = IonQDevice()
    (native,) = report(tape, device)
    assert [stage.name for stage in native.stages] == ["source", "sent"]
    device = IonQDevice(gateset="qis")
    tape = qml.tape.QuantumScript([qml.Hadamard(0), qml.CNOT(wires=[0, 1])], [qml.probs()])
    (abstract,) = report(tape, device)
    assert abstract.estimates == {}
    assert abstract.sent.angle is None
    assert str(abstract).startswith("2 qubits, qis gates: 1 cnot, 1 h")


def test_without_a_device_the_transform_is_reported():
    ops = [qml.Hadamard(0), qml.Hadamard(1), qml.Toffoli(wires=[0, 1, 2]), qml.CNOT(wires=[0, 1])]
    tape = qml.tape.QuantumScript(ops, [qml.probs(wires=[0, 1, 2])])
    (compiled,) = report(tape)
    assert [stage.name for stage in compiled.stages[-2:]] == ["all of level 1", "sent"]
    assert compiled.stages[-2].n_entangling == compiled.sent.n_entangling
    (direct,) = report(tape, level=0)
    assert direct.sent.n_entangling > compiled.sent.n_entangling
