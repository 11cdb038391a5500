"""What PennyLane's own tests demand of qml.SPSAOptimizer, demanded of ours.

Each test states a behaviour of PennyLane 0.45's test suite and is written anew. Where ours differs
on purpose, the test says so.
"""

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.optimize import SPSAOptimizer

pnp = qml.numpy

ONE = [np.sin, lambda x: np.exp(x / 10.0), lambda x: x**2]
SEVERAL = [
    lambda x: np.sin(x[0]) + np.cos(x[1]),
    lambda x: np.exp(x[0] / 3) * np.tanh(x[1]),
    lambda x: sum(value**2 for value in x),
]


def scalar(function):
    return lambda x: np.asarray(function(np.asarray(x))).item()


def gain(k, *, a, stability, alpha=0.602):
    return a / (stability + k) ** alpha


@pytest.mark.parametrize("start", [0.0, -3.0, 42.0])
@pytest.mark.parametrize("function", ONE)
@pytest.mark.parametrize("method", ["step", "step_and_cost"])
def test_a_step_in_one_dimension_is_the_central_difference_times_the_gain(start, function, method):
    opt = SPSAOptimizer(maxiter=10, c=0.1, gamma=0.3)
    new = getattr(opt, method)(scalar(function), pnp.array([start]))
    new = new[0] if method == "step_and_cost" else new
    slope = (function(start + 0.1) - function(start - 0.1)) / 0.2
    # A is a tenth of maxiter, and a such that the first gain is 0.05
    first = gain(1, a=0.05 * 2**0.602, stability=1.0)
    assert first == pytest.approx(0.05)
    np.testing.assert_allclose(new, start - first * slope)


@pytest.mark.parametrize("function", SEVERAL)
def test_a_step_in_two_dimensions_is_one_of_the_four_that_signs_allow(function):
    c, first = 0.2, 0.05
    for here in np.linspace(-10, 10, 15, endpoint=False):
        start = np.array([here, here + 1.25])
        new = SPSAOptimizer(A=10.0).step(scalar(function), pnp.array(start))
        allowed = []
        for signs in ([1, 1], [1, -1]):
            delta = np.array(signs)
            rise = function(start + c * delta) - function(start - c * delta)
            allowed.append(start - first * rise / (2 * c) * delta)
        assert any(np.allclose(new, one, atol=1e-10) for one in allowed)


@pytest.mark.parametrize("start", [0.0, -3.0, 42.0])
@pytest.mark.parametrize("function", ONE)
def test_the_cost_is_the_objective_before_the_step(start, function):
    _, cost = SPSAOptimizer(10).step_and_cost(scalar(function), pnp.array(start))
    assert cost == function(start)


def rotations(params):
    qml.RX(params[0], wires=[0])
    qml.RY(params[1], wires=[0])
    qml.RY(params[2], wires=[0])


@qml.qnode(qml.device("default.qubit", wires=1))
def three_angles(params):
    rotations(params)
    return qml.expval(qml.PauliZ(0))


def test_the_cost_of_a_qnode_is_its_value_before_the_step():
    start = pnp.array([0.4, 0.2, 0.4])
    _, cost = SPSAOptimizer(maxiter=10).step_and_cost(three_angles, start)
    assert cost == pytest.approx(float(three_angles(start)), abs=1e-12)


def test_the_coefficients_of_a_hamiltonian_can_be_trained():
    @qml.qnode(qml.device("default.qubit", wires=1))
    def energy(coefficients):
        words = [qml.PauliX(0) @ qml.PauliZ(0), qml.PauliZ(0) @ qml.Hadamard(0)]
        return qml.expval(qml.Hamiltonian(coefficients, words))

    start = pnp.array([0.2, -0.543])
    new, cost = SPSAOptimizer(maxiter=10).step_and_cost(energy, start)
    # X Z is not Hermitian: PennyLane's value has an imaginary part, which is no part of a loss
    assert cost == pytest.approx(np.real(energy(start)), abs=1e-12)
    assert np.all(new != start)


def test_the_step_on_a_qnode_is_one_that_signs_allow():
    start, c = np.array([0.4, 0.2, 0.8]), 0.2
    new = SPSAOptimizer(maxiter=10).step(three_angles, pnp.array(start))
    allowed = []
    for signs in np.ndindex(2, 2, 2):
        delta = 2 * np.array(signs) - 1
        rise = float(three_angles(start + c * delta)) - float(three_angles(start - c * delta))
        allowed.append(start - 0.05 * rise / (2 * c) * delta)
    assert any(np.allclose(new, one, atol=1e-10) for one in allowed)


