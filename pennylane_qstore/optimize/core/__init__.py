"""Optimizers as plain data and pure functions; NumPy only."""

from pennylane_qstore.optimize.core.gains import Gains, Schedule
from pennylane_qstore.optimize.core.query import Answer, Core, Counts, Query, State
from pennylane_qstore.optimize.core.spsa import SPSA, SPSAState
from pennylane_qstore.optimize.core.state import dump, load

__all__ = [
    "SPSA",
    "Answer",
    "Core",
    "Counts",
    "Gains",
    "Query",
    "SPSAState",
    "Schedule",
    "State",
    "dump",
    "load",
]
