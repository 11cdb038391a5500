"""Shots of a Hamiltonian go where its terms are large; together they stay what they were."""

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore.optimize import LocalModelOptimizer
from pennylane_qstore.optimize.allocation import allocate, in_parts, joined, light, shared
from pennylane_qstore.optimize.core import LocalModel, Query
from pennylane_qstore.optimize.evaluate import Evaluator
from pennylane_qstore.optimize.request import Readout

X, Y, Z = qml.PauliX, qml.PauliY, qml.PauliZ
UNEVEN = qml.Hamiltonian(
    [0.7, 0.9, -0.4, 0.05, 0.03, 1.25],
    [Z(0), Z(0) @ Z(1), Z(1), X(0) @ X(1), Y(0) @ Y(1), qml.Identity(0)],
)
# Some devices count an identity as one more circuit.
TRACELESS = qml.Hamiltonian(*(side[:-1] for side in UNEVEN.terms()))
EVEN = qml.Hamiltonian([1.0, -1.0], [X(0) @ X(1), Z(0) @ Z(1)])


def node(hamiltonian, device="default.qubit", shots=200, **options):
    @qml.set_shots(shots)
    @qml.qnode(qml.device(device, wires=2, **options))
    def circuit(params):
        qml.RY(params[0], 0)
        qml.RX(params[1], 1)
        qml.CNOT([0, 1])
        qml.RY(params[2], 1)
        return qml.expval(hamiltonian)

    return circuit


def tape(hamiltonian, shots=200):
    (found,), _ = qml.workflow.construct_batch(node(hamiltonian, shots=shots), level="user")(
        np.array([0.4, -0.3, 0.8])
    )
    return found


@pytest.mark.parametrize(
    ("total", "sizes", "expected"),
    [(100, [3, 1], [75, 25]),
     (100, [99, 1], [80, 20]),
     (300, [100, 1, 2], [260, 20, 20]),
     (10, [9, 1], [5, 5]),
     (7, [1, 1], [4, 3]),
     (90, [0, 2, 1], [20, 47, 23]),
     (60, [0, 0, 0], [20, 20, 20])],
)  # fmt: skip
def test_shots_follow_the_scatter_down_to_the_least(total, sizes, expected):
    found = allocate(total, sizes)
    assert sorted(found, reverse=True) == sorted(expected, reverse=True)
    np.testing.assert_array_equal(found, expected)
    assert found.sum() == total


def test_allocated_shots_have_the_least_variance_of_the_sum():
    """Against all other divisions, by brute force."""
    sizes = np.array([3.0, 1.5, 0.5])
    best = min(
        (np.sum(sizes**2 / [a, b, 120 - a - b]), a, b)
        for a in range(20, 81)
        for b in range(20, 121 - a - 20)
    )
    found = allocate(120, sizes)
    assert np.sum(sizes**2 / found) < 1.002 * best[0]


def test_a_sum_is_measured_in_parts_that_add_up_to_it():
    parts = in_parts(tape(UNEVEN))
    assert parts.constant == 1.25
    assert sum(part.shots.total_shots for part in parts.tapes) == 3 * 200
    whole = sum((part.measurements[0].obs for part in parts.tapes), start=1.25 * qml.Identity(0))
    matrices = [qml.matrix(one, wire_order=[0, 1]) for one in (whole, UNEVEN)]
    np.testing.assert_allclose(*matrices, atol=1e-12)
    most = max(parts.tapes, key=lambda part: part.shots.total_shots)
    assert set(most.measurements[0].obs.pauli_rep) <= set(
        qml.pauli.pauli_sentence(Z(0) + Z(0) @ Z(1) + Z(1))
    )


