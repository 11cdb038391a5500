"""The classifier, against an evaluation of one sample after the other."""

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.training.model import cross_entropy, make_classifier


@pytest.fixture
def model():
    return make_classifier(qml.device("default.qubit", wires=3), n_layers=2, n_qubits=3, shots=None)


def logit_by_hand(point, sample):
    """The same circuit gate by gate, on its own QNode."""

    @qml.qnode(qml.device("default.qubit", wires=3))
    def circuit(angles):
        for wire in range(3):
            qml.RY(sample[wire], wires=wire)
        for layer in range(2):
            for wire in range(3):
                qml.RY(angles[layer, wire, 0], wires=wire)
                qml.RZ(angles[layer, wire, 1], wires=wire)
            qml.CNOT([0, 1])
            qml.CNOT([1, 2])
        return [qml.expval(qml.Z(wire)) for wire in range(3)]

    return point[15] + np.dot(point[12:15], circuit(point[:12].reshape(2, 3, 2)))


def test_logits_of_all_points_and_samples_are_those_computed_one_by_one(model):
    rng = np.random.default_rng(2)
    points, features = rng.normal(size=(2, 16)), rng.normal(size=(4, 3))
    expected = [[logit_by_hand(point, sample) for sample in features] for point in points]
    assert model.n_params == 16
    np.testing.assert_allclose(model.logits(points, features), expected, atol=1e-12)


def test_all_points_and_samples_leave_in_one_device_call():
    device = qml.device("default.qubit", wires=3, seed=1)
    model = make_classifier(device, n_layers=1, n_qubits=3, shots=50)
    with qml.Tracker(device) as tracker:
        model.logits(np.zeros((2, model.n_params)), np.zeros((5, 3)))
    assert tracker.totals["batches"] == 1
    assert tracker.totals["executions"] == 10
    assert tracker.totals["shots"] == 500


def test_initial_parameters_repeat_for_a_seed_and_have_the_right_length(model):
    first = model.initial_params(seed=4)
    assert first.shape == (model.n_params,)
    np.testing.assert_array_equal(model.initial_params(seed=4), first)
    assert not np.array_equal(model.initial_params(seed=5), first)


def test_cross_entropy_is_the_negative_log_likelihood():
    logits, labels = np.array([[0.3, -2.0, 1.5]]), np.array([1, 0, 0])
    p = 1 / (1 + np.exp(-logits[0]))
    likelihood = np.where(labels == 1, p, 1 - p)
    np.testing.assert_allclose(cross_entropy(logits, labels), [-np.log(likelihood).mean()])


def test_cross_entropy_of_hopeless_logits_stays_finite():
    np.testing.assert_allclose(cross_entropy(np.array([[-1000.0]]), np.array([1])), [1000.0])
