"""A Gaussian process of a loss over the angles of its circuits' gates."""

from pennylane_qstore.optimize.core.surrogate.kernel import AngleKernel
from pennylane_qstore.optimize.core.surrogate.process import (
    Evaluations,
    Hyperparameters,
    Posterior,
    first_guess,
    learn,
    near,
)
from pennylane_qstore.optimize.core.surrogate.proposal import lowest, turned
from pennylane_qstore.optimize.core.surrogate.trust import doubted, followed

__all__ = [
    "AngleKernel",
    "Evaluations",
    "Hyperparameters",
    "Posterior",
    "doubted",
    "first_guess",
    "followed",
    "learn",
    "lowest",
    "near",
    "turned",
]
