"""What the device returns, on the embedded emulator, against PennyLane's default.qubit."""

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from tests.oracles import angle, random_operations

X, Y, Z = qml.X, qml.Y, qml.Z
HERMITIAN = np.array([[1.0, 0.5 - 0.2j], [0.5 + 0.2j, -0.3]])
HERMITIAN_2 = np.kron(HERMITIAN, [[0.2, 1j], [-1j, 1.4]])
SPARSE = qml.Hamiltonian([0.4, -1.3], [X(0) @ Z(2), Y(1)]).sparse_matrix(wire_order=[0, 1, 2])

MEASUREMENTS = {
    "pauli": lambda: qml.expval(Y(1)),
    "word": lambda: qml.expval(X(0) @ Y(1) @ Z(2)),
    "identity": lambda: qml.expval(qml.I(0)),
    "scaled": lambda: qml.expval(-2.5 * X(0)),
    "sum": lambda: qml.expval(X(0) + 2 * Y(1) - 0.5 * Z(0) @ X(2)),
    "product with a sum": lambda: qml.expval((X(0) + Z(1)) @ Y(2)),
    "linear combination": lambda: qml.expval(
        qml.Hamiltonian([0.3, -1.1, 0.7, 2.0], [X(0), Z(0) @ Z(1), Y(2) @ X(0), qml.I(1)])
    ),
    "overlapping product": lambda: qml.expval(X(0) @ Y(0) @ X(0) @ Z(1)),
    "hadamard": lambda: qml.expval(qml.Hadamard(1)),
    "hermitian": lambda: qml.expval(qml.Hermitian(HERMITIAN, wires=1)),
    "two-wire hermitian": lambda: qml.expval(qml.Hermitian(HERMITIAN_2, wires=[2, 0])),
    "hermitian product": lambda: qml.expval(qml.Hermitian(HERMITIAN, wires=1) @ X(0)),
    "hermitian sum": lambda: qml.expval(qml.Hermitian(HERMITIAN, wires=1) + 3 * X(1)),
    "projector": lambda: qml.expval(qml.Projector([1, 0], wires=[2, 1])),
    "state projector": lambda: qml.expval(qml.Projector(np.array([0.6, 0.8j]), wires=[0])),
    "sparse": lambda: qml.expval(qml.SparseHamiltonian(SPARSE, wires=[0, 1, 2])),
    "variance": lambda: qml.var(X(0) @ Y(1)),
    "variance of a sum": lambda: qml.var(X(0) + 2 * Y(1) - 0.5 * Z(0) @ X(2)),
    "variance of a hermitian": lambda: qml.var(qml.Hermitian(HERMITIAN, wires=1)),
    "variance of a scaled word": lambda: qml.var(3.0 * Z(0)),
    "probs": lambda: qml.probs(wires=[2, 0]),
    "probs of all wires": lambda: qml.probs(),
    "probs of an observable": lambda: qml.probs(op=X(0) @ Y(2)),
    "probs of a hermitian": lambda: qml.probs(op=qml.Hermitian(HERMITIAN, wires=1)),
}


def prepare(params):
    for wire in range(3):
        qml.Rot(*params[wire], wires=wire)
    qml.CRY(params[0, 0], wires=[0, 1])
    qml.IsingXY(params[1, 1], wires=[1, 2])
    qml.Toffoli(wires=[2, 0, 1])
    qml.adjoint(qml.QFT)(wires=[0, 2])


def circuit(device, measurement, shots=None):
    @qml.qnode(device)
    def run(params):
        prepare(params)
        return measurement()

    return qml.set_shots(run, shots) if shots else run


@pytest.fixture(scope="module")
def params():
    return np.random.default_rng(11).uniform(-3, 3, (3, 3))


@pytest.fixture
def device():
    return qml.device("qstore.ionq", wires=3, seed=5)


