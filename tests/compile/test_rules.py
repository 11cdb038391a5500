from itertools import product

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.compile.expand import expand_wide_rotations
from pennylane_qstore.compile.form import Form, Rotation, plain_readout
from pennylane_qstore.compile.instruction import Instruction
from pennylane_qstore.compile.rules import RULES
from pennylane_qstore.compile.translate import to_form
from tests.oracles import distance_up_to_phase, form_matrix, read_matrix

WIDTHS = {"MultiRZ": 3}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("angle", [0.7, -2.0, np.pi])
def test_every_rule_equals_pennylanes_operation(name, angle):
    kind = getattr(qml, name)
    wires = tuple(range(WIDTHS.get(name) or kind.num_wires))[::-1]
    params = (angle,) * kind.num_params
    form = to_form([Instruction(name, wires, params)], len(wires))
    source = kind(*params, wires=wires).matrix(wire_order=range(len(wires)))
    assert distance_up_to_phase(form_matrix(form), source) < 1e-12


@pytest.mark.parametrize("word", ["XYZ", "IZI", "III", "YIX", "ZZZ"])
def test_pauli_rotations_leave_out_the_identities(word):
    form = to_form([Instruction("PauliRot", (2, 0, 1), (0.3,), word)], 3)
    source = qml.PauliRot(0.3, word, wires=[2, 0, 1]).matrix(wire_order=range(3))
    assert distance_up_to_phase(form_matrix(form), source) < 1e-12
    assert all(len(op.qubits) == sum(c != "I" for c in word) for op in form.operations)


@pytest.mark.parametrize("axes", ["".join(axes) for axes in product("XYZ", repeat=4)])
def test_wide_rotations_expand_to_native_ones(axes):
    rotation = Rotation((2, 0, 3, 1), axes, 0.7)
    form = Form(4, (rotation,), plain_readout(4))
    expanded = expand_wide_rotations(form)
    assert len(expanded.operations) == 5
    assert all(len(op.qubits) == 2 for op in expanded.operations)
    assert distance_up_to_phase(form_matrix(expanded), form_matrix(form)) < 1e-12


def test_swaps_cost_nothing_and_are_read_rightly():
    instructions = [
        Instruction("RX", (0,), (0.4,)),
        Instruction("SWAP", (0, 1)),
        Instruction("CRY", (1, 2), (1.1,)),
        Instruction("ISWAP", (2, 0)),
        Instruction("RY", (0,), (0.9,)),
        Instruction("SWAP", (0, 1)),
    ]
    form = to_form(instructions, 3)
    tape = qml.tape.QuantumScript(
        [getattr(qml, i.name)(*i.params, wires=i.qubits) for i in instructions]
    )
    expected = np.abs(qml.matrix(tape, wire_order=range(3))[:, 0]) ** 2
    probabilities = np.abs(form_matrix(form)[:, 0]) ** 2
    np.testing.assert_allclose(read_matrix(form.readout, 3) @ probabilities, expected, atol=1e-12)
    assert sum(isinstance(op, Rotation) and len(op.qubits) == 2 for op in form.operations) == 2
