"""Batches, templates, native gates and jobs change no loss and no accuracy (N4, N12).

The same trainings on ``qstore.ionq`` and on PennyLane's ``default.qubit``: equal to rounding where
values are exact, and in a paired comparison over seeds where they are sampled.
"""

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp
from sklearn.datasets import load_iris

from pennylane_qstore import HardwareEfficientAnsatz, SPSAOptimizer
from pennylane_qstore.optimize import GradientOptimizer
from pennylane_qstore.training import QuantumClassifier

OBSERVABLE = -1.0 * (qml.Z(0) @ qml.Z(1)) - 0.6 * (qml.X(0) + qml.X(1))
OURS, THEIRS = "qstore.ionq", "default.qubit"
N_SEEDS, N_STEPS = 10, 10


def make(name, **options):
    ours = {"cache": False, "progress": False} if name == OURS else {}
    return qml.device(name, wires=2, **ours, **options)


def energy(device, shots=None):
    @qml.qnode(device, shots=shots)
    def circuit(params):
        HardwareEfficientAnsatz(params, wires=range(2))
        return qml.expval(OBSERVABLE)

    return circuit


def train(device, optimizer, shots=None, seed=0):
    """The losses on the way, and the exact one at the end."""
    shape = HardwareEfficientAnsatz.shape(2, 2)
    start = np.random.default_rng(seed).uniform(-0.5, 0.5, shape)
    cost, params, losses = energy(device, shots), pnp.array(start, requires_grad=True), []
    for _ in range(N_STEPS):
        params, loss = optimizer.step_and_cost(cost, params)
        losses.append(float(loss))
    return losses, float(energy(make(THEIRS))(params))


@pytest.mark.parametrize(
    "optimizer", [lambda: SPSAOptimizer(seed=4), lambda: GradientOptimizer(0.2)]
)
def test_exact_trainings_have_the_losses_of_default_qubit(optimizer):
    ours, end = train(make(OURS), optimizer())
    theirs, expected = train(make(THEIRS), optimizer())
    np.testing.assert_allclose(ours, theirs, atol=1e-7)
    assert end == pytest.approx(expected, abs=1e-7)
    assert end < theirs[0] - 0.3


def test_the_accuracy_of_a_classifier_is_that_of_default_qubit():
    samples, labels = load_iris(return_X_y=True)
    options = {
        "max_iter": 8,
        "batch_size": 12,
        "random_state": 1,
        "optimizer": lambda seed: SPSAOptimizer(seed=seed),
    }
    device_options = {"cache": False}
    ours = QuantumClassifier(2, device=OURS, device_options=device_options, **options)
    ours.fit(samples, labels)
    theirs = QuantumClassifier(2, device=THEIRS, **options).fit(samples, labels)
    np.testing.assert_allclose(
        [step.loss for step in ours.history_], [step.loss for step in theirs.history_], atol=1e-7
    )
    np.testing.assert_array_equal(ours.predict(samples), theirs.predict(samples))
    assert ours.score(samples, labels) > 0.5


def test_sampled_trainings_end_at_the_loss_of_default_qubit():
    """Paired over seeds: the 99.9 % interval of the mean difference has 0, and is narrow."""
    ends = []
    for seed in range(N_SEEDS):
        devices = make(OURS, seed=seed), make(THEIRS, seed=1000 + seed)
        optimizers = (SPSAOptimizer(resamplings=1, seed=seed) for _ in devices)
        runs = [train(*pair, 100, seed) for pair in zip(devices, optimizers, strict=True)]
        ends.append([end for _, end in runs])
    found = np.subtract(*np.transpose(ends))
    half_width = 4.78 * np.std(found, ddof=1) / np.sqrt(N_SEEDS)  # Student's t, 9 degrees
    assert abs(np.mean(found)) < half_width
    assert half_width < 0.25
