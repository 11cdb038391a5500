"""The values that all stages share: gates, circuits, outcomes. Frozen, and free of I/O."""

from pennylane_qstore.native.circuit import (
    NATIVE_GATES,
    QIS_GATES,
    BoundGates,
    Circuit,
    Gate,
    GateSet,
    Structure,
)
from pennylane_qstore.native.figures import FIGURES, Figures
from pennylane_qstore.native.gates import gpi2_matrix, gpi_matrix, ms_matrix, zz_matrix
from pennylane_qstore.native.outcomes import Bit, Outcomes

__all__ = [
    "FIGURES",
    "NATIVE_GATES",
    "QIS_GATES",
    "Bit",
    "BoundGates",
    "Circuit",
    "Figures",
    "Gate",
    "GateSet",
    "Outcomes",
    "Structure",
    "gpi2_matrix",
    "gpi_matrix",
    "ms_matrix",
    "zz_matrix",
]
