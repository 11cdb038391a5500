"""Circuits that begin alike are simulated once up to where they branch off."""

import numpy as np
import pytest

from pennylane_qstore.emulator import engine
from pennylane_qstore.emulator.circuits import Reader
from pennylane_qstore.emulator.prefixes import find_prefixes, parents


def template_of(n_circuits, seed, gates=24):
    """Circuits of one structure on four qubits, some of which begin alike and some repeat."""
    rng = np.random.default_rng(seed)
    names = rng.choice(["gpi", "gpi2", "ms", "h"], size=gates)
    pairs = [rng.choice(4, size=2, replace=False).tolist() for _ in range(gates)]
    numbers = np.round(rng.random((n_circuits, gates)), 6)
    for row in range(1, n_circuits):
        numbers[row, : rng.integers(gates + 1)] = numbers[row - 1, 0]
        if row % 5 == 0:
            numbers[row] = numbers[rng.integers(row)]
    reader, found = Reader(), None
    for row in numbers:
        circuit = []
        for name, pair, number in zip(names, pairs, row.tolist(), strict=True):
            if name == "ms":
                phases = {"phases": [number, number / 2], "angle": number / 4}
                circuit.append({"gate": "ms", "targets": pair} | phases)
            else:
                gate = "gpi" if name == "h" else str(name)
                circuit.append({"gate": gate, "target": pair[0], "phase": number})
        found, _ = reader.read(circuit, "native", "c")
    return found


@pytest.mark.parametrize("n_circuits", [1, 2, 7, 60])
@pytest.mark.parametrize("chunk", [2**4, 2**8, 2**16])
def test_a_batch_gives_what_its_circuits_give_alone(monkeypatch, n_circuits, chunk):
    monkeypatch.setattr(engine, "CHUNK_AMPLITUDES", chunk)
    template = template_of(n_circuits, seed=n_circuits)
    program, values = template.program, template.values
    together = engine.distributions(program, values)
    for row in range(len(values)):
        alone = engine.simulate(program, values[[row]]).probabilities(program.qubits)[0]
        np.testing.assert_allclose(together[row], alone, atol=1e-14)


@pytest.mark.parametrize("n_circuits", [2, 40])
def test_no_beginning_is_counted_twice(n_circuits):
    template = template_of(n_circuits, seed=3)
    prefixes = find_prefixes(template.program, template.values)
    distinct, slots = 0, []
    for op in template.program.ops:
        slots += op.slots
        distinct += len({tuple(row) for row in template.values[:, slots].tolist()})
    assert int(np.sum(prefixes.n_gates - prefixes.branches)) == distinct


def test_repeated_circuits_are_simulated_once():
    template = template_of(1, seed=1)
    prefixes = find_prefixes(template.program, np.repeat(template.values, 9, axis=0))
    assert [len(members) for members in prefixes.stages().values()] == [1]


def test_every_circuit_has_a_parent_that_begins_like_it():
    template = template_of(40, seed=2)
    prefixes = find_prefixes(template.program, template.values)
    sorted_values = template.values[prefixes.order]
    stages = prefixes.stages()
    members = stages.pop(0)
    for gate, grown in stages.items():
        before = [slot for op in template.program.ops[:gate] for slot in op.slots]
        origin = members[parents(members, grown)]
        np.testing.assert_array_equal(
            sorted_values[origin][:, before], sorted_values[grown][:, before]
        )
        members = grown
