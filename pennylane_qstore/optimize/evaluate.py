"""Several points to losses: in one device call where the objective is a QNode."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from pennylane_qstore.optimize.arguments import rebuild, trainable_positions
from pennylane_qstore.optimize.core.query import Answer, Query
from pennylane_qstore.optimize.errors import InvalidLossError


class Evaluator:
    """Answers queries about one objective, each in one device batch where it can.

    Args:
        objective_fn: A QNode or any callable that returns one real number.
        args: Its positional arguments; the trainable ones are replaced by each point.
        kwargs: Its keyword arguments.

    Attributes:
        seconds: Time spent in evaluations so far.

    Raises:
        UntrainableArgumentError: If an argument could be meant either way.
        NothingToTrainError: If no argument is trainable.
    """

    def __init__(
        self, objective_fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        self._objective_fn, self._args, self._kwargs = objective_fn, args, kwargs
        self._positions = trainable_positions(args)
        self.seconds = 0.0

    def __call__(self, query: Query) -> Answer:
        """Answer a query.

        Raises:
            InvalidLossError: If the objective returns anything but one real number.
        """
        started = time.perf_counter()
        arglist = [rebuild(self._args, self._positions, point) for point in query.points]
        answer = Answer.of(evaluate(self._objective_fn, arglist, self._kwargs))
        self.seconds += time.perf_counter() - started
        return answer


def evaluate(
    objective_fn: Callable[..., Any],
    arglist: Sequence[Sequence[Any]],
    kwargs: Mapping[str, Any],
) -> NDArray[np.float64]:
    """Evaluate ``objective_fn(*args, **kwargs)`` for each ``args``, in order.

    Args:
        objective_fn: A QNode, whose circuits then leave in one device call, or any callable,
            which is called once per point.
        arglist: Positional arguments of each point.
        kwargs: Keyword arguments of all points.

    Returns:
        One loss per point, shape ``(n_points,)``.

    Raises:
        InvalidLossError: If the objective returns anything but one real number.
    """
    if isinstance(objective_fn, qml.QNode):
        values = execute_qnode(objective_fn, arglist, kwargs)
    else:
        values = [objective_fn(*args, **kwargs) for args in arglist]
    return np.array([_real_number(value) for value in values], dtype=np.float64)


def execute_qnode(
    qnode: qml.QNode, arglist: Sequence[Sequence[Any]], kwargs: Mapping[str, Any]
) -> list[Any]:
    """Call a QNode at several points with one device call, without derivatives.

    The QNode's own transforms and shots are honoured.

    Returns:
        What ``qnode(*args, **kwargs)`` would return for each ``args``, as NumPy values.
    """
    build = qml.workflow.construct_batch(qnode, level="user")
    batches = [build(*args, **kwargs) for args in arglist]
    results = qml.execute(
        [tape for tapes, _ in batches for tape in tapes],
        qnode.device,
        diff_method=None,
        interface="numpy",
        mcm_method=qnode.execute_kwargs["mcm_method"],
        postselect_mode=qnode.execute_kwargs["postselect_mode"],
    )
    values, start = [], 0
    for tapes, postprocess in batches:
        stop = start + len(tapes)
        values.append(postprocess(tuple(results[start:stop]))[0])
        start = stop
    return values


def _real_number(value: Any) -> float:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "iufb":
        raise InvalidLossError(
            f"the objective has to return one real number, but returned a {type(value).__name__} "
            f"of shape {array.shape} and type {array.dtype}"
        )
    return float(array.item())
