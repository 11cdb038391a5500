r"""Fit short circuits of twists to a unitary, an isometry, a state or a distribution.

Levenberg and Marquardt's method on the residuals of
:mod:`~pennylane_qstore.compile.passes.residuals` converges quadratically, to rounding. Many starts,
of different structures too, run side by side as one batch of small matrices.

References:
    Marquardt, J. Soc. Ind. Appl. Math. 11, 431 (1963).
    Rakyta and Zimborás, Quantum 6, 710 (2022): circuits by optimising decompositions.
"""

from math import inf
from time import monotonic
from typing import Any

import numpy as np

from pennylane_qstore.compile.passes.residuals import Guess, Problem, Real, Target
from pennylane_qstore.compile.passes.weyl import Matrix

EXACT = 1e-12
"""Largest deviation of a fitted circuit from its target (Frobenius norm), up to the phases."""

_N_STEPS = 80
_FIRST_DAMPING = 1e-2
_PATIENCE = 12
_STALLED = 0.97


def fit(target: Target, guess: Guess, *, deadline: float = inf) -> list[Guess]:
    """Improve circuits until they meet the target.

    Args:
        target: What they have to do.
        guess: Where to start, a batch of circuits.
        deadline: Time on the monotonic clock at which to give up.

    Returns:
        Those that meet it exactly, each as a batch of one.
    """
    batch, found = _Batch(target, guess), list[Guess]()
    for step in range(_N_STEPS):
        batch.advance()
        done = batch.error < EXACT
        found += [_rows(batch.guess, np.array([i])) for i in np.flatnonzero(done)]
        keep = ~(done | batch.is_stuck(step))
        if not keep.any() or monotonic() > deadline:
            break
        batch.select(keep)
    return found


class _Batch:
    """Circuits on their way, each with its own damping."""

    def __init__(self, target: Target, guess: Guess) -> None:
        self.problem = Problem(target)
        self.guess = guess
        self.damping = np.full(len(guess.angles), _FIRST_DAMPING)
        self.error = _sizes(self.problem.residual(guess))
        self.history = [self.error]

    def advance(self) -> None:
        """One damped step of every circuit; steps that do not help are taken back."""
        residual, jacobian = self.problem.jacobian(self.guess)
        step = _steps(residual, jacobian, self.damping)
        trial = self.problem.moved(self.guess, step)
        error = _sizes(self.problem.residual(trial))
        better = error < self.error
        self.guess = _chosen(better, trial, self.guess)
        eased, raised = np.maximum(self.damping * 0.2, 1e-15), np.minimum(self.damping * 4, 1e3)
        self.damping = np.where(better, eased, raised)
        self.error = np.where(better, error, self.error)
        self.history = [*self.history[-_PATIENCE:], self.error]

    def is_stuck(self, step: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which circuits hardly improve, or are still far away."""
        if step <= _PATIENCE:
            return np.zeros(len(self.error), dtype=bool)
        far = (self.error > 0.1) & (step > 30)
        return (self.error > _STALLED * self.history[0]) | far

    def select(self, keep: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        """Go on with some of the circuits."""
        self.guess = _rows(self.guess, np.flatnonzero(keep))
        self.damping, self.error = self.damping[keep], self.error[keep]
        self.history = [past[keep] for past in self.history]


def _rows(guess: Guess, rows: np.ndarray[Any, np.dtype[np.intp]]) -> Guess:
    return Guess(guess.pairs[rows], guess.axes[rows], guess.angles[rows], guess.finals[rows])


def _chosen(first: np.ndarray[Any, np.dtype[np.bool_]], yes: Guess, no: Guess) -> Guess:
    return Guess(
        no.pairs,
        np.where(first[:, None, None, None], yes.axes, no.axes),
        np.where(first[:, None], yes.angles, no.angles),
        np.where(first[:, None, None], yes.finals, no.finals),
    )


def _sizes(residual: Matrix) -> Real:
    return np.sqrt((np.abs(residual) ** 2).sum((1, 2)))


def _steps(residual: Matrix, jacobian: Matrix, damping: Real) -> Real:
    n_batch, n_params = jacobian.shape[:2]
    rows = jacobian.reshape(n_batch, n_params, -1)
    j = np.concatenate([rows.real, rows.imag], -1)
    flat = residual.reshape(n_batch, -1)
    r = np.concatenate([flat.real, flat.imag], -1)
    normal = j @ j.transpose(0, 2, 1)
    normal += damping[:, None, None] * np.eye(n_params)
    return -np.linalg.solve(normal, j @ r[..., None])[..., 0]