def test_large_terms_gather_in_few_groups():
    """The Z words are one group, though each of them commutes with other words, too."""
    words = {
        "ZII": 0.5,
        "XIX": 0.01,
        "IXX": 0.02,
        "ZZI": 0.4,
        "YII": 0.03,
        "IZI": -0.6,
        "IIX": 0.04,
    }
    letters = {"X": X, "Y": Y, "Z": Z}
    sum_ = qml.dot(
        list(words.values()),
        [qml.prod(*(letters[p](i) for i, p in enumerate(w) if p != "I")) for w in words],
    )
    parts = in_parts(qml.tape.QuantumScript([], [qml.expval(sum_)], shots=100))
    found = [{str(c) for c in p.measurements[0].obs.pauli_rep.values()} for p in parts.tapes]
    assert found == [{"-0.6", "0.5", "0.4", "0.04"}, {"0.03", "0.02"}, {"0.01"}]


def test_the_constant_is_in_the_value_and_in_what_it_is_without_a_group_of_shots():
    parts = in_parts(tape(UNEVEN))
    readouts = [Readout(0.1, (0.0, 0.2)), Readout(0.3, (0.5, 0.1)), Readout(-0.2, (-0.1, -0.3))]
    whole = parts.joined(readouts)
    assert whole.value == pytest.approx(1.25 + 0.2)
    assert whole.without == pytest.approx((1.25 + 0.4, 1.25))
    assert parts.joined([*readouts[:2], Readout(-0.2)]).without is None


@pytest.mark.parametrize(
    "hamiltonian", [EVEN, Z(0), 2.0 * Z(0) @ Z(1), qml.Hermitian(np.diag([1, 0, 0, 2]), [0, 1])]
)
def test_what_cannot_gain_is_left_alone(hamiltonian):
    before = tape(hamiltonian)
    assert in_parts(before, tolerance=np.inf).tapes == (before,)


@pytest.mark.parametrize("shots", [None, (100, 100)])
def test_exact_and_partitioned_results_are_left_alone(shots):
    before = tape(UNEVEN, shots)
    assert in_parts(before, tolerance=np.inf).tapes == (before,)


@pytest.mark.parametrize("measures_the_measurement", [True, False])
def test_circuits_with_mid_circuit_measurements_are_left_alone(measures_the_measurement):
    @qml.set_shots(200)
    @qml.qnode(qml.device("default.qubit", wires=2, seed=2), mcm_method="one-shot")
    def dynamic(params):
        qml.RY(params[0], 0)
        outcome = qml.measure(0)
        qml.cond(outcome, qml.PauliX)(1)
        return qml.expval(outcome if measures_the_measurement else UNEVEN)

    answer = Evaluator(dynamic, (pnp.array([np.pi]),), {})(
        Query(np.full((2, 1), np.pi), np.full(2, 50))
    )
    expected = 1.0 if measures_the_measurement else -0.7 + 0.9 + 0.4 + 1.25
    # X X and Y Y of the state |11> have mean 0 and scatter by 0.06 for each shot.
    np.testing.assert_allclose(answer.losses, expected, atol=5 * 0.06 / np.sqrt(50))
    (made,), _ = qml.workflow.construct_batch(dynamic, level="user")(np.array([np.pi]))
    assert in_parts(made, tolerance=np.inf).tapes == (made,)


@pytest.mark.parametrize(
    ("sizes", "tolerance", "expected"),
    [([3, 4, 0.3, 0.4], 0.6, [3, 2]),
     ([3, 4, 0.3, 0.4], 0.5, [3, 2]),
     ([3, 4, 0.3, 0.4], 0.49, [2]),
     ([3, 4, 0.3, 0.4], 0.2, []),
     ([3, 4, 0.3, 0.4], np.inf, [3, 2]),
     ([1, 1.2], np.inf, []),
     ([0.0, 2.0], 0.0, []),
     ([0.0, 2.0], 0.1, [0]),
     ([0.0], np.inf, [])],
)  # fmt: skip
def test_light_groups_are_the_smallest_that_scatter_little_together(sizes, tolerance, expected):
    found = light(sizes, tolerance).tolist()
    assert found == expected


@pytest.mark.parametrize("tolerance", [0.0, np.inf])
def test_a_sum_that_is_zero_has_a_loss_at_every_point(tolerance):
    circuit = node(qml.Hamiltonian([0.0, 0.0], [Z(0), Z(1)]), "qstore.ionq", seed=1)
    query = Query(np.zeros((2, 3)), np.full(2, 50), tolerance=tolerance)
    answer = Evaluator(circuit, (pnp.zeros(3),), {})(query)
    np.testing.assert_array_equal(answer.losses, 0)


