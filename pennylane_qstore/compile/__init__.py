"""Tapes to circuits: pure functions, no I/O. Angles are turns from here on."""

from pennylane_qstore.compile.batch import Compiled, Effort, compile_batch
from pennylane_qstore.compile.lower import Source, can_lower, check_gate_sets, read
from pennylane_qstore.compile.measurements import EXACT_MEASUREMENTS, needs_state
from pennylane_qstore.compile.native_tape import NativeTape, compile_tapes
from pennylane_qstore.compile.operations import to_operations
from pennylane_qstore.compile.pipeline import (
    can_differentiate,
    compile_natively,
    compile_untraced,
    to_lowerable,
    to_numpy,
)
from pennylane_qstore.compile.shifts import ShiftPlan, plan_shifts
from pennylane_qstore.compile.target import Target, target_for
from pennylane_qstore.compile.template import TemplateStore

__all__ = [
    "EXACT_MEASUREMENTS",
    "Compiled",
    "Effort",
    "NativeTape",
    "ShiftPlan",
    "Source",
    "Target",
    "TemplateStore",
    "can_differentiate",
    "can_lower",
    "check_gate_sets",
    "compile_batch",
    "compile_natively",
    "compile_tapes",
    "compile_untraced",
    "needs_state",
    "plan_shifts",
    "read",
    "target_for",
    "to_lowerable",
    "to_numpy",
    "to_operations",
]
