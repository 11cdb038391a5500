import numpy as np
import pennylane as qml
import pytest

from benchmarks.optimizers.problems import MINI_BATCH, Oracle, Problem, all_problems
from pennylane_qstore.optimize.core.query import Counts, Query

pytest.importorskip("sklearn")
NAMES = ("tfim", "heisenberg", "h2", "maxcut", "classifier", "xxz_hva", "random_words", "moons")


@pytest.fixture(params=NAMES)
def problem(request: pytest.FixtureRequest) -> Problem:
    return all_problems()[request.param]


def _reference(problem: Problem, params: np.ndarray) -> float:
    """By default.qubit, of the first samples where the problem has data."""
    cost = problem.cost(shots=None)
    return float(cost(params) if problem.data is None else cost(params, range(4)))


def _first_samples(problem: Problem, points: np.ndarray) -> np.ndarray:
    """By the fast simulator, of the first samples where the problem has data."""
    if problem.data is None:
        return problem.exact_many(points)
    angles = problem.angles(points, np.arange(4))
    values = problem.observable.exact(problem.simulator.states(angles)).reshape(-1, 4)
    return ((values - problem.data.labels[:4]) ** 2).mean(axis=1)


def test_exact_losses_equal_default_qubit(problem: Problem) -> None:
    points = np.stack([problem.start(0), problem.start(1)])
    expected = [_reference(problem, point) for point in points]
    assert _first_samples(problem, points) == pytest.approx(expected, abs=1e-10)


def test_the_ground_energy_lies_below_the_fine_target(problem: Problem) -> None:
    loose, fine = problem.targets
    assert fine < loose
    if problem.data is None:
        matrix = qml.matrix(problem.hamiltonian(), wire_order=range(problem.n_qubits))
        assert np.linalg.eigvalsh(matrix)[0] < fine


def test_sampled_losses_have_the_mean_and_the_variance_they_claim(problem: Problem) -> None:
    oracle = Oracle(problem, seed=1, shots=200)
    points = np.tile(problem.start(3), (400, 1))
    oracle.draw()
    values, variances = oracle.losses(points)
    assert variances.mean() == pytest.approx(values.var(ddof=1), rel=0.35)
    if problem.data is None:
        error = values.std() / np.sqrt(len(values))
        assert values.mean() == pytest.approx(problem.exact(points[0]), abs=5 * error)


def test_gradients_are_unbiased_and_their_variances_true(problem: Problem) -> None:
    if problem.data is not None:
        pytest.skip("mini-batches: a gradient of the mini-batch, biased by shots")
    params, oracle = problem.start(2), Oracle(problem, seed=4, shots=100)
    drawn = [oracle.gradient(params) for _ in range(60)]
    gradients = np.array([one["gradient"] for one in drawn])
    claimed = np.array([one["gradient_variances"] for one in drawn]).mean(axis=0)
    error = np.sqrt(claimed / len(drawn)) + 1e-9
    assert np.all(np.abs(gradients.mean(axis=0) - problem.exact_gradient(params)) < 5 * error)
    assert claimed.mean() == pytest.approx(gradients.var(axis=0, ddof=1).mean(), rel=0.25)


def test_the_metric_is_the_block_diagonal_one_of_pennylane() -> None:
    for name in ("tfim", "maxcut"):
        problem = all_problems()[name]
        params = problem.start(5)
        node = problem.qnode(shots=None)
        approx = qml.metric_tensor(node, approx="block-diag")(qml.numpy.array(params))
        expected = np.array(approx, dtype=float)
        oracle = Oracle(problem, seed=0)
        metric = oracle.metric(params, shots=400_000)
        assert np.abs(metric - expected).max() < 0.01 * max(1.0, np.abs(expected).max())
        assert oracle.counts.executions == len(problem.simulator.blocks)


def test_a_gradient_of_some_parameters_pays_for_these_only() -> None:
    problem = all_problems()["maxcut"]
    oracle = Oracle(problem, seed=0, shots=20)
    shots = np.array([5, 6, 7, 8, 9, 10])
    found = oracle.gradient(problem.start(0), shots, wanted=[1, 3])["gradient"]
    assert np.flatnonzero(found).tolist() == [1, 3]
    assert oracle.counts == Counts(2 * (12 + 8) + 1, 2 * (12 * 6 + 8 * 8) + 10)


def test_overlaps_are_those_of_the_states() -> None:
    problem = all_problems()["h2"]
    a, b = problem.start(0), problem.start(0) + 0.2

    @qml.qnode(qml.device("default.qubit", wires=4))
    def state(params):
        problem.apply(params)
        return qml.state()

    expected = abs(np.vdot(state(a), state(b))) ** 2
    sampled = Oracle(problem).overlaps(np.array([[a, b]]), shots=100_000)[0]
    assert sampled == pytest.approx(expected, abs=0.01)


def test_an_answer_counts_circuits_by_groups_shots_and_one_round_trip() -> None:
    problem = all_problems()["h2"]
    oracle = Oracle(problem, shots=10)
    query = Query(
        np.zeros((3, 16)), np.array([5, 6, 7]), gradient_at=np.zeros(16), pairs=np.zeros((2, 2, 16))
    )
    answer = oracle(query)
    executions = 3 * 5 + (2 * 16 + 1) * 5 + 2
    assert answer.counts == Counts(executions, 18 * 5 + 33 * 50 + 20, 1) == oracle.counts


def test_the_oracle_counts_what_the_device_counts(problem: Problem) -> None:
    args = () if problem.data is None else (range(MINI_BATCH),)
    device = qml.device("default.qubit", wires=problem.n_qubits)
    cost = problem.cost(device, shots=50)
    with qml.Tracker(device) as tracker:
        cost(problem.start(0), *args)
    oracle = Oracle(problem, shots=50)
    counts = oracle(Query(problem.start(0)[None])).counts
    assert counts.executions == problem.circuits_per_point == tracker.totals["executions"]
    assert counts.shots == tracker.totals["shots"]


def test_starts_and_answers_depend_on_the_seed_alone() -> None:
    problem = all_problems()["moons"]
    query = Query(np.stack([problem.start(1)] * 2))
    one, other = Oracle(problem, seed=3), Oracle(problem, seed=3)
    for _ in range(2):
        assert np.array_equal(one(query).losses, other(query).losses)
    assert not np.array_equal(Oracle(problem, seed=4)(query).losses, one(query).losses)
