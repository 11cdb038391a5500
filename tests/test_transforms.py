import doctest
from functools import partial
from pathlib import Path

import numpy as np
import pennylane as qml
import pennylane_ionq.ops as ionq_ops
import pytest
from pennylane import numpy as pnp
from pennylane.exceptions import DeviceError

from pennylane_qstore import GPI, GPI2, MS, ZZ
from pennylane_qstore.compile.native_tape import NativeTape
from pennylane_qstore.errors import (
    InvalidOptionError,
    MixedGateSetsError,
    NotDifferentiableError,
    WrongNativeGateError,
)
from pennylane_qstore.inspection import verify
from pennylane_qstore.transforms import to_ionq_native
from tests.oracles import random_operations

NATIVE = {"ms": {"GPI", "GPI2", "MS"}, "zz": {"GPI", "GPI2", "ZZ"}}
HERMITIAN = np.array([[1, 2j, 0, 1], [-2j, 0.5, 1, 0], [0, 1, -1, 3], [1, 0, 3, 2]])
MEASUREMENTS = {
    "a word": lambda: qml.expval(qml.X(0) @ qml.Y(2)),
    "words that share a basis": lambda: (qml.expval(qml.X(0)), qml.var(qml.X(0) @ qml.Y(1))),
    "words that do not": lambda: (qml.expval(qml.X(0)), qml.expval(qml.Y(0)), qml.var(qml.Z(0))),
    "a sum": lambda: qml.expval(qml.X(0) + 2 * qml.Z(1) @ qml.Y(2) - 0.3 * qml.I(0)),
    "the variance of a sum": lambda: qml.var(qml.X(0) + 2 * qml.Z(1)),
    "Hermitian": lambda: qml.expval(qml.Hermitian(HERMITIAN, wires=[2, 0])),
    "Hermitian in a product": lambda: qml.expval(qml.Hermitian(HERMITIAN, [2, 0]) @ qml.X(1)),
    "projector": lambda: qml.expval(qml.Projector([1, 0], wires=[0, 1])),
    "all probabilities": lambda: qml.probs(),
    "some probabilities": lambda: qml.probs(wires=[2, 0]),
    "probabilities of a word": lambda: qml.probs(op=qml.X(0) @ qml.Y(1)),
    "probabilities of a matrix": lambda: qml.probs(op=qml.Hermitian(HERMITIAN, wires=[1, 2])),
}


def random_qnode(seed, measurement, wires=None):
    ops = random_operations(np.random.default_rng(seed), range(3), 12, decomposed=True)

    def circuit():
        for op in ops:
            qml.apply(op)
        return measurement()

    return qml.QNode(circuit, qml.device("default.qubit", wires=wires))


def flat(results):
    results = results if isinstance(results, (tuple, list)) else (results,)
    return np.concatenate([np.ravel(result) for result in results])


def names_sent(qnode, *args):
    batch, _ = qml.workflow.construct_batch(qnode, level="user")(*args)
    return {op.name for tape in batch for op in tape.operations}


@pytest.mark.parametrize("target", NATIVE)
@pytest.mark.parametrize("measurement", MEASUREMENTS)
def test_any_measurement_is_what_it_was_on_default_qubit(measurement, target):
    for seed in range(2):
        qnode = random_qnode(seed, MEASUREMENTS[measurement])
        for level in (0, 1):
            native = to_ionq_native(qnode, target=target, level=level)
            assert names_sent(native) <= NATIVE[target]
            assert np.allclose(flat(native()), flat(qnode()), atol=1e-9)


def test_level_2_is_what_it_was():
    qnode = random_qnode(3, qml.probs)
    assert np.allclose(to_ionq_native(qnode, level=2)(), qnode(), atol=1e-8)


@pytest.mark.parametrize("wires", [None, 5, ["d", 2, 0, "x", 1]])
def test_all_wires_are_those_of_the_device(wires):
    qnode = random_qnode(1, qml.probs, wires=wires)
    assert np.allclose(to_ionq_native(qnode)(), qnode(), atol=1e-9)


