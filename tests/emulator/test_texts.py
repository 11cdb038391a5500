"""Circuits read from their text mean what they mean as JSON."""

import json

import numpy as np
import pytest

from pennylane_qstore.emulator.refusal import RefusalError
from pennylane_qstore.emulator.texts import split_circuits
from pennylane_qstore.emulator.validate import parse_job, parse_json


def gate(rng, number):
    kind = rng.integers(4)
    if kind == 0:
        return {"gate": "gpi2", "target": int(rng.integers(4)), "phase": number(rng)}
    if kind == 1:
        pair = [int(q) for q in rng.permutation(4)[:2]]
        return {"gate": "ms", "targets": pair, "phases": [number(rng), number(rng)], "angle": 0.25}
    if kind == 2:
        pair = [int(q) for q in rng.permutation(4)[:2]]
        return {"gate": "ms", "targets": pair, "phases": [number(rng), 0]}
    return {"gate": "zz", "targets": [0, 3], "angle": 0.125}


NUMBERS = {
    "fixed": lambda rng: f"0.{rng.integers(10**12):012d}",
    "shortest": lambda rng: repr(float(rng.uniform(-1, 1))),
    "mixed": lambda rng: str(rng.choice(["0.5", "1e-3", "-0.25", "1", "2.5e-2", "0.125"])),
}


def payload(seed, style):
    """A job of circuits that mostly share their gates, as text with numbers in a given style."""
    numbers = {}

    def number(rng):
        mark = f"#{len(numbers)}#"
        numbers[mark] = NUMBERS[style](rng)
        return mark

    circuits = []
    for index in range(12):
        shape = np.random.default_rng([seed, index % 2])
        rng = np.random.default_rng([seed, 7, index])
        gates = [gate(shape, lambda _, rng=rng: number(rng)) for _ in range(9)]
        circuits.append({"name": f"c{index}", "qubits": 4, "circuit": gates})
    text = json.dumps(
        {
            "type": "ionq.multi-circuit.v1",
            "backend": "simulator",
            "input": {"gateset": "native", "circuits": circuits},
        }
    )
    for mark, written in numbers.items():
        text = text.replace(f'"{mark}"', written, 1)
    return text.encode()


def values(job):
    return [
        (c.name, c.gateset, c.template.program.ops, c.template.values[c.row].tolist())
        for c in job.circuits
    ]


@pytest.mark.parametrize("style", NUMBERS)
@pytest.mark.parametrize("seed", range(8))
def test_a_job_read_by_text_equals_the_same_job_read_as_json(seed, style):
    body = payload(seed, style)
    split = split_circuits(body)
    as_json = parse_job(parse_json(body))
    if style == "fixed":
        assert split is not None
    if split is not None:
        rest, texts = split
        assert values(parse_job(parse_json(rest), texts)) == values(as_json)


def test_equal_texts_under_different_gate_sets_are_told_apart():
    gates = [{"gate": "zz", "targets": [0, 1], "rotation": 0.5, "angle": 0.125}]
    circuits = [{"gateset": g, "circuit": gates} for g in ("qis", "native") * 4]
    body = json.dumps(
        {
            "type": "ionq.multi-circuit.v1",
            "backend": "simulator",
            "input": {"gateset": "qis", "qubits": 2, "circuits": circuits},
        }
    ).encode()
    rest, texts = split_circuits(body)
    assert values(parse_job(parse_json(rest), texts)) == values(parse_job(parse_json(body)))


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"gpi2"', b'"gpi9"'), (b'"phase":', b'"phasx":'), (b'"target":', b'"targex":')],
)
def test_a_bad_circuit_among_many_is_refused_as_ever(old, new):
    body = payload(1, "fixed")
    place = body.rindex(old)
    body = body[:place] + new + body[place + len(old) :]
    rest, texts = split_circuits(body)
    with pytest.raises(RefusalError):
        parse_job(parse_json(body))
    with pytest.raises(RefusalError):
        parse_job(parse_json(rest), texts)


@pytest.mark.parametrize("body", [b"", b"{", b'{"circuit":[1.0,}', b'{"circuit":[NaN]}'])
def test_what_is_no_job_of_many_circuits_is_left_alone(body):
    assert split_circuits(body) is None
