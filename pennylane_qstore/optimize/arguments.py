"""An objective's arguments to a flat parameter vector, and back.

PennyLane trains only what carries ``requires_grad=True`` and skips plain arrays and floats without
a word. Here every real-valued argument is trained unless it says ``requires_grad=False``, and an
argument that could be meant either way is refused. Arrays of JAX and PyTorch stay what they are.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pennylane as qml
from autograd.tracer import isbox
from numpy.typing import NDArray

from pennylane_qstore.optimize.errors import NothingToTrainError, UntrainableArgumentError

_READABLE = {"jax", "torch"}
_UNREADABLE = {"tensorflow", "tf"}


def trainable_positions(args: Sequence[Any]) -> tuple[int, ...]:
    """Find the arguments to train.

    Trained are floats, float arrays (of NumPy, JAX or PyTorch), PennyLane tensors with
    ``requires_grad=True``, and (nested) lists, tuples and dictionaries that hold such, or numbers
    with at least one float. Left alone are PennyLane tensors with ``requires_grad=False`` and
    everything that holds no numbers. A PyTorch tensor counts as frozen if another argument is a
    PyTorch tensor with ``requires_grad=True`` and it is not.

    Raises:
        UntrainableArgumentError: If an argument holds plain integers or complex numbers, numbers
            among other things, or belongs to an array library that is not known here.
        NothingToTrainError: If no argument is trainable.
    """
    marked = any(_is_marked_torch(leaf) for leaf in leaves(args))
    positions = tuple(i for i, arg in enumerate(args) if _is_trainable(arg, i, marked))
    if not positions:
        raise NothingToTrainError(
            f"none of the {len(args)} positional arguments is trainable; pass the parameters as "
            "positional floats or arrays without requires_grad=False"
        )
    return positions


def flatten(args: Sequence[Any], positions: Iterable[int]) -> NDArray[np.float64]:
    """Concatenate the trainable arguments, shape ``(n_params,)``."""
    chosen = trained_leaves(args, positions)
    return np.concatenate([np.asarray(to_numpy(x), dtype=np.float64).ravel() for x in chosen])


def rebuild(args: Sequence[Any], positions: Iterable[int], params: Any) -> tuple[Any, ...]:
    """Return the arguments with new values in the trainable ones.

    Types, shapes, float precision, ``requires_grad`` and place (of PyTorch tensors) are those of
    ``args``; the other arguments are passed on as the same objects.

    Args:
        args: The arguments as the user gave them.
        positions: Which of them are trainable.
        params: New values, shape ``(n_params,)``; while autograd traces them, they stay traced.
    """
    refill = _traced_refill if isbox(params) else _refill
    start = 0

    def next_values(leaf: Any) -> Any:
        nonlocal start
        size = int(np.prod(np.shape(leaf)))
        start += size
        return refill(leaf, params[start - size : start])

    return replace_leaves(args, positions, next_values)


def trained_leaves(args: Sequence[Any], positions: Iterable[int]) -> list[Any]:
    """The numbers and arrays that are trained, in order."""
    found: list[Any] = []

    def collect(leaf: Any) -> Any:
        found.append(leaf)
        return leaf

    replace_leaves(args, positions, collect)
    return found


def replace_leaves(
    args: Sequence[Any], positions: Iterable[int], replace: Callable[[Any], Any]
) -> tuple[Any, ...]:
    """Return the arguments with each trained number or array replaced, in order."""
    marked = any(_is_marked_torch(leaf) for leaf in leaves(args))
    replaced = list(args)
    for i in positions:
        replaced[i] = _map(args[i], lambda x: x if _is_frozen(x, marked) else replace(x))
    return tuple(replaced)


def leaves(arg: Any) -> Iterator[Any]:
    """All that lists, tuples and dictionaries hold, in order."""
    if isinstance(arg, list | tuple):
        for item in arg:
            yield from leaves(item)
    elif isinstance(arg, Mapping):
        for item in arg.values():
            yield from leaves(item)
    else:
        yield arg


def interface_of(args: Sequence[Any], positions: Iterable[int]) -> str:
    """Which library differentiates: ``"jax"``, ``"torch"`` or ``"autograd"``."""
    found = {qml.math.get_interface(leaf) for leaf in trained_leaves(args, positions)} & _READABLE
    if len(found) > 1:
        raise UntrainableArgumentError(
            "the trainable arguments mix JAX arrays and PyTorch tensors; convert them to one of "
            "the two"
        )
    return found.pop() if found else "autograd"


def to_numpy(value: Any) -> NDArray[Any]:
    """A plain array of a value of any interface, without its trace."""
    return np.asarray(qml.math.unwrap([value])[0])


def _map(arg: Any, replace: Callable[[Any], Any]) -> Any:
    if isinstance(arg, tuple) and hasattr(arg, "_fields"):
        return type(arg)(*(_map(item, replace) for item in arg))
    if isinstance(arg, list | tuple):
        return type(arg)(_map(item, replace) for item in arg)
    if isinstance(arg, Mapping):
        return {key: _map(item, replace) for key, item in arg.items()}
    return replace(arg)


def _is_marked_torch(leaf: Any) -> bool:
    return qml.math.get_interface(leaf) == "torch" and bool(leaf.requires_grad)


def _is_frozen(leaf: Any, marked: bool) -> bool:
    if isinstance(leaf, qml.numpy.tensor):
        return not leaf.requires_grad
    return marked and qml.math.get_interface(leaf) == "torch" and not leaf.requires_grad


def _is_trainable(arg: Any, position: int, marked: bool) -> bool:
    if isinstance(arg, list | tuple | Mapping):
        return _is_trainable_container(arg, position, marked)
    if _is_frozen(arg, marked):
        return False
    kind = _kind(arg, position)
    if kind == "f" or (kind in "iu" and isinstance(arg, qml.numpy.tensor)):
        return True
    if kind in "iuc" or (kind == "b" and isinstance(arg, qml.numpy.tensor)):
        raise _refusal(
            arg,
            position,
            "pass floats to train it; to hold it fixed pass it by keyword or as "
            "pennylane.numpy.array(..., requires_grad=False)",
        )
    return False


def _is_trainable_container(arg: Any, position: int, marked: bool) -> bool:
    """Whether it is trained: all of it, but for what is frozen."""
    held = [leaf for leaf in leaves(arg) if not _is_frozen(leaf, marked)]
    kinds = [_kind(leaf, position) for leaf in held]
    numeric = bool(held) and all(kind in "fiu" for kind in kinds)
    whole = [leaf for leaf, kind in zip(held, kinds, strict=True) if kind in "iu"]
    if numeric and "f" in kinds and all(np.ndim(leaf) == 0 for leaf in whole):
        return True
    if not numeric and not {"f", "c"} & set(kinds):
        return False
    raise _refusal(
        arg,
        position,
        "write all its numbers as floats to train it; to hold it fixed pass it by keyword",
    )


def _kind(leaf: Any, position: int) -> str:
    """NumPy's letter for the numbers it holds, or ``"O"`` for none."""
    interface = qml.math.get_interface(leaf)
    if interface in _READABLE:
        kind = np.dtype(str(leaf.dtype).removeprefix("torch.").replace("bfloat16", "float16")).kind
        return str(kind)
    if interface in _UNREADABLE:
        raise _refusal(leaf, position, "convert it to NumPy, JAX or PyTorch first")
    if isinstance(leaf, np.ndarray | np.generic | int | float | complex):
        return str(np.asarray(leaf).dtype.kind)
    return "O"


