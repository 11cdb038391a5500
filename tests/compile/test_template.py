import json

import numpy as np
import pytest

from pennylane_qstore.compile import TemplateStore, target_for
from pennylane_qstore.compile.affine import Affine
from pennylane_qstore.compile.synthesize import synthesize
from pennylane_qstore.compile.template import Slot
from pennylane_qstore.execution.payload import encode_circuit, encode_circuits
from pennylane_qstore.native import BoundGates, Circuit
from tests.oracles import circuit_matrix, distance_up_to_diagonal, form_matrix

TARGETS = {"ms": target_for("simulator"), "zz": target_for("simulator", noise_model="forte-1")}
ONE_ANGLE = ["RX", "RY", "RZ", "PhaseShift"]
TWO_QUBITS = ["CNOT", "CZ", "SWAP", "ISWAP", "CY"]
TWO_QUBITS_ANGLE = [
    "IsingXX",
    "IsingYY",
    "IsingZZ",
    "CRX",
    "CRZ",
    "ControlledPhaseShift",
    "SingleExcitation",
    "IsingXY",
]


def random_slot(rng, n_qubits):
    w = tuple(int(qubit) for qubit in rng.permutation(n_qubits))
    kind = rng.integers(7)
    if kind == 0:
        return Slot(str(rng.choice(ONE_ANGLE)), w[:1], 1)
    if kind == 1:
        return Slot("Rot", w[:1], 3)
    if kind == 2:
        return Slot(str(rng.choice(TWO_QUBITS)), w[:2], 0)
    if kind == 3:
        return Slot(str(rng.choice(["Hadamard", "S", "PauliX", "SX"])), w[:1], 0)
    if kind == 4:
        return Slot(str(rng.choice(TWO_QUBITS_ANGLE)), w[:2], 1)
    if kind == 5:
        return Slot("MultiRZ", w[: rng.integers(1, n_qubits + 1)], 1)
    return Slot("PauliRot", w, 1, "".join(rng.choice(list("IXYZ"), n_qubits)))


def random_template(seed, family):
    rng = np.random.default_rng(seed)
    n_qubits = int(rng.integers(2, 5))
    skeleton = tuple(random_slot(rng, n_qubits) for _ in range(rng.integers(1, 20)))
    template = TemplateStore().get(skeleton, n_qubits, TARGETS[family])
    params = rng.uniform(-9, 9, (20, template.n_params))
    params[:6] = rng.integers(-8, 9, (6, template.n_params)) * np.pi / 4
    params[6] = 0
    params[7:12] = np.abs(params[7:12]) % 1.5
    return template, params


def check(seed, family):
    template, params = random_template(seed, family)
    for row, circuit in zip(params, template.bind(params), strict=True):
        source = form_matrix(template.form_at(row))
        assert distance_up_to_diagonal(circuit_matrix(circuit), source) < 1e-9
        for gate in circuit.gates:
            assert all(0 <= value < 1 for value in gate.values)
            assert len(gate.qubits) == 1 or 0 < gate.values[-1] <= 0.25


@pytest.mark.parametrize("family", TARGETS)
@pytest.mark.parametrize("seed", range(60))
def test_a_bound_circuit_equals_its_source_at_any_angle(seed, family):
    check(seed, family)


@pytest.mark.stress
@pytest.mark.parametrize("family", TARGETS)
@pytest.mark.parametrize("seed", range(1000, 1500))
def test_a_thousand_templates_equal_their_sources(seed, family):
    check(seed, family)


@pytest.mark.parametrize("family", TARGETS)
@pytest.mark.parametrize("seed", range(20))
def test_a_row_does_not_depend_on_the_rest_of_its_batch(seed, family):
    template, params = random_template(seed, family)
    together = template.bind(params)
    alone = [template.bind(row[None])[0] for row in params]
    assert [c.fingerprint for c in together] == [c.fingerprint for c in alone]


@pytest.mark.parametrize("family", TARGETS)
@pytest.mark.parametrize("seed", range(20))
def test_a_bound_circuit_has_as_many_entangling_gates_as_one_compiled_afresh(seed, family):
    template, params = random_template(seed, family)
    for row, circuit in zip(params, template.bind(params), strict=True):
        fresh = synthesize(template.form_at(row), template.target)
        assert circuit.n_entangling == fresh.n_entangling


@pytest.mark.parametrize("family", TARGETS)
def test_circuits_of_one_structure_are_written_together_as_each_would_be_alone(family):
    template, params = random_template(3, family)
    circuits = template.bind(params)
    for text, circuit in zip(encode_circuits(circuits), circuits, strict=True):
        plain = Circuit(circuit.n_qubits, tuple(circuit.gates))
        assert json.loads(text) == json.loads(encode_circuit(plain))


@pytest.mark.parametrize("seed", range(4, 9))
def test_a_bound_circuit_has_the_fingerprint_of_the_same_gates_written_out(seed):
    template, params = random_template(seed, "ms")
    bound = [c for c in template.bind(params) if isinstance(c.gates, BoundGates)]
    assert bound
    for circuit in bound:
        assert circuit.fingerprint == Circuit(circuit.n_qubits, tuple(circuit.gates)).fingerprint


def test_the_store_keeps_the_most_recently_used_and_counts():
    store = TemplateStore(max_entries=2)
    skeletons = [(Slot("RX", (qubit,), 1),) for qubit in range(3)]
    for place in (0, 1, 0, 2, 0, 1):
        store.get(skeletons[place], 3, TARGETS["ms"])
    assert (len(store), store.hits, store.misses) == (2, 2, 4)
    store.clear()
    assert len(store) == 0


def test_affine_angles_do_the_arithmetic_of_rules():
    x, y = Affine(((0, 1.0),)), Affine(((1, 1.0),))
    angle = -(x / 2) + 3 * y + 0.5 + -y
    assert angle([4.0, 10.0]) == pytest.approx(-2 + 20 + 0.5)
    assert (x + -x).terms == ()
