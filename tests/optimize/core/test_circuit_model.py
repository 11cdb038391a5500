"""The model of single circuits' results: its algebra, its steps, its resumption."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core import Answer
from pennylane_qstore.optimize.core.circuit_model import (
    CircuitKernel,
    CircuitModel,
    CircuitModelState,
)
from pennylane_qstore.optimize.core.circuit_model.kernel import CircuitHyperparameters
from pennylane_qstore.optimize.core.circuit_model.process import (
    CircuitPosterior,
    Results,
    _Evidence,
    _prior,
    first_guess,
    learn,
)
from pennylane_qstore.optimize.core.circuit_model.proposal import (
    ExpectedLoss,
    Remembered,
    remembered,
)
from pennylane_qstore.optimize.core.circuit_results import CircuitResults, LossExpansion
from pennylane_qstore.optimize.core.state import dump
from pennylane_qstore.optimize.core.surrogate import AngleKernel
from pennylane_qstore.optimize.errors import (
    InvalidLossError,
    InvalidStateError,
    NonFiniteLossError,
)

NOTHING = np.empty(0, dtype=np.int64)
KERNEL = CircuitKernel(
    AngleKernel(np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]), np.array([1.0, 2.0])),
    AngleKernel(np.eye(2), np.array([1.0, 3.0])),
    np.array([2]),
)
HYPER = CircuitHyperparameters(0.4, np.array([3.0, 5.0]), 6.0)


def some_results(n=9, n_outputs=2, seed=0):
    rng = np.random.default_rng(seed)
    return Results(
        rng.uniform(-2, 2, (n, 3)),
        rng.uniform(-1, 1, (n, 2)),
        rng.uniform(-1, 1, (n, n_outputs)),
        rng.uniform(0.01, 0.02, n),
    )


def covariance(points, data, others, other_data, hyper=HYPER):
    """The kernel written out gate by gate."""
    out = np.empty((len(points), len(others)))
    for i in range(len(points)):
        for j in range(len(others)):
            a, x = points[i] - others[j], data[i] - other_data[j]
            (f, g), h = hyper.trained - 1, hyper.data - 1
            factors = [
                (f + np.cos(a[0])) / (f + 1),
                ((g + np.cos(2 * a[1])) / (g + 1)) ** 2,
                (h + np.cos(x[0])) / (h + 1),
                ((h + np.cos(x[1])) / (h + 1)) ** 3,
            ]
            out[i, j] = hyper.variance * np.prod(factors)
    return out


def test_predictions_and_their_variance_are_those_of_a_gaussian_process():
    results = some_results()
    posterior = CircuitPosterior(KERNEL, results, HYPER)
    rng = np.random.default_rng(1)
    point, data = rng.uniform(-1, 1, 3), rng.uniform(-1, 1, (4, 2))
    points = np.tile(point, (4, 1))
    own = covariance(results.points, results.data, results.points, results.data)
    cross = covariance(points, data, results.points, results.data)
    inverse = np.linalg.inv(own + np.diag(results.noise))
    assert np.allclose(posterior.predict(point, data), cross @ inverse @ results.values, atol=1e-7)
    slope = rng.normal(size=(4, 2))
    left = covariance(points, data, points, data) - cross @ inverse @ cross.T
    expected = sum(slope[:, k] @ left @ slope[:, k] for k in range(2))
    assert posterior.variance_of_sum(point, data, slope) == pytest.approx(expected, rel=1e-6)


def test_the_evidence_and_its_gradient_are_those_of_a_gaussian_process():
    results = some_results()
    evidence = _Evidence(KERNEL, results)

    def reference(logs):
        hyper = CircuitHyperparameters.of_logs(logs)
        own = covariance(results.points, results.data, results.points, results.data, hyper)
        own += np.diag(results.noise)
        fits = np.sum(results.values * np.linalg.solve(own, results.values))
        return 0.5 * fits + np.linalg.slogdet(own)[1]  # half of it for each of two outputs

    logs = HYPER.logs()
    value, gradient = evidence(HYPER)
    assert value == pytest.approx(reference(logs), rel=1e-6)
    steps = 1e-5 * np.eye(4)
    found = [(reference(logs + s) - reference(logs - s)) / 2e-5 for s in steps]
    assert np.allclose(gradient, found, rtol=1e-4)


def test_the_prior_is_normal_in_the_logarithms_and_holds_spreads_together():
    away = np.array([0.3, -0.2, 0.5, 0.1, -0.9])
    value, gradient = _prior(away)
    common = (0.5 + 0.1 - 0.9) / 3
    own = sum((x - common) ** 2 for x in away[2:])
    assert value == pytest.approx(0.3**2 / 2 + (0.2**2 + common**2) / 0.6**2 / 2 + own / 2)
    steps = 1e-6 * np.eye(5)
    found = [(_prior(away + s)[0] - _prior(away - s)[0]) / 2e-6 for s in steps]
    assert np.allclose(gradient, found, atol=1e-8)
    assert _prior(np.zeros(2)) == (0.0, pytest.approx(np.zeros(2)))


def test_gates_that_change_more_are_found_out():
    """Results that hardly depend on the second of three angles, and not on the third."""
    rng = np.random.default_rng(4)
    kernel = CircuitKernel(AngleKernel.independent(3), AngleKernel.independent(1), NOTHING)
    points, data = rng.uniform(-np.pi, np.pi, (80, 3)), rng.uniform(-1, 1, (80, 1))
    values = np.cos(points[:, 0] + data[:, 0]) * (1 + 0.1 * np.cos(points[:, 1]))
    results = Results(points, data, values[:, None], np.full(80, 1e-3))
    spreads = learn(kernel, results, first_guess(kernel)).trained
    assert spreads[0] < 4 < 3 * spreads[0] < spreads[1] < spreads[2]


def test_a_sample_of_results_is_spread_over_all_of_them_and_holds_the_newest():
    results = some_results(n=101)
    found = results.sample(11, 3)
    rows = [int(np.flatnonzero((results.points == one).all(axis=1))[0]) for one in found.points]
    assert rows == [*range(0, 91, 10), 98, 99, 100]
    assert len(some_results(n=5).sample(11, 3)) == 5


def some_circuits(n, rng):
    bent = rng.normal(size=(n, 3, 3))
    return Remembered(
        rng.uniform(-1, 1, (n, 2)),
        rng.uniform(-1, 1, (n, 3)),
        rng.normal(size=n),
        rng.normal(size=(n, 3)),
        bent + bent.transpose(0, 2, 1),
    )


@pytest.mark.parametrize("n_circuits", [5, 100])
def test_the_expected_loss_and_its_gradient(n_circuits):
    rng = np.random.default_rng(2)
    posterior = CircuitPosterior(KERNEL, some_results(), HYPER)
    circuits = some_circuits(n_circuits, rng)
    expected = ExpectedLoss(posterior, circuits, caution=0.7)
    point = rng.uniform(-1, 1, 3)
    _, gradient = expected(point)
    steps = 1e-5 * np.eye(3)
    found = [(expected(point + s)[0] - expected(point - s)[0]) / 2e-5 for s in steps]
    assert np.allclose(gradient, found, rtol=1e-5, atol=1e-7)


def test_the_expected_loss_is_the_mean_over_circuits_of_what_their_expansions_say():
    rng = np.random.default_rng(3)
    posterior = CircuitPosterior(KERNEL, some_results(), HYPER)
    circuits, point = some_circuits(6, rng), rng.uniform(-1, 1, 3)
    terms = []
    for i in range(6):
        mean = posterior.predict(point, circuits.data[i : i + 1])[0]
        away = np.append(mean, point[2]) - circuits.reference[i]
        variance = posterior.variance_of_sum(
            point, circuits.data[i : i + 1], np.array([[1.0, 0.0]])
        )
        value = circuits.value[i] + circuits.slope[i] @ away
        value += 0.5 * away @ circuits.curvature[i] @ away
        terms.append(value + 0.5 * 0.7 * variance * np.trace(circuits.curvature[i][:2, :2]))
    assert ExpectedLoss(posterior, circuits, 0.7)(point)[0] == pytest.approx(np.mean(terms))


def test_circuits_that_come_again_replace_what_was_known_of_them():
    data, reference = np.array([[1.0], [2.0]]), np.zeros((2, 1))
    loss = LossExpansion(5.0, np.array([[1.0], [2.0]]), np.ones((2, 1, 1)))
    once = remembered(None, data, reference, loss)
    twice = remembered(once, np.array([[2.0], [3.0]]), reference, loss)
    assert twice.data.ravel().tolist() == [1.0, 2.0, 3.0]
    assert twice.slope.ravel().tolist() == [2.0, 2.0, 4.0]  # times the round's two circuits


# ---------------------------------------------------------------------- a loss to minimise
TRUTH = np.array([0.7, -1.1])
TOY = CircuitKernel(AngleKernel(np.eye(2), np.ones(2)), AngleKernel.independent(1), NOTHING)


def expectation(params, x):
    """Of Z after RY, RZ(x), RY."""
    a, b = np.moveaxis(np.asarray(params), -1, 0)
    return np.cos(a) * np.cos(b) - np.sin(a) * np.sin(b) * np.cos(x)


class Toy:
    """Mean squared distance of expectations to those at other parameters; shots as normal noise."""

    def __init__(self, shots=1000, n_samples=10, seed=0):
        self.shots, self.n, self.rng = shots, n_samples, np.random.default_rng(seed)

    def __call__(self, query):
        x = self.rng.uniform(-2, 2, self.n)
        chosen = query.in_turn(self.n)
        exact = expectation(query.singles, x[chosen])
        variances = (1 - exact**2 + 1e-3) / (query.single_shots or self.shots)
        values = exact + self.rng.normal(size=len(exact)) * np.sqrt(variances)
        labels = expectation(TRUTH, x)

        def expand(results):
            away = results[:, 0] - labels
            curvature = np.full((self.n, 1, 1), 2 / self.n)
            return LossExpansion(float(np.mean(away**2)), 2 / self.n * away[:, None], curvature)

        results = CircuitResults(chosen, values[:, None], variances[:, None], x[:, None], expand)
        return Answer(np.empty(0), np.empty(0), results=results)


def exact_loss(params):
    x = np.linspace(-2, 2, 101)
    return np.mean((expectation(params, x) - expectation(TRUTH, x)) ** 2)


def run(core, state, oracle, n):
    for _ in range(n):
        state = core.tell(state, oracle(core.ask(state)))
    return state


def start(core, seed=0, kernel=TOY, params=(-0.5, 0.4)):
    return core.init(params, seed=seed, kernel=kernel)


def test_it_learns_from_circuits_that_ran_once_each():
    core = CircuitModel(circuits=12)
    state = run(core, start(core), Toy(), 12)
    assert exact_loss(state.params) < 1e-3 < 0.1 < exact_loss([-0.5, 0.4])
    assert abs(state.loss - exact_loss(state.origin)) < 0.02
    assert 0 < state.loss_error < 0.05


def test_most_circuits_have_one_live_parameter_shifted_and_no_other_is_ever_touched():
    core = CircuitModel(circuits=16)
    state = start(core, kernel=KERNEL, params=(0.1, 0.2, 0.3))
    seen = []
    for _ in range(4):
        steps = core.ask(state).singles - state.params
        changed = np.count_nonzero(steps, axis=1)
        assert sorted(changed) == 12 * [1] + 4 * [2]
        assert not steps[:, 2].any()
        shifted = steps[changed == 1]
        seen.append(np.sign(shifted[:, 0]))
        size = np.abs(shifted).max(axis=0)
        assert np.allclose(size[:2], KERNEL.trained.natural_shifts()[:2])
        state = core.tell(state, answer_for(core.ask(state)))
    assert set(np.concatenate(seen)) == {-1.0, 0.0, 1.0}
    assert state.turn == 64


def answer_for(query, n=4, value=0.1, values=None):
    chosen = query.in_turn(n)
    results = np.full((len(chosen), 1), value) if values is None else values
    data = np.random.default_rng(0).uniform(-1, 1, (n, 2))
    flat = LossExpansion(0.0, np.zeros((n, 2)), np.zeros((n, 2, 2)))
    found = CircuitResults(chosen, results, np.full(results.shape, 0.01), data, lambda _: flat)
    return Answer(np.empty(0), np.empty(0), results=found)


def test_parameters_that_only_the_loss_itself_knows_are_moved_too():
    core = CircuitModel(circuits=8, radius=1.0)
    state = start(core, kernel=KERNEL, params=(0.1, 0.2, 0.3))

    def answered(query):
        # (bias - 1) ** 2, whatever the circuits say
        bias = query_bias[0]
        loss = LossExpansion(
            (bias - 1) ** 2,
            np.tile([0.0, 2 * (bias - 1) / 4], (4, 1)),
            np.tile([[0.0, 0.0], [0.0, 2 / 4]], (4, 1, 1)),
        )
        answer = answer_for(query)
        found = answer.results
        return Answer(
            np.empty(0),
            np.empty(0),
            results=CircuitResults(
                found.circuits, found.values, found.variances, found.data, lambda _: loss
            ),
        )

    query_bias = [0.3]
    state = core.tell(state, answered(core.ask(state)))
    assert state.params[2] == pytest.approx(1.0, abs=1e-3)


def flat_run(core, n):
    """Rounds in which nothing is ever lower."""
    state = start(core, kernel=KERNEL, params=(0.1, 0.2, 0.3))
    for _ in range(n):
        state = core.tell(state, answer_for(core.ask(state)))
    return state


def test_where_nothing_is_gained_another_start_is_tried_and_the_answer_kept():
    core = CircuitModel(circuits=8, patience=3)
    before, after = flat_run(core, 3), flat_run(core, 4)
    assert before.rival is None
    assert before.stalled == 2
    assert np.array_equal(before.params, before.centre)
    assert np.array_equal(after.params, before.params)
    assert after.rival == pytest.approx(0.0)
    assert "another start" in after.reason
    away = np.abs(after.centre - before.centre)
    assert (away[:2] > 0).all()
    assert (away <= 2 * KERNEL.trained.natural_shifts())[:2].all()
    assert away[2] == 0  # no circuit depends on it
    asked = core.ask(after).singles
    assert np.array_equal(np.median(asked, axis=0), after.centre)
    again = flat_run(core, 8)
    assert np.array_equal(again.params, before.params)
    assert not np.array_equal(again.centre, after.centre)


@pytest.mark.parametrize(("rival", "stays"), [(-1.0, True), (10.0, False)])
def test_another_start_has_to_be_better_by_what_is_known(rival, stays):
    core, oracle = CircuitModel(circuits=12), Toy()
    state = run(core, start(core), oracle, 3)
    kept = replace(state, params=np.array([9.0, 9.0]), rival=rival)
    state = run(core, kept, oracle, 1)
    assert np.array_equal(state.params, kept.params) == stays
    assert (state.rival is None) != stays
    # What is reported is of the answer, not of the way from another start.
    assert (state.loss, state.loss_error) == (kept.loss, kept.loss_error)
    if not stays:
        assert np.array_equal(state.params, state.centre)


@pytest.mark.parametrize("patience", [1, 15])
def test_a_run_goes_on_bit_for_bit_from_its_saved_state(patience):
    core = CircuitModel(circuits=12, patience=patience)
    whole = run(core, start(core), Toy(), 8)
    oracle = Toy()
    half = run(core, start(core), oracle, 4)
    loaded = core.load(json.loads(json.dumps(dump(half))))
    assert isinstance(loaded, CircuitModelState)
    resumed = run(core, loaded, oracle, 4)
    assert np.array_equal(resumed.params, whole.params)
    assert dump(resumed) == dump(whole)


def test_window_and_memory_limit_what_is_kept():
    core = CircuitModel(circuits=12, window=30, memory=15)
    state = run(core, start(core), Toy(), 5)
    assert len(state.results) == 30
    assert len(state.circuits) == 15


def test_somebody_who_goes_elsewhere_takes_along_what_is_known():
    core = CircuitModel(circuits=12)
    state = core.move(run(core, start(core), Toy(), 3), [0.0, 0.0])
    assert state.params.tolist() == [0.0, 0.0]
    assert len(state.results) == 36
    assert exact_loss(run(core, state, Toy(seed=1), 6).params) < 1e-2


def test_shots_are_asked_for_where_they_are_set():
    core = CircuitModel(shots=70)
    assert core.ask(start(core)).single_shots == 70
    assert CircuitModel().ask(start(core)).single_shots is None


def test_answers_that_do_not_fit_are_refused():
    core = CircuitModel(circuits=8)
    state = start(core, kernel=KERNEL, params=(0.1, 0.2, 0.3))
    query = core.ask(state)
    with pytest.raises(InvalidLossError, match="single circuits, but got none"):
        core.tell(state, Answer.of([1.0]))
    with pytest.raises(InvalidLossError, match="expected 8 results"):
        core.tell(state, answer_for(query, values=np.zeros((7, 1))))
    with pytest.raises(NonFiniteLossError, match="step 0"):
        core.tell(state, answer_for(query, value=np.nan))
    with pytest.raises(InvalidStateError, match="missing"):
        core.load({"step": 1})


@pytest.mark.parametrize(
    "wrong", [{"circuits": 1}, {"radius": 0.0}, {"window": 10}, {"patience": 0}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InvalidOptionError, match=next(iter(wrong))):
        CircuitModel(**wrong)
