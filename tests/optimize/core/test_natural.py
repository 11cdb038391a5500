"""The natural gradient against the Fubini-Study metric of dense state vectors."""

import numpy as np
import pytest

from pennylane_qstore.optimize.core.natural import natural_gradient
from pennylane_qstore.optimize.errors import InvalidLossError

X = np.array([[0, 1], [1, 0]], dtype=complex)
Y = np.array([[0, -1j], [1j, 0]])
Z = np.diag([1, -1]).astype(complex)
CNOT = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], dtype=complex)
ENERGY = np.kron(Z, Z) + 0.5 * np.kron(X, np.eye(2)) + 0.3 * np.kron(np.eye(2), X)


def rotation(pauli, angle):
    return np.cos(angle / 2) * np.eye(2) - 1j * np.sin(angle / 2) * pauli


def state(params):
    vector = np.array([1, 0, 0, 0], dtype=complex)
    vector = np.kron(rotation(Y, params[0]), rotation(Y, params[1])) @ vector
    return np.kron(rotation(X, params[2]), rotation(Z, params[3])) @ CNOT @ vector


def geometry(params):
    """Metric and gradient by central differences of the state vector."""
    h, here = 1e-6, state(params)
    slopes = np.array(
        [(state(params + h * e) - state(params - h * e)) / (2 * h) for e in np.eye(len(params))]
    )
    across = slopes.conj() @ here
    metric = (slopes.conj() @ slopes.T - np.outer(across, across.conj())).real
    return metric, 2 * (slopes.conj() @ ENERGY @ here).real


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("lam", [1e-3, 0.1])
def test_it_solves_with_the_regularized_metric_of_the_states(seed, lam):
    metric, gradient = geometry(np.random.default_rng(seed).uniform(-3, 3, 4))
    expected = np.linalg.solve(metric + lam * np.eye(4), gradient)
    np.testing.assert_allclose(natural_gradient(metric, gradient, lam), expected, rtol=1e-7)


def test_without_regularization_it_stays_on_the_range_of_the_metric():
    metric = np.diag([0.25, 0.0])
    np.testing.assert_allclose(natural_gradient(metric, np.array([1.0, 5.0]), 0.0), [4.0, 0.0])


def test_negative_eigenvalues_by_noise_count_as_zero():
    metric = np.diag([0.25, -0.04])
    np.testing.assert_allclose(
        natural_gradient(metric, np.array([1.0, 1.0]), 0.05), [1 / 0.3, 1 / 0.05]
    )


def test_it_does_not_depend_on_the_parametrization_where_the_metric_is_regular():
    rng = np.random.default_rng(3)
    root, change = rng.normal(size=(2, 4, 4))
    metric, gradient = root @ root.T, rng.normal(size=4)
    other = natural_gradient(change.T @ metric @ change, change.T @ gradient, 0.0)
    np.testing.assert_allclose(change @ other, natural_gradient(metric, gradient, 0.0), rtol=1e-6)


@pytest.mark.parametrize("metric", [np.zeros((2, 3)), np.full((2, 2), np.nan)])
def test_what_is_no_metric_is_refused(metric):
    with pytest.raises(InvalidLossError, match="square metric"):
        natural_gradient(metric, np.ones(2), 0.1)
