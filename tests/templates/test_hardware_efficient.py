"""The ansatz against a circuit written by hand, and against PennyLane's own operator checks."""

import numpy as np
import pennylane as qml
import pytest
from scipy.optimize import minimize

from pennylane_qstore.errors import InvalidCircuitError
from pennylane_qstore.inspection import report
from pennylane_qstore.templates import (
    STANDARD_ROTATIONS,
    HardwareEfficientAnsatz,
    entangling_pairs,
)

PAIRS = {
    "linear": [(0, 1), (1, 2), (2, 3)],
    "circular": [(0, 1), (1, 2), (2, 3), (3, 0)],
    "full": [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)],
}


def angles(*shape: int) -> np.ndarray:
    return np.random.default_rng(11).uniform(-np.pi, np.pi, shape)


def dense_by_hand(params: np.ndarray, pairs: list[tuple[int, int]]) -> np.ndarray:
    """The matrix from Kronecker products only; wire 0 is the leftmost factor."""
    n_layers, n, _ = params.shape
    unitary = np.eye(2**n, dtype=complex)
    for layer in range(n_layers):
        rotations = np.eye(1)
        for theta, phi in params[layer]:
            c, s = np.cos(theta / 2), np.sin(theta / 2)
            ry = np.array([[c, -s], [s, c]])
            rz = np.diag(np.exp([-0.5j * phi, 0.5j * phi]))
            rotations = np.kron(rotations, rz @ ry)
        unitary = rotations @ unitary
        for control, target in pairs:
            columns = np.arange(2**n)
            flipped = columns ^ (((columns >> (n - 1 - control)) & 1) << (n - 1 - target))
            cnot = np.zeros((2**n, 2**n))
            cnot[flipped, columns] = 1
            unitary = cnot @ unitary
    return unitary


@pytest.mark.parametrize("entanglement", PAIRS)
def test_the_matrix_equals_the_circuit_written_by_hand(entanglement):
    params = angles(2, 4, 2)
    op = HardwareEfficientAnsatz(params, wires=range(4), entanglement=entanglement)
    expected = dense_by_hand(params, PAIRS[entanglement])
    np.testing.assert_allclose(qml.matrix(op, wire_order=range(4)), expected, atol=1e-12)


@pytest.mark.parametrize("entanglement", PAIRS)
def test_the_operator_meets_pennylanes_contract(entanglement):
    op = HardwareEfficientAnsatz(
        qml.numpy.array(angles(2, 3, 2)), wires=["b", 0, "a"], entanglement=entanglement
    )
    qml.ops.functions.assert_valid(op)


def test_one_wire_needs_no_entangler():
    op = HardwareEfficientAnsatz(qml.numpy.array(angles(2, 1, 2)), 0, entanglement="circular")
    assert [gate.name for gate in op.decomposition()] == ["RY", "RZ"] * 2
    qml.ops.functions.assert_valid(op)


def test_a_circle_of_two_wires_is_one_pair():
    assert entangling_pairs(2, "circular") == [(0, 1)]


def test_shape_is_what_the_constructor_accepts():
    shape = HardwareEfficientAnsatz.shape(n_layers=3, n_wires=5)
    op = HardwareEfficientAnsatz(angles(*shape), wires=range(5))
    assert len(op.decomposition()) == 3 * (2 * 5 + 4)


def test_a_leading_axis_broadcasts_like_a_loop():
    params = angles(4, 2, 3, 2)

    @qml.qnode(qml.device("default.qubit", wires=3))
    def circuit(params):
        HardwareEfficientAnsatz(params, wires=range(3))
        return qml.probs()

    assert HardwareEfficientAnsatz(params, wires=range(3)).batch_size == 4
    one_by_one = [circuit(row) for row in params]
    np.testing.assert_allclose(circuit(params), one_by_one, atol=1e-12)


def test_nested_lists_are_taken_as_arrays():
    params = angles(1, 2, 2)
    op = HardwareEfficientAnsatz(params.tolist(), wires=range(2))
    np.testing.assert_array_equal(op.data[0], params)


def test_the_last_rz_angles_do_not_reach_a_z_measurement():
    params = angles(2, 3, 2)
    other = params.copy()
    other[-1, :, 1] += 1.0

    @qml.qnode(qml.device("default.qubit", wires=3))
    def circuit(params):
        HardwareEfficientAnsatz(params, wires=range(3))
        return qml.probs()

    np.testing.assert_allclose(circuit(params), circuit(other), atol=1e-12)


