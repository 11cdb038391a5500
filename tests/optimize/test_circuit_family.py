"""Which objectives are sums over circuits that share their gates, and what is known of these."""

from functools import partial

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore.optimize.circuit_family import separated, try_out
from pennylane_qstore.optimize.loss_of_results import LossOfResults
from pennylane_qstore.optimize.single_circuits import separable_circuits

RNG = np.random.default_rng(5)
FEATURES = RNG.uniform(-1, 1, (4, 2))
LABELS = np.array([1.0, -1.0, -1.0, 1.0])
DEVICE = qml.device("default.qubit", wires=3)


def layers(weights, features):
    for layer in weights:
        qml.AngleEmbedding(features, wires=[0, 1])
        qml.StronglyEntanglingLayers(layer[None], wires=[0, 1])
    qml.RY(0.3, wires=2)  # reaches no measured wire


@qml.qnode(DEVICE)
def node(weights, features):
    layers(weights, features)
    return qml.expval(qml.Z(0))


@qml.qnode(DEVICE)
def several(weights, features):
    layers(weights, features)
    return qml.expval(qml.X(0)), qml.probs(wires=1)


def weights(n=2):
    return pnp.array(RNG.uniform(-1, 1, (n, 2, 3)), requires_grad=True)


def squares(w, circuit=node):
    return sum((circuit(w, x) - y) ** 2 for x, y in zip(FEATURES, LABELS, strict=True)) / 4


def broadcast(w):
    return pnp.mean((node(w, FEATURES) - LABELS) ** 2)


def with_bias(w, bias):
    return sum(
        pnp.log(1 + pnp.exp(-y * (3 * node(w, x) + bias)))
        for x, y in zip(FEATURES, LABELS, strict=True)
    )


def read_out(w, readout):
    total = 0.0
    for x, y in zip(FEATURES, LABELS, strict=True):
        value, probs = several(w, x)
        total = total + pnp.tanh(readout[0] * value + readout[1] * probs[1] - y) ** 2
    return total


