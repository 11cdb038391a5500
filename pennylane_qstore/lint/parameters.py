"""Rules about how a QNode's arguments become angles."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.tape import QuantumScript

from pennylane_qstore.lint.findings import Finding

FloatArray = NDArray[np.float64]
MOST_ENTRIES = 256
_STEP, _RANK_TOLERANCE = 1e-5, 1e-6


class Parameters:
    """The entries of trained arguments, and the angles they become.

    Trained are arguments that say so (``requires_grad``); where none does, all arrays of floats.

    Args:
        construct: From arguments to a tape.
        args: Where the QNode is called.
    """

    def __init__(self, construct: Callable[..., QuantumScript], args: Sequence[Any]) -> None:
        self._construct, self._args = construct, args
        positions = [i for i, arg in enumerate(args) if _is_floats(arg)]
        declared = [i for i in positions if getattr(args[i], "requires_grad", False)]
        self._values = {i: np.array(args[i], dtype=float) for i in declared or positions}
        self.names = [
            f"argument {i}, entry {list(index)}" if value.ndim else f"argument {i}"
            for i, value in self._values.items()
            for index in np.ndindex(value.shape)
        ]

    def jacobian(self, rng: np.random.Generator) -> FloatArray | None:
        """Derivatives of all angles at a point nearby, shape ``(n_angles, n_entries)``.

        The point is random, so that a derivative is not zero by chance. None where the circuit has
        another structure there.
        """
        start = np.concatenate([value.ravel() for value in self._values.values()])
        start = start + rng.uniform(0.05, 0.25, start.shape)
        origin = self._angles(start)
        columns = []
        for entry in range(len(start)):
            point = start.copy()
            point[entry] += _STEP
            angles = self._angles(point)
            if angles.shape != origin.shape:
                return None
            columns.append((angles - origin) / _STEP)
        return np.array(columns).T.reshape(len(origin), len(start))

    def _angles(self, flat: FloatArray) -> FloatArray:
        args, at = list(self._args), 0
        for i, value in self._values.items():
            args[i] = flat[at : at + value.size].reshape(value.shape)
            at += value.size
        data = [np.ravel(x) for op in self._construct(*args).operations for x in op.data]
        return np.real(np.concatenate([np.zeros(0), *data]))


def redundant_parameters(
    construct: Callable[..., QuantumScript], args: Sequence[Any]
) -> Iterator[Finding]:
    """Entries that move nothing, and entries of which only a combination matters."""
    parameters = Parameters(construct, args)
    if not 0 < len(parameters.names) <= MOST_ENTRIES:
        return
    rng = np.random.default_rng(0)
    points = [parameters.jacobian(rng) for _ in range(2)]
    found = [point for point in points if point is not None]
    if not found:
        return
    moves = np.any([np.any(np.abs(point) > _RANK_TOLERANCE, axis=0) for point in found], axis=0)
    for name, is_used in zip(parameters.names, moves, strict=True):
        if not is_used:
            message = "moves no gate: it cannot be trained; use it, or leave it out"
            yield Finding("unused-parameter", message, name)
    aliased = _aliased(found[0][:, moves])
    names = [parameters.names[i] for i in np.flatnonzero(moves)[aliased]]
    if names:
        shown = "; ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        message = "enter the gates in fewer combinations than there are of them; leave some out"
        yield Finding("aliased-parameters", message, shown)


def _aliased(jacobian: FloatArray) -> NDArray[np.intp]:
    """Columns that depend linearly on others."""
    if not jacobian.shape[1]:
        return np.zeros(0, dtype=np.intp)
    _, values, directions = np.linalg.svd(jacobian)
    rank = int(np.sum(values > _RANK_TOLERANCE * values[0]))
    return np.flatnonzero(np.any(np.abs(directions[rank:]) > 1e-3, axis=0))


def _is_floats(value: Any) -> bool:
    if qml.math.get_interface(value) not in ("numpy", "autograd", "builtins"):
        return False
    if getattr(value, "requires_grad", True) is False:
        return False
    return isinstance(value, float | np.ndarray) and np.asarray(value).dtype.kind == "f"