def test_the_gradient_equals_finite_differences():
    params = qml.numpy.array(angles(1, 2, 2))

    @qml.qnode(qml.device("default.qubit", wires=2), diff_method="parameter-shift")
    def circuit(params):
        HardwareEfficientAnsatz(params, wires=range(2))
        return qml.expval(qml.X(0) @ qml.Z(1))

    gradient = qml.grad(circuit)(params)
    for index in np.ndindex(params.shape):
        step = np.zeros(params.shape)
        step[index] = 1e-5
        slope = (circuit(params + step) - circuit(params - step)) / 2e-5
        assert gradient[index] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("shape", [(2, 3), (2, 4, 2), (2, 3, 3), (1, 1, 2, 3, 2)])
def test_a_shape_that_does_not_fit_three_wires_is_named(shape):
    with pytest.raises(InvalidCircuitError, match=r"need \(n_layers, 3, 2\)"):
        HardwareEfficientAnsatz(np.zeros(shape), wires=range(3))


def test_an_unknown_entanglement_is_named():
    with pytest.raises(InvalidCircuitError, match="'ring'"):
        HardwareEfficientAnsatz(np.zeros((1, 3, 2)), wires=range(3), entanglement="ring")


def rotation_by_hand(name: str, angle: float) -> np.ndarray:
    pauli = {"RX": [[0, 1], [1, 0]], "RY": [[0, -1j], [1j, 0]], "RZ": [[1, 0], [0, -1]]}[name]
    return np.cos(angle / 2) * np.eye(2) - 1j * np.sin(angle / 2) * np.array(pauli)


@pytest.mark.parametrize("rotations", [("RY",), ("RX", "RZ"), STANDARD_ROTATIONS])
def test_each_wire_is_rotated_about_the_named_axes_in_time_order(rotations):
    params = angles(*HardwareEfficientAnsatz.shape(1, 1, rotations=rotations))
    expected = np.eye(2)
    for name, angle in zip(rotations, params[0, 0], strict=True):
        expected = rotation_by_hand(name, angle) @ expected
    op = HardwareEfficientAnsatz(params, wires=0, rotations=rotations)
    np.testing.assert_allclose(qml.matrix(op), expected, atol=1e-12)


def test_the_standard_layer_is_pennylanes_rot():
    params = angles(2, 3, 3)
    op = HardwareEfficientAnsatz(params, wires=range(3), rotations=STANDARD_ROTATIONS)
    gates = []
    for layer in params:
        gates += [qml.Rot(*layer[i], wires=i) for i in range(3)]
        gates += [qml.CNOT([0, 1]), qml.CNOT([1, 2])]
    expected = qml.matrix(qml.tape.QuantumScript(gates), wire_order=range(3))
    np.testing.assert_allclose(qml.matrix(op, wire_order=range(3)), expected, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 3, 2), (4, 1, 2), (1, 1, 2)])
def test_shared_angles_are_the_same_as_repeated_ones(shape):
    params = angles(*shape)
    shared = HardwareEfficientAnsatz(params, wires=range(3), n_layers=4)
    full = HardwareEfficientAnsatz(np.broadcast_to(params, (4, 3, 2)), wires=range(3))
    np.testing.assert_array_equal(qml.matrix(shared), qml.matrix(full))


def test_brickwork_alternates_even_and_odd_pairs():
    assert entangling_pairs(5, "brickwork", layer=0) == [(0, 1), (2, 3)]
    assert entangling_pairs(5, "brickwork", layer=1) == [(1, 2), (3, 4)]
    assert entangling_pairs(2, "brickwork", layer=1) == [(0, 1)]
    op = HardwareEfficientAnsatz(angles(2, 4, 2), wires=list("abcd"), entanglement="brickwork")
    cnots = [gate.wires.tolist() for gate in op.decomposition() if gate.name == "CNOT"]
    assert cnots == [["a", "b"], ["c", "d"], ["b", "c"]]


def test_brickwork_halves_the_entanglers_of_two_linear_layers_on_eight_wires():
    for entanglement, expected in (("linear", 14), ("brickwork", 7)):
        op = HardwareEfficientAnsatz(angles(2, 8, 2), range(8), entanglement=entanglement)
        assert sum(gate.name == "CNOT" for gate in op.decomposition()) == expected


def test_a_devices_own_pairs_are_taken_as_they_are():
    connectivity = [[0, 2], (2, 1)]
    op = HardwareEfficientAnsatz(angles(2, 3, 2), list("abc"), entanglement=connectivity)
    cnots = [gate.wires.tolist() for gate in op.decomposition() if gate.name == "CNOT"]
    assert cnots == [["a", "c"], ["c", "b"]] * 2