def test_light_groups_come_last_and_are_measured_once_for_each_sum():
    parts = [in_parts(tape(sum_), spreads=False, tolerance=0.1)
             for sum_ in (UNEVEN, UNEVEN, TRACELESS, 2 * UNEVEN)]  # fmt: skip
    assert [len(part.tapes) for part in parts] == [3, 3, 3, 3]
    assert {tape.shots.total_shots for part in parts for tape in part.tapes} == {200}
    assert [part.n_light for part in parts] == [2, 2, 2, 1]
    assert parts[0].scatter == pytest.approx(np.hypot(0.05, 0.03))
    once = shared(parts, [0, 0, 0, 0])
    # The constant is no part of what is shared; twice the sum is another one.
    assert [len(part.tapes) for part in once] == [3, 1, 1, 3]
    assert qml.equal(once[1].tapes[0].measurements[0], parts[0].tapes[0].measurements[0])
    assert [len(part.tapes) for part in shared(parts, [0, 1, 0, 2])] == [3, 3, 1, 3]


def test_light_groups_are_taken_over_with_what_they_are_without_a_group_of_shots():
    parts = shared([in_parts(tape(UNEVEN), tolerance=0.1) for _ in range(2)], [0, 0])
    heavy, light_, other = (
        Readout(0.5, (0.4, 0.6)),
        Readout(0.02, (0.01, 0.04)),
        Readout(-0.1, (-0.1, -0.1)),
    )
    first, second = joined(parts, [heavy, light_, other, Readout(0.7, (0.7, 0.8))])
    assert (first.value, second.value) == pytest.approx((1.25 + 0.42, 1.25 + 0.62))
    assert second.without == pytest.approx((1.25 + 0.61, 1.25 + 0.74))
    assert (first.borrowed, second.borrowed) == pytest.approx((0, np.hypot(0.05, 0.03)))
    unknown = joined(parts, [heavy, Readout(0.02), other, heavy])[1]
    assert unknown.without is None
    assert unknown.borrowed == second.borrowed


POINTS = np.array([[0.4, -0.3, 0.8], [1.4, -0.3, 0.8], [0.4, 0.9, 0.8]])


@pytest.mark.parametrize("device", ["default.qubit", "lightning.qubit", "qstore.ionq"])
def test_points_after_the_first_take_its_light_terms_and_say_so(device):
    circuit, params = node(TRACELESS, device, shots=20_000, seed=1), pnp.array(POINTS[0])
    heavy = qml.Hamiltonian(*(side[:3] for side in TRACELESS.terms()))
    rest = qml.Hamiltonian(*(side[3:] for side in TRACELESS.terms()))
    in_z, in_rest = (node(part, shots=None) for part in (heavy, rest))
    expected = [float(in_z(point) + in_rest(POINTS[0])) for point in POINTS]
    answer = Evaluator(circuit, (params,), {})(Query(POINTS, tolerance=0.06))
    assert (answer.counts.executions, answer.counts.batches) == (3 + 1 + 1, 1)
    assert answer.counts.shots == 5 * 20_000
    assert answer.overlooked == pytest.approx(np.hypot(0.05, 0.03))
    scatter = np.array([0, answer.overlooked**2, answer.overlooked**2])
    errors = np.sqrt(answer.variances - scatter)
    assert (np.abs(answer.losses - expected) < 5 * errors).all()
    assert (errors < 0.02).all()


