"""Answers about an objective: whatever is asked at once leaves in one device call."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from pennylane_qstore.optimize.arguments import rebuild, trainable_positions
from pennylane_qstore.optimize.core.query import Answer, Query
from pennylane_qstore.optimize.differentiate import loss_and_gradient, real_number
from pennylane_qstore.optimize.foresight import Evaluation
from pennylane_qstore.optimize.metric import Approximation, MetricRequest, metric_requests
from pennylane_qstore.optimize.one_batch import (
    Outcome,
    evaluate_together,
    overlooked,
    variance,
    whole,
)
from pennylane_qstore.optimize.overlaps import overlap_requests, overlaps
from pennylane_qstore.optimize.plain_call import mcm_config
from pennylane_qstore.optimize.request import Call, Request
from pennylane_qstore.optimize.submission import GROUPS
from pennylane_qstore.optimize.variances import pool

FloatArray = NDArray[np.float64]


class Evaluator:
    """Answers queries about one objective, each in one device call where it can.

    All circuits that a query needs leave together: those of all points, of gradient, overlaps and
    metric, also of a Python function that calls several QNodes and computes on with what they
    return. Only where a circuit depends on another's result is there a further round trip.

    A Python function is called more often than there are points: up to twice with made-up results
    to learn which circuits it needs (see :func:`~pennylane_qstore.optimize.foresight.foresee`), and
    once for each group of shots to learn how its value scatters, and for each circuit whose small
    terms were measured at another point. Functions with side effects should know, and functions
    that draw random numbers get none of these benefits.

    The overlap of a Python function's states is the mean over the different states that its QNodes
    prepare, and so is the metric tensor: for circuits that differ in what they measure only, those
    of their one state; for circuits that differ in their data, the mean over the data.

    Args:
        objective_fn: A QNode or any callable that returns one real number.
        args: Its positional arguments; the trainable ones are replaced by each point.
        kwargs: Its keyword arguments.
        standard_errors: Whether to find out variances.
        approx: Which entries of the metric tensor are measured: ``"diag"``, those within a layer
            of commuting gates (``"block-diag"``), or all (None), for which each circuit runs
            forth and back.

    Attributes:
        seconds: Time spent in evaluations so far.

    Raises:
        UntrainableArgumentError: If an argument could be meant either way.
        NothingToTrainError: If no argument is trainable.
    """

    def __init__(
        self,
        objective_fn: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        standard_errors: bool = True,
        approx: Approximation = "block-diag",
    ) -> None:
        self._objective_fn, self._args, self._kwargs = objective_fn, args, kwargs
        self._positions = trainable_positions(args)
        self._is_qnode = isinstance(objective_fn, qml.QNode)
        self._standard_errors, self._approx = standard_errors, approx
        self.seconds = 0.0

    @property
    def objective(self) -> tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]:
        """The objective, its positional and its keyword arguments."""
        return self._objective_fn, self._args, self._kwargs

    def __call__(self, query: Query) -> Answer:
        """Answer a query.

        Raises:
            InvalidLossError: If the objective returns anything but one real number.
            UnknownStateError: If overlaps or a metric are wanted of states that are not known.
        """
        started = time.perf_counter()
        try:
            return self._answer(query)
        finally:
            self.seconds += time.perf_counter() - started

    def _answer(self, query: Query) -> Answer:
        evaluations = self._points(query)
        if query.gradient_at is not None:
            evaluations.append(self._gradient(query, query.gradient_at))
        pairs = overlap_requests(self._loss_at, query.pairs, calls_once=self._is_qnode)
        metrics = [] if query.metric_at is None else self._metric(query.metric_at)
        extra = [request for pair in pairs for request in pair]
        extra += [metric.request for metric in metrics]
        outcomes, answers, counts = evaluate_together(evaluations, extra)
        results = ([readout.value for readout in readouts] for readouts in answers)
        answer = replace(
            self._losses(query, evaluations, outcomes),
            overlaps=overlaps([[next(results)[0] for _ in pair] for pair in pairs]),
            counts=counts,
        )
        if metrics:
            found = [metric.finish(next(results)) for metric in metrics]
            answer = replace(answer, metric=np.mean(found, axis=0))
        return answer

    def _losses(
        self, query: Query, evaluations: Sequence[Evaluation], outcomes: Sequence[Outcome]
    ) -> Answer:
        n_points = len(query.points)
        losses = [real_number(outcome.value) for outcome in outcomes[:n_points]]
        spreads = self._variances(evaluations, outcomes)
        shots = 1 if query.shots is None else query.shots
        variances = pool([float(one.item()) for one in spreads[:n_points]], shots, GROUPS)
        lacking = np.array(list(map(overlooked, evaluations, outcomes))[:n_points])
        answer = replace(
            Answer.of(losses, variances + lacking**2),
            overlooked=np.nanmax(lacking, initial=0.0),
            whole=np.array(
                [real_number(whole(evaluations[i], outcomes[i])) for i in query.whole_at]
            ),
        )
        if query.gradient_at is None:
            return answer
        wanted = _wanted(query.gradient_of, len(query.gradient_at))
        return _with_gradient(answer, outcomes[-1].value, spreads[-1], wanted)

    def _metric(self, point: FloatArray) -> list[MetricRequest]:
        return metric_requests(
            partial(self._objective_fn, **self._kwargs),
            rebuild(self._args, self._positions, point),
            self._positions,
            approx=self._approx,
        )

    def _points(self, query: Query) -> list[Evaluation]:
        shots = [None] * len(query.points) if query.shots is None else query.shots.tolist()
        return [
            Evaluation(
                self._loss_at(point),
                shots=n,
                tolerance=query.tolerance,
                keeps=i in query.whole_at,
                prepared=self._prepare(point, n, query.tolerance, i in query.whole_at),
            )
            for i, (point, n) in enumerate(zip(query.points, shots, strict=True))
        ]

    def _prepare(
        self, point: FloatArray, shots: int | None, tolerance: float, keeps: bool = False
    ) -> Request | None:
        """All that a QNode needs; unlike this, a Python function has to be tried."""
        qnode = self._objective_fn
        if not isinstance(qnode, qml.QNode):
            return None
        if shots is not None:
            qnode = qml.set_shots(qnode, shots)
        args = rebuild(self._args, self._positions, point)
        tapes, finish = qml.workflow.construct_batch(qnode, level="user")(*args, **self._kwargs)
        tapes = tuple(qml.transforms.convert_to_numpy_parameters(tape)[0][0] for tape in tapes)
        call = Call(qnode.device, tapes, mcm_config(qnode))
        return Request(
            call,
            tapes,
            lambda results: finish(results)[0],
            spreads=shots is not None,
            tolerance=tolerance,
            keeps=keeps,
        )

    def _loss_at(self, point: Any) -> Callable[[], Any]:
        args = rebuild(self._args, self._positions, point)
        return lambda: self._objective_fn(*args, **self._kwargs)

    def _gradient(self, query: Query, point: FloatArray) -> Evaluation:
        def at(params: FloatArray) -> Callable[[], FloatArray]:
            args = rebuild(self._args, self._positions, params)
            return lambda: loss_and_gradient(
                self._objective_fn, args, self._kwargs, self._positions
            )

        wanted = _wanted(query.gradient_of, len(point))
        nearby = point + np.where(wanted, np.random.default_rng(0).uniform(0.1, 0.2, len(point)), 0)
        return Evaluation(
            at(point),
            differentiates=True,
            gradient_shots=query.gradient_shots,
            calls_once=self._is_qnode,
            nearby=None if wanted.all() else at(nearby),
        )

    def _variances(
        self, evaluations: Sequence[Evaluation], outcomes: Sequence[Outcome]
    ) -> list[FloatArray]:
        if not self._standard_errors:
            return [np.full(np.shape(outcome.value), np.nan) for outcome in outcomes]
        return [variance(one, outcome) for one, outcome in zip(evaluations, outcomes, strict=True)]


def _wanted(indices: NDArray[np.int64] | None, n_params: int) -> NDArray[np.bool_]:
    wanted = np.full(n_params, indices is None)
    if indices is not None:
        wanted[indices] = True
    return wanted


def _with_gradient(
    answer: Answer, found: FloatArray, spread: FloatArray, wanted: NDArray[np.bool_]
) -> Answer:
    return replace(
        answer,
        gradient_loss=float(found[0]),
        gradient_loss_variance=float(spread[0]),
        gradient=np.where(wanted, found[1:], 0.0),
        gradient_variances=np.where(wanted, spread[1:], 0.0),
    )
