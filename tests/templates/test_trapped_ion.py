"""The trapped-ion ansatz against circuits written by hand, and its native gates counted."""

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.errors import InvalidCircuitError
from pennylane_qstore.inspection import report, verify
from pennylane_qstore.templates import HardwareEfficientAnsatz, TrappedIonAnsatz


def angles(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(-np.pi, np.pi, shape)


@pytest.mark.parametrize(("interaction", "gate"), [("XX", qml.IsingXX), ("ZZ", qml.IsingZZ)])
def test_the_matrix_equals_the_circuit_written_by_hand(interaction, gate):
    a = angles(16)
    gates = [qml.RY(a[0], 0), qml.RZ(a[1], 0), qml.RY(a[2], 1), qml.RZ(a[3], 1)]
    gates += [qml.RY(a[4], 2), qml.RZ(a[5], 2)]
    for at, (i, j) in ((6, (0, 1)), (11, (1, 2))):
        gates.append(gate(a[at], [i, j]))
        gates += [qml.RY(a[at + 1], i), qml.RZ(a[at + 2], i)]
        gates += [qml.RY(a[at + 3], j), qml.RZ(a[at + 4], j)]
    expected = qml.matrix(qml.tape.QuantumScript(gates), wire_order=range(3))
    op = TrappedIonAnsatz(a, wires=range(3), n_layers=2, interaction=interaction)
    np.testing.assert_allclose(qml.matrix(op, wire_order=range(3)), expected, atol=1e-12)


@pytest.mark.parametrize(
    "arguments",
    [
        {"n_layers": 2},
        {"n_layers": 1, "entanglement": "circular", "interaction": "ZZ"},
        {"n_layers": 2, "entanglement": ((2, 0),), "rotations": ("RX",)},
        {"n_layers": 3, "kept": (0, 2)},
    ],
)
def test_the_operator_meets_pennylanes_contract(arguments):
    without = ("interaction", "kept")
    for_shape = {name: value for name, value in arguments.items() if name not in without}
    params = qml.numpy.array(angles(*TrappedIonAnsatz.shape(n_wires=3, **for_shape)))
    qml.ops.functions.assert_valid(TrappedIonAnsatz(params, wires=["b", 0, "a"], **arguments))


def test_no_wire_is_rotated_twice_with_nothing_between():
    n = TrappedIonAnsatz.shape(3, 5)
    before: dict[int, str] = {}
    for gate in TrappedIonAnsatz(angles(*n), wires=range(5), n_layers=3).decomposition():
        for wire in gate.wires:
            assert before.get(wire) != "RZ" or gate.name == "IsingXX"
            before[wire] = gate.name


def test_without_interactions_the_wires_stay_apart():
    params = angles(*TrappedIonAnsatz.shape(2, 3))
    params[[6, 11]] = 0

    @qml.qnode(qml.device("default.qubit", wires=3))
    def circuit():
        TrappedIonAnsatz(params, wires=range(3), n_layers=2)
        return [qml.purity(wires=i) for i in range(3)]

    np.testing.assert_allclose(circuit(), 1, atol=1e-12)


def test_a_leading_axis_broadcasts_like_a_loop():
    params = angles(4, *TrappedIonAnsatz.shape(2, 3))

    @qml.qnode(qml.device("default.qubit", wires=3))
    def circuit(params):
        TrappedIonAnsatz(params, wires=range(3), n_layers=2)
        return qml.probs()

    np.testing.assert_allclose(circuit(params), [circuit(row) for row in params], atol=1e-12)


def sent(op: qml.operation.Operator) -> tuple[int, int]:
    """Entangling gates and pulses that are sent where all wires are read."""
    stage = report(qml.tape.QuantumScript([op], [qml.probs(wires=op.wires)]))[0].stages[-1]
    return stage.n_entangling, stage.n_pulses


def test_fewer_native_gates_are_sent_than_for_the_textbook_form():
    """Four layers on six wires: 20 CNOTs against 10 interactions of trained angle."""
    textbook = HardwareEfficientAnsatz(angles(4, 6, 2), wires=range(6))
    params = angles(*TrappedIonAnsatz.shape(4, 6))
    entangling, pulses = sent(TrappedIonAnsatz(params, wires=range(6), n_layers=4))
    of_textbook = sent(textbook)
    assert entangling == 10
    assert of_textbook[0] > 15
    assert pulses < of_textbook[1]


@pytest.mark.parametrize("machine", ["aria-1", "forte-1"])
@pytest.mark.parametrize("interaction", ["XX", "ZZ"])
def test_what_is_sent_does_what_the_ansatz_says(interaction, machine):
    device = qml.device("qstore.ionq", wires=4, noise_model=machine, cache=False)
    params = angles(*TrappedIonAnsatz.shape(3, 4))
    op = TrappedIonAnsatz(params, wires=range(4), n_layers=3, interaction=interaction)
    tape = qml.tape.QuantumScript([op], [qml.probs(wires=range(4))], shots=100)
    assert verify(tape, device).ok
    assert report(tape, device)[0].stages[-1].n_entangling == 5


def test_an_interaction_that_is_not_kept_is_one_of_angle_zero_and_is_not_sent():
    params = angles(*TrappedIonAnsatz.shape(2, 4))
    without = params.copy()
    without[8 + 5] = 0.0  # of the second pair, wires 2 and 3
    op = TrappedIonAnsatz(params, range(4), n_layers=2, kept=[2, 0])
    zero = TrappedIonAnsatz(without, range(4), n_layers=2)
    np.testing.assert_allclose(
        qml.matrix(op, wire_order=range(4)), qml.matrix(zero, wire_order=range(4)), atol=1e-12
    )
    assert sent(op)[0] == 2
    assert sent(TrappedIonAnsatz(params, range(4), n_layers=2))[0] == 3


@pytest.mark.parametrize("kept", [(0, 2), (-1,)])
def test_an_interaction_that_does_not_exist_cannot_be_kept(kept):
    with pytest.raises(InvalidCircuitError, match="there are 2"):
        TrappedIonAnsatz(angles(16), wires=range(3), n_layers=2, kept=kept)


@pytest.mark.parametrize("shape", [(15,), (2, 2, 16)])
def test_angles_that_do_not_fit_are_named(shape):
    with pytest.raises(InvalidCircuitError, match=r"need \(16,\)"):
        TrappedIonAnsatz(np.zeros(shape), wires=range(3), n_layers=2)


def test_an_unknown_interaction_is_named():
    with pytest.raises(InvalidCircuitError, match="'YY'"):
        TrappedIonAnsatz(np.zeros(16), wires=range(3), n_layers=2, interaction="YY")
