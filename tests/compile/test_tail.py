"""Trailing Clifford gates of a structure, as arithmetic on outcomes."""

import numpy as np
import pytest

from pennylane_qstore.compile import TemplateStore
from pennylane_qstore.compile.template import Slot, Template
from tests.compile.test_template import TARGETS, random_slot
from tests.oracles import circuit_matrix, form_matrix, read_matrix

CLIFFORDS = ["CNOT", "CZ", "CY", "SWAP", "ISWAP"]


def random_skeleton(rng, n_qubits):
    """Any gates, then Clifford gates with a few others between them."""
    slots = [random_slot(rng, n_qubits) for _ in range(rng.integers(0, 10))]
    for _ in range(rng.integers(1, 10)):
        w = tuple(int(qubit) for qubit in rng.permutation(n_qubits))
        kind = rng.integers(8)
        if kind < 4:
            slots.append(Slot(str(rng.choice(CLIFFORDS)), w[:2], 0))
        elif kind < 6:
            slots.append(Slot(str(rng.choice(["Hadamard", "S", "SX", "PauliY"])), w[:1], 0))
        elif kind == 6:
            slots.append(Slot(str(rng.choice(["T", "RZ", "RX"])), w[:1], 0))
        else:
            slots.append(random_slot(rng, n_qubits))
    return tuple(slot._replace(n_params=1) if slot.name in ("RZ", "RX") else slot for slot in slots)


def check(seed, family):
    rng = np.random.default_rng(seed)
    n_qubits = int(rng.integers(2, 5))
    skeleton = random_skeleton(rng, n_qubits)
    store, target = TemplateStore(), TARGETS[family]
    plain = store.get(skeleton, n_qubits, target, simplified=False)
    absorbed = store.get(skeleton, n_qubits, target, absorbing=True)
    params = rng.uniform(-9, 9, (4, plain.n_params))
    params[:2] = rng.integers(-8, 9, (2, plain.n_params)) * np.pi / 4
    for row, circuit in zip(params, absorbed.bind(params), strict=True):
        states = rng.normal(size=(2, 2**n_qubits))
        state = (states[0] + 1j * states[1]) / np.linalg.norm(states)
        expected = np.abs(form_matrix(plain.form_at(row)) @ state) ** 2
        weights = np.abs(circuit_matrix(circuit) @ state) ** 2
        found = read_matrix(absorbed.readout, n_qubits) @ weights
        np.testing.assert_allclose(
            found, read_matrix(plain.readout, n_qubits) @ expected, atol=1e-9
        )
    simplified = store.get(skeleton, n_qubits, target)
    assert interactions(absorbed) <= interactions(simplified)
    return interactions(simplified) - interactions(absorbed)


def interactions(template: Template) -> int:
    return sum(len(getattr(op, "qubits", ())) == 2 for op in template.form.operations)


@pytest.mark.parametrize("family", TARGETS)
def test_the_bits_are_distributed_as_before_from_any_state(family):
    saved = [check(seed, family) for seed in range(120)]
    assert sum(saved) > 100


@pytest.mark.stress
@pytest.mark.parametrize("family", TARGETS)
@pytest.mark.parametrize("seed", range(200, 3000, 200))
def test_the_bits_of_thousands_of_structures_are_distributed_as_before(seed, family):
    for number in range(seed, seed + 200):
        check(number, family)


def test_a_network_of_cnots_costs_nothing():
    ring = tuple(Slot("CNOT", (place, (place + 1) % 5), 0) for place in range(5))
    rotations = tuple(Slot("RY", (place,), 1) for place in range(5))
    template = Template.of((*rotations, *ring), 5, TARGETS["ms"], absorbing=True)
    assert interactions(template) == 0
    assert [bit.qubits for bit in template.readout] == [
        (1, 2, 3, 4),
        (0, 1),
        (0, 1, 2),
        (0, 1, 2, 3),
        (0, 1, 2, 3, 4),
    ]


def test_a_rotation_that_the_measurement_cannot_see_is_left_out():
    chain = (Slot("CNOT", (0, 1), 0), Slot("CNOT", (1, 2), 0))
    rotations = tuple(Slot(name, (q,), 1) for name in ("RY", "RZ") for q in range(3))
    template = Template.of((*rotations, *chain), 3, TARGETS["ms"], absorbing=True)
    assert [(op.axes, op.qubits) for op in template.form.operations] == [
        ("Y", (0,)),
        ("Y", (1,)),
        ("Y", (2,)),
    ]


def test_a_wide_clifford_rotation_adds_several_outcomes_to_one():
    slots = (Slot("PauliRot", (0, 1, 2), 1, "ZZX"),)
    free = Template.of(slots, 3, TARGETS["ms"], absorbing=True)
    assert interactions(free) > 0  # at any angle it stays
    cnots = (Slot("CNOT", (0, 2), 0), Slot("CNOT", (1, 2), 0))
    template = Template.of(cnots, 3, TARGETS["ms"], absorbing=True)
    assert [bit.qubits for bit in template.readout] == [(0,), (1,), (0, 1, 2)]


def test_a_target_measured_at_another_angle_than_a_right_one_keeps_its_interaction():
    slots = (Slot("CNOT", (0, 1), 0), Slot("T", (1,), 0), Slot("Hadamard", (1,), 0))
    template = Template.of(slots, 2, TARGETS["ms"], absorbing=True)
    assert interactions(template) == 1
    assert [bit.qubits for bit in template.readout] == [(0,), (1,)]