@pytest.mark.parametrize("name", MEASUREMENTS)
@pytest.mark.parametrize(
    "options",
    [{}, {"gateset": "qis"}],
    ids=["native", "qis"],
)
def test_exact_values_equal_default_qubit(name, options, params):
    device = qml.device("qstore.ionq", wires=3, **options)
    expected = circuit(qml.device("default.qubit", wires=3), MEASUREMENTS[name])(params)
    np.testing.assert_allclose(circuit(device, MEASUREMENTS[name])(params), expected, atol=1e-9)


@pytest.mark.parametrize("name", [n for n in MEASUREMENTS if "variance" not in n])
def test_sampled_values_are_within_five_standard_errors(name, params, device):
    shots = 40_000
    expected = circuit(qml.device("default.qubit", wires=3), MEASUREMENTS[name])(params)
    spread = 6.0  # more than the largest standard deviation of any observable above
    values = circuit(device, MEASUREMENTS[name], shots)(params)
    assert np.max(np.abs(values - expected)) < 5 * spread / np.sqrt(shots)


@pytest.mark.parametrize("name", [n for n in MEASUREMENTS if "variance" in n])
def test_sampled_variances_are_close(name, params, device):
    expected = circuit(qml.device("default.qubit", wires=3), MEASUREMENTS[name])(params)
    assert circuit(device, MEASUREMENTS[name], 100_000)(params) == pytest.approx(expected, abs=0.3)


def test_several_measurements_of_every_kind_together(params, device):
    def everything():
        return (
            qml.expval(X(0)),
            qml.var(Z(1) + X(1)),
            qml.probs(wires=[1]),
            qml.counts(wires=[0, 2]),
            qml.sample(Y(2)),
            qml.counts(Z(0) @ Z(1), all_outcomes=True),
            qml.sample(wires=[2, 0]),
        )

    result = circuit(device, everything, 500)(params)
    assert len(result) == 7
    assert sum(result[3].values()) == 500
    assert set(np.unique(result[4])) <= {-1.0, 1.0}
    assert set(result[5]) == {-1.0, 1.0}
    assert result[6].shape == (500, 2)


def test_counts_and_samples_have_the_form_of_default_qubits(params, device):
    def measured():
        return (
            qml.counts(all_outcomes=True),
            qml.counts(qml.Hermitian(HERMITIAN, wires=1)),
            qml.sample(wires=[1]),
            qml.sample(X(0) + Z(2)),
        )

    ours = circuit(device, measured, 50_000)(params)
    theirs = circuit(qml.device("default.qubit", wires=3, seed=1), measured, 50_000)(params)
    assert set(ours[0]) == set(theirs[0])
    assert all(isinstance(key, str) for key in ours[0])
    for key, count in theirs[0].items():
        assert abs(ours[0][key] - count) < 5 * np.sqrt(2 * 50_000 * 0.25)
    assert sorted(map(float, ours[1])) == pytest.approx(sorted(map(float, theirs[1])))
    assert ours[2].shape == theirs[2].shape
    assert np.mean(ours[3]) == pytest.approx(np.mean(theirs[3]), abs=0.05)


def test_a_shot_vector_gives_one_result_for_each_part(params, device):
    result = circuit(device, lambda: qml.expval(X(0)), (100, 200, (50, 3)))(params)
    assert len(result) == 5
    result = circuit(device, lambda: (qml.sample(wires=0), qml.probs(wires=1)), [10, 20])(params)
    assert [len(part[0]) for part in result] == [10, 20]
    assert all(part[1].sum() == pytest.approx(1) for part in result)


def test_a_shot_vector_splits_one_sample_and_does_not_repeat_it(params, device):
    parts = circuit(device, lambda: qml.sample(wires=[0, 1, 2]), [300, 300])(params)
    assert parts[0].tolist() != parts[1].tolist()


@pytest.mark.parametrize("shots", [None, 20_000])
def test_broadcasting_gives_one_row_for_each_entry(shots, params):
    def run(device):
        @qml.qnode(device)
        def broadcast(x, y):
            qml.RX(x, wires=0)
            qml.CRY(y, wires=[0, 1])
            return qml.expval(Z(0)), qml.probs(wires=[0, 1]), qml.expval(X(0) + Z(1))

        broadcast = qml.set_shots(broadcast, shots) if shots else broadcast
        return broadcast(np.array([0.1, 1.2, -2.0]), 0.7)

    ours = run(qml.device("qstore.ionq", wires=2, seed=1))
    theirs = run(qml.device("default.qubit", wires=2, seed=1))
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine, other, atol=1e-9 if shots is None else 0.05)


