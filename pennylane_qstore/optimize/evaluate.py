"""Several points to losses: in one device call where the objective is a QNode."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from pennylane_qstore.optimize.errors import InvalidLossError


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