@pytest.mark.parametrize("device", ["default.qubit", "lightning.qubit", "qstore.ionq"])
@pytest.mark.parametrize("square", [False, True])
def test_points_that_keep_their_light_terms_have_a_loss_with_and_without(device, square):
    circuit, params = node(TRACELESS, device, shots=100_000, seed=1), pnp.array(POINTS[0])
    heavy = qml.Hamiltonian(*(side[:3] for side in TRACELESS.terms()))
    rest = qml.Hamiltonian(*(side[3:] for side in TRACELESS.terms()))
    in_z, in_rest = (node(part, shots=None) for part in (heavy, rest))

    def of(value):
        return value**2 if square else value

    objective = (lambda x: of(circuit(x))) if square else circuit
    points = np.array([POINTS[0], POINTS[1], [0.9, -0.3, 2.0]])
    query = Query(points, tolerance=0.06, whole_at=(0, 2))
    answer = Evaluator(objective, (params,), {})(query)
    assert (answer.counts.executions, answer.counts.batches) == (3 + 1 + 3, 1)
    lent = [float(of(in_z(point) + in_rest(points[0]))) for point in points]
    np.testing.assert_allclose(answer.losses, lent, atol=0.02)
    assert answer.whole[0] == answer.losses[0]
    # The same shots of the large group: but for the noise of the small ones, all is known.
    change = float(in_rest(points[2]) - in_rest(points[0]))
    assert abs(change) > 0.02
    with_own, with_lent = np.array([answer.whole[1], answer.losses[2]]) ** (0.5 if square else 1)
    assert with_own - with_lent == pytest.approx(change, abs=0.002)


def test_without_small_terms_the_whole_is_the_loss():
    circuit = node(EVEN, "qstore.ionq", seed=1)
    query = Query(POINTS, tolerance=np.inf, whole_at=(1, 2))
    answer = Evaluator(circuit, (pnp.array(POINTS[0]),), {})(query)
    np.testing.assert_array_equal(answer.whole, answer.losses[1:])


def test_exact_results_lack_nothing():
    circuit = node(UNEVEN, shots=None)
    answer = Evaluator(circuit, (pnp.array(POINTS[0]),), {})(Query(POINTS, tolerance=np.inf))
    np.testing.assert_allclose(answer.losses, [circuit(point) for point in POINTS], atol=1e-12)
    np.testing.assert_array_equal(answer.variances, 0)
    assert answer.overlooked == 0


def test_a_python_function_says_what_it_lacks_in_its_own_units():
    circuit, other = (node(UNEVEN, "qstore.ionq", seed=n, shots=20_000) for n in (1, 2))
    exact = node(UNEVEN, shots=None)

    def loss(x):
        return 2 * circuit(x) + 3 * other(-x)

    answer = Evaluator(loss, (pnp.array(POINTS[0]),), {})(Query(POINTS, tolerance=np.inf))
    # For each of the two, three groups at the first point and one at both others.
    assert (answer.counts.executions, answer.counts.batches) == (2 * (3 + 2), 2)
    scatter = np.hypot(0.05, 0.03) * np.hypot(2, 3)
    assert answer.overlooked == pytest.approx(scatter)
    expected = np.array([2 * exact(point) + 3 * exact(-point) for point in POINTS])
    errors = np.sqrt(answer.variances)
    assert errors[0] < 0.05 < scatter < errors[1]
    assert (np.abs(answer.losses - expected) < 5 * errors).all()


def test_what_the_same_sum_is_on_other_data_is_not_taken_over():
    """Were it, the second sample would have the first one's light terms."""

    @qml.set_shots(50_000)
    @qml.qnode(qml.device("qstore.ionq", wires=2, seed=1))
    def circuit(x, sample):
        qml.RY(x, 0)
        if sample:
            qml.CNOT([0, 1])
        return qml.expval(Z(0) + 0.2 * X(0) @ X(1))

    answer = Evaluator(lambda x: circuit(x, 0) ** 2 + circuit(x, 1), (pnp.array(np.pi / 2),), {})(
        Query(np.full((3, 1), np.pi / 2), tolerance=np.inf)
    )
    assert answer.counts.executions == 2 * (2 + 1 + 1)
    np.testing.assert_allclose(answer.losses, 0.2, atol=0.03)