def test_broadcast_states_and_matrices_are_taken_apart(device):
    states = np.random.default_rng(0).normal(size=(4, 4)) + 0j
    states /= np.linalg.norm(states, axis=1, keepdims=True)

    def run(dev):
        @qml.qnode(dev)
        def embedded(states):
            qml.StatePrep(states, wires=[0, 1])
            qml.Hadamard(0)
            return qml.probs(wires=[0, 1])

        return embedded(states)

    expected = run(qml.device("default.qubit", wires=3))
    np.testing.assert_allclose(run(device), expected, atol=1e-9)


def test_broadcast_samples_and_counts_with_a_shot_vector(device):
    @qml.qnode(device)
    def run(x):
        qml.RX(x, wires=0)
        return qml.sample(wires=[0, 1]), qml.counts(wires=0)

    result = qml.set_shots(run, [5, 7])(np.array([0.1, 0.2, 0.3]))
    assert [part[0].shape for part in result] == [(3, 5, 2), (3, 7, 2)]
    assert [len(part[1]) for part in result] == [3, 3]


def test_mid_circuit_measurements_are_deferred():
    def run(device):
        @qml.qnode(device)
        def conditional(x):
            qml.RX(x, wires="a")
            outcome = qml.measure("a")
            qml.cond(outcome, qml.RY)(0.7, wires="b")
            return qml.expval(Z("b")), qml.probs(op=outcome), qml.expval(outcome)

        return conditional(1.1)

    ours = run(qml.device("qstore.ionq", wires=["a", "b", "spare"]))
    theirs = run(qml.device("default.qubit"))
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-9)


@pytest.mark.parametrize("wires", [["q", 7, "a"], None])
def test_wires_may_have_any_labels(wires):
    def run(device):
        @qml.qnode(device)
        def labelled():
            qml.RX(0.4, wires="q")
            qml.CNOT(wires=["q", 7])
            qml.RY(0.9, wires="a")
            return qml.probs(wires=["a", "q"]), qml.probs()

        return labelled()

    ours = run(qml.device("qstore.ionq", wires=wires))
    theirs = run(qml.device("default.qubit", wires=wires))
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-9)


def test_the_state_is_available_where_everything_is_local(params, device):
    expected = circuit(qml.device("default.qubit", wires=3), qml.state)(params)
    np.testing.assert_allclose(circuit(device, qml.state)(params), expected, atol=1e-9)


def test_pennylanes_state_measurements_and_ours_in_one_qnode(params, device):
    def both():
        return qml.purity(wires=[0]), qml.expval(X(0)), qml.density_matrix(wires=[1])

    expected = circuit(qml.device("default.qubit", wires=3), both)(params)
    for mine, other in zip(circuit(device, both)(params), expected, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-9)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("model", [None, "zz"])
def test_random_circuits_of_all_operations_equal_default_qubit(seed, model, monkeypatch):
    rng = np.random.default_rng(seed)
    n_wires = int(rng.integers(3, 6))
    operations = random_operations(rng, range(n_wires), int(rng.integers(1, 25)), decomposed=True)
    device = qml.device("qstore.ionq", wires=n_wires, cache=False)
    if model == "zz":
        from dataclasses import replace

        monkeypatch.setitem(vars(device._backend), "target", replace(device.target, entangler="zz"))
    tape = qml.tape.QuantumScript(operations, [qml.probs(wires=range(n_wires))])
    (ours,) = qml.execute([tape], device)
    (theirs,) = qml.execute([tape], qml.device("default.qubit", wires=n_wires))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(100, 600))
def test_five_hundred_random_circuits_equal_default_qubit(seed, monkeypatch):
    test_random_circuits_of_all_operations_equal_default_qubit(
        seed, "zz" if seed % 2 else None, monkeypatch
    )


