"""Gate angles read off circuits, against counts by hand."""

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore.optimize.structure import gate_angles

DEVICE = qml.device("default.qubit", wires=4)


def found(objective, *args):
    kernel = gate_angles(objective, args, {})
    return {
        tuple(row): count
        for row, count in zip(kernel.angles.tolist(), kernel.counts.tolist(), strict=True)
    }


def qnode(function):
    def circuit(*args):
        function(*args)
        return qml.expval(qml.Z(0) @ qml.X(1))

    return qml.QNode(circuit, DEVICE)


def test_each_parameter_of_a_hardware_efficient_ansatz_is_one_gate():
    def ansatz(x):
        for layer in range(2):
            for wire in range(3):
                qml.RY(x[layer, wire], wires=wire)
            qml.CNOT(wires=[0, 1])
            qml.CZ(wires=[1, 2])

    expected = {tuple(row): 1.0 for row in np.eye(6).tolist()}
    assert found(qnode(ansatz), pnp.ones((2, 3))) == expected


def test_shared_parameters_of_qaoa_count_their_gates():
    def qaoa(gamma, beta):
        for a, b in ((0, 1), (1, 2), (2, 3)):
            qml.IsingZZ(-gamma, wires=[a, b])
        for wire in range(4):
            qml.RX(2 * beta, wires=wire)

    assert found(qnode(qaoa), pnp.array(0.3), pnp.array(0.4)) == {(1.0, 0.0): 3.0, (0.0, 2.0): 4.0}


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        (lambda x: qml.CRX(x, wires=[0, 1]), {(0.5,): 2.0}),
        (lambda x: qml.SingleExcitation(x, wires=[0, 1]), {(0.5,): 2.0}),
        (lambda x: qml.ctrl(qml.RY(x, wires=0), control=[1, 2]), {(0.5,): 2.0}),
        (lambda x: qml.PauliRot(x, "XYZ", wires=[0, 1, 2]), {(1.0,): 1.0}),
        (lambda x: qml.OrbitalRotation(x, wires=[0, 1, 2, 3]), {(0.5,): 4.0}),
        (lambda x: qml.adjoint(qml.RX(x, wires=0)), {(1.0,): 1.0}),
        (lambda x: (qml.RX(x, wires=0), qml.RZ(x / 3, wires=0)), {(1.0,): 1.0, (1 / 3,): 1.0}),
    ],
    ids=["CRX", "SingleExcitation", "CCRY", "PauliRot", "OrbitalRotation", "adjoint", "two"],
)
def test_a_gate_counts_as_the_rotations_that_give_its_frequencies(gate, expected):
    seen = {tuple(np.round(row, 6)): n for row, n in found(qnode(gate), pnp.array(0.4)).items()}
    assert seen == {tuple(np.round(row, 6)): n for row, n in expected.items()}


def test_an_angle_of_two_parameters_is_one_row():
    assert found(qnode(lambda x: qml.RX(x[0] - 2 * x[1], wires=0)), pnp.ones(2)) == {
        (1.0, -2.0): 1.0
    }


def test_templates_are_taken_apart():
    def template(x):
        qml.StronglyEntanglingLayers(x, wires=range(2))

    expected = {tuple(row): 1.0 for row in np.eye(12).tolist()}
    assert found(qnode(template), pnp.ones((2, 2, 3))) == expected


def encoder(x, features):
    qml.AngleEmbedding(features, wires=range(2))
    qml.RY(x[0], wires=0)
    qml.RY(x[1], wires=1)
    return qml.expval(qml.Z(0))


def test_encoded_data_and_constants_do_not_count():
    data = pnp.array([0.1, 0.2], requires_grad=False)
    node = qml.QNode(encoder, DEVICE)
    assert found(node, pnp.ones(2), data) == {(1.0, 0.0): 1.0, (0.0, 1.0): 1.0}


def test_the_circuits_of_a_python_cost_are_seen_and_its_own_parameters_are_single_angles():
    node = qml.QNode(encoder, DEVICE)
    data = pnp.array([[0.1, 0.2], [0.3, 0.4]], requires_grad=False)

    def cost(x, rows):
        return sum((node(x, row) + x[2] - 1) ** 2 for row in rows)

    assert found(cost, pnp.ones(3), data) == {tuple(row): 1.0 for row in np.eye(3).tolist()}


def test_of_several_circuits_the_one_with_most_gates_of_an_angle_counts():
    one = qnode(lambda x: qml.RX(x, wires=0))
    three = qnode(lambda x: [qml.RX(x, wires=wire) for wire in range(3)])
    assert found(lambda x: one(x) + three(x) * one(x), pnp.array(0.2)) == {(1.0,): 3.0}


def test_nothing_is_executed():
    node = qml.QNode(encoder, DEVICE)
    with qml.Tracker(DEVICE) as tracker:
        gate_angles(node, (pnp.ones(2), pnp.array([0.1, 0.2], requires_grad=False)), {})
    assert "executions" not in tracker.totals


@pytest.mark.parametrize(
    "objective",
    [
        qnode(lambda x: qml.RX(pnp.sin(x[0]) * x[1], wires=0)),
        lambda x: float(np.sum(np.asarray(x) ** 2)),
    ],
    ids=["not affine", "no circuit"],
)
def test_where_nothing_is_known_each_parameter_is_one_angle(objective):
    assert found(objective, pnp.ones(2)) == {(1.0, 0.0): 1.0, (0.0, 1.0): 1.0}


def test_gates_that_depend_on_a_measurement_leave_each_parameter_to_itself():
    @qml.qnode(qml.device("default.qubit", wires=2))
    def node(x):
        qml.RY(x[0], wires=0)
        qml.cond(qml.measure(0), qml.RX)(x[1], wires=1)
        return qml.expval(qml.Z(1))

    kernel = gate_angles(node, (np.array([0.1, 0.2]),), {})
    assert kernel.angles.tolist() == [[1.0, 0.0], [0.0, 1.0]]
