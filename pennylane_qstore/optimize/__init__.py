"""Optimizers: a NumPy core that is asked and told, and a PennyLane face that steps."""

from pennylane_qstore.optimize.adaptive import AdaptiveGradientOptimizer, GradientReport
from pennylane_qstore.optimize.bayesian import BayesianOptimizer
from pennylane_qstore.optimize.core import (
    SPSA,
    CalibratedGains,
    Coordinates,
    Counts,
    Gains,
    GradientAverage,
    HadamardRows,
    Rademacher,
    Schedule,
    Sphere,
    SPSAState,
)
from pennylane_qstore.optimize.core.adaptive import (
    Bounds,
    Budget,
    DocumentedRule,
    GradientMethodScheduler,
    GradientResult,
    Prices,
    ProgressRule,
)
from pennylane_qstore.optimize.core.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    StepDecay,
    WarmUp,
)
from pennylane_qstore.optimize.core.shots import (
    GrowingShots,
    ShotSchedule,
    SignalShots,
    divide_shots,
)
from pennylane_qstore.optimize.core.transforms import (
    Adam,
    Chain,
    ClipNorm,
    ClipValue,
    Momentum,
    Scale,
    WeightDecay,
    chain,
)
from pennylane_qstore.optimize.errors import (
    BudgetReachedError,
    ChangedCircuitsError,
    InvalidLossError,
    InvalidStateError,
    MissingLibraryError,
    NonFiniteLossError,
    NothingToTrainError,
    UnknownFrequenciesError,
    UnknownStateError,
    UntrainableArgumentError,
)
from pennylane_qstore.optimize.estimator import GradientEstimate, SPSAGradientEstimator, spsa_grad
from pennylane_qstore.optimize.evaluate import Evaluator
from pennylane_qstore.optimize.face import Optimizer, StepReport
from pennylane_qstore.optimize.frugal import PlannedShotsOptimizer, ShotFrugalOptimizer
from pennylane_qstore.optimize.gradient import GradientOptimizer
from pennylane_qstore.optimize.local_model import LocalModelOptimizer
from pennylane_qstore.optimize.qnspsa import QNSPSAOptimizer, SecondOrderSPSAOptimizer
from pennylane_qstore.optimize.quantum_natural import QNGOptimizer
from pennylane_qstore.optimize.rosalin import sample_operators
from pennylane_qstore.optimize.rotosolve import RotosolveOptimizer
from pennylane_qstore.optimize.spsa import SPSAOptimizer

__all__ = [
    "SPSA",
    "Adam",
    "AdaptiveGradientOptimizer",
    "BayesianOptimizer",
    "Bounds",
    "Budget",
    "BudgetReachedError",
    "ChangedCircuitsError",
    "CalibratedGains",
    "Chain",
    "ClipNorm",
    "ClipValue",
    "Constant",
    "Coordinates",
    "CosineDecay",
    "Counts",
    "DocumentedRule",
    "Evaluator",
    "ExponentialDecay",
    "Gains",
    "GradientAverage",
    "GradientEstimate",
    "GradientMethodScheduler",
    "GradientOptimizer",
    "GradientReport",
    "GradientResult",
    "HadamardRows",
    "GrowingShots",
    "InvalidLossError",
    "InvalidStateError",
    "LocalModelOptimizer",
    "MissingLibraryError",
    "Momentum",
    "NonFiniteLossError",
    "NothingToTrainError",
    "Optimizer",
    "PlannedShotsOptimizer",
    "Prices",
    "ProgressRule",
    "QNGOptimizer",
    "QNSPSAOptimizer",
    "Rademacher",
    "RotosolveOptimizer",
    "SPSAGradientEstimator",
    "SPSAOptimizer",
    "SPSAState",
    "Scale",
    "Schedule",
    "SecondOrderSPSAOptimizer",
    "ShotFrugalOptimizer",
    "ShotSchedule",
    "SignalShots",
    "Sphere",
    "StepDecay",
    "StepReport",
    "UnknownFrequenciesError",
    "UnknownStateError",
    "UntrainableArgumentError",
    "WarmUp",
    "WeightDecay",
    "chain",
    "divide_shots",
    "sample_operators",
    "spsa_grad",
]