@pytest.mark.parametrize("method", ["parameter-shift", "finite-diff", "best"])
def test_gradients_equal_default_qubits(method, params, device):
    def loss(dev, method):
        @qml.qnode(dev, diff_method=method)
        def run(p):
            prepare(p)
            return qml.expval(X(0) + Z(1) @ Y(2))

        return qml.grad(run)(pnp.array(params, requires_grad=True))

    expected = loss(qml.device("default.qubit", wires=3), "backprop")
    atol = 1e-4 if method == "finite-diff" else 1e-9
    np.testing.assert_allclose(loss(device, method), expected, atol=atol)


def test_the_same_seed_repeats_a_run_bit_for_bit(params):
    def run(seed):
        device = qml.device("qstore.ionq", wires=3, seed=seed, cache=False)
        node = circuit(device, lambda: qml.sample(wires=[0, 1, 2]), 50)
        return [node(params).tolist() for _ in range(3)]

    assert run(3) == run(3)
    assert run(3) != run(4)
    assert len({str(sample) for sample in run(3)}) == 3


def test_noisy_runs_repeat_with_a_noise_seed_and_differ_within_a_run(params):
    def run(noise_seed):
        device = qml.device(
            "qstore.ionq", wires=3, noise_model="aria-1", noise_seed=noise_seed, cache=False
        )
        node = circuit(device, lambda: qml.counts(), 200)
        return [str(sorted(node(params).items())) for _ in range(2)]

    assert run(3) == run(3)
    assert run(3) != run(4)
    assert len(set(run(3))) == 2


def test_noise_pulls_expectation_values_towards_zero():
    def run(model, shots):
        @qml.qnode(qml.device("qstore.ionq", wires=2, noise_model=model, noise_seed=2))
        def deep():
            for _ in range(60):
                qml.CNOT([0, 1])
                qml.RX(0.0, 0)
                qml.Hadamard(0)
                qml.Hadamard(0)
            return qml.expval(Z(0))

        return qml.set_shots(deep, shots)()

    assert run("aria-1", 4000) < 0.9
    assert run("aria-1", 4000) < run("forte-1", 4000)


def test_angles_of_any_size_are_compiled_rightly(device):
    rng = np.random.default_rng(0)
    for _ in range(30):
        theta = angle(rng) * rng.choice([1, 100])

        def run(dev, theta=theta):
            @qml.qnode(dev)
            def ising():
                qml.RX(0.3, 0)
                qml.IsingXX(theta, [0, 1])
                qml.RY(0.2, 1)
                qml.IsingZZ(theta, [1, 2])
                qml.RX(0.4, 2)
                return qml.probs()

            return ising()

        expected = run(qml.device("default.qubit", wires=3))
        np.testing.assert_allclose(run(device), expected, atol=1e-9)


@pytest.mark.parametrize("interface", ["jax", "torch"])
def test_other_interfaces_differentiate(interface, params):
    module = pytest.importorskip(interface)
    device = qml.device("qstore.ionq", wires=1)

    @qml.qnode(device, interface=interface, diff_method="parameter-shift")
    def run(x):
        qml.RX(x, wires=0)
        return qml.expval(Z(0))

    if interface == "jax":
        assert float(module.grad(run)(0.3)) == pytest.approx(-np.sin(0.3), abs=1e-6)
        assert float(module.jit(module.grad(run))(0.3)) == pytest.approx(-np.sin(0.3), abs=1e-6)
    else:
        x = module.tensor(0.3, requires_grad=True, dtype=module.float64)
        run(x).backward()
        assert float(x.grad) == pytest.approx(-np.sin(0.3), abs=1e-9)


def test_probabilities_of_all_wires_come_in_pennylanes_order_without_device_wires():
    def run(device):
        @qml.qnode(device)
        def circuit():
            qml.RX(0.3, wires=1)
            qml.RX(1.2, wires=0)
            return qml.probs()

        return circuit()

    np.testing.assert_allclose(
        run(qml.device("qstore.ionq")), run(qml.device("default.qubit")), atol=1e-9
    )
