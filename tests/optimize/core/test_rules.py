"""Scripted decisions of the adaptive optimizer's rules: made-up losses, no circuits."""

import math

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core import Counts
from pennylane_qstore.optimize.core.adaptive import (
    METHODS,
    DocumentedRule,
    GradientMethodScheduler,
    Option,
    Prices,
    ProgressRule,
    Taken,
    Trend,
    View,
    prices_for,
    trend,
)
from pennylane_qstore.optimize.core.adaptive.learned import Learned, progress


def taken(losses, errors=None, method="spsa"):
    errors = [0.0] * len(losses) if errors is None else errors
    return tuple(
        Taken(method, 2, "", loss, error, 2, 0) for loss, error in zip(losses, errors, strict=True)
    )


def view(step, losses, errors=None, **more):
    return View(step, taken(losses, errors), **more)


SPSA, EXACT, NATURAL = "spsa", "parameter_shift", "natural_gradient"


@pytest.mark.parametrize(
    ("what", "step", "losses", "errors", "expected"),
    [
        ("the very first step", 0, [], None, SPSA),
        ("step 9 is the last of the first ten", 9, [1.0] * 9, None, SPSA),
        ("step 10 is exact", 10, [1.0] * 10, None, EXACT),
        ("step 20 is exact however well it goes", 20, [-1, -2, -3, -4, -5.0], None, EXACT),
        ("step 11 falls", 11, [5.0, 4, 3, 2, 1], None, SPSA),
        ("a negative loss that falls is not slow", 12, [-5.0, -6, -7, -8, -9], None, SPSA),
        ("a negative loss that rises to zero is slow", 12, [-9.0, -8, -7, -6, -5], None, NATURAL),
        ("a plateau above zero", 13, [2.0] * 5, None, NATURAL),
        ("a plateau below zero", 13, [-2.0] * 5, None, NATURAL),
        ("a plateau at zero", 13, [0.0] * 5, None, NATURAL),
        (
            "0.5 % of the loss is less than asked",
            14,
            [2, 1.9975, 1.995, 1.9925, 1.99],
            None,
            NATURAL,
        ),
        ("2 % of the loss is enough", 14, [2, 1.99, 1.98, 1.97, 1.96], None, SPSA),
        ("2 % of a negative loss is enough", 14, [-2, -2.01, -2.02, -2.03, -2.04], None, SPSA),
        ("a fall within the noise", 15, [1.0, 0.9, 0.8, 0.7, 0.6], [1.0] * 5, NATURAL),
        ("the same fall with little noise", 15, [1.0, 0.9, 0.8, 0.7, 0.6], [0.01] * 5, SPSA),
        (
            "scatter counts where noise is unknown",
            15,
            [1.0, 0.2, 1.1, 0.1, 0.9],
            [None] * 5,
            NATURAL,
        ),
        ("unknown noise, clear fall", 15, [1.0, 0.9, 0.81, 0.7, 0.6], [None] * 5, SPSA),
        ("scatter above the known noise counts", 16, [1, 0.2, 1.1, 0.1, 0.7], [1e-3] * 5, NATURAL),
        ("only the last five losses are looked at", 17, [9, 8, 7, 1, 1, 1, 1, 1.0], None, NATURAL),
        ("too few losses to judge", 11, [1.0, 1.0], None, SPSA),
    ],
)
def test_the_documented_rule(what, step, losses, errors, expected):
    assert DocumentedRule().choose(view(step, losses, errors)).method == expected, what


def test_the_documented_rule_answers_a_significant_rise_with_an_exact_gradient():
    rise = Trend(0.5, 0.1, math.inf, 1.0)
    choice = DocumentedRule().choose(view(13, [1.0, 1.1, 1.2, 1.4, 1.5], rise=rise))
    assert choice.method == EXACT
    assert "rose by +0.5 ± 0.1" in choice.reason


def test_all_thresholds_of_the_documented_rule_can_be_set():
    rule = DocumentedRule(
        first=2, every=3, window=3, least=0.6, start=EXACT, exact=NATURAL, slow=SPSA
    )
    losses = [1.0, 0.8, 0.6]
    chosen = [rule.choose(view(step, losses)).method for step in range(6)]
    assert chosen == [EXACT, EXACT, SPSA, NATURAL, SPSA, SPSA]
    assert DocumentedRule(every=0).choose(view(20, [5.0, 4, 3, 2, 1])).method == SPSA


def test_every_decision_of_the_documented_rule_says_why():
    for step, losses in [(0, []), (10, [1.0] * 10), (11, [5.0, 4, 3, 2, 1]), (12, [1.0] * 5)]:
        assert len(DocumentedRule().choose(view(step, losses)).reason) > 10


