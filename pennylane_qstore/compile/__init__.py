"""Tapes to circuits: pure functions, no I/O. Angles are turns from here on."""

from pennylane_qstore.compile.batch import Compiled, compile_batch
from pennylane_qstore.compile.lower import Source, can_lower, check_gate_sets, read
from pennylane_qstore.compile.measurements import (
    EXACT_MEASUREMENTS,
    is_measurable,
    measure_sums,
    needs_state,
)
from pennylane_qstore.compile.native_tape import NativeTape, compile_tapes
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
from pennylane_qstore.compile.template import TemplateStore

__all__ = [
    "EXACT_MEASUREMENTS",
    "Compiled",
    "NativeTape",
    "Source",
    "Target",
    "TemplateStore",
    "can_lower",
    "check_gate_sets",
    "compile_batch",
    "compile_natively",
    "compile_tapes",
    "decomposition",
    "defer_measurements",
    "expand_broadcast_matrices",
    "is_measurable",
    "measure_sums",
    "name_measured_wires",
    "needs_state",
    "read",
    "refuse_mixed_gate_sets",
    "target_for",
    "to_operations",
]