def test_parameters_keep_their_shape():
    @qml.qnode(qml.device("default.qubit", wires=1))
    def energy(params):
        qml.RX(params[0, 1], wires=[0])
        qml.RY(params[1, 0], wires=[0])
        qml.RY(params[1, 1], wires=[0])
        return qml.expval(qml.PauliZ(0))

    start = pnp.array([[0.1, 0.2], [-0.1, -0.4]])
    new, cost = SPSAOptimizer(maxiter=10).step_and_cost(energy, start)
    assert new.shape == (2, 2)
    assert cost == pytest.approx(float(energy(start)), abs=1e-12)


@pytest.mark.parametrize("method", ["step", "step_and_cost"])
def test_arguments_of_different_sizes_are_trained_if_they_are_not_frozen(method):
    @qml.qnode(qml.device("default.qubit", wires=1))
    def energy(*variables):
        qml.RX(variables[0][1], wires=[0])
        qml.RY(variables[1][2], wires=[0])
        qml.RY(variables[2], wires=[0])
        return qml.expval(qml.PauliZ(0))

    args = [
        pnp.array([0.2, 0.3], requires_grad=True),
        pnp.array([0.4, 0.2, 0.4], requires_grad=False),
        pnp.array(0.1, requires_grad=True),
    ]
    new = getattr(SPSAOptimizer(maxiter=10), method)(energy, *args)
    new = new[0] if method == "step_and_cost" else new
    assert isinstance(new, list)
    assert np.all(new[0] != args[0])
    assert np.all(new[1] == args[1])
    assert new[2] != args[2]


def test_a_float_stays_a_float_but_is_trained_here():
    @qml.qnode(qml.device("default.qubit", wires=1))
    def circuit(x):
        qml.RX(x, wires=0)
        return qml.expval(qml.PauliZ(0))

    new = SPSAOptimizer(maxiter=10).step(lambda x: circuit(x), 0.5)
    assert isinstance(new, float)
    assert new > 0.5  # PennyLane leaves it at 0.5, because a float has no requires_grad


def test_a_qnode_that_returns_probabilities_is_a_value_error():
    @qml.qnode(qml.device("default.qubit", wires=4))
    def probabilities(params):
        qml.StronglyEntanglingLayers(params, wires=range(4))
        return qml.probs(wires=[0, 1, 2, 3])

    params = pnp.array(np.random.default_rng(1).normal(scale=0.1, size=(3, 4, 3)))
    with pytest.raises(ValueError, match="one real number"):
        SPSAOptimizer(maxiter=10).step(probabilities, params)


@pytest.mark.parametrize("function", ONE)
def test_a_function_that_returns_an_array_is_a_value_error(function):
    with pytest.raises(ValueError, match="one real number"):
        SPSAOptimizer(10).step(function, pnp.array([[0.1, 0.2], [-0.1, -0.4]]))


@pytest.mark.parametrize("name", ["lightning.qubit", "default.qubit"])
def test_keyword_arguments_reach_a_circuit_on_any_simulator_and_the_energy_falls(name):
    words = [
        qml.PauliX(0) @ qml.PauliZ(1),
        qml.PauliZ(0) @ qml.Hadamard(2),
        qml.PauliX(3) @ qml.PauliZ(1),
    ]
    hamiltonian = qml.Hamiltonian([0.2, -0.543, 0.4514], words)

    @qml.qnode(qml.device(name, wires=4))
    def energy(params, num_qubits=1):
        qml.BasisState(np.array([1, 1, 0, 0]), wires=range(num_qubits))
        for i in range(num_qubits):
            qml.Rot(*params[i], wires=0)
            qml.CNOT(wires=[2, 3])
            qml.CNOT(wires=[2, 0])
            qml.CNOT(wires=[3, 1])
        return qml.expval(hamiltonian)

    start = pnp.array(np.random.default_rng(3).normal(0, np.pi, (4, 3)))
    opt, params = SPSAOptimizer(maxiter=20, seed=1), start
    for _ in range(20):
        params, cost = opt.step_and_cost(energy, params, num_qubits=4)
    assert np.all(params != start)
    assert cost < energy(start, num_qubits=4)


def test_noisy_circuits_are_trained_on_a_density_matrix():
    @qml.qnode(qml.device("default.mixed", wires=1))
    def circuit(params):
        qml.RX(params[0], wires=0)
        qml.RY(params[1], wires=0)
        qml.AmplitudeDamping(0.5, wires=0)
        return qml.expval(qml.PauliZ(0))

    start = pnp.array([0.1, -0.05])
    opt, params = SPSAOptimizer(maxiter=40, c=0.3, a=1.0, seed=2), start
    for _ in range(40):
        params, cost = opt.step_and_cost(circuit, params)
    assert np.all(params != start)
    assert cost < circuit(start)


def test_without_maxiter_and_a_the_gain_is_chosen_where_pennylane_raises():
    with pytest.raises(TypeError):
        qml.SPSAOptimizer()
    opt, params = SPSAOptimizer(seed=1), pnp.array([0.4, 0.2, 0.4])
    for _ in range(30):
        params = opt.step(three_angles, params)
    assert three_angles(params) < -0.9
