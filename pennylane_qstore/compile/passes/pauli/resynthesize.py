"""Whole circuits anew from their Pauli rotations."""

from collections.abc import Callable
from math import pi

import numpy as np

from pennylane_qstore.compile.form import Form, Rotation
from pennylane_qstore.compile.passes.pauli.fold import fold
from pennylane_qstore.compile.passes.pauli.free_moves import use_state
from pennylane_qstore.compile.passes.pauli.greedy import Synthesis, Taste, synthesize_rotations
from pennylane_qstore.compile.passes.pauli.program import Program, read_program
from pennylane_qstore.compile.passes.pauli.tail import Basis, lighten_frames, read_off


def one(form, program, taste, rng, absorb_tail, free=True):
    s = Synthesis(program, taste, rng)
    if free and s.stabilizers:
        use_state(s, s.importance())
        s.reclash()
    synthesize_rotations(s)
    basis = Basis(s) if absorb_tail else None
    lighten_frames(s, basis)
    return read_off(s, form, basis)
