import numpy as np
import pennylane as qml
import pennylane_ionq.ops as ionq_ops
import pytest
from pennylane.wires import Wires

from pennylane_qstore import IonQDevice
from pennylane_qstore.compile import (
    Source,
    TemplateStore,
    measurements,
    read,
    rules,
    synthesize,
    target_for,
    translate,
)
from pennylane_qstore.compile import expand as expand_module
from pennylane_qstore.compile import optimize as optimize_module
from pennylane_qstore.compile import program as program_module
from pennylane_qstore.compile.batch import Compiled, compile_batch
from pennylane_qstore.compile.form import Rotation
from pennylane_qstore.compile.one_qubit import Pulses
from pennylane_qstore.compile.passes.twists import TwistForm
from pennylane_qstore.compile.stages import form_of
from pennylane_qstore.compile.template import Slot
from pennylane_qstore.compile.verify import Limits, VerificationError, verify_circuit
from pennylane_qstore.inspection import require_verified, source_operations, verify
from pennylane_qstore.native import Bit, Circuit, Gate
from tests.oracles import random_operations

TARGETS = {"ms": target_for("simulator"), "zz": target_for("simulator", noise_model="forte-1")}
METHODS = {
    "unitary": (False, Limits()),
    "state vector": (True, Limits()),
    "Pauli propagation": (True, Limits(state_qubits=0)),
}


def compile_operations(ops, n_qubits, family="ms", **options):
    source = read(ops, Wires(range(n_qubits)))
    target = TARGETS[family]
    form = optimize_module.optimize(form_of(source), entangler=family, **options)
    return Compiled(synthesize.synthesize(form, target), form.readout)


def everything():
    """Operations of most kinds on four qubits, with generic rotations between them."""
    rng = np.random.default_rng(5)
    kinds = [
        lambda: qml.IsingXX(0.7, wires=[0, 1]),
        lambda: qml.CRX(1.1, wires=[1, 2]),
        lambda: qml.SingleExcitation(0.9, wires=[3, 1]),
        lambda: qml.ControlledPhaseShift(0.8, wires=[0, 3]),
        lambda: qml.S(wires=2),
        lambda: qml.IsingYY(4.0, wires=[2, 0]),
        lambda: qml.SWAP(wires=[0, 2]),
        lambda: qml.MultiRZ(0.6, wires=[0, 1, 3]),
        lambda: qml.ISWAP(wires=[1, 3]),
        lambda: qml.PauliRot(0.5, "XYZ", wires=[2, 3, 0]),
        lambda: qml.DoubleExcitation(1.3, wires=[0, 1, 2, 3]),
        lambda: qml.CNOT(wires=[1, 0]),
    ]
    ops = []
    for kind in kinds:
        ops += [qml.Rot(*rng.uniform(-3, 3, 3), wires=wire) for wire in range(4)]
        ops.append(kind())
    return [*ops, *(qml.RY(rng.uniform(1, 2), wires=wire) for wire in range(4))]


def check(compiled, ops, n_qubits, method):
    from_ground, limits = METHODS[method]
    found = verify_circuit(
        compiled, ops, Wires(range(n_qubits)), from_ground=from_ground, limits=limits
    )
    assert found.method == method
    assert found.n_qubits == n_qubits
    return found


@pytest.mark.parametrize("family", TARGETS)
@pytest.mark.parametrize("n_qubits", range(2, 13))
def test_random_circuits_are_verified(n_qubits, family):
    rng = np.random.default_rng(n_qubits)
    ops = random_operations(rng, range(n_qubits), 30)
    for options in ({"level": 0}, {"level": 1}, {"level": 1, "absorb_tail": True}):
        compiled = compile_operations(ops, n_qubits, family, **options)
        strict = options["level"] == 0
        found = verify_circuit(compiled, ops, Wires(range(n_qubits)), from_ground=not strict)
        assert found.ok, found
        assert found.method == ("unitary" if strict and n_qubits <= 10 else "state vector")
        assert found.error < 1e-9
        words = verify_circuit(
            compiled,
            ops,
            Wires(range(n_qubits)),
            from_ground=not strict,
            limits=Limits(unitary_qubits=0, state_qubits=0),
        )
        assert words.ok is not False


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", TARGETS)
def test_everything_is_verified(family, method):
    level = 0 if method == "unitary" else 1
    compiled = compile_operations(everything(), 4, family, level=level)
    assert check(compiled, everything(), 4, method).ok