def test_a_function_that_changes_leaves_its_variance_unknown():
    circuit, rng = node(UNEVEN, "qstore.ionq", seed=1), np.random.default_rng(0)
    first = Evaluator(circuit, (pnp.array(POINTS[0]),), {})(Query(POINTS[:1]))

    def loss(x):
        random = 0.0 if calls.pop(0) else rng.normal()
        return circuit(x) + 0 * circuit(x + random)

    # Two trials and the evaluation of each point see the same circuits; what comes then does not.
    calls = [True] * 9 + [False] * 99
    answer = Evaluator(loss, (pnp.array(POINTS[0]),), {})(Query(POINTS, tolerance=np.inf))
    assert answer.overlooked == 0
    assert np.isnan(answer.variances).all()
    assert answer.losses[0] == pytest.approx(first.losses[0], abs=0.3)


def test_what_is_asked_because_of_a_result_has_all_terms_measured():
    circuit = node(UNEVEN, "qstore.ionq", seed=1)

    def loss(x):
        return circuit(x) if circuit(x) > 1.0 else circuit(x + 0.3) + 1

    answer = Evaluator(loss, (pnp.array(POINTS[0]),), {})(Query(POINTS, tolerance=np.inf))
    # Made-up results are below 1, so the second circuits are foreseen in vain.
    assert (answer.counts.executions, answer.counts.batches) == (2 * (3 + 2) + 3 * 3, 2)


def folded(tape):
    """Extrapolates from two tapes, as error mitigation does."""
    return [tape, tape], lambda results: 2 * results[0] - results[1]


def test_a_circuit_that_becomes_several_borrows_from_its_own_kind():
    circuit = qml.transform(folded)(node(UNEVEN, "qstore.ionq", seed=1))
    answer = Evaluator(circuit, (pnp.array(POINTS[0]),), {})(Query(POINTS, tolerance=np.inf))
    assert answer.counts.executions == 2 * (3 + 1 + 1)
    assert answer.overlooked == pytest.approx(np.hypot(0.05, 0.03) * np.hypot(2, 1))


@pytest.mark.parametrize("device", ["default.qubit", "lightning.qubit", "qstore.ionq"])
@pytest.mark.parametrize("is_python", [False, True])
def test_planned_shots_give_unbiased_losses_with_less_noise_in_one_batch(device, is_python):
    circuit, params = node(TRACELESS, device, seed=1), pnp.array([0.4, -0.3, 0.8])
    objective = (lambda x: circuit(x) * 1.0) if is_python else circuit
    exact = float(node(TRACELESS, shots=None)(params))
    points = np.tile(params, (150, 1))
    planned = Evaluator(objective, (params,), {})(Query(points, np.full(150, 200)))
    plain = Evaluator(objective, (params,), {})(Query(points))
    assert planned.counts.batches == 1
    # default.qubit groups terms in another way, into four circuits.
    assert planned.counts.shots == 150 * 3 * 200 <= plain.counts.shots
    for answer in (planned, plain):
        error = np.sqrt(np.mean(answer.variances) / 150)
        assert abs(answer.losses.mean() - exact) < 5 * error
        assert np.var(answer.losses) == pytest.approx(np.mean(answer.variances), rel=0.5)
    # Their scatter is 0.6 for Z and below 0.06 for the others: equal shots waste two thirds.
    costs = [np.var(one.losses) * one.counts.shots for one in (planned, plain)]
    assert costs[0] < 0.6 * costs[1]


def test_shots_of_the_user_stay_where_they_are():
    """What is run is the tape itself, with its shots for each group."""
    requests = [
        Evaluator(node(UNEVEN), (pnp.zeros(3),), {})._prepare(np.zeros(3), n, 0.0)
        for n in (None, 200)
    ]
    assert [request.spreads for request in requests] == [False, True]
    assert [len(request.tapes) for request in requests] == [1, 1]


def test_an_optimizer_that_plans_its_shots_spends_no_more_of_them():
    opt = LocalModelOptimizer(settings=LocalModel(shots=50), seed=3)
    circuit = node(TRACELESS)
    opt.step(circuit, pnp.array([0.4, -0.3, 0.8]))
    # XX and YY, which scatter by 0.06, are measured at the first of four points only.
    assert opt.last.counts.shots == 3 * 50 + 3 * 110
    assert "terms that amount to 0.058 were measured at the centre only" in opt.last.reason
