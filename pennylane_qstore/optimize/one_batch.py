"""Evaluations of any Python functions in as few round trips as their logic allows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from pennylane_qstore.optimize.arguments import to_numpy
from pennylane_qstore.optimize.batching import Ask, run_together
from pennylane_qstore.optimize.core.query import Counts
from pennylane_qstore.optimize.foresight import Evaluation, Forecast, foresee
from pennylane_qstore.optimize.interception import Forgetful, answered_by, intercepted
from pennylane_qstore.optimize.request import Call, Readout, Request
from pennylane_qstore.optimize.submission import submit

History = Sequence[tuple[Request, Sequence[Readout]]]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Result of an evaluation.

    Attributes:
        value: What it returned.
        history: All that it asked for, and the readouts it got, in order.
    """

    value: Any
    history: History = ()


def evaluate_together(
    evaluations: Sequence[Evaluation], extra: Sequence[Request] = ()
) -> tuple[list[Outcome], list[Sequence[Readout]], Counts]:
    """Evaluate everything, with one device call for all that can be known in advance.

    Args:
        evaluations: What to evaluate.
        extra: Requests of nobody, to be run along with the first ones.

    Returns:
        The outcome of each evaluation, the readouts of each extra request, and what it all took.

    Raises:
        Exception: What the first failing evaluation, or the device, raised.
    """
    with intercepted():
        forecasts = [foresee(evaluation) for evaluation in evaluations]
        counter = _Counter()
        requests = [request for forecast in forecasts for request in forecast.requests]
        answers = counter.submit([*extra, *requests])
        remaining = iter(answers[len(extra) :])
        known = [[(r, next(remaining)) for r in forecast.requests] for forecast in forecasts]
        outcomes: list[Outcome | None] = list(map(_without_thread, evaluations, forecasts, known))
        live = [i for i, outcome in enumerate(outcomes) if outcome is None]
        turns = [_Live(evaluations[i], known[i]).run for i in live]
        for i, outcome in zip(live, run_together(turns, counter.submit), strict=True):
            outcomes[i] = outcome
    return (
        [outcome for outcome in outcomes if outcome is not None],
        list(answers[: len(extra)]),
        counter.counts,
    )


class _Counter:
    def __init__(self) -> None:
        self.counts = Counts()

    def submit(self, requests: Sequence[Request]) -> Sequence[Sequence[Readout]]:
        readouts, taken = submit(requests)
        self.counts += taken
        return readouts


def _without_thread(evaluation: Evaluation, forecast: Forecast, known: History) -> Outcome | None:
    if forecast.is_final:
        return Outcome(forecast.value)
    if evaluation.prepared is None:
        return None
    ((request, readouts),) = known
    return Outcome(request.finish([readout.value for readout in readouts]), tuple(known))


class _Live(Forgetful):
    """Answers the calls of one evaluation: with what was run in advance, or by asking."""

    def __init__(self, evaluation: Evaluation, answered: History) -> None:
        self.shots = evaluation.shots
        self.differentiates = evaluation.differentiates
        self._evaluation = evaluation
        self._answered = list(answered)
        self._history: list[tuple[Request, Sequence[Readout]]] = []
        self._ask: Ask

    def run(self, ask: Ask) -> Outcome:
        """Evaluate, asking for what was not run in advance."""
        self._ask = ask
        with answered_by(self):
            value = self._evaluation.function()
        return Outcome(value, tuple(self._history))

    def answer(self, call: Call) -> Any:
        """Answer with what was run in advance, or ask."""
        request, readouts = self._look_up(call)
        self._history.append((request, readouts))
        return request.finish([readout.value for readout in readouts])

    def _look_up(self, call: Call) -> tuple[Request, Sequence[Readout]]:
        if self._answered and self._answered[0][0].call.equals(call):
            return self._answered.pop(0)
        self._answered.clear()
        request = self._evaluation.request(call, None)
        return request, self._ask(request)


