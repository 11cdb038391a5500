"""PennyLane's amplitude embedding on the device: lowered, verified, and run."""

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore import verify


def state(n_qubits: int, *, is_real: bool) -> np.ndarray:
    rng = np.random.default_rng(n_qubits)
    amplitudes = rng.normal(size=2**n_qubits)
    if not is_real:
        amplitudes = amplitudes + 1j * rng.normal(size=2**n_qubits)
    return amplitudes / np.linalg.norm(amplitudes)


@pytest.mark.parametrize("is_real", [True, False])
@pytest.mark.parametrize("n_qubits", [1, 3, 4])
def test_an_amplitude_embedding_is_lowered_and_verified(n_qubits, is_real):
    amplitudes = state(n_qubits, is_real=is_real)
    device = qml.device("qstore.ionq", wires=n_qubits, cache=False)

    @qml.qnode(device)
    def circuit():
        qml.AmplitudeEmbedding(amplitudes, wires=range(n_qubits))
        return qml.probs(wires=range(n_qubits))

    assert verify(qml.workflow.construct_tape(circuit)(), device).ok
    distance = np.abs(circuit() - np.abs(amplitudes) ** 2).sum() / 2
    assert distance < 1e-9


def test_features_are_padded_and_normalized_as_pennylane_does():
    features = [3.0, 4.0, 12.0]
    device = qml.device("qstore.ionq", wires=2, cache=False)

    @qml.qnode(device)
    def circuit():
        qml.AmplitudeEmbedding(features, wires=range(2), pad_with=0.0, normalize=True)
        return qml.probs(wires=range(2))

    np.testing.assert_allclose(circuit(), np.array([9, 16, 144, 0]) / 169, atol=1e-9)
