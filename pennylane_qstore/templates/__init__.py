"""PennyLane circuits to build models from."""

from pennylane_qstore.templates.hardware_efficient import HardwareEfficientAnsatz, entangling_pairs

__all__ = ["HardwareEfficientAnsatz", "entangling_pairs"]
