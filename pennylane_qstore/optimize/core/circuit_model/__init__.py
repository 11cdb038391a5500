"""Optimization on a Gaussian process of single circuits' results."""

from pennylane_qstore.optimize.core.circuit_model.core import CircuitModel
from pennylane_qstore.optimize.core.circuit_model.kernel import CircuitKernel
from pennylane_qstore.optimize.core.circuit_model.state import CircuitModelState

__all__ = ["CircuitKernel", "CircuitModel", "CircuitModelState"]