def replaced(monkeypatch, table, name, new):
    monkeypatch.setitem(table, name, new)


def halved(rule):
    return lambda qubits, angle: rule(qubits, angle / 2)


def negated(rule):
    return lambda qubits, angle: rule(qubits, -angle)


def turned_frame(original):
    def to_pulses(unitary):
        pulses, frame = original(unitary)
        return Pulses(pulses, frame + (0.01 if pulses else 0))

    return to_pulses


def shifted_pulse(original):
    def to_pulses(unitary):
        pulses, frame = original(unitary)
        return Pulses(tuple((name, phase + 1e-4) for name, phase in pulses[:1]) + pulses[1:], frame)

    return to_pulses


def without_last_twist(original):
    def trim_outputs(form, **options):
        form = original(form, **options)
        return TwistForm(form.n_qubits, form.twists[:-1], form.finals, form.readout)

    return trim_outputs


def negative_half(original):
    def narrow(rotation):
        parts = original(rotation)
        if len(parts) == 3:
            parts[0] = parts[0]._replace(angle=-parts[0].angle)
        return parts

    return narrow


def iswap_like_swap(original):
    def rule(name, qubits, instruction):
        return [] if name == "ISWAP" else original(name, qubits, instruction)

    return rule


RULE_MUTATIONS = {
    "sign of IsingXX": lambda m: replaced(
        m, rules.RULES, "IsingXX", negated(rules.RULES["IsingXX"])
    ),
    "half of a CRX": lambda m: replaced(
        m, rules.RULES, "CRX", lambda q, a: [Rotation(q, "ZX", -a / 2)]
    ),
    "qubits of an excitation": lambda m: replaced(
        m,
        rules.RULES,
        "SingleExcitation",
        lambda q, a: [Rotation(q, "XY", a / 2), Rotation(q, "YX", -a / 2)],
    ),
    "half a phase": lambda m: replaced(
        m, rules.RULES, "ControlledPhaseShift", halved(rules.phase_on_ones)
    ),
    "S for its inverse": lambda m: replaced(m, translate.FIXED, "S", translate.FIXED["Adjoint(S)"]),
    "one sign of a double excitation": lambda m: replaced(m, rules._DOUBLE_EXCITATION, "XXXY", 1),
    "a CNOT turned round": lambda m: replaced(
        m, rules.RULES, "CNOT", lambda q, old=rules.RULES["CNOT"]: old(q[::-1])
    ),
    "MultiRZ about X": lambda m: replaced(
        m, rules.RULES, "MultiRZ", lambda q, a: [Rotation(q, "X" * len(q), a)]
    ),
    "ISWAP without its phase": lambda m: m.setattr(
        translate, "_rule", iswap_like_swap(translate._rule)
    ),
    "a SWAP that moves nothing": lambda m: m.setattr(translate, "SWAPS", frozenset({"ISWAP"})),
    "wide words turned the wrong way": lambda m: m.setattr(
        expand_module, "_narrow", negative_half(expand_module._narrow)
    ),
    "phase of the Y axis": lambda m: replaced(
        m, synthesize.TO_EQUATOR, "Y", (synthesize.IDENTITY, 0.75)
    ),
    "a frame that is off": lambda m: m.setattr(
        synthesize, "to_pulses", turned_frame(synthesize.to_pulses)
    ),
    "a pulse 0.04° off": lambda m: m.setattr(
        synthesize, "to_pulses", shifted_pulse(synthesize.to_pulses)
    ),
    "Paulis of large angles forgotten": lambda m: m.setattr(
        synthesize, "reduced", lambda angle: (rules.reduced(angle)[0], False)
    ),
}
PASS_MUTATIONS = {
    "an entangler dropped at the end": lambda m: m.setattr(
        optimize_module, "trim_outputs", without_last_twist(optimize_module.trim_outputs)
    ),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mutation", RULE_MUTATIONS)
def test_a_wrong_rule_is_caught(monkeypatch, mutation, method):
    RULE_MUTATIONS[mutation](monkeypatch)
    compiled = compile_operations(everything(), 4, level=0)
    assert check(compiled, everything(), 4, method).ok is False


@pytest.mark.parametrize("method", ["state vector", "Pauli propagation"])
@pytest.mark.parametrize("mutation", PASS_MUTATIONS)
def test_a_wrong_pass_is_caught(monkeypatch, mutation, method):
    PASS_MUTATIONS[mutation](monkeypatch)
    compiled = compile_operations(everything(), 4)
    assert check(compiled, everything(), 4, method).ok is False


def swap_bits(compiled):
    first, second, *rest = compiled.readout
    return compiled._replace(readout=(second, first, *rest))


def flip_bit(compiled):
    return compiled._replace(readout=(Bit(compiled.readout[0].qubits, True), *compiled.readout[1:]))


def add_to_bit(compiled):
    first, second, *rest = compiled.readout
    both = Bit(tuple(sorted({*first.qubits, *second.qubits})))
    return compiled._replace(readout=(both, second, *rest))


def edit_gates(edit):
    def mutate(compiled):
        circuit = compiled.circuit
        return compiled._replace(circuit=Circuit(circuit.n_qubits, edit(list(circuit.gates))))

    return mutate


def place_of(gates, name):
    """The gate of a name in the middle of the circuit."""
    places = [place for place, gate in enumerate(gates) if gate.name == name]
    return places[len(places) // 2]


def edit_one(name, change):
    def edit(gates):
        place = place_of(gates, name)
        gates[place : place + 1] = change(gates[place])
        return tuple(gates)

    return edit_gates(edit)


RESULT_MUTATIONS = {
    "a swapped readout": swap_bits,
    "bits in reverse": lambda c: c._replace(readout=c.readout[::-1]),
    "a flipped bit": flip_bit,
    "a sum for a bit": add_to_bit,
    "qubits in reverse": edit_gates(
        lambda gates: tuple(g._replace(qubits=tuple(3 - q for q in g.qubits)) for g in gates)
    ),
    "a dropped MS": edit_one("ms", lambda gate: []),
    "a dropped pulse": edit_one("gpi2", lambda gate: []),
    "an MS on other qubits": edit_one(
        "ms", lambda g: [g._replace(qubits=(g.qubits[0], min({0, 1, 2, 3} - {*g.qubits})))]
    ),
    "an MS of another angle": edit_one(
        "ms", lambda g: [g._replace(values=(*g.values[:2], g.values[2] + 1e-4))]
    ),
    "a doubled gate": edit_one("ms", lambda gate: [gate, gate]),
    "gates in reverse": edit_gates(lambda gates: tuple(gates[::-1])),
    "a pulse in place of another": edit_one("gpi2", lambda g: [Gate("gpi", g.qubits, g.values)]),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mutation", RESULT_MUTATIONS)
def test_a_wrong_result_is_caught(mutation, method):
    level = 0 if method == "unitary" else 1
    compiled = RESULT_MUTATIONS[mutation](compile_operations(everything(), 4, level=level))
    assert check(compiled, everything(), 4, method).ok is False


def test_random_product_states_see_what_the_ground_state_does_not():
    wrong = Compiled(
        Circuit(2, (Gate("ms", (0, 1), (0.0, 0.0, 0.25)),) * 2), (Bit((0,)), Bit((1,)))
    )
    ops = [qml.X(0), qml.X(1), qml.CNOT(wires=[0, 1]), qml.X(1)]
    wires, states = Wires([0, 1]), Limits(unitary_qubits=0)
    assert verify_circuit(wrong, ops, wires).ok
    assert verify_circuit(wrong, ops, wires, from_ground=False, limits=states).ok is False
    assert verify_circuit(wrong, ops, wires, from_ground=False).ok is False
    words = Limits(unitary_qubits=0, state_qubits=0)
    assert verify_circuit(wrong, ops, wires, limits=words).ok
    assert verify_circuit(wrong, ops, wires, from_ground=False, limits=words).ok is False


@pytest.mark.parametrize("limits", [Limits(), Limits(unitary_qubits=0), Limits(0, 0, 0)])
def test_sums_of_outcomes_are_read(limits):
    ops = [qml.RY(0.3, wires=0), qml.RX(0.8, wires=1), qml.CNOT(wires=[0, 1])]
    gates = compile_operations(ops[:2], 2).circuit
    limits = limits if limits.tolerance else Limits(unitary_qubits=0, state_qubits=0)
    for readout, ok in (
        ((Bit((0,)), Bit((0, 1))), True),
        ((Bit((0,)), Bit((1,))), False),
        ((Bit((0,)), Bit((0, 1), True)), False),
    ):
        found = verify_circuit(
            Compiled(gates, readout), ops, Wires([0, 1]), from_ground=False, limits=limits
        )
        assert found.ok is ok


def test_bits_that_are_not_read_may_differ():
    ops = [qml.RY(0.3, wires=0), qml.RX(0.8, wires=1)]
    compiled = compile_operations(ops[:1], 2)
    wires = Wires([0, 1])
    for limits in (Limits(), Limits(state_qubits=0)):
        assert verify_circuit(compiled, ops, wires, limits=limits).ok is False
        assert verify_circuit(compiled, ops, wires, read=[0], limits=limits).ok
        assert verify_circuit(compiled, ops, wires, read=[1], limits=limits).ok is False


def test_gates_of_pennylane_ionq_have_their_documented_matrices():
    ops = [
        ionq_ops.GPI2(0.1, wires=0),
        ionq_ops.MS(0.1, 0.2, 0.2, wires=[0, 1]),
        ionq_ops.GPI(0.4, wires=1),
    ]
    gates = (
        Gate("gpi2", (0,), (0.1,)),
        Gate("ms", (0, 1), (0.1, 0.2, 0.2)),
        Gate("gpi", (1,), (0.4,)),
    )
    compiled = Compiled(Circuit(2, gates), (Bit((0,)), Bit((1,))))
    found = verify_circuit(compiled, ops, Wires([0, 1]), from_ground=False)
    assert found.ok
    assert found.method == "unitary"


def wide_ansatz(n_qubits):
    rng = np.random.default_rng(0)
    ops = []
    for layer in range(2):
        ops += [qml.RY(rng.uniform(0, 6), wires=wire) for wire in range(n_qubits)]
        ops += [qml.CNOT(wires=[w, w + 1]) for w in range(layer, n_qubits - 1, 2)]
    return ops


def test_wide_circuits_are_verified_by_parities():
    ops = wide_ansatz(34)
    compiled = compile_operations(ops, 34, "zz", level=0)
    for from_ground in (True, False):
        found = verify_circuit(compiled, ops, Wires(range(34)), from_ground=from_ground)
        assert (found.ok, found.method) == (True, "Pauli propagation")
        assert "of 68 parities" in found.detail
    mutated = edit_one("zz", lambda gate: [])(compiled)
    assert verify_circuit(mutated, ops, Wires(range(34))).ok is False


def test_what_no_method_reaches_is_not_called_verified():
    ops = random_operations(np.random.default_rng(1), range(26), 400)
    compiled = compile_operations(ops, 26, level=0)
    limits = Limits(max_terms=50)
    found = verify_circuit(compiled, ops, Wires(range(26)), limits=limits)
    assert found.ok is None
    assert "none for bits" in found.detail
    with pytest.raises(VerificationError, match="was not verified"):
        found.require()
    too_wide = Compiled(Circuit(70, ()), tuple(Bit((q,)) for q in range(70)))
    assert verify_circuit(too_wide, [], Wires(range(70))).method == "none"


def test_a_readout_of_another_width_is_wrong():
    compiled = compile_operations(everything(), 4)
    narrow = compiled._replace(readout=compiled.readout[:3])
    assert "3 bits are read" in verify_circuit(narrow, everything(), Wires(range(4))).detail
    outside = compiled._replace(readout=(Bit((7,)), *compiled.readout[1:]))
    assert "[7] are outside" in verify_circuit(outside, everything(), Wires(range(4))).detail


def test_the_error_says_what_where_and_how_much():
    ops = [qml.X(0), qml.CNOT(wires=[0, 1])]
    compiled = compile_operations(ops[:1], 2)
    message = r"from the ground state outcome 1\d of bits \[0, 1\] has probability"
    with pytest.raises(VerificationError, match=message):
        verify_circuit(compiled, ops, Wires([0, 1])).require()
    with pytest.raises(VerificationError, match="from the input"):
        verify_circuit(compiled, ops, Wires([0, 1]), from_ground=False).require()
    assert verify_circuit(compiled, ops[:1], Wires([0, 1])).require().ok


def device_tape():
    ops = [qml.RY(0.4, wires="a"), qml.CNOT(wires=["a", 1]), qml.IsingXY(0.7, wires=[1, "c"])]
    measured = [qml.expval(qml.X("a") @ qml.Y("c")), qml.var(qml.Y(1)), qml.probs(wires=["c", 1])]
    return qml.tape.QuantumScript(ops, measured)


def mid_circuit_tape():
    with qml.queuing.AnnotatedQueue() as queue:
        qml.RY(0.4, wires=0)
        outcome = qml.measure(0)
        qml.cond(outcome, qml.RX)(0.7, wires=1)
        qml.expval(qml.X(1))
    return qml.tape.QuantumScript.from_queue(queue)


TAPES = {
    "groups of observables": device_tape,
    "broadcast": lambda: qml.tape.QuantumScript(
        [qml.RX(np.array([0.1, 0.2, 3.0]), wires=0), qml.CNOT(wires=[0, 1])],
        [qml.expval(qml.X(0) + 2 * qml.Z(1))],
    ),
    "templates": lambda: qml.tape.QuantumScript(
        [qml.StatePrep(np.array([0.5, 0.5j, -0.5, 0.5]), wires=[0, 1]), qml.QFT(wires=[0, 1, 2])],
        [qml.probs(wires=[2, 0])],
    ),
    "native gates": lambda: qml.tape.QuantumScript(
        [ionq_ops.GPI2(0.1, wires=0), ionq_ops.MS(0.1, 0.2, 0.2, wires=[0, 1])],
        [qml.expval(qml.Y(1))],
    ),
    "mid-circuit measurements": mid_circuit_tape,
    "no measurements": lambda: qml.tape.QuantumScript([qml.QFT(wires=[0, 1, 2])]),
}


@pytest.mark.parametrize("gateset", ["native", "qis", None])
@pytest.mark.parametrize("name", TAPES)
def test_what_a_device_sends_is_verified(name, gateset):
    if (name, gateset) == ("native gates", "qis"):
        pytest.skip("native gates are refused")
    wires = None if name != "mid-circuit measurements" else 3
    device = IonQDevice(wires=wires, gateset=gateset) if gateset else None
    found = verify(TAPES[name](), device)
    assert found.ok, found


@pytest.mark.parametrize("options", [{}, {"absorb_tail": True}])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_every_level_of_a_device_is_verified(level, options):
    if "absorb_tail" in options and level == 0:
        pytest.skip("level 0 absorbs no tail")
    device = IonQDevice(optimization_level=level, **options)
    assert verify(device_tape(), device).require().error < 1e-9
    if level == 0:
        assert verify(device_tape(), device, from_ground=False).ok


def test_a_wrong_simplification_is_caught(monkeypatch):
    def simplify(form):
        return type(form)(form.n_qubits, form.operations[1:], form.readout)

    monkeypatch.setattr("pennylane_qstore.compile.template.simplify", simplify)
    assert verify(device_tape(), IonQDevice()).ok is False


@pytest.mark.parametrize("axis", ["X", "Y"])
def test_a_wrong_measurement_basis_is_caught(monkeypatch, axis):
    turned = {"X": qml.RY, "Y": qml.RX}[axis]
    sign = {"X": 1, "Y": -1}[axis]
    monkeypatch.setitem(measurements._TO_Z, axis, lambda wire: turned(sign * np.pi / 2, wires=wire))
    assert verify(device_tape(), IonQDevice()).ok is False


def test_a_wrong_template_is_caught(monkeypatch):
    original = program_module.write_program

    def write_program(form, *args, **options):
        first, *rest = form.operations
        wrong = type(form)(form.n_qubits, (*rest, first), form.readout)
        return original(wrong, *args, **options)

    monkeypatch.setattr("pennylane_qstore.compile.template.write_program", write_program)
    assert verify(device_tape(), IonQDevice()).ok is False


ARITIES = {
    "Identity": 1,
    "CCZ": 3,
    "Toffoli": 3,
    "CSWAP": 3,
    "DoubleExcitation": 4,
    "MultiRZ": 3,
    "PauliRot": 3,
}


@pytest.mark.parametrize("name", sorted(translate.TRANSLATABLE))
def test_every_operation_with_a_rule_is_verified_from_its_source(name):
    kind = getattr(qml, name.removeprefix("Adjoint(").removesuffix(")"))
    n_wires, n_params = ARITIES.get(name, kind.num_wires), kind.num_params
    rng = np.random.default_rng(0)
    slots = [Slot("Rot", (qubit,), 3) for qubit in range(n_wires)]
    word = "XYZ" if name == "PauliRot" else ""
    slots = [*slots, Slot(name, tuple(range(n_wires)), n_params, word), *slots]
    params = rng.uniform(-6, 6, (2, 6 * n_wires + n_params))
    source = Source(tuple(slots), params, 0, n_wires)
    for target in TARGETS.values():
        compiled = compile_batch([source], target, templates=TemplateStore())
        require_verified([source], compiled)
        for row in range(2):
            operations = source_operations(source, row)
            wires = Wires(range(n_wires))
            assert verify_circuit(compiled[0][row], operations, wires, from_ground=False).ok


def test_a_batch_with_a_wrong_circuit_is_refused():
    ops = [qml.RX(np.array([0.1, 0.2, 0.3]), wires=0), qml.PauliRot(0.3, "XY", wires=[0, 1])]
    source = read([*ops, qml.adjoint(qml.T(0)), qml.RX(0.2, 0)], Wires([0, 1]), batch_size=3)
    (rows,) = compile_batch([source], TARGETS["ms"], templates=TemplateStore())
    require_verified([source], [rows])
    with pytest.raises(VerificationError):
        require_verified([source], [[rows[0], rows[2], rows[1]]])
    with pytest.warns(UserWarning, match="not verified"):
        require_verified([source], [rows], limits=Limits(state_qubits=0, max_terms=0))


def test_native_gates_are_verified_from_their_source():
    ops = [ionq_ops.GPI2(0.1, wires=0), ionq_ops.MS(0.1, 0.2, 0.2, wires=[0, 1])]
    source = read(ops, Wires([0, 1]))
    require_verified([source], compile_batch([source], TARGETS["ms"], templates=TemplateStore()))