@pytest.mark.parametrize(
    "arguments",
    [
        {"entanglement": "brickwork", "rotations": STANDARD_ROTATIONS},
        {"entanglement": ((0, 2), (2, 1)), "n_layers": 3},
    ],
)
def test_every_option_meets_pennylanes_contract(arguments):
    n_layers = 1 if "n_layers" in arguments else 2
    rotations = arguments.get("rotations", ("RY", "RZ"))
    shape = HardwareEfficientAnsatz.shape(n_layers, 3, rotations=rotations)
    op = HardwareEfficientAnsatz(qml.numpy.array(angles(*shape)), wires=["b", 0, "a"], **arguments)
    qml.ops.functions.assert_valid(op)


@pytest.mark.parametrize("pair", [(0, 0), (0, 3), (-1, 0), (0, 1, 2)])
def test_a_pair_that_is_none_is_named(pair):
    with pytest.raises(InvalidCircuitError, match="not a pair of positions"):
        HardwareEfficientAnsatz(np.zeros((1, 3, 2)), wires=range(3), entanglement=[pair])


@pytest.mark.parametrize("rotations", [(), ("RY", "RW"), "H"])
def test_an_unknown_rotation_is_named(rotations):
    with pytest.raises(InvalidCircuitError, match="cannot rotate by"):
        HardwareEfficientAnsatz(np.zeros((1, 3, 2)), wires=range(3), rotations=rotations)


def test_layers_that_are_neither_given_nor_shared_are_refused():
    with pytest.raises(InvalidCircuitError, match=r"need \(4, 3, 2\)"):
        HardwareEfficientAnsatz(np.zeros((2, 3, 2)), wires=range(3), n_layers=4)


def fidelity(first: np.ndarray, second: np.ndarray) -> float:
    """Average over all input states of the overlap of what two one-qubit unitaries make of them."""
    return (abs(np.trace(first.conj().T @ second)) ** 2 + 2) / 6


def nearest_to_rx(rotations: tuple[str, ...]) -> float:
    """Highest fidelity of one layer on one wire with RX(pi/2), from many starts."""
    wanted = rotation_by_hand("RX", np.pi / 2)

    def infidelity(params):
        op = HardwareEfficientAnsatz(params.reshape(1, 1, -1), wires=0, rotations=rotations)
        return 1 - fidelity(wanted, qml.matrix(op))

    starts = np.random.default_rng(2).uniform(-np.pi, np.pi, (10, len(rotations)))
    return 1 - min(minimize(infidelity, start).fun for start in starts)


def test_ry_and_rz_alone_are_not_universal_on_one_qubit_and_three_rotations_are():
    """The trace of RX(-pi/2) RZ(b) RY(a) has modulus sqrt(2) at most, so the fidelity 2/3."""
    assert nearest_to_rx(("RY", "RZ")) == pytest.approx(2 / 3, abs=1e-6)
    assert nearest_to_rx(STANDARD_ROTATIONS) == pytest.approx(1, abs=1e-6)


def test_rx_is_a_product_of_rz_and_ry():
    """As matrices; in a circuit the rightmost factor acts first, as the standard rotations do."""
    angle = 0.7
    product = (
        rotation_by_hand("RZ", -np.pi / 2)
        @ rotation_by_hand("RY", angle)
        @ rotation_by_hand("RZ", np.pi / 2)
    )
    np.testing.assert_allclose(product, rotation_by_hand("RX", angle), atol=1e-12)
    in_time_order = np.array([[[np.pi / 2, angle, -np.pi / 2]]])
    op = HardwareEfficientAnsatz(in_time_order, wires=0, rotations=STANDARD_ROTATIONS)
    np.testing.assert_allclose(qml.matrix(op), rotation_by_hand("RX", angle), atol=1e-12)


@pytest.mark.parametrize("entanglement", ["linear", "circular", "brickwork"])
def test_the_third_rotation_costs_no_entangler(entanglement):
    counts = []
    for rotations in (("RY", "RZ"), STANDARD_ROTATIONS):
        params = angles(*HardwareEfficientAnsatz.shape(3, 4, rotations=rotations))
        op = HardwareEfficientAnsatz(
            params, range(4), entanglement=entanglement, rotations=rotations
        )
        tape = qml.tape.QuantumScript([op], [qml.probs(wires=op.wires)])
        counts.append(report(tape)[0].stages[-1].n_entangling)
    assert counts[0] == counts[1] <= len(op.decomposition()) - 36
