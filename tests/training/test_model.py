"""The classifier, against an evaluation of one sample after the other."""

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.training.model import make_classifier


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


def test_logits_of_all_samples_are_those_computed_one_by_one(model):
    rng = np.random.default_rng(2)
    params, features = rng.normal(size=16), rng.normal(size=(4, 3))
    expected = [logit_by_hand(params, sample) for sample in features]
    assert model.n_params == 16
    np.testing.assert_allclose(model.logits(params, features), expected, atol=1e-12)


def test_all_samples_leave_in_one_device_call():
    device = qml.device("qstore.ionq", wires=3, seed=1, cache=False, progress=False)
    model = make_classifier(device, n_layers=1, n_qubits=3, shots=50)
    with qml.Tracker(device) as tracker:
        model.logits(np.zeros(model.n_params), np.random.default_rng(0).normal(size=(5, 3)))
    assert tracker.totals["jobs"] == 1
    assert tracker.totals["circuits"] == 5
    assert tracker.totals["shots"] == 250


def test_initial_parameters_repeat_for_a_seed_and_have_the_right_length(model):
    first = model.initial_params(seed=4)
    assert first.shape == (model.n_params,)
    np.testing.assert_array_equal(model.initial_params(seed=4), first)
    assert not np.array_equal(model.initial_params(seed=5), first)
