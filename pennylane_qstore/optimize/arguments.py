"""An objective's arguments to a flat parameter vector, and back.

PennyLane trains only what carries ``requires_grad=True`` and skips plain arrays and floats without
a word. Here every real-valued argument is trained unless it says ``requires_grad=False``, and an
argument that could be meant either way is refused.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from pennylane_qstore.optimize.errors import NothingToTrainError, UntrainableArgumentError

_FOREIGN_INTERFACES = {"jax", "torch", "tensorflow", "tf"}


def trainable_positions(args: Sequence[Any]) -> tuple[int, ...]:
    """Find the arguments to train.

    Trained are floats, float arrays, (nested) lists and tuples of numbers with at least one float,
    and PennyLane tensors with ``requires_grad=True``. Left alone are PennyLane tensors with
    ``requires_grad=False`` and everything that holds no numbers.

    Raises:
        UntrainableArgumentError: If an argument holds plain integers or complex numbers, arrays
            inside a list, or belongs to another array library.
        NothingToTrainError: If no argument is trainable.
    """
    positions = tuple(i for i, arg in enumerate(args) if _is_trainable(arg, i))
    if not positions:
        raise NothingToTrainError(
            f"none of the {len(args)} positional arguments is trainable; pass the parameters as "
            "positional floats or arrays without requires_grad=False"
        )
    return positions


def flatten(args: Sequence[Any], positions: Iterable[int]) -> NDArray[np.float64]:
    """Concatenate the trainable arguments, shape ``(n_params,)``."""
    flat = [np.fromiter(_numbers(args[i]), dtype=np.float64) for i in positions]
    return np.concatenate(flat)


def rebuild(
    args: Sequence[Any], positions: Iterable[int], params: NDArray[np.float64]
) -> tuple[Any, ...]:
    """Return the arguments with new values in the trainable ones.

    Types, shapes, float precision and ``requires_grad`` are those of ``args``; the other arguments
    are passed on as the same objects.

    Args:
        args: The arguments as the user gave them.
        positions: Which of them are trainable.
        params: New values, shape ``(n_params,)``.
    """
    values = iter(params.tolist())
    rebuilt = list(args)
    for i in positions:
        rebuilt[i] = _refill(args[i], values)
    return tuple(rebuilt)


def _is_trainable(arg: Any, position: int) -> bool:
    if isinstance(arg, qml.numpy.tensor) and not arg.requires_grad:
        return False
    if isinstance(arg, list | tuple):
        return _is_trainable_sequence(arg, position)
    if isinstance(arg, np.ndarray | np.generic | int | float | complex):
        return _is_trainable_array(arg, position)
    if qml.math.get_interface(arg) in _FOREIGN_INTERFACES:
        raise _refusal(arg, position, "convert it to NumPy first")
    return False


def _is_trainable_array(arg: Any, position: int) -> bool:
    kind = np.asarray(arg).dtype.kind
    marked = isinstance(arg, qml.numpy.tensor)
    if kind == "f" or (kind in "iu" and marked):
        return True
    if kind in "iuc" or (marked and kind == "b"):
        raise _refusal(
            arg,
            position,
            "pass floats to train it; to hold it fixed pass it by keyword or as "
            "pennylane.numpy.array(..., requires_grad=False)",
        )
    return False


def _is_trainable_sequence(arg: Sequence[Any], position: int) -> bool:
    leaves = list(_leaves(arg))
    if any(isinstance(leaf, np.ndarray) for leaf in leaves):
        raise _refusal(arg, position, "pass each array inside it as an argument of its own")
    numeric = [isinstance(x, int | float | np.number) and not isinstance(x, bool) for x in leaves]
    has_float = any(isinstance(x, float | np.floating) for x in leaves)
    if leaves and all(numeric) and has_float:
        return True
    if has_float or (leaves and all(numeric)) or any(isinstance(x, complex) for x in leaves):
        raise _refusal(
            arg,
            position,
            "write its numbers as floats to train it; to hold it fixed pass it by keyword",
        )
    return False


def _refusal(arg: Any, position: int, advice: str) -> UntrainableArgumentError:
    shown = repr(arg)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return UntrainableArgumentError(
        f"positional argument {position}, a {type(arg).__name__} ({shown}), can be neither trained "
        f"nor safely left alone: {advice}"
    )


def _leaves(arg: Any) -> Iterator[Any]:
    if isinstance(arg, list | tuple):
        for item in arg:
            yield from _leaves(item)
    else:
        yield arg


def _numbers(arg: Any) -> Iterator[float]:
    if isinstance(arg, list | tuple):
        yield from (float(leaf) for leaf in _leaves(arg))
    else:
        yield from np.asarray(arg, dtype=np.float64).ravel().tolist()


def _refill(arg: Any, values: Iterator[float]) -> Any:
    """Return something like ``arg`` that holds the next ``values``."""
    if isinstance(arg, list | tuple):
        return type(arg)(_refill(item, values) for item in arg)
    if isinstance(arg, np.ndarray):
        dtype = arg.dtype if arg.dtype.kind == "f" else np.float64
        filled = np.array([next(values) for _ in range(arg.size)], dtype=dtype).reshape(arg.shape)
        marked = isinstance(arg, qml.numpy.tensor)
        return qml.numpy.tensor(filled, requires_grad=True) if marked else filled
    if isinstance(arg, np.floating):
        return type(arg)(next(values))
    return next(values)
