"""Optimizers as plain data and pure functions; NumPy only."""

from pennylane_qstore.optimize.core.gains import Gains, Schedule
from pennylane_qstore.optimize.core.spsa import SPSA, SPSAState

__all__ = ["SPSA", "Gains", "SPSAState", "Schedule"]
