"""The adaptive core on made-up answers: decisions, budgets, estimates, resuming."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import InvalidLossError, NonFiniteLossError
from pennylane_qstore.optimize.core import Answer, Counts, dump
from pennylane_qstore.optimize.core.adaptive import (
    METHODS,
    AdaptiveGradient,
    Bounds,
    Budget,
    DocumentedRule,
    GradientMethodScheduler,
    Mover,
    NaturalGradient,
    Prices,
    ProgressRule,
    all_methods,
    pick,
)
from pennylane_qstore.optimize.core.adaptive.learned import mean
from pennylane_qstore.optimize.core.adaptive.methods import Reading
from pennylane_qstore.optimize.core.adaptive.mover import learn, total_variance
from pennylane_qstore.optimize.core.transforms import Adam
from pennylane_qstore.optimize.errors import BudgetReachedError

N = 5
HESSIAN = np.diag([3.0, 1.0, 2.0, 0.5, 1.5]) + 0.1
OFFSET = np.array([0.3, -1.0, 0.5, 0.2, -0.4])
METRIC = np.diag([0.25, 0.1, 0.2, 0.05, 0.25])


class Quadratic:
    """Answers with a noisy quadratic; a loss takes 2 circuits of 10 shots, a metric 7."""

    def __init__(self, sigma=0.05, seed=0, offset=0.0):
        self.sigma, self.rng, self.offset = sigma, np.random.default_rng(seed), offset

    def loss(self, points):
        shifted = np.atleast_2d(points) - OFFSET
        return 0.5 * np.einsum("ki,ij,kj->k", shifted, HESSIAN, shifted) + self.offset

    def __call__(self, query):
        count = len(query.points)
        losses = self.loss(query.points) if count else np.empty(0)
        parts, circuits = {}, 2 * count
        if query.gradient_at is not None:
            wanted = np.arange(N) if query.gradient_of is None else query.gradient_of
            kept = np.isin(np.arange(N), wanted)
            noise = self.rng.normal(0, self.sigma / np.sqrt(2), N)
            parts = {
                "gradient": np.where(kept, HESSIAN @ (query.gradient_at - OFFSET) + noise, 0.0),
                "gradient_variances": np.where(kept, self.sigma**2 / 2, 0.0),
                "gradient_loss": float(self.loss(query.gradient_at)[0])
                + self.rng.normal(0, self.sigma),
                "gradient_loss_variance": self.sigma**2,
            }
            circuits += 4 * len(wanted) + 2
        if query.metric_at is not None:
            parts["metric"], circuits = METRIC.copy(), circuits + 7
        return Answer(
            losses + self.rng.normal(0, self.sigma, count),
            np.full(count, self.sigma**2),
            counts=Counts(circuits, 10 * circuits, 1),
            **parts,
        )


class Script:
    """Answers each query with the next loss, wherever it is asked, and a constant gradient."""

    def __init__(self, losses, error=0.0):
        self.losses, self.error = iter(losses), error

    def __call__(self, query):
        loss, count = next(self.losses), len(query.points)
        parts = {}
        if query.gradient_at is not None:
            parts = {
                "gradient": np.ones(N),
                "gradient_variances": np.zeros(N),
                "gradient_loss": loss,
                "gradient_loss_variance": self.error**2,
            }
        if query.metric_at is not None:
            parts["metric"] = METRIC
        slopes = query.points @ np.ones(N) if count else np.empty(0)
        losses = loss + 1e-12 * (slopes - slopes.mean() if count else slopes)
        return Answer(losses, np.full(count, self.error**2 * max(count, 1)), **parts)


def run(core, answer, steps, state=None, seed=1):
    state = core.init(np.zeros(N), seed=seed) if state is None else state
    for _ in range(steps):
        state = core.tell(state, answer(core.ask(state)))
    return state


def only(method, **settings):
    return AdaptiveGradient(rule=GradientMethodScheduler([(0, method)]), **settings)


def methods_of(state):
    return [one.method for one in state.taken]


def test_the_documented_schedule_on_a_scripted_run():
    falling = [10.0 - k for k in range(14)]
    losses = [*falling, *[-4.0] * 8]
    state = run(AdaptiveGradient(rule=DocumentedRule()), Script(losses), 22)
    expected = ["spsa"] * 10 + ["parameter_shift"] + ["spsa"] * 6
    # From step 17 on the last five losses are -3, -4, … : 17 still sees 13 to 17 fall.
    assert methods_of(state)[:17] == expected
    assert methods_of(state)[19:] == ["natural_gradient", "parameter_shift", "natural_gradient"]


@pytest.mark.parametrize("offset", [0.0, -50.0])
def test_a_fall_below_zero_is_a_fall(offset):
    losses = [offset - 3.0 * k for k in range(16)]
    state = run(AdaptiveGradient(rule=DocumentedRule()), Script(losses), 16)
    assert "natural_gradient" not in methods_of(state)


@pytest.mark.parametrize("rule", [DocumentedRule(every=0, first=1), ProgressRule()])
@pytest.mark.parametrize("offset", [0.0, -100.0])
def test_a_divergence_halves_the_step_and_is_met_more_exactly(rule, offset):
    core = AdaptiveGradient(
        rule=rule, methods=pick(("spsa", "parameter_shift", "natural_gradient"))
    )
    state = run(core, Script([offset + 1.0 + k for k in range(4)], 0.1), 3)
    assert state.scale == 1.0
    state = run(core, Script([offset + 4.0], 0.1), 1, state)
    assert state.scale == 0.5
    plan = core.plan(state)
    assert "rose by +3" in plan.reason
    if isinstance(rule, DocumentedRule):
        assert plan.method.name == "parameter_shift"
    calmer = run(core, Script([offset + 1.0] * 21, 0.1), 21, state)
    assert calmer.scale == 1.0


def test_one_outlier_and_noise_are_no_divergence():
    core = AdaptiveGradient(rule=GradientMethodScheduler([(0, "spsa")]))
    assert run(core, Script([1.0, 1.0, 1.0, 9.0, 1.0, 1.0], 0.1), 6).scale == 1.0
    assert run(core, Script([1.0, 1.1, 1.2, 1.3, 1.4], 1.0), 5).scale == 1.0


def test_a_divergence_is_met_by_less_noise_under_the_default_rule():
    core = AdaptiveGradient(methods=pick(("spsa", "parameter_shift")))
    state = run(core, Quadratic(0.3), 6)
    last = state.taken[-1]
    risen = replace(
        state,
        taken=(*state.taken[:-4], *(replace(last, loss=1.0 + k, loss_error=0.1) for k in range(4))),
    )
    noise = {(one.method, one.amount): one.noise for one in core.options(risen)}
    plan = core.plan(risen)
    assert noise[plan.method.name, plan.amount] < noise[last.method, last.amount]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_is_refused_and_nothing_changes(method, bad):
    core, objective = only(method), Quadratic()
    state = run(core, objective, 2)
    before, answer = dump(state), objective(core.ask(state))
    if answer.gradient is None:
        answer.losses[0] = bad
    else:
        answer = replace(answer, gradient=np.full(N, bad))
    with pytest.raises(NonFiniteLossError, match="step 2"):
        core.tell(state, answer)
    assert dump(state) == before
    assert run(core, objective, 1, state).step == 3


def test_a_missing_gradient_or_metric_is_named():
    core = only("natural_gradient")
    state = core.init(np.zeros(N), seed=0)
    with pytest.raises(InvalidLossError, match="gradient of shape"):
        core.tell(state, Answer.of([]))
    answer = replace(Quadratic()(core.ask(state)), metric=None)
    with pytest.raises(InvalidLossError, match="metric tensor of shape"):
        core.tell(state, answer)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_estimates_without_bias_and_knows_its_variance(method):
    point, core = np.array([1.0, 0.5, -0.7, 0.1, 0.4]), only(method)
    exact = HESSIAN @ (point - OFFSET)
    signal, objective = exact @ exact, Quadratic(0.2, seed=3)
    plan = core.plan(core.init(point, seed=0))
    found, said = [], []
    for seed in range(1500):
        state = core.init(point, seed=seed)
        state = replace(state, learned=state.learned.seen("signal", signal).seen("noise", 0.04))
        reading = plan.method.read(state, plan.amount, objective(core.ask(state)))
        found.append(reading.gradient)
        said.append(total_variance(reading, state.learned).sum())
    found = np.array(found)
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert np.all(np.abs(found.mean(axis=0) - exact) < 5 * error)
    spread = found.var(axis=0).sum()
    assert np.mean(said) == pytest.approx(spread, rel=0.15)
    predicted = plan.method.variance(state.learned, N, plan.amount)
    assert predicted == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_converges_on_a_noisy_quadratic(method):
    for seed in range(3):
        objective = Quadratic(0.02, seed=seed, offset=-7.0)
        state = run(only(method), objective, 150, seed=seed)
        start = objective.loss(np.zeros(N))[0] + 7
        assert objective.loss(state.params)[0] + 7 < 0.03 * start


@pytest.mark.parametrize("rule", [ProgressRule(), DocumentedRule()])
def test_the_rules_converge_on_a_noisy_quadratic(rule):
    objective = Quadratic(0.02)
    state = run(AdaptiveGradient(rule=rule), objective, 100)
    assert objective.loss(state.params)[0] < 0.03 * objective.loss(np.zeros(N))[0]


@pytest.mark.parametrize("method", ["spsa", "finite_difference", "parameter_shift"])
@pytest.mark.parametrize("steps", [0, 3])
def test_the_reported_loss_has_its_reported_error(method, steps):
    core, objective, deviations = only(method), Quadratic(0.1, seed=5), []
    for seed in range(200):
        before = run(core, objective, steps, seed=seed)
        after = run(core, objective, 1, before)
        deviations.append((after.loss - objective.loss(before.params)[0]) / after.loss_error)
    assert abs(np.mean(deviations)) < 5 / np.sqrt(200)
    assert 0.6 < np.std(deviations) < 1.4


def test_the_curvature_along_moves_is_that_of_the_quadratic():
    state = run(only("parameter_shift", mover=Mover(stepsize=0.1)), Quadratic(0.001), 3)
    moved = state.displacement
    expected = moved @ HESSIAN @ moved / (moved @ moved)
    assert np.sqrt(mean(state.learned.curvature)) == pytest.approx(expected, rel=0.2)
    spsa = run(only("spsa"), Quadratic(0.0), 3)
    # Over random signs the mean is the trace over n; three steps of a few draws come near.
    assert mean(spsa.learned.mean_curvature) == pytest.approx(np.trace(HESSIAN) / N, rel=0.3)


def test_a_natural_step_divides_by_the_regularized_metric():
    core = only("natural_gradient", mover=Mover(stepsize=0.1, lam=0.05))
    state = run(core, Quadratic(0.0), 1)
    step = -0.1 * np.linalg.solve(METRIC + 0.05 * np.eye(N), HESSIAN @ -OFFSET)
    np.testing.assert_allclose(state.params, step, rtol=1e-9)


def test_a_metric_serves_k_steps_and_not_elsewhere():
    core = only("natural_gradient", methods=(NaturalGradient(reuse=3),), mover=Mover(stepsize=0.01))
    state, asked = core.init(np.zeros(N), seed=0), []
    objective = Quadratic()
    for _ in range(7):
        asked.append(core.ask(state).metric_at is not None)
        state = core.tell(state, objective(core.ask(state)))
    assert asked == [True, False, False, True, False, False, True]
    assert core.ask(core.move(state, np.ones(N))).metric_at is not None


def test_a_fixed_step_size_and_adam_are_followed():
    plain = run(only("parameter_shift", mover=Mover(stepsize=lambda k: 0.1)), Quadratic(0.0), 1)
    np.testing.assert_allclose(plain.params, 0.1 * HESSIAN @ OFFSET, rtol=1e-12)
    adam = Mover(stepsize=0.1, transform=Adam())
    state = run(only("parameter_shift", mover=adam), Quadratic(0.0), 1)
    np.testing.assert_allclose(state.params, 0.1 * np.sign(HESSIAN @ OFFSET), rtol=1e-6)


LIMITS = [
    (Budget(circuits=237), lambda c: c.executions, 237),
    (Budget(shots=1991), lambda c: c.shots, 1991),
    (Budget(money=50.0), Prices(circuit=0.1, shot=0.02, batch=0.5), 50.0),
]
BOUNDS = Bounds(Counts(3, 30, 1), Counts(30, 300, 1), Counts(50, 500, 1))


@pytest.mark.parametrize(("budget", "measure", "limit"), LIMITS)
@pytest.mark.parametrize("rule", [ProgressRule(), DocumentedRule(first=2, every=3)])
@pytest.mark.parametrize("seed", range(5))
def test_a_budget_is_used_and_never_passed(budget, measure, limit, rule, seed):
    core = AdaptiveGradient(
        rule=rule, budget=budget, bounds=BOUNDS, prices=Prices(circuit=0.1, shot=0.02, batch=0.5)
    )
    state, objective = core.init(np.zeros(N), seed=seed), Quadratic(seed=seed)
    reached = None
    while reached is None:
        try:
            state = core.tell(state, objective(core.ask(state)))
        except BudgetReachedError as error:
            reached = error
        assert measure(state.spent) <= limit
    assert "nothing was sent" in str(reached)
    assert reached.spent == state.spent
    # What is left is less than the cheapest gradient: two pairs and the centre.
    assert limit - measure(state.spent) < measure(Counts(10, 100, 1)) * 1.01 + 1e-9


def test_a_gradient_that_does_not_fit_is_replaced_by_a_cheaper_one_that_says_so():
    core = only("parameter_shift", budget=Budget(circuits=60), bounds=BOUNDS)
    state = run(core, Quadratic(), 3)
    assert methods_of(state)[:2] == ["parameter_shift"] * 2
    assert methods_of(state)[2] == "spsa"
    assert "parameter_shift does not fit" in state.taken[2].reason
    assert "budget of 60" in state.taken[2].reason


def test_what_may_take_unknown_amounts_is_not_sent_on_a_budget():
    core = AdaptiveGradient(budget=Budget(circuits=1000))
    with pytest.raises(BudgetReachedError, match="not known beforehand.*bounds"):
        core.ask(core.init(np.zeros(N), seed=0))
    known = AdaptiveGradient(budget=Budget(circuits=1000), bounds=Bounds(point=Counts(2, 20, 1)))
    state = run(known, Quadratic(), 30)
    assert set(methods_of(state)) <= {"spsa", "finite_difference"}


def test_shots_that_a_method_asks_for_count_in_the_budget():
    methods = tuple(replace(one, shots=1000) for one in all_methods())
    core = only("spsa", methods=methods, budget=Budget(shots=9_999), bounds=BOUNDS)
    with pytest.raises(BudgetReachedError, match="budget of 9999"):
        core.ask(core.init(np.zeros(N), seed=0))


@pytest.mark.parametrize("rule", [ProgressRule(), DocumentedRule(first=3, every=4)])
def test_a_run_resumed_from_json_at_any_step_repeats_the_undisturbed_one(rule):
    core = AdaptiveGradient(rule=rule, mover=Mover(transform=Adam()))
    state, seen, answers = core.init(np.zeros(N), seed=4), [], []
    objective = Quadratic()
    for _ in range(18):
        seen.append(json.dumps(dump(state)))
        answers.append(objective(core.ask(state)))
        state = core.tell(state, answers[-1])
    for start in range(18):
        resumed = core.load(json.loads(seen[start]))
        for answer in answers[start:]:
            resumed = core.tell(resumed, answer)
        assert json.dumps(dump(resumed)) == json.dumps(dump(state))


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    ends = [run(AdaptiveGradient(), Quadratic(), 8, seed=seed).params for seed in (1, 1, 2)]
    np.testing.assert_array_equal(ends[0], ends[1])
    assert not np.array_equal(ends[0], ends[2])


def test_asking_and_telling_leave_the_state_as_it_was():
    core = AdaptiveGradient()
    state = run(core, Quadratic(), 5)
    before, query = dump(state), core.ask(state)
    core.tell(state, Quadratic()(query))
    assert dump(state) == before


def test_a_forced_method_is_taken_until_it_is_given_back():
    core = AdaptiveGradient(rule=GradientMethodScheduler([(0, "spsa")]))
    state = core.force(run(core, Quadratic(), 2), "finite_difference")
    state = run(core, Quadratic(), 2, state)
    state = run(core, Quadratic(), 1, core.force(state, ""))
    assert methods_of(state) == ["spsa"] * 2 + ["finite_difference"] * 2 + ["spsa"]
    assert state.taken[2].reason == "forced"


def test_the_initial_method_is_that_of_the_first_step_alone():
    core = only("spsa", initial_method="parameter_shift")
    assert methods_of(run(core, Quadratic(), 3)) == ["parameter_shift", "spsa", "spsa"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: AdaptiveGradient(initial_method="adam"),
        lambda: AdaptiveGradient(rule=DocumentedRule(), methods=pick(("spsa",))),
        lambda: pick(("newton",)),
        lambda: AdaptiveGradient().force(AdaptiveGradient().init([0.0], seed=0), "x"),
    ],
)
def test_an_unknown_method_is_refused_with_those_that_there_are(make):
    with pytest.raises(InvalidOptionError, match="choose one of .*spsa"):
        make()


def test_settings_out_of_range_are_refused():
    with pytest.raises(InvalidOptionError, match="prices"):
        AdaptiveGradient(budget=Budget(money=3.0))
    with pytest.raises(InvalidOptionError, match="patience"):
        AdaptiveGradient(patience=1)
    with pytest.raises(InvalidOptionError, match="from 0"):
        Budget(circuits=-1)
    with pytest.raises(InvalidOptionError, match="price of a shot"):
        Prices(shot=-0.1)


def test_shots_make_the_default_rule_prefer_exact_gradients_only_where_noise_is_small():
    quiet, loud = Quadratic(1e-4), Quadratic(1.0)
    counts = []
    for objective in (quiet, loud):
        core = AdaptiveGradient(methods=pick(("spsa", "parameter_shift")))
        counts.append(methods_of(run(core, objective, 60)).count("parameter_shift"))
    assert counts[0] != counts[1]


@pytest.mark.parametrize("method", ["parameter_shift", "natural_gradient"])
def test_what_noise_adds_along_the_own_move_is_known(method):
    core, exact, found, said = only(method, mover=Mover(stepsize=0.1)), HESSIAN @ -OFFSET, [], []
    for seed in range(800):
        state = run(core, Quadratic(0.5, seed=seed), 1)
        found.append(state.displacement @ (state.gradient - exact))
        said.append(state.overlap)
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - np.mean(said)) < 5 * error
    assert abs(np.mean(said)) > 5 * error


def test_the_curvature_leaves_out_what_noise_adds_along_the_move():
    moved, before, after = np.array([0.2, 0.0]), np.array([-1.0, 3.0]), np.array([-0.5, 1.0])
    state = AdaptiveGradient().init(np.zeros(2), seed=0)
    state = replace(state, displacement=moved, gradient=before, variance=np.zeros(2), overlap=-0.06)
    reading = Reading(after, np.zeros(2), 0.0, loss=0.0, loss_error=0.0)
    # x g1 - (x g0 - overlap) = -0.1 - (-0.2 + 0.06) = 0.04, over x x = 0.04.
    assert mean(learn(state, reading, None).curvature) == pytest.approx(1.0)