def test_broadcast_parameters_stay_broadcast():
    @qml.qnode(qml.device("default.qubit"))
    def circuit(x):
        qml.RX(x, wires=0)
        qml.CRY(x / 2, wires=[0, 1])
        return qml.expval(qml.X(1)), qml.probs(wires=[0, 1])

    x = np.linspace(-3, 3, 7)
    for native, expected in zip(to_ionq_native(circuit)(x), circuit(x), strict=True):
        assert np.allclose(native, expected, atol=1e-9)


@pytest.mark.parametrize("measure", [qml.sample, qml.counts, qml.expval])
def test_shots_work(measure):
    @qml.qnode(qml.device("default.qubit", seed=1))
    def circuit():
        qml.RY(0.5, wires=0)
        qml.CNOT(wires=[0, 1])
        return measure(qml.Hermitian(np.array([[3.0, 1], [1, -2]]), wires=1))

    result = qml.set_shots(to_ionq_native(circuit), 4000)()
    if measure is qml.counts:
        result = sum(value * count for value, count in result.items()) / 4000
    exact = 3 * np.cos(0.25) ** 2 - 2 * np.sin(0.25) ** 2
    assert np.mean(result) == pytest.approx(exact, abs=5 * 2.7 / np.sqrt(4000))


def test_a_transform_of_tapes_and_of_functions_and_a_decorator():
    tape = qml.tape.QuantumScript([qml.CNOT(wires=["a", "b"])], [qml.probs(wires="b")], shots=7)
    (native,), postprocess = to_ionq_native(tape, target="zz")
    assert not isinstance(native, NativeTape)
    assert native.shots == tape.shots
    assert postprocess(["result"]) == "result"

    @partial(to_ionq_native, target="zz", level=0)
    @qml.qnode(qml.device("default.qubit"))
    def decorated(x):
        qml.CRX(x, wires=[0, 1])
        return qml.probs(wires=[0, 1])

    assert names_sent(decorated, 0.3) <= NATIVE["zz"]
    assert np.allclose(decorated(0.3), [1, 0, 0, 0])

    def function():
        qml.RX(0.4, wires=0)
        qml.CNOT(wires=[0, 1])

    assert "MS(" in qml.draw(to_ionq_native(function))()


def native_circuit():
    GPI2(0.1, wires=0)
    MS(0.1, 0.7, 0.2, wires=[0, 1])
    GPI(0.4, wires=1)
    GPI(0.9, wires=1)
    MS(0.3, 0.2, 0.25, wires=[1, 2])


def pure_native(measure):
    def circuit():
        native_circuit()
        return measure()

    return qml.QNode(circuit, qml.device("default.qubit"))


def test_native_circuits_pass_untouched():
    qnode = pure_native(lambda: qml.expval(qml.X(1)))
    native = to_ionq_native(qnode)
    (tape,), _ = qml.workflow.construct_batch(native, level="user")()
    written = qml.workflow.construct_tape(qnode)().operations
    for sent, own in zip(tape.operations, written, strict=False):
        assert qml.equal(sent, own)
    assert len(tape.operations) == len(written) + 1  # the rotation to the basis of X
    assert native() == pytest.approx(qnode(), abs=1e-9)


def test_native_circuits_are_compiled_when_asked():
    for target in NATIVE:
        qnode = pure_native(lambda: qml.probs(wires=[0, 1, 2]))
        native = to_ionq_native(qnode, target=target, recompile=True)
        (tape,), _ = qml.workflow.construct_batch(native, level="user")()
        assert {op.name for op in tape.operations} <= NATIVE[target]
        assert np.allclose(native(), qnode(), atol=1e-9)


def test_native_gates_of_pennylane_ionq_and_zz_are_compiled_when_asked():
    ops = [ionq_ops.GPI2(0.3, wires=0), ionq_ops.MS(0.1, 0.2, 0.2, wires=[0, 1]), ZZ(0.1, [1, 0])]
    own = [GPI2(0.3, wires=0), MS(0.1, 0.2, 0.2, wires=[0, 1]), ZZ(0.1, wires=[1, 0])]
    basis = [GPI2(0.2, wires=0), GPI2(0.6, wires=1)]
    tape = qml.tape.QuantumScript([*ops, *basis], [qml.probs(wires=[0, 1])])
    (native,), _ = to_ionq_native(tape, target="zz", level=0, recompile=True)
    expected = qml.tape.QuantumScript([*own, *basis], tape.measurements)
    device = qml.device("default.qubit")
    assert np.allclose(device.execute(native), device.execute(expected), atol=1e-9)


