"""Answers about single circuits of an objective, each at parameters of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pennylane.tape import QuantumScript

from pennylane_qstore.optimize.arguments import flatten, rebuild, trainable_positions
from pennylane_qstore.optimize.circuit_family import CircuitFamily, family_of, separated, try_out
from pennylane_qstore.optimize.core.circuit_results import CircuitResults
from pennylane_qstore.optimize.core.query import Answer, Query
from pennylane_qstore.optimize.errors import ChangedCircuitsError
from pennylane_qstore.optimize.evaluate import Evaluator
from pennylane_qstore.optimize.loss_of_results import LossOfResults, outputs_of
from pennylane_qstore.optimize.one_batch import evaluate_together
from pennylane_qstore.optimize.request import Readout, Request
from pennylane_qstore.optimize.submission import GROUPS
from pennylane_qstore.optimize.variances import pool

FloatArray = NDArray[np.float64]

# The expanded loss holds a matrix of so many rows for each circuit.
_MOST_DIRECT = 32

Objective = tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]


def separable_circuits(
    objective_fn: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    most: float = np.inf,
) -> CircuitFamily | None:
    """The circuits of an objective that is a sum over them, as a mean over data is.

    Nothing is executed; see :func:`~pennylane_qstore.optimize.circuit_family.family_of`.

    Args:
        objective_fn: Any callable that calls QNodes.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        most: Parameters up to which this is found out; the objective is called for each.

    Returns:
        None if there are more, if there is no such family, if a result makes no term of its own,
        if autograd cannot differentiate the objective by the results, or if more than 32 parameters
        enter it otherwise than through results.
    """
    positions = trainable_positions(args)
    start = flatten(args, positions)
    if start.size > most:
        return None

    def at(point: Any) -> Callable[[], Any]:
        return partial(objective_fn, *rebuild(args, positions, point), **kwargs)

    family = family_of(at, start)
    if family is None:
        return None
    requests = try_out(at(start)).requests
    rng = np.random.default_rng(start.size)
    results = rng.uniform(0.1, 0.9, (len(separated(requests)), family.n_outputs))
    loss = LossOfResults(at, requests)
    direct = loss.direct(results, start + rng.uniform(-0.1, 0.1, start.size))
    if direct is None or len(direct) > _MOST_DIRECT:
        return None
    return replace(family, kernel=replace(family.kernel, direct=direct))


class SingleCircuits(Evaluator):
    """Answers queries for single circuits, and losses, all of them in one device call.

    Args:
        objective: The objective, its positional and its keyword arguments.
        family: Its circuits, as :func:`separable_circuits` found them for it, or for the same
            objective with other data.
    """

    def __init__(self, objective: Objective, family: CircuitFamily) -> None:
        super().__init__(*objective)
        self._family = family
        self._here = flatten(self._args, self._positions)

    def _answer(self, query: Query) -> Answer:
        trial = try_out(self._loss_at(self._here), query.single_shots)
        circuits = separated(trial.requests)
        tapes = [tape for _, tape in circuits]
        self._check(tapes, query.single_shots)
        chosen = query.in_turn(len(circuits))
        wanted = []
        for i, point in zip(chosen.tolist(), query.singles, strict=True):
            request, tape = circuits[i]
            moved = self._family.moved(tape, point - self._here)
            wanted.append(Request(request.call, (moved,), tuple))
        points = self._points(query)
        outcomes, readouts, counts = evaluate_together(points, wanted)
        values, variances = _numbers(tapes[0], [one for (one,) in readouts])
        loss = LossOfResults(self._loss_at, trial.requests)
        expand = partial(loss.expand, params=self._here, direct=self._family.kernel.direct)
        results = CircuitResults(chosen, values, variances, self._family.data(tapes), expand)
        return replace(self._losses(query, points, outcomes), results=results, counts=counts)

    def _check(self, tapes: Sequence[QuantumScript], shots: int | None) -> None:
        """Refuse circuits that the family's numbers do not describe."""
        change = np.random.default_rng(self._here.size).uniform(-1, 1, self._here.size)
        other = try_out(self._loss_at(self._here + change), shots)
        if not self._family.fits(tapes, [one for _, one in separated(other.requests)], change):
            raise ChangedCircuitsError(
                f"the objective's {len(tapes)} circuits differ from those of its first step in "
                "their gates, or in how the parameters enter them; use another optimizer object "
                "for another objective"
            )


def _numbers(circuit: QuantumScript, readouts: Sequence[Readout]) -> tuple[FloatArray, FloatArray]:
    """Values and variances of results, shape ``(n_results, n_outputs)`` each."""
    values = np.stack([outputs_of(circuit, one.value) for one in readouts])
    variances = np.stack([_variance(circuit, one) for one in readouts])
    if circuit.shots:
        # Too few to be divided into groups: that of outcomes as far apart as results are.
        size = max(1.0, float(np.mean(values**2)))
        variances = np.where(np.isnan(variances), size / circuit.shots.total_shots, variances)
    return values, np.stack([pool(one, 1, GROUPS) for one in variances.T], axis=1)


def _variance(circuit: QuantumScript, readout: Readout) -> FloatArray:
    """By the jackknife; see :func:`~pennylane_qstore.optimize.one_batch.variance`."""
    if readout.without is None:
        unknown = 0.0 if readout.is_exact else np.nan
        return np.full(outputs_of(circuit, readout.value).shape, unknown)
    groups = np.stack([outputs_of(circuit, one) for one in readout.without])
    g = len(groups)
    return np.asarray((g - 1) / g * np.sum((groups - groups.mean(axis=0)) ** 2, axis=0))
