"""Tapes to circuits: pure functions, no I/O. Angles are turns from here on."""

from pennylane_qstore.compile.lower import can_lower, check_gate_sets, lower, native_name
from pennylane_qstore.compile.measurements import (
    EXACT_MEASUREMENTS,
    is_measurable,
    measure_sums,
    needs_state,
)
from pennylane_qstore.compile.native_tape import NativeTape
from pennylane_qstore.compile.operations import to_operations
from pennylane_qstore.compile.pipeline import (
    compile_natively,
    decomposition,
    defer_measurements,
    expand_broadcast_matrices,
    name_measured_wires,
    refuse_mixed_gate_sets,
)
from pennylane_qstore.compile.target import Target, target_for

__all__ = [
    "EXACT_MEASUREMENTS",
    "NativeTape",
    "Target",
    "can_lower",
    "check_gate_sets",
    "compile_natively",
    "decomposition",
    "defer_measurements",
    "expand_broadcast_matrices",
    "is_measurable",
    "lower",
    "measure_sums",
    "name_measured_wires",
    "native_name",
    "needs_state",
    "refuse_mixed_gate_sets",
    "target_for",
    "to_operations",
]