def variance(evaluation: Evaluation, outcome: Outcome) -> NDArray[np.float64]:
    r"""Variance of an outcome as an estimate, by the delete-a-group jackknife.

    The function is evaluated again from the same readouts with one group of shots left out each,
    :math:`y_1 \dots y_g`, without running a circuit:
    :math:`\frac{g - 1}{g} \sum_i (y_i - \bar y)^2`.

    Returns:
        As many variances as the outcome has values: 0 where all was exact, NaN where it is not
        known because a readout is not divided into groups or the function asks for something else
        this time.

    References:
        Efron, *The Jackknife, the Bootstrap and Other Resampling Plans* (1982).
    """
    readouts = [readout for _, answer in outcome.history for readout in answer]
    sampled = [readout.without for readout in readouts if not readout.is_exact]
    shape = np.shape(to_numpy(outcome.value))
    if not sampled:
        return np.zeros(shape)
    n_groups = {0 if groups is None else len(groups) for groups in sampled}
    if len(n_groups) > 1 or 0 in n_groups:
        return np.full(shape, np.nan)
    (g,) = n_groups
    try:
        values = [_Replay(evaluation, outcome, partial(_without, i)).run() for i in range(g)]
    except _DifferentError:
        return np.full(shape, np.nan)
    spread = np.asarray(values, dtype=np.float64)
    return (g - 1) / g * np.sum((spread - spread.mean(axis=0)) ** 2, axis=0)


def overlooked(evaluation: Evaluation, outcome: Outcome) -> float:
    """Standard deviation of an outcome because of terms that were measured elsewhere.

    The function is evaluated again with each such result off by the terms' scatter.

    Returns:
        NaN where it is not known because the function asks for something else this time.
    """
    borrowed = [r for _, answer in outcome.history for r in answer if r.borrowed]
    try:
        moved = [
            _Replay(evaluation, outcome, partial(_moved, one)).run() - to_numpy(outcome.value)
            for one in borrowed
        ]
    except _DifferentError:
        return float("nan")
    return float(np.linalg.norm(moved))


def whole(evaluation: Evaluation, outcome: Outcome) -> Any:
    """An outcome with the small terms as they were measured for this evaluation.

    Its value as it is where none were measured elsewhere, or where the function asks for something
    else with them.
    """
    if all(r.whole is None for _, answer in outcome.history for r in answer):
        return outcome.value
    try:
        return _Replay(evaluation, outcome, _whole).run()
    except _DifferentError:
        return outcome.value


def _whole(readout: Readout) -> Any:
    return readout.value if readout.whole is None else readout.whole


def _without(group: int, readout: Readout) -> Any:
    return readout.value if readout.without is None else readout.without[group]


def _moved(one: Readout, readout: Readout) -> Any:
    return readout.value + readout.borrowed if readout is one else readout.value


class _DifferentError(BaseException):
    """The function asks for something else than before."""


class _Replay(Forgetful):
    """Answers the calls of an evaluation as before, but with other values."""

    def __init__(
        self, evaluation: Evaluation, outcome: Outcome, value_of: Callable[[Readout], Any]
    ) -> None:
        self.shots = evaluation.shots
        self.differentiates = evaluation.differentiates
        self._evaluation = evaluation
        self._history = list(outcome.history)
        self._value_of = value_of

    def run(self) -> Any:
        """What the function would have returned."""
        if self._evaluation.prepared is not None:
            return to_numpy(self.answer(self._evaluation.prepared.call))
        with intercepted(), answered_by(self):
            return to_numpy(self._evaluation.function())

    def answer(self, call: Call) -> Any:
        """Answer as before."""
        if not self._history or not self._history[0][0].call.equals(call):
            raise _DifferentError
        request, readouts = self._history.pop(0)
        return request.finish([self._value_of(readout) for readout in readouts])

    def recall(self, qnode: qml.QNode, args: Any, kwargs: Any) -> Call | None:
        """The call as it was, if QNode and arguments are the same."""
        call = self._history[0][0].call if self._history else None
        if call is None or call.origin is None:
            return None
        return call if call.origin.is_same(qnode, *qml.pytrees.flatten((args, kwargs))) else None