def _refusal(arg: Any, position: int, advice: str) -> UntrainableArgumentError:
    shown = repr(arg)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return UntrainableArgumentError(
        f"positional argument {position}, a {type(arg).__name__} ({shown}), can be neither trained "
        f"nor safely left alone: {advice}"
    )


def _refill(leaf: Any, values: NDArray[np.float64]) -> Any:
    """Return something like ``leaf`` that holds ``values``."""
    interface = qml.math.get_interface(leaf)
    if interface == "torch":
        filled = leaf.detach().new_tensor(values.reshape(tuple(leaf.shape)))
        return filled.requires_grad_(leaf.requires_grad)
    if interface == "jax":
        return qml.math.asarray(values.reshape(leaf.shape).astype(leaf.dtype), like="jax")
    if isinstance(leaf, np.ndarray):
        dtype = leaf.dtype if leaf.dtype.kind == "f" else np.float64
        filled = np.array(values, dtype=dtype).reshape(leaf.shape)
        marked = isinstance(leaf, qml.numpy.tensor)
        return qml.numpy.tensor(filled, requires_grad=True) if marked else filled
    if isinstance(leaf, np.floating):
        return type(leaf)(values[0])
    return float(values[0])


def _traced_refill(leaf: Any, values: Any) -> Any:
    return qml.math.reshape(values, np.shape(leaf))
