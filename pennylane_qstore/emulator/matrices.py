"""Two-by-two matrices of all gates on one target, stacked for the batch."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.emulator.program import FloatArray, Op, Program
from pennylane_qstore.native import gpi2_matrix, gpi_matrix

ComplexArray = NDArray[np.complex128]

_ROOT = np.exp(0.25j * np.pi)
FIXED: dict[str, ComplexArray] = {
    name: np.array(rows, dtype=complex)
    for name, rows in {
        "x": [[0, 1], [1, 0]],
        "y": [[0, -1j], [1j, 0]],
        "z": [[1, 0], [0, -1]],
        "h": [[np.sqrt(0.5), np.sqrt(0.5)], [np.sqrt(0.5), -np.sqrt(0.5)]],
        "s": [[1, 0], [0, 1j]],
        "si": [[1, 0], [0, -1j]],
        "t": [[1, 0], [0, _ROOT]],
        "ti": [[1, 0], [0, _ROOT.conjugate()]],
        "v": [[0.5 + 0.5j, 0.5 - 0.5j], [0.5 - 0.5j, 0.5 + 0.5j]],
        "vi": [[0.5 - 0.5j, 0.5 + 0.5j], [0.5 + 0.5j, 0.5 - 0.5j]],
    }.items()
}
PAULIS = np.stack([np.eye(2, dtype=complex), FIXED["x"], FIXED["y"], FIXED["z"]])


def rotation_matrices(name: str, angles: FloatArray) -> ComplexArray:
    """``rx``, ``ry``, ``rz`` in radians, or ``phase``: diag(1, exp(i angle)); ``(..., 2, 2)``."""
    matrix = np.zeros((*angles.shape, 2, 2), dtype=complex)
    if name == "phase":
        matrix[..., 0, 0] = 1
        matrix[..., 1, 1] = np.exp(1j * angles)
        return matrix
    pauli = FIXED[name[1]]
    cos, sin = np.cos(angles / 2), np.sin(angles / 2)
    return cos[..., None, None] * np.eye(2) - 1j * sin[..., None, None] * pauli


def one_qubit_matrices(program: Program, values: FloatArray) -> dict[int, ComplexArray]:
    """Matrix of every gate on one target, by gate index.

    Args:
        program: The structure.
        values: Numbers of each circuit; shape ``(batch, n_slots)``.

    Returns:
        Arrays of shape ``(2, 2, batch)``, or ``(2, 2, 1)`` for gates without numbers.
    """
    result: dict[int, ComplexArray] = {}
    varying: dict[str, list[tuple[int, Op]]] = defaultdict(list)
    for index, op in enumerate(program.ops):
        if op.name in FIXED:
            result[index] = FIXED[op.name][:, :, None]
        elif op.name in ("gpi", "gpi2", "rx", "ry", "rz", "phase"):
            varying[op.name].append((index, op))
    for name, found in varying.items():
        numbers = values[:, [op.slots[0] for _, op in found]].T
        stack = _stack(name, numbers).transpose(0, 2, 3, 1)
        for (index, _), matrix in zip(found, np.ascontiguousarray(stack), strict=True):
            result[index] = matrix
    return result


def _stack(name: str, numbers: FloatArray) -> ComplexArray:
    if name == "gpi":
        return gpi_matrix(numbers)
    if name == "gpi2":
        return gpi2_matrix(numbers)
    return rotation_matrices(name, numbers)


def _axis_frame(turns: FloatArray) -> ComplexArray:
    """W with ``W Z W† = cos X + sin Y`` of the phase ``turns``; shape ``(2, 2, batch)``."""
    matrix = np.full((2, 2, *turns.shape), np.sqrt(0.5), dtype=complex)
    matrix[1, 0] *= np.exp(2j * np.pi * turns)
    matrix[1, 1] = -matrix[1, 0]
    return matrix


_X_FRAME = _axis_frame(np.array([0.0]))
_Y_FRAME = _axis_frame(np.array([0.25]))


def frame(op: Op, values: FloatArray) -> tuple[FloatArray, tuple[ComplexArray, ...]]:
    """Angle θ and local frames of a gate :math:`e^{-i θ A ⊗ B}`; no frames where A = B = Z.

    Args:
        op: One of ``xx yy zz`` (radians, θ is half the rotation) and ``nzz ms`` (turns, θ is π
            times the angle).
        values: Numbers of each circuit; shape ``(batch, n_slots)``.
    """
    angle = values[:, op.slots[-1]]
    if op.name == "nzz":
        return np.pi * angle, ()
    if op.name == "ms":
        return np.pi * angle, tuple(_axis_frame(values[:, slot]) for slot in op.slots[:2])
    if op.name == "zz":
        return angle / 2, ()
    return angle / 2, (_X_FRAME, _X_FRAME) if op.name == "xx" else (_Y_FRAME, _Y_FRAME)
