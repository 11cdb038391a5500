"""PennyLane circuits to build models from."""

from pennylane_qstore.templates.entanglement import STANDARD_ROTATIONS, entangling_pairs
from pennylane_qstore.templates.hardware_efficient import HardwareEfficientAnsatz
from pennylane_qstore.templates.reuploading import ReuploadingEmbedding
from pennylane_qstore.templates.trapped_ion import TrappedIonAnsatz

__all__ = [
    "STANDARD_ROTATIONS",
    "HardwareEfficientAnsatz",
    "ReuploadingEmbedding",
    "TrappedIonAnsatz",
    "entangling_pairs",
]
