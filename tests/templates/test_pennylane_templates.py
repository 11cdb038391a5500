"""PennyLane's own layers and embeddings on the device: verified as sent, equal to default.qubit."""

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore import verify
from pennylane_qstore.templates import STANDARD_ROTATIONS, HardwareEfficientAnsatz

N_WIRES = 3


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(9).uniform(-np.pi, np.pi, shape)


TEMPLATES = {
    "angle-x": lambda: qml.AngleEmbedding(draw(3), range(N_WIRES), rotation="X"),
    "angle-y": lambda: qml.AngleEmbedding(draw(3), range(N_WIRES), rotation="Y"),
    "angle-z": lambda: qml.AngleEmbedding(draw(3), range(N_WIRES), rotation="Z"),
    "amplitude": lambda: qml.AmplitudeEmbedding(draw(8), range(N_WIRES), normalize=True),
    "basis": lambda: qml.BasisEmbedding([1, 0, 1], range(N_WIRES)),
    "iqp": lambda: qml.IQPEmbedding(draw(3), range(N_WIRES), n_repeats=2),
    "qaoa": lambda: qml.QAOAEmbedding(draw(3), draw(2, 6), range(N_WIRES)),
    "strongly-entangling": lambda: qml.StronglyEntanglingLayers(draw(2, 3, 3), range(N_WIRES)),
    "basic-entangler": lambda: qml.BasicEntanglerLayers(draw(2, 3), range(N_WIRES)),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_of_pennylanes_is_verified_as_sent_and_gives_its_values(name):
    device = qml.device("qstore.ionq", wires=N_WIRES, cache=False, progress=False)

    def circuit():
        qml.Hadamard(0)  # a superposition, which phases on the diagonal change
        TEMPLATES[name]()
        qml.RX(0.3, 1)
        qml.CNOT([2, 0])
        return qml.probs(wires=range(N_WIRES)), qml.expval(qml.X(0) @ qml.Y(2))

    if name == "amplitude":  # a state is prepared first or not at all

        def circuit():
            TEMPLATES[name]()
            qml.RX(0.3, 1)
            return qml.probs(wires=range(N_WIRES)), qml.expval(qml.X(0) @ qml.Y(2))

    tape = qml.workflow.construct_tape(qml.QNode(circuit, device))()
    assert verify(tape, device).ok
    ours = qml.QNode(circuit, device)()
    expected = qml.QNode(circuit, qml.device("default.qubit", wires=N_WIRES))()
    for value, wanted in zip(ours, expected, strict=True):
        np.testing.assert_allclose(value, wanted, atol=1e-9)


def test_a_circle_of_standard_layers_is_pennylanes_strongly_entangling_one():
    params = draw(3, 4, 3)
    ours = HardwareEfficientAnsatz(
        params, range(4), entanglement="circular", rotations=STANDARD_ROTATIONS
    )
    theirs = qml.StronglyEntanglingLayers(params, range(4), ranges=[1, 1, 1])
    np.testing.assert_allclose(
        qml.matrix(ours, wire_order=range(4)), qml.matrix(theirs, wire_order=range(4)), atol=1e-12
    )


@pytest.mark.parametrize(("template", "n_blocks"), [(qml.TTN, 3), (qml.MERA, 5)])
def test_trees_that_convolve_and_pool_are_pennylanes_and_run_on_the_device(template, n_blocks):
    def block(weights, wires):
        qml.RY(weights[0], wires[0])
        qml.RY(weights[1], wires[1])
        qml.CNOT(wires)

    weights = draw(n_blocks, 2)

    def circuit():
        template(range(4), 2, block, 2, weights)
        return qml.expval(qml.Z(3))

    device = qml.device("qstore.ionq", wires=4, cache=False, progress=False)
    expected = qml.QNode(circuit, qml.device("default.qubit", wires=4))()
    assert verify(qml.workflow.construct_tape(qml.QNode(circuit, device))(), device).ok
    assert qml.QNode(circuit, device)() == pytest.approx(expected, abs=1e-9)
