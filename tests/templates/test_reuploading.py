"""Data re-uploading against circuits and Fourier series written by hand."""

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.errors import InvalidCircuitError
from pennylane_qstore.templates import ReuploadingEmbedding


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).uniform(-np.pi, np.pi, shape)


def test_the_matrix_equals_the_circuit_written_by_hand():
    x, w = draw(2), draw(2, 2, 3)
    gates = []
    for layer in range(2):
        for i in range(2):
            scale, offset, phase = w[layer, i]
            gates += [qml.RY(scale * x[i] + offset, i), qml.RZ(phase, i)]
        gates.append(qml.CNOT([0, 1]))
    expected = qml.matrix(qml.tape.QuantumScript(gates), wire_order=[0, 1])
    op = ReuploadingEmbedding(x, w, wires=range(2))
    np.testing.assert_allclose(qml.matrix(op), expected, atol=1e-12)


def test_more_features_than_wires_are_dealt_over_the_layers():
    w = np.zeros((2, 2, 3))
    w[..., 0] = 1
    op = ReuploadingEmbedding([0.1, 0.2, 0.3], w, wires=range(2))
    angles = [float(gate.data[0]) for gate in op.decomposition() if gate.name == "RY"]
    assert angles == [0.1, 0.2, 0.3, 0.1]


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_a_feature_uploaded_so_often_makes_as_many_frequencies(n_layers):
    weights = draw(n_layers, 1, 3)
    weights[..., 0] = 1

    @qml.qnode(qml.device("default.qubit", wires=1))
    def model(x):
        ReuploadingEmbedding(x, weights, wires=0)
        return qml.expval(qml.Z(0))

    grid = 2 * np.pi * np.arange(16) / 16
    spectrum = np.abs(np.fft.rfft(model(grid[:, None]))) / 16
    assert spectrum[n_layers] > 1e-3
    assert np.all(spectrum[n_layers + 1 :] < 1e-12)


@pytest.mark.parametrize("entanglement", ["linear", "brickwork", ((1, 0),)])
def test_the_operator_meets_pennylanes_contract(entanglement):
    op = ReuploadingEmbedding(
        qml.numpy.array(draw(3)),
        qml.numpy.array(draw(2, 2, 3)),
        wires=["b", 0],
        entanglement=entanglement,
    )
    qml.ops.functions.assert_valid(op)


def test_rows_of_data_broadcast_like_a_loop():
    rows, weights = draw(4, 2), draw(2, 2, 3)

    @qml.qnode(qml.device("default.qubit", wires=2))
    def model(x):
        ReuploadingEmbedding(x, weights, wires=range(2))
        return qml.probs()

    np.testing.assert_allclose(model(rows), [model(row) for row in rows], atol=1e-12)


def test_gradients_reach_scales_offsets_and_phases():
    x = draw(2)
    weights = qml.numpy.array(draw(2, 2, 3))

    @qml.qnode(qml.device("default.qubit", wires=2), diff_method="parameter-shift")
    def model(w):
        ReuploadingEmbedding(x, w, wires=range(2))
        return qml.expval(qml.X(0) @ qml.Z(1))

    gradient = qml.grad(model)(weights)
    for index in [(0, 0, 0), (0, 1, 1), (1, 0, 2)]:
        step = np.zeros(weights.shape)
        step[index] = 1e-5
        slope = (model(weights + step) - model(weights - step)) / 2e-5
        assert gradient[index] == pytest.approx(slope, abs=1e-8)


def test_features_that_would_never_be_uploaded_are_refused():
    with pytest.raises(InvalidCircuitError, match="at least 3 layers"):
        ReuploadingEmbedding(draw(5), draw(2, 2, 3), wires=range(2))


@pytest.mark.parametrize(
    ("features", "weights", "message"),
    [((2,), (2, 3, 3), r"need \(n_layers, 2, 3\)"), ((1, 1, 2), (2, 2, 3), "features have shape")],
)
def test_a_shape_that_does_not_fit_is_named(features, weights, message):
    with pytest.raises(InvalidCircuitError, match=message):
        ReuploadingEmbedding(np.zeros(features), np.zeros(weights), wires=range(2))
