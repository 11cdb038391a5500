"""Descent along gradients whose kind is chosen anew for each step."""

from pennylane_qstore.optimize.core.adaptive.catalogue import all_methods, pick
from pennylane_qstore.optimize.core.adaptive.core import AdaptiveGradient, Plan
from pennylane_qstore.optimize.core.adaptive.costs import Bounds, Budget, Prices, prices_for
from pennylane_qstore.optimize.core.adaptive.methods import NaturalGradient, ParameterShift
from pennylane_qstore.optimize.core.adaptive.mover import Mover
from pennylane_qstore.optimize.core.adaptive.probes import FiniteDifference, Spsa
from pennylane_qstore.optimize.core.adaptive.records import (
    AdaptiveState,
    Choice,
    GradientResult,
    Taken,
)
from pennylane_qstore.optimize.core.adaptive.rules import (
    DocumentedRule,
    GradientMethodScheduler,
    ProgressRule,
)
from pennylane_qstore.optimize.core.adaptive.trend import Trend, trend
from pennylane_qstore.optimize.core.adaptive.view import METHODS, Option, Rule, View

__all__ = [
    "METHODS",
    "AdaptiveGradient",
    "AdaptiveState",
    "Bounds",
    "Budget",
    "Choice",
    "DocumentedRule",
    "FiniteDifference",
    "GradientMethodScheduler",
    "GradientResult",
    "Mover",
    "NaturalGradient",
    "Option",
    "ParameterShift",
    "Plan",
    "Prices",
    "ProgressRule",
    "Rule",
    "Spsa",
    "Taken",
    "Trend",
    "View",
    "all_methods",
    "pick",
    "prices_for",
    "trend",
]
