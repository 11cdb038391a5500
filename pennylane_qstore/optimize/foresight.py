"""Which circuits an evaluation will ask for, found out before any of them is run."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np
from pennylane.measurements import ExpectationMP, ProbabilityMP, VarianceMP
from pennylane.tape import QuantumScript

from pennylane_qstore.optimize.interception import Forgetful, answered_by
from pennylane_qstore.optimize.request import Call, Request, request_for

MOST_CALLS = 10_000
"""Calls after which a trial is broken off: its loop may wait for a value that never comes."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """One evaluation of an objective.

    Attributes:
        function: Calls QNodes and returns numbers.
        shots: Repetitions that replace those of every QNode; None keeps them.
        differentiates: Whether the circuits' derivatives are wanted with their results.
        gradient_shots: Repetitions of shifted circuits; None takes those of their QNode.
        tolerance: Terms of a sum that together scatter by no more than this may be measured by
            another evaluation of the same objective.
        keeps: Whether they are measured by this one, too.
        calls_once: Whether the function is known to call one QNode once.
        prepared: The one request of a function that needs no other, whose answer is its value; the
            function is not called then.
        nearby: The function where only the parameters are changed whose derivatives are wanted;
            None where all are.
    """

    function: Callable[[], Any]
    shots: int | None = None
    differentiates: bool = False
    gradient_shots: int | None = None
    tolerance: float = 0.0
    keeps: bool = False
    calls_once: bool = False
    prepared: Request | None = None
    nearby: Callable[[], Any] | None = None

    def request(self, call: Call, place: int | None) -> Request:
        """What the evaluation's call at this place wants to have run.

        Where the place depends on results, None, all terms are measured: what others ask at the
        same place may be something else.
        """
        return request_for(
            call,
            self.gradient_shots,
            spreads=self.shots is not None,
            tolerance=0.0 if place is None else self.tolerance,
            place=place or 0,
            keeps=self.keeps,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """What is known of an evaluation before any circuit is run.

    Attributes:
        requests: What it will ask for, in order, as far as that does not depend on answers.
        is_final: Whether it asks for nothing, so that ``value`` is its result.
        value: The result of an evaluation that asks for nothing.
    """

    requests: tuple[Request, ...]
    is_final: bool = False
    value: Any = None


def foresee(evaluation: Evaluation) -> Forecast:
    """Find out what an evaluation will ask for.

    A Python function calls one QNode after the other, so that each would be a round trip. It is
    therefore tried twice with made-up results, different ones each time. What it asks for both
    times alike, from the first call on, does not depend on the results and can be run in advance.
    If a value decides between branches and both trials take the same one, the forecast may be
    wrong: the evaluation, which compares each circuit, then asks anew, and the circuits run in
    advance were in vain. Results are never affected.

    Raises:
        Exception: What the function raises before it calls a QNode.
    """
    if evaluation.prepared is not None:
        return Forecast((evaluation.prepared,))
    first = Trial(evaluation, seed=1)
    value = first.run()
    if not first.requests:
        return Forecast((), is_final=True, value=value)
    requests = first.requests
    if not evaluation.calls_once and not (len(requests) == 1 and first.ended):
        second = Trial(evaluation, seed=2, before=requests)
        second.run()
        requests = requests[: second.n_alike]
    if evaluation.nearby is not None:
        requests = _without_needless(requests, evaluation, evaluation.nearby)
    return Forecast(tuple(requests))


def _without_needless(
    requests: Sequence[Request], evaluation: Evaluation, nearby: Callable[[], Any]
) -> list[Request]:
    """Shift only those gates whose angles change when the wanted parameters do."""
    moved = Trial(replace(evaluation, function=nearby), seed=1)
    moved.run()
    pairs = zip_longest(requests, moved.requests[: len(requests)])
    return [
        request
        if other is None
        else request_for(request.call, evaluation.gradient_shots, _changed(request, other))
        for request, other in pairs
    ]


def _changed(request: Request, other: Request) -> list[list[int]] | None:
    """Places of trainable parameters that differ; None if the circuits do not correspond."""
    before = [circuit.get_parameters() for circuit in request.call.circuits]
    after = [circuit.get_parameters() for circuit in other.call.circuits]
    if [len(params) for params in before] != [len(params) for params in after]:
        return None
    return [
        [i for i, (a, b) in enumerate(zip(*both, strict=True)) if not np.array_equal(a, b)]
        for both in zip(before, after, strict=True)
    ]


class _EnoughError(BaseException):
    """Breaks a trial off: results of this kind cannot be made up."""


class Trial(Forgetful):
    """Answers the calls of an evaluation with made-up results, and remembers them.

    Args:
        evaluation: What to try.
        seed: Different ones make different results up.
        before: What another trial asked for.
        most: Calls after which it is broken off.

    Attributes:
        requests: What was asked for.
        n_alike: How many of the first requests are those of the other trial.
        ended: Whether the function returned.
    """

    def __init__(
        self,
        evaluation: Evaluation,
        *,
        seed: int,
        before: Sequence[Request] = (),
        most: int = MOST_CALLS,
    ) -> None:
        self.shots = evaluation.shots
        self.differentiates = evaluation.differentiates
        self.requests: list[Request] = []
        self.n_alike = 0
        self.ended = False
        self._evaluation = evaluation
        self._before, self._most = before, most
        self._rng = np.random.default_rng(seed)

    def run(self) -> Any:
        """Call the function; None if it does not get on with made-up results."""
        with warnings.catch_warnings(), np.errstate(all="ignore"), answered_by(self):
            warnings.simplefilter("ignore")
            try:
                value = self._evaluation.function()
            except _EnoughError:
                return None
            except Exception:
                if not self.requests:
                    raise
                # The made-up results may be to blame; the real ones will tell.
                return None
        self.ended = True
        return value

    def answer(self, call: Call) -> Any:
        """Make results up."""
        place = len(self.requests)
        if place >= self._most:
            raise _EnoughError
        known = self._before[place] if place < len(self._before) else None
        if known is not None and known.call.equals(call):
            self.n_alike += self.n_alike == place
            request = known
        else:
            request = self._evaluation.request(call, place)
        self.requests.append(request)
        return request.finish([self.make_up(tape) for tape in request.tapes])

    def make_up(self, tape: QuantumScript) -> Any:
        """A result such as the tape might have."""
        if tape.shots.has_partitioned_shots:
            return tuple(self._make_up_once(tape) for _ in range(tape.shots.num_copies))
        return self._make_up_once(tape)

    def _make_up_once(self, tape: QuantumScript) -> Any:
        results = tuple(self._result(mp, tape) for mp in tape.measurements)
        return results[0] if len(results) == 1 else results

    def _result(self, mp: Any, tape: QuantumScript) -> Any:
        batch = () if tape.batch_size is None else (tape.batch_size,)
        if type(mp) is ExpectationMP:
            return self._rng.uniform(-1, 1, batch)[()]
        if type(mp) is VarianceMP:
            return self._rng.uniform(0, 1, batch)[()]
        if type(mp) is ProbabilityMP:
            n_wires = len(mp.wires or tape.wires)
            return self._rng.dirichlet(np.ones(2**n_wires), batch or None)
        raise _EnoughError