def test_gates_of_both_kinds_need_to_be_recompiled():
    ops = [GPI2(0.1, wires=0), qml.CNOT(wires=[0, 1])]
    tape = qml.tape.QuantumScript(ops, [qml.expval(qml.Y(1))])
    with pytest.raises(MixedGateSetsError):
        to_ionq_native(tape)
    (native,), _ = to_ionq_native(tape, recompile=True)
    device = qml.device("default.qubit")
    assert device.execute(native) == pytest.approx(device.execute(tape), abs=1e-9)


def test_backends_choose_the_family():
    tape = qml.tape.QuantumScript(
        [qml.CNOT(wires=[0, 1]), qml.RX(1, 0), qml.CZ([0, 1])], [qml.probs(wires=[0, 1])]
    )
    tape = tape.copy(operations=[qml.RY(0.4, wires=0), *tape.operations])
    for options, name in (
        ({"target": "qpu.forte-1"}, "ZZ"),
        ({"target": "qpu.aria-1"}, "MS"),
        ({"target": "simulator", "noise_model": "forte-1"}, "ZZ"),
        ({"target": "simulator"}, "MS"),
    ):
        (native,), _ = to_ionq_native(tape, **options)
        assert {op.name for op in native.operations if len(op.wires) == 2} == {name}
    native_tape = qml.tape.QuantumScript([MS(0, 0, 0.25, [0, 1])], [qml.probs(wires=[0, 1])])
    with pytest.raises(WrongNativeGateError):
        to_ionq_native(native_tape, target="qpu.forte-1")


def test_what_cannot_be_is_refused():
    tape = qml.tape.QuantumScript([qml.CNOT(wires=[0, 1])], [qml.probs(wires=[0, 1])])
    with pytest.raises(InvalidOptionError, match="both choose"):
        to_ionq_native(tape, target="zz", noise_model="aria-1")
    with pytest.raises(InvalidOptionError, match="level=7"):
        to_ionq_native(tape, level=7)
    with pytest.raises(DeviceError):
        to_ionq_native(tape.copy(measurements=[qml.state()]))


def test_the_examples_of_the_documentation_run():
    page = Path(__file__).parents[1] / "docs" / "compiler.md"
    text = page.read_text().replace("```pycon", "").replace("```", "")
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(examples)
    assert runner.summarize().failed == 0
    assert len(examples.examples) > 15


def test_mid_circuit_measurements_are_deferred():
    @qml.qnode(qml.device("default.qubit"))
    def circuit():
        qml.RY(0.7, wires=0)
        outcome = qml.measure(0)
        qml.cond(outcome, qml.RX)(0.9, wires=1)
        return qml.expval(qml.Y(1)), qml.expval(outcome)

    assert np.allclose(to_ionq_native(circuit)(), circuit(), atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_what_the_transform_gives_is_verified(seed):
    ops = random_operations(np.random.default_rng(seed), range(5), 25, decomposed=True)
    tape = qml.tape.QuantumScript(ops, [qml.expval(qml.X(0) @ qml.Y(3)), qml.probs(wires=[4, 2])])
    assert verify(tape).require().error < 1e-9


def test_a_gradient_that_would_be_zero_is_refused():
    @to_ionq_native
    @qml.qnode(qml.device("default.qubit", wires=1))
    def circuit(x):
        qml.RX(x, wires=0)
        return qml.expval(qml.Z(0))

    x = pnp.array(0.3, requires_grad=True)
    assert circuit(x) == pytest.approx(np.cos(0.3))
    with pytest.raises(NotDifferentiableError, match="param_shift"):
        qml.grad(circuit)(x)


def test_a_gradient_is_taken_first():
    @qml.qnode(qml.device("default.qubit", wires=1))
    def circuit(x):
        qml.RX(x, wires=0)
        return qml.expval(qml.Z(0))

    gradient = to_ionq_native(qml.gradients.param_shift(circuit))
    assert gradient(pnp.array(0.3, requires_grad=True)) == pytest.approx(-np.sin(0.3))
