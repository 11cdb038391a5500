import numpy as np
import pennylane as qml
import pytest

from benchmarks.optimizers.problems import MINI_BATCH, Oracle, Problem, all_problems
from pennylane_qstore.optimize.core.query import Counts, Query
from pennylane_qstore.optimize.evaluate import Evaluator

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


@pytest.mark.parametrize("name", ["tfim", "h2", "xxz_hva", "lih"])
@pytest.mark.parametrize(
    ("planned", "tolerance", "whole_at"),
    [(40, 0.0, ()), (40, np.inf, ()), (None, np.inf, ()), (None, np.inf, (0, 30, 59))],
)
def test_shots_and_unmeasured_terms_are_counted_and_scatter_as_the_package_has_them(
    name: str, planned: int | None, tolerance: float, whole_at: tuple[int, ...]
) -> None:
    problem = all_problems()[name]
    start = problem.start(3)
    shots = None if planned is None else np.full(60, planned)
    query = Query(np.tile(start, (60, 1)), shots, tolerance=tolerance, whole_at=whole_at)
    device = qml.device("qstore.ionq", wires=problem.n_qubits, seed=4)
    params = qml.numpy.array(start, requires_grad=True)
    real = Evaluator(problem.qnode(device), (params,), {})(query)
    ours = Oracle(problem, seed=1)(query)
    assert ours.counts == real.counts
    assert ours.overlooked == pytest.approx(real.overlooked)
    assert len(ours.whole) == len(real.whole) == len(whole_at)
    for one in (ours, real):
        np.testing.assert_allclose(one.whole, one.losses[list(whole_at)], atol=one.overlooked)
        differ = one.whole[1:] != one.losses[list(whole_at[1:])]
        assert differ.tolist() == [one.overlooked > 0] * len(differ)
    assert ours.variances.mean() == pytest.approx(real.variances.mean(), rel=0.2)
    # The molecules have one large group.
    n_left_out = problem.n_groups - 1 if name in ("h2", "lih") and tolerance else 0
    n_points = 60 - len({0, *whole_at})
    assert ours.counts.executions == 60 * problem.n_groups - n_points * n_left_out
    if not n_left_out:  # What is taken over, and its noise, is the same for all points.
        assert np.var(ours.losses) == pytest.approx(ours.variances.mean(), rel=0.6)


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
    problem = all_problems()["tfim"]
    params = problem.start(5)
    approx = qml.metric_tensor(problem.qnode(shots=None), approx="block-diag")
    expected = np.array(approx(qml.numpy.array(params)), dtype=float)
    oracle = Oracle(problem, seed=0)
    metric = oracle.metric(params, shots=400_000)
    assert np.abs(metric - expected).max() < 0.01
    assert oracle.counts.executions == 4


def test_the_metric_of_shared_parameters_has_the_diagonal_of_fubini_and_study() -> None:
    problem = all_problems()["maxcut"]
    params, h = problem.start(5), 1e-4
    psi = problem.simulator.states(problem.angles(params))[0]
    expected = []
    for shift in h * np.eye(6):
        ahead, behind = problem.simulator.states(
            problem.angles(np.stack([params + shift, params - shift]))
        )
        slope = (ahead - behind) / (2 * h)
        expected.append(np.vdot(slope, slope).real - abs(np.vdot(psi, slope)) ** 2)
    found = np.diag(Oracle(problem, seed=0).metric(params, shots=400_000))
    assert found == pytest.approx(expected, rel=0.02)


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


def test_a_point_costs_one_circuit_per_group_of_commuting_terms(problem: Problem) -> None:
    tape = qml.workflow.construct_tape(problem.qnode(shots=50), level="user")(
        problem.start(0), *([] if problem.data is None else [problem.data.features[0]])
    )
    split, _ = qml.transforms.split_non_commuting(tape, grouping_strategy="qwc")
    states = 1 if problem.data is None else MINI_BATCH
    oracle = Oracle(problem, shots=50)
    counts = oracle(Query(problem.start(0)[None])).counts
    assert counts.executions == problem.circuits_per_point == states * len(split)
    assert counts.shots == 50 * counts.executions


def test_starts_and_answers_depend_on_the_seed_alone() -> None:
    problem = all_problems()["moons"]
    query = Query(np.stack([problem.start(1)] * 2))
    one, other = Oracle(problem, seed=3), Oracle(problem, seed=3)
    for _ in range(2):
        assert np.array_equal(one(query).losses, other(query).losses)
    assert not np.array_equal(Oracle(problem, seed=4)(query).losses, one(query).losses)
