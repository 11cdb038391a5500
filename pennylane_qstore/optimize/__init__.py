"""Optimizers: a NumPy core that is asked and told, and a PennyLane face that steps."""

from pennylane_qstore.optimize.adaptive import AdaptiveGradientOptimizer, GradientReport
from pennylane_qstore.optimize.core import SPSA, Gains, Schedule, SPSAState
from pennylane_qstore.optimize.core.adaptive import (
    Bounds,
    Budget,
    DocumentedRule,
    GradientMethodScheduler,
    GradientResult,
    Prices,
    ProgressRule,
)
from pennylane_qstore.optimize.errors import (
    BudgetReachedError,
    InvalidLossError,
    InvalidStateError,
    NonFiniteLossError,
    NothingToTrainError,
    UntrainableArgumentError,
)
from pennylane_qstore.optimize.estimator import GradientEstimate, SPSAGradientEstimator, spsa_grad
from pennylane_qstore.optimize.local_model import LocalModelOptimizer
from pennylane_qstore.optimize.qnspsa import QNSPSAOptimizer, SecondOrderSPSAOptimizer
from pennylane_qstore.optimize.quantum_natural import QNGOptimizer
from pennylane_qstore.optimize.spsa import SPSAOptimizer

__all__ = [
    "AdaptiveGradientOptimizer",
    "Bounds",
    "Budget",
    "BudgetReachedError",
    "DocumentedRule",
    "GradientMethodScheduler",
    "GradientReport",
    "GradientResult",
    "Prices",
    "ProgressRule",
    "QNGOptimizer",
    "LocalModelOptimizer",
    "SecondOrderSPSAOptimizer",
    "QNSPSAOptimizer",
    "spsa_grad",
    "SPSAGradientEstimator",
    "GradientEstimate",
    "SPSA",
    "Gains",
    "InvalidLossError",
    "InvalidStateError",
    "NonFiniteLossError",
    "NothingToTrainError",
    "SPSAOptimizer",
    "SPSAState",
    "Schedule",
    "UntrainableArgumentError",
]
