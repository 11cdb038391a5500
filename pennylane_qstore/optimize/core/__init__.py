"""Optimizers as plain data and pure functions; NumPy only."""

from pennylane_qstore.optimize.core.averaging import Averaged
from pennylane_qstore.optimize.core.bayesian import Bayesian, BayesianState
from pennylane_qstore.optimize.core.blocking import Blocked
from pennylane_qstore.optimize.core.calibration import CalibratedGains
from pennylane_qstore.optimize.core.circuit_model import (
    CircuitKernel,
    CircuitModel,
    CircuitModelState,
)
from pennylane_qstore.optimize.core.circuit_results import CircuitResults, LossExpansion
from pennylane_qstore.optimize.core.circuit_spsa import CircuitSPSA, CircuitSPSAState
from pennylane_qstore.optimize.core.descent import Descent, DescentState
from pennylane_qstore.optimize.core.directions import (
    Coordinates,
    Directions,
    HadamardRows,
    Rademacher,
    Sphere,
)
from pennylane_qstore.optimize.core.frugal import ShotFrugal, ShotFrugalState
from pennylane_qstore.optimize.core.gains import Gains, Schedule
from pennylane_qstore.optimize.core.jacobi import JacobiRotosolve, JacobiState
from pennylane_qstore.optimize.core.local_model import LocalModel
from pennylane_qstore.optimize.core.local_model_state import LocalModelState
from pennylane_qstore.optimize.core.measured import Measured
from pennylane_qstore.optimize.core.moments import GradientAverage
from pennylane_qstore.optimize.core.planned import Planned, PlannedState
from pennylane_qstore.optimize.core.query import Answer, Core, Counts, Query, State
from pennylane_qstore.optimize.core.rotosolve import Rotosolve, RotosolveState
from pennylane_qstore.optimize.core.second_order import SecondOrderSPSA, SecondOrderState
from pennylane_qstore.optimize.core.spsa import SPSA, SPSAState
from pennylane_qstore.optimize.core.state import dump, load

__all__ = [
    "SPSA",
    "Answer",
    "Averaged",
    "Bayesian",
    "BayesianState",
    "Blocked",
    "CalibratedGains",
    "CircuitKernel",
    "CircuitModel",
    "CircuitModelState",
    "CircuitResults",
    "CircuitSPSA",
    "CircuitSPSAState",
    "Coordinates",
    "Core",
    "Counts",
    "Descent",
    "DescentState",
    "Directions",
    "Gains",
    "GradientAverage",
    "HadamardRows",
    "JacobiRotosolve",
    "JacobiState",
    "LocalModel",
    "LocalModelState",
    "LossExpansion",
    "Measured",
    "Planned",
    "PlannedState",
    "Query",
    "Rademacher",
    "Rotosolve",
    "RotosolveState",
    "SPSAState",
    "Schedule",
    "SecondOrderSPSA",
    "SecondOrderState",
    "ShotFrugal",
    "ShotFrugalState",
    "Sphere",
    "State",
    "dump",
    "load",
]
