"""Descent along transformed gradients."""

import json

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.descent import Descent
from pennylane_qstore.optimize.core.query import Answer
from pennylane_qstore.optimize.core.schedules import CosineDecay
from pennylane_qstore.optimize.core.state import dump
from pennylane_qstore.optimize.core.transforms import Adam, ClipNorm, chain
from pennylane_qstore.optimize.errors import InvalidLossError, NonFiniteLossError

HESSIAN = np.diag([3.0, 1.0, 2.0])
LOWEST = np.array([0.3, -1.0, 0.5])


def loss(point):
    return 0.5 * (point - LOWEST) @ HESSIAN @ (point - LOWEST)


def answer(query):
    losses = [loss(point) for point in query.points]
    if query.gradient_at is None:
        return Answer.of(losses)
    gradient = HESSIAN @ (query.gradient_at - LOWEST)
    empty = np.empty(0)
    return Answer(empty, empty, gradient=gradient, gradient_loss=loss(query.gradient_at))


def run(core, state, n_steps):
    trace = []
    for _ in range(n_steps):
        state = core.tell(state, answer(core.ask(state)))
        trace.append(state.params)
    return state, np.array(trace)


def test_plain_descent_is_the_closed_form_of_a_quadratic():
    core = Descent(0.1)
    state, trace = run(core, core.init(np.zeros(3)), 7)
    shrunk = (1 - 0.1 * np.diag(HESSIAN)) ** 7
    np.testing.assert_allclose(state.params, LOWEST - shrunk * LOWEST, atol=1e-14)
    assert state.loss == pytest.approx(loss(trace[-2]))


def test_central_differences_are_the_gradient_of_a_quadratic():
    ends = []
    for diff in ("parameter_shift", "finite_differences"):
        core = Descent(0.1, diff=diff)
        ends.append(run(core, core.init(np.zeros(3)), 5)[0])
    np.testing.assert_allclose(ends[0].params, ends[1].params, atol=1e-12)
    assert ends[0].loss == pytest.approx(ends[1].loss)


def test_a_gradient_that_is_reused_asks_for_nothing_and_serves_as_often_as_told():
    core = Descent(0.1, reuse=3)
    state, asked = core.init(np.zeros(3)), []
    for _ in range(7):
        query = core.ask(state)
        asked.append(query.gradient_at is not None)
        assert len(query.points) == 0
        before, state = state, core.tell(state, answer(query))
        if not asked[-1]:
            np.testing.assert_array_equal(before.gradient, state.gradient)
    assert asked == [True, False, False, True, False, False, True]


def test_a_moved_run_measures_before_it_goes_on():
    core = Descent(0.1, reuse=3)
    state = core.tell(core.init(np.zeros(3)), answer(core.ask(core.init(np.zeros(3)))))
    assert core.ask(state).gradient_at is None
    np.testing.assert_array_equal(core.ask(core.move(state, np.ones(3))).gradient_at, np.ones(3))


def test_a_run_resumed_from_json_repeats_the_undisturbed_one_bit_for_bit():
    core = Descent(CosineDecay(0.2, 30), chain(ClipNorm(0.5), Adam()), reuse=2)
    undisturbed, trace = run(core, core.init(np.zeros(3)), 20)
    for stop in range(0, 20, 3):
        half, first = run(core, core.init(np.zeros(3)), stop)
        resumed = core.load(json.loads(json.dumps(dump(half))))
        end, second = run(core, resumed, 20 - stop)
        np.testing.assert_array_equal(end.params, undisturbed.params)
        np.testing.assert_array_equal(np.vstack([first.reshape(-1, 3), second]), trace)


def test_answers_without_a_usable_gradient_are_refused_and_nothing_moves():
    core = Descent(0.1)
    state = core.init(np.zeros(2))
    empty = np.empty(0)
    with pytest.raises(InvalidLossError, match="expected a gradient of shape"):
        core.tell(state, Answer(empty, empty))
    for bad in ([0.0, np.nan], [np.inf, 1.0]):
        with pytest.raises(NonFiniteLossError):
            core.tell(state, Answer(empty, empty, gradient=np.array(bad), gradient_loss=1.0))
    np.testing.assert_array_equal(state.params, [0, 0])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"diff": "magic"}, "diff is 'magic'"),
        ({"reuse": 0}, "reuse is 0"),
        ({"spacing": 0.0}, "0.0"),
    ],
)
def test_settings_that_cannot_work_are_named(settings, said):
    with pytest.raises(InvalidOptionError, match=said):
        Descent(**settings)
