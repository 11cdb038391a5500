"""Reading a batch column by column gives what reading each circuit alone gives."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pennylane_qstore.emulator.circuits import Reader
from pennylane_qstore.emulator.refusal import RefusalError

qubit = st.integers(0, 2)
number = st.floats(-1, 1)
pair = st.permutations([0, 1, 2]).map(lambda order: order[:2])
native = st.one_of(
    st.fixed_dictionaries(
        {"gate": st.sampled_from(["gpi", "gpi2"]), "target": qubit, "phase": number}
    ),
    st.fixed_dictionaries(
        {
            "gate": st.just("ms"),
            "targets": pair,
            "phases": st.lists(number, min_size=2, max_size=2),
        },
        optional={"angle": st.floats(0, 0.25)},
    ),
    st.fixed_dictionaries({"gate": st.just("zz"), "targets": pair}, optional={"angle": number}),
    st.fixed_dictionaries({"gate": st.just("nop")}, optional={"target": qubit}),
)
qis = st.one_of(
    st.fixed_dictionaries({"gate": st.just("x"), "target": qubit}),
    st.fixed_dictionaries(
        {"gate": st.just("x"), "target": st.just(0)}, optional={"control": st.just(1)}
    ),
    st.fixed_dictionaries({"gate": st.just("z"), "target": qubit}, optional={"rotation": number}),
    st.integers(1, 3).flatmap(
        lambda n: st.fixed_dictionaries(
            {
                "gate": st.just("pauliexp"),
                "targets": st.just([0, 1]),
                "terms": st.lists(st.text("IXYZ", min_size=2, max_size=2), min_size=n, max_size=n),
                "coefficients": st.lists(number, min_size=n, max_size=n),
                "time": st.floats(0, 1),
            }
        )
    ),
)


def read(reader, circuit, gateset):
    """Structure of a circuit with its numbers in place."""
    template, row = reader.read(circuit, gateset, "c")
    numbers = template.rows[row]
    return [
        (op.name, op.targets, op.controls, op.terms, [numbers[slot] for slot in op.slots])
        for op in template.program.ops
    ]


def check(circuits, gateset):
    together = Reader()
    for circuit in circuits:
        alone = read(Reader(), json.loads(json.dumps(circuit)), gateset)
        assert read(together, circuit, gateset) == alone


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(native, max_size=4), max_size=6))
def test_native_circuits_read_together_are_read_alike_alone(circuits):
    check(circuits, "native")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(qis, max_size=3), max_size=6))
def test_qis_circuits_read_together_are_read_alike_alone(circuits):
    check(circuits, "qis")


def test_numbers_of_another_type_do_not_slip_through_with_a_known_structure():
    reader = Reader()
    reader.read([{"gate": "rx", "target": 0, "rotation": 1.0}], "qis", "c")
    for wrong in ("1", None, True, [1]):
        with pytest.raises(RefusalError, match="rotation"):
            reader.read([{"gate": "rx", "target": 0, "rotation": wrong}], "qis", "c")


def test_circuits_of_one_structure_share_one_program():
    reader = Reader()
    circuits = [[{"gate": "rx", "target": 0, "rotation": k / 7}] for k in range(5)]
    found = {id(reader.read(circuit, "qis", "c")[0]) for circuit in circuits}
    assert len(found) == 1
    other, _ = reader.read([{"gate": "rx", "target": 1, "rotation": 0.1}], "qis", "c")
    assert id(other) not in found
