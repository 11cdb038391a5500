"""Loss and gradient of an objective in the array library of its parameters."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import autograd
import numpy as np
import pennylane as qml
from autograd.tracer import isbox
from numpy.typing import NDArray

from pennylane_qstore.optimize.arguments import (
    flatten,
    interface_of,
    rebuild,
    replace_leaves,
    to_numpy,
    trained_leaves,
)
from pennylane_qstore.optimize.errors import InvalidLossError

FloatArray = NDArray[np.float64]
Objective = Callable[..., Any]


def real_number(value: Any) -> float:
    """Refuse what is not a loss.

    Raises:
        InvalidLossError: If ``value`` is anything but one real number.
    """
    try:
        array = to_numpy(value)
    except ValueError:
        array = np.empty(len(value), dtype=object)
    if array.size != 1 or array.dtype.kind not in "iufb":
        raise InvalidLossError(
            f"the objective has to return one real number, but returned a {type(value).__name__} "
            f"of shape {array.shape} and type {array.dtype}"
        )
    return float(array.item())


def loss_and_gradient(
    objective_fn: Objective,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    positions: Sequence[int],
) -> FloatArray:
    """Differentiate by the chain rule of the parameters' own array library.

    Returns:
        The loss, followed by its derivatives, shape ``(1 + n_params,)``.

    Raises:
        InvalidLossError: If the objective returns anything but one real number.
    """

    def outputs(*new: Any) -> list[Any]:
        value = objective_fn(*new, **kwargs)
        if not isbox(value) and qml.math.get_interface(value) in ("numpy", "builtins"):
            real_number(value)
        return [value]

    values, jacobian = values_and_jacobian(outputs, args, positions)
    return np.concatenate([values, jacobian.ravel()])


def values_and_jacobian(
    outputs: Callable[..., Sequence[Any]], args: Sequence[Any], positions: Sequence[int]
) -> tuple[FloatArray, FloatArray]:
    """Values and derivatives of a function with respect to the trainable arguments.

    Args:
        outputs: From arguments like ``args`` to a list of scalars.
        args: Where to differentiate.
        positions: Which arguments are trainable.

    Returns:
        Values, shape ``(n_outputs,)``, and Jacobian, shape ``(n_outputs, n_params)``.
    """
    differentiate = {"jax": _with_jax, "torch": _with_torch, "autograd": _with_autograd}
    return differentiate[interface_of(args, positions)](outputs, args, positions)


def _with_autograd(
    outputs: Callable[..., Sequence[Any]], args: Sequence[Any], positions: Sequence[int]
) -> tuple[FloatArray, FloatArray]:
    values: list[float] = []

    def stacked(params: Any) -> Any:
        found = outputs(*rebuild(args, positions, params))
        values.extend(float(to_numpy(value).item()) for value in found)
        return autograd.numpy.stack([autograd.numpy.reshape(value, ()) for value in found])

    # PennyLane cannot trace a product of a plain array and a tensor that is marked as frozen.
    args = [_without_mark(arg) for arg in args]
    params = qml.numpy.array(flatten(args, positions), requires_grad=True)
    pullback, _ = autograd.core.make_vjp(stacked, params)
    rows = [np.asarray(pullback(row)) for row in np.eye(len(values))]
    return np.array(values), np.array(rows).reshape(len(rows), params.size)


def _without_mark(arg: Any) -> Any:
    is_frozen = isinstance(arg, qml.numpy.tensor) and not arg.requires_grad
    return np.asarray(arg) if is_frozen else arg


def _with_torch(
    outputs: Callable[..., Sequence[Any]], args: Sequence[Any], positions: Sequence[int]
) -> tuple[FloatArray, FloatArray]:
    torch: Any = import_module("torch")

    inputs = [
        (x.detach().clone() if isinstance(x, torch.Tensor) else torch.tensor(np.asarray(x, float)))
        for x in trained_leaves(args, positions)
    ]
    for x in inputs:
        x.requires_grad_()
    remaining = iter(inputs)
    found = outputs(*replace_leaves(args, positions, lambda _: next(remaining)))
    rows = []
    for value in found:
        row = [torch.zeros_like(x) for x in inputs]
        if isinstance(value, torch.Tensor) and value.requires_grad:
            slopes = torch.autograd.grad(
                value.reshape(()), inputs, retain_graph=True, allow_unused=True
            )
            row = [zero if x is None else x for zero, x in zip(row, slopes, strict=True)]
        rows.append(np.concatenate([to_numpy(x).ravel() for x in row]))
    values = [float(to_numpy(value).item()) for value in found]
    return np.array(values), np.array(rows, dtype=np.float64)


def _with_jax(
    outputs: Callable[..., Sequence[Any]], args: Sequence[Any], positions: Sequence[int]
) -> tuple[FloatArray, FloatArray]:
    jax: Any = import_module("jax")
    jnp = jax.numpy

    def stacked(new: Any) -> Any:
        remaining = iter(new)
        found = outputs(*replace_leaves(args, positions, lambda _: next(remaining)))
        return jnp.stack([jnp.reshape(value, ()) for value in found])

    inputs = [
        (x if isinstance(x, jax.Array) else jnp.asarray(x, dtype=float))
        for x in trained_leaves(args, positions)
    ]
    values, pullback = jax.vjp(stacked, inputs)
    rows = [
        np.concatenate([np.asarray(x, dtype=np.float64).ravel() for x in pullback(row)[0]])
        for row in jnp.eye(len(values), dtype=values.dtype)
    ]
    return np.asarray(values, dtype=np.float64), np.array(rows)