READOUT = pnp.array([0.5, -0.3], requires_grad=True)
SUMS = {
    "squares": (squares, lambda: (weights(),), 1, 0),
    "broadcast": (broadcast, lambda: (weights(),), 1, 0),
    "bias": (with_bias, lambda: (weights(), pnp.array(0.2)), 1, 1),
    "readout": (read_out, lambda: (weights(), READOUT), 3, 2),
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_over_data_are_recognised(name):
    cost, make, n_outputs, n_direct = SUMS[name]
    family = separable_circuits(cost, make(), {})
    assert family.n_outputs == n_outputs
    direct = family.kernel.direct
    assert direct.tolist() == list(range(12, 12 + n_direct))
    assert len(family.encoded) == 4  # two features, uploaded twice
    assert set(family.kernel.live) <= set(range(12))


def test_parameters_behind_the_last_entangler_on_other_wires_are_not_live():
    family = separable_circuits(squares, (weights(1),), {})
    # Rot on wire 0 and 1, then CNOT(0, 1) and CNOT(1, 0): all reach wire 0.
    assert family.kernel.live.tolist() == list(range(6))

    @qml.qnode(DEVICE)
    def apart(w, x):
        qml.RX(x[0], wires=0)
        qml.RY(w[0], wires=0)
        qml.RX(x[1], wires=1)
        qml.RY(w[1], wires=1)
        return qml.expval(qml.Z(0))

    family = separable_circuits(partial(squares, circuit=apart), (pnp.array([0.1, 0.2]),), {})
    assert family.kernel.live.tolist() == [0]
    assert len(family.encoded) == 1


def test_frequencies_of_gates_count():
    @qml.qnode(DEVICE)
    def shared(w, x):
        qml.RX(x[0], wires=0)
        for wire in range(2):
            qml.RY(2 * w[0], wires=wire)
            qml.IsingXX(w[1], wires=[0, 1])
        return qml.expval(qml.Z(0))

    kernel = separable_circuits(
        partial(squares, circuit=shared), (pnp.array([0.1, 0.2]),), {}
    ).kernel
    assert kernel.trained.angles.tolist() == [[0.0, 1.0], [2.0, 0.0]]
    assert kernel.trained.counts.tolist() == [2.0, 2.0]


def tapes_of(cost, args):
    return [tape for _, tape in separated(try_out(partial(cost, *args)).requests)]


@pytest.mark.parametrize("name", ["squares", "broadcast", "readout"])
def test_a_moved_circuit_is_the_one_that_other_parameters_give(name):
    cost, make, _, _ = SUMS[name]
    args = make()
    family = separable_circuits(cost, args, {})
    change = RNG.uniform(-1, 1, sum(np.size(one) for one in args))
    moved_weights = args[0] + change[: args[0].size].reshape(args[0].shape)
    there = tapes_of(cost, (moved_weights, *args[1:]))
    for here, expected in zip(tapes_of(cost, args), there, strict=True):
        moved = family.moved(here, change)
        assert np.allclose(
            qml.matrix(moved, wire_order=range(3)), qml.matrix(expected, wire_order=range(3))
        )
        assert moved.measurements == expected.measurements


def other_qnode(gates, measure=lambda: qml.expval(qml.Z(0))):
    @qml.qnode(DEVICE)
    def circuit(w, x):
        gates(w, x)
        return measure()

    return circuit


def plain_gates(w, x):
    qml.RX(x[0], wires=0)
    qml.RY(w[0], wires=0)
    qml.CNOT(wires=[0, 1])


def product(w):
    return squares(w) * squares(w)


def by_numpy(w):
    values = np.array([float(node(w, x)) for x in FEATURES])
    return np.mean((values - LABELS) ** 2)


def in_a_chain(w):
    value = 0.0
    for x in FEATURES:
        value = value + node(w, x + 0.1 * float(value))
    return value


def one_circuit(w):
    return node(w, FEATURES[0]) ** 2


def the_same_twice(w):
    return node(w, FEATURES[0]) ** 2 + 0.5 * node(w, FEATURES[0])


def two_observables(w):
    x = FEATURES[0]
    first, second = (
        other_qnode(plain_gates, lambda c=c: qml.expval(c * qml.Z(0))) for c in (1.0, 2.0)
    )
    return first(w[0, 0], x) ** 2 + second(w[0, 0], x) ** 2


def regularised(w):
    return squares(w) + 0.1 * pnp.sum(w**2)


REFUSED = {
    "a product of sums": (product, weights()),
    "results that autograd cannot follow": (by_numpy, weights()),
    "circuits that depend on results": (in_a_chain, weights()),
    "one circuit": (one_circuit, weights()),
    "one circuit twice": (the_same_twice, weights()),
    "observables that differ": (two_observables, weights()),
    "more than 32 direct parameters": (regularised, weights(6)),
    "an angle of parameter and data": (
        partial(squares, circuit=other_qnode(lambda w, x: qml.RX(w[0] + x[0], wires=0))),
        pnp.array([0.1]),
    ),
    "an angle of parameter times data": (
        partial(squares, circuit=other_qnode(lambda w, x: qml.RX(w[0] * x[0], wires=0))),
        pnp.array([0.1]),
    ),
    "an angle that is not affine": (
        partial(squares, circuit=other_qnode(lambda w, x: qml.RX(w[0] ** 2, wires=0))),
        pnp.array([0.1]),
    ),
    "data that choose gates": (
        partial(
            squares,
            circuit=other_qnode(
                lambda w, x: [
                    qml.BasisEmbedding((x > 0).astype(int), wires=[0, 1]),
                    qml.RY(w[0], wires=0),
                ]
            ),
        ),
        pnp.array([0.1]),
    ),
    "a matrix that depends on a parameter": (
        partial(
            squares,
            circuit=other_qnode(
                lambda w, x: [
                    qml.RX(x[0], wires=0),
                    qml.QubitUnitary(qml.matrix(qml.RY(float(w[0]), wires=0)), wires=0),
                ]
            ),
        ),
        pnp.array([0.1]),
    ),
    "gates that depend on a measurement": (
        partial(
            squares,
            circuit=other_qnode(
                lambda w, x: [qml.RX(x[0], wires=1), qml.cond(qml.measure(1), qml.RY)(w[0], 0)]
            ),
        ),
        pnp.array([0.1]),
    ),
    "variances": (
        partial(squares, circuit=other_qnode(plain_gates, lambda: qml.var(qml.Z(0)))),
        pnp.array([0.1]),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_objectives_are_left_to_the_model_of_the_loss(name):
    cost, params = REFUSED[name]
    assert separable_circuits(cost, (params,), {}) is None


def test_nothing_is_executed_to_find_out():
    with qml.Tracker(DEVICE) as tracker:
        separable_circuits(squares, (weights(),), {})
    assert not tracker.totals


def test_the_loss_is_expanded_as_by_hand():
    args = (weights(), READOUT)
    requests = try_out(partial(read_out, *args)).requests
    flat = np.concatenate([np.ravel(args[0]), READOUT])
    loss = LossOfResults(lambda p: partial(read_out, p[:12].reshape(2, 2, 3), p[12:]), requests)
    results = RNG.uniform(0.1, 0.9, (4, 3))
    found = loss.expand(results, flat, np.array([12, 13]))

    def by_hand(u):
        """From results and readout, for each circuit."""
        return np.tanh(u[3] * u[0] + u[4] * u[2] - LABELS[i]) ** 2

    for i in range(4):
        u, steps = np.concatenate([results[i], READOUT]), 1e-4 * np.eye(5)
        slope = np.array([(by_hand(u + s) - by_hand(u - s)) / 2e-4 for s in steps])
        assert np.allclose(found.slope[i, :3], slope[:3], atol=1e-6)
        cross = [
            [
                (by_hand(u + s + t) - by_hand(u + s - t) - by_hand(u - s + t) + by_hand(u - s - t))
                / 4e-8
                for s in steps
            ]
            for t in steps[:3]
        ]
        assert np.allclose(found.curvature[i, :3], cross, atol=1e-4)
    value = sum(
        np.tanh(0.5 * z[0] - 0.3 * z[2] - y) ** 2 for z, y in zip(results, LABELS, strict=True)
    )
    assert found.value == pytest.approx(float(value))
    total = found.slope[:, 3:].sum(axis=0)
    by_readout = [
        (float(loss(results, flat + s)) - float(loss(results, flat - s))) / 2e-4
        for s in 1e-4 * np.eye(14)[12:]
    ]
    assert np.allclose(total, by_readout, atol=1e-6)