@pytest.mark.parametrize(
    "wrong", [{"window": 2}, {"first": -1}, {"least": -0.1}, {"significance": 0.5}, {"start": "x"}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InvalidOptionError):
        DocumentedRule(**wrong)


def test_a_schedule_switches_at_exactly_its_steps():
    plan = GradientMethodScheduler([(0, "spsa"), (3, "parameter_shift"), (5, "natural_gradient")])
    chosen = [plan.choose(View(step)).method for step in range(7)]
    assert chosen == ["spsa"] * 3 + ["parameter_shift"] * 2 + ["natural_gradient"] * 2
    assert "step 3" in plan.choose(View(4)).reason


@pytest.mark.parametrize("steps", [[], [1], [0, 5, 5], [0, 7, 3]])
def test_a_schedule_that_does_not_rise_from_zero_is_refused(steps):
    with pytest.raises(InvalidOptionError, match="start with 0 and rise"):
        GradientMethodScheduler([(step, "spsa") for step in steps])


def test_an_unknown_name_is_told_those_that_there_are():
    with pytest.raises(InvalidOptionError, match="'ps'.*spsa.*finite_difference") as caught:
        GradientMethodScheduler([(0, "ps")])
    assert all(name in str(caught.value) for name in METHODS)


KNOWN = Learned(signal=(1.0, 1.0))


def options(*rows):
    return tuple(
        Option(method, 4, Counts(circuits, shots, 1), noise, gain)
        for method, circuits, shots, noise, gain in rows
    )


TWO = options(("spsa", 2, 2000, 20.0, 0.02), ("parameter_shift", 20, 200, 0.5, 0.10))


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        (Prices(circuit=1.0), "spsa"),  # 0.02 / 2 against 0.1 / 20
        (Prices(shot=1.0), "parameter_shift"),  # 0.02 / 2000 against 0.1 / 200
        (Prices(batch=1.0), "parameter_shift"),  # 0.02 against 0.1
        (Prices(circuit=1.0, batch=10.0), "parameter_shift"),  # 0.02 / 12 against 0.1 / 30
        (Prices(), "parameter_shift"),  # free: progress alone
    ],
)
def test_the_default_rule_takes_the_most_progress_per_cost(prices, expected):
    choice = ProgressRule(prices).choose(View(1, taken([-1.0], method="x"), TWO, KNOWN))
    assert choice.method == expected
    assert choice.amount == 4


def test_another_method_has_to_be_clearly_better_than_the_current_one():
    close = options(("spsa", 1, 0, 1.0, 1.05), ("parameter_shift", 1, 0, 1.0, 1.0))
    for current, expected in [("parameter_shift", "parameter_shift"), ("spsa", "spsa")]:
        seen = View(3, taken([1.0, 1.0, 1.0], method=current), close, KNOWN)
        assert ProgressRule().choose(seen).method == expected
    clear = options(("spsa", 1, 0, 1.0, 1.2), ("parameter_shift", 1, 0, 1.0, 1.0))
    seen = View(3, taken([1.0] * 3, method="parameter_shift"), clear, KNOWN)
    assert ProgressRule().choose(seen).method == "spsa"


def test_after_a_rise_only_less_noise_competes():
    rise = Trend(0.5, 0.1, math.inf, 1.0)
    seen = View(6, (*taken([1.0] * 6)[:-1], Taken("spsa", 4, "", 1.0, 0.0, 2, 0)), TWO, KNOWN)
    assert ProgressRule().choose(seen).method == "spsa"
    risen = View(6, seen.taken, TWO, KNOWN, rise)
    choice = ProgressRule().choose(risen)
    assert choice.method == "parameter_shift"
    assert choice.reason.startswith("the loss rose by +0.5 ± 0.1")
    alone = View(6, seen.taken, TWO[:1], KNOWN, rise)
    assert ProgressRule().choose(alone).method == "spsa"


def test_before_anything_is_known_the_cheapest_is_taken():
    assert ProgressRule().choose(View(0, (), TWO)).method == "spsa"
    assert ProgressRule(Prices(shot=1.0)).choose(View(0, (), TWO)).method == "parameter_shift"


def test_the_reason_tells_both_sides():
    reason = ProgressRule().choose(View(1, taken([1.0]), TWO, KNOWN)).reason
    assert "0.01 per circuit" in reason
    assert "0.005 by parameter_shift" in reason


def test_money_and_time_need_prices():
    for cost in ("money", "time"):
        with pytest.raises(InvalidOptionError, match="needs prices"):
            prices_for(cost, None)
    with pytest.raises(InvalidOptionError, match="'euros'"):
        prices_for("euros", None)
    assert prices_for("shots", None)(Counts(5, 70, 1)) == 70
    assert Prices(circuit=0.3, shot=0.01, batch=2.0)(Counts(5, 70, 1)) == pytest.approx(4.2)


def test_expected_progress_is_what_many_noisy_steps_make():
    rng = np.random.default_rng(2)
    hessian, gradient = np.diag([1.0, 2.0, 4.0]), np.array([1.0, -0.5, 2.0])
    deviation = 0.8
    signal, along = gradient @ gradient, gradient @ hessian @ gradient / (gradient @ gradient)
    noise, across = 3 * deviation**2, np.trace(hessian) / 3
    size = signal / (along * signal + across * noise)
    moves = -size * (gradient + rng.normal(0, deviation, (200_000, 3)))
    changes = moves @ gradient + 0.5 * np.einsum("ki,ij,kj->k", moves, hessian, moves)
    error = 5 * changes.std() / np.sqrt(len(changes))
    assert -changes.mean() == pytest.approx(progress(signal, noise, along, across), abs=error)


def test_a_trend_with_known_errors_is_wrong_as_often_as_it_says():
    rng, wrong = np.random.default_rng(7), 0
    for _ in range(4000):
        found = trend(rng.normal(0, 1.0, 6).tolist(), [1.0] * 6)
        wrong += found.falls(significance=0.05)
    assert wrong / 4000 < 0.05 + 5 * np.sqrt(0.05 * 0.95 / 4000)
    wrong = sum(
        trend(rng.normal(3, 1.0, 6).tolist(), [None] * 6).rises(significance=0.05)
        for _ in range(4000)
    )
    assert abs(wrong / 4000 - 0.05) < 5 * np.sqrt(0.05 * 0.95 / 4000)


def test_a_straight_line_has_its_change():
    found = trend([3.0, 2.5, 2.0, 1.5], [0.0] * 4)
    assert found.change == pytest.approx(-1.5)
    assert found.error == 0.0
    assert trend([1.0, 2.0], [0.0, 0.0]) is None
