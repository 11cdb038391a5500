"""Answers to queries: the values of a loop, from one device call, counted as the device counts."""

import threading

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.optimize import InvalidLossError
from pennylane_qstore.optimize.core.query import Query
from pennylane_qstore.optimize.errors import UnknownStateError
from pennylane_qstore.optimize.evaluate import Evaluator

pnp = qml.numpy
DEVICES = ["default.qubit", "lightning.qubit", "qstore.ionq"]
POINTS = np.random.default_rng(3).uniform(-2, 2, (3, 3))
OBSERVABLES = (
    qml.Z(0),
    qml.Z(0) @ qml.Y(1) + 0.5 * qml.Z(2) - 0.7 * qml.Z(1) @ qml.Z(2),
    qml.X(2),
)


def ansatz(x):
    for i in range(3):
        qml.RY(x[i], wires=i)
    qml.CNOT([0, 1])
    qml.Rot(x[0], 0.3, x[1] * x[2], wires=1)
    qml.CRX(x[2] ** 2, wires=[1, 2])


def make_qnode(observable=OBSERVABLES[1], device="default.qubit", shots=None):
    dev = device if isinstance(device, qml.devices.Device) else make_device(device)

    @qml.qnode(dev, shots=shots)
    def circuit(x):
        ansatz(x)
        return qml.expval(observable)

    return circuit


def make_device(name):
    return qml.device(name, wires=3, seed=4, **({"cache": False} if name == "qstore.ionq" else {}))


def make_cost(device, shots=None):
    first, second, third = (make_qnode(one, device, shots) for one in OBSERVABLES)
    return lambda x: pnp.exp(first(x) ** 2 + second(x)) * pnp.cos(third(x[::-1]))


def ask(objective_fn, query, arg=None, **settings):
    arg = POINTS[0] if arg is None else arg
    return Evaluator(objective_fn, (arg,), {}, **settings)(query)


def counted(answer):
    return {
        "executions": answer.counts.executions,
        "shots": answer.counts.shots,
        "batches": answer.counts.batches,
    }


def tracked(tracker):
    return {key: tracker.totals.get(key, 0) for key in ("executions", "shots", "batches")}


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("make", [make_qnode, make_cost], ids=["qnode", "python"])
@pytest.mark.parametrize("shots", [None, 60])
def test_a_query_is_one_batch_and_counted_as_the_device_counts(name, make, shots):
    dev = make_device(name)
    objective_fn = make(device=dev, shots=shots)
    query = Query(
        POINTS, gradient_at=POINTS[0], metric_at=POINTS[1], pairs=np.array([POINTS[:2], POINTS[1:]])
    )
    with qml.Tracker(dev) as tracker:
        answer = ask(objective_fn, query)
    assert tracker.totals["batches"] == 1
    assert tracker.totals.get("jobs", 1) == 1
    assert counted(answer) == tracked(tracker)
    assert (answer.counts.shots > 0) == (shots is not None)


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("make", [make_qnode, make_cost], ids=["qnode", "python"])
def test_losses_and_gradient_are_those_of_a_loop_with_backpropagation(name, make):
    exact = make(device=make_device("default.qubit"))
    answer = ask(make(device=make_device(name)), Query(POINTS, gradient_at=POINTS[2]))
    np.testing.assert_allclose(answer.losses, [exact(x) for x in POINTS], atol=1e-9)
    np.testing.assert_allclose(answer.gradient, qml.grad(exact)(pnp.array(POINTS[2])), atol=1e-9)
    assert answer.gradient_loss == pytest.approx(exact(POINTS[2]), abs=1e-9)
    np.testing.assert_array_equal(answer.variances, 0)
    np.testing.assert_array_equal(answer.gradient_variances, 0)


@pytest.mark.parametrize("kind", ["list", "dict", "floats", "frozen"])
def test_the_gradient_goes_by_the_order_of_the_numbers_in_the_arguments(kind):
    cost = make_cost(make_device("default.qubit"))
    x = [0.3, -0.8, 1.1]
    expected = qml.grad(cost)(pnp.array(x))
    args, objective_fn = {
        "list": (([*x],), lambda a: cost(pnp.stack(a))),
        "dict": (({"a": x[0], "b": np.array(x[1:])},), lambda a: cost(pnp.append(a["a"], a["b"]))),
        "floats": (tuple(x), lambda *a: cost(pnp.stack(a))),
        "frozen": (
            (pnp.array(x[:1]), pnp.array([1.0], requires_grad=False), np.array(x[1:])),
            lambda a, one, b: one[0] * cost(pnp.concatenate([a, b])),
        ),
    }[kind]
    answer = Evaluator(objective_fn, args, {})(Query(gradient_at=np.array(x)))
    np.testing.assert_allclose(answer.gradient, expected, atol=1e-9)


@pytest.mark.parametrize("interface", ["torch", "jax"])
def test_losses_and_gradient_in_the_library_of_the_parameters(interface):
    library = pytest.importorskip(interface)
    if interface == "jax":
        library.config.update("jax_enable_x64", True)
        functions, arg = library.numpy, library.numpy.array(POINTS[0])
    else:
        functions, arg = library, library.tensor(POINTS[0], requires_grad=True)
    dev = make_device("default.qubit")
    first, second = (make_qnode(one, dev) for one in OBSERVABLES[:2])
    exact = make_qnode(OBSERVABLES[0]), make_qnode(OBSERVABLES[1])
    query = Query(POINTS, gradient_at=POINTS[0], metric_at=POINTS[0])
    with dev.tracker:
        answer = ask(lambda x: functions.exp(first(x)) * second(x) ** 2, query, arg)
    assert dev.tracker.totals["batches"] == 1

    def reference(x):
        return pnp.exp(exact[0](x)) * exact[1](x) ** 2

    np.testing.assert_allclose(answer.losses, [reference(x) for x in POINTS], atol=1e-9)
    np.testing.assert_allclose(
        answer.gradient, qml.grad(reference)(pnp.array(POINTS[0])), atol=1e-9
    )
    np.testing.assert_allclose(
        answer.metric, qml.metric_tensor(exact[0], approx="block-diag")(pnp.array(POINTS[0]))
    )


def test_only_the_circuits_of_wanted_derivatives_are_run():
    dev = make_device("default.qubit")

    @qml.qnode(dev)
    def circuit(x):
        for i in range(8):
            qml.RY(x[i], wires=i % 3)
        return qml.expval(qml.Z(0))

    x = np.linspace(0.1, 1.7, 8)
    for objective_fn in (circuit, lambda x: circuit(x) ** 2):
        answer = ask(objective_fn, Query(gradient_at=x, gradient_of=np.array([0, 6])), x)
        expected = np.zeros(8)
        expected[[0, 6]] = qml.grad(objective_fn)(pnp.array(x))[[0, 6]]
        np.testing.assert_allclose(answer.gradient, expected, atol=1e-12)
        assert answer.counts.executions == 1 + 2 * 2


def test_gradient_shots_are_those_of_the_shifted_circuits_only():
    dev = make_device("default.qubit")
    circuit = make_qnode(qml.Z(0), dev, shots=50)
    answer = ask(circuit, Query(POINTS[:1], gradient_at=POINTS[0], gradient_shots=20))
    shifted = answer.counts.executions - 2
    assert answer.counts.shots == 2 * 50 + shifted * 20


@pytest.mark.parametrize("make", [make_qnode, make_cost], ids=["qnode", "python"])
def test_shots_of_a_point_replace_those_of_every_qnode_called_for_it(make):
    dev = make_device("default.qubit")
    n_qnodes = 1 if make is make_qnode else 3
    make_all = make(device=dev, shots=None)
    base = ask(make_all, Query(POINTS[:1])).counts.executions
    assert base % n_qnodes == 0 or make is make_cost
    answer = ask(make_all, Query(POINTS, shots=np.array([30, 40, 50])))
    assert answer.counts.shots == base * (30 + 40 + 50)
    assert np.all(answer.variances > 0)


def test_a_branch_that_depends_on_a_result_takes_another_round_for_those_that_need_it():
    dev = make_device("default.qubit")
    first, second, third = (make_qnode(one, dev) for one in OBSERVABLES)

    def cost(x):
        scale = first(x)
        rest = second(scale * x)
        return third(x) * scale if rest > 0 else rest

    answer = ask(cost, Query(POINTS))
    np.testing.assert_allclose(answer.losses, [cost(x) for x in POINTS], atol=1e-12)
    assert 2 <= answer.counts.batches <= 3


def test_results_made_up_in_trials_never_reach_a_loss():
    dev = make_device("default.qubit")
    circuit = make_qnode(qml.Z(0), dev)

    def cost(x):
        value = circuit(x)
        if value > 0.999:
            return 5.0 + circuit(2 * x)
        return value

    zeros = np.zeros((2, 3))
    np.testing.assert_allclose(ask(cost, Query(zeros)).losses, 6.0)


def test_circuits_run_in_advance_on_a_wrong_forecast_are_not_taken_for_others():
    dev = make_device("default.qubit")
    circuit, other = make_qnode(qml.Z(0), dev), make_qnode(qml.X(0), dev)

    def cost(x):
        return circuit(x + 0.5) if circuit(x) > 0.999 else other(x)

    answer = ask(cost, Query(np.zeros((2, 3))))
    np.testing.assert_allclose(answer.losses, circuit(np.full(3, 0.5)), atol=1e-12)
    assert answer.counts.batches == 2


def test_what_depends_on_results_is_not_run_in_advance():
    dev = make_device("default.qubit")
    first, second = (make_qnode(one, dev) for one in (qml.Z(0), qml.X(2)))
    answer = ask(lambda x: second(first(x) * x), Query(POINTS))
    assert (answer.counts.executions, answer.counts.batches) == (6, 2)


def test_an_evaluation_within_an_evaluation_leaves_the_outer_one_intact():
    dev = make_device("default.qubit")
    circuit, other = make_qnode(qml.Z(0), dev), make_qnode(qml.X(0), dev)

    def cost(x):
        (inner,) = ask(lambda y: circuit(y) ** 2, Query(x[None])).losses
        return inner + other(x)

    answer = ask(cost, Query(POINTS))
    expected = [circuit(x) ** 2 + other(x) for x in POINTS]
    np.testing.assert_allclose(answer.losses, expected, atol=1e-12)
    assert (answer.counts.executions, answer.counts.batches) == (3, 1)


def test_trials_that_fail_on_made_up_results_do_not_stop_an_evaluation():
    dev = make_device("default.qubit")
    circuit, other = make_qnode(qml.Z(0), dev), make_qnode(qml.X(0), dev)

    def cost(x):
        value = circuit(x)
        if value < 0.999:
            raise ArithmeticError("not at zero")
        return value + other(x)

    answer = ask(cost, Query(np.zeros((2, 3))))
    np.testing.assert_allclose(answer.losses, 1.0, atol=1e-12)
    assert answer.counts.batches == 2


def test_two_hundred_evaluations_of_a_python_cost_leave_together_and_no_thread_stays():
    dev = make_device("default.qubit")
    cost, before = make_cost(dev), threading.active_count()
    points = np.random.default_rng(0).uniform(-1, 1, (200, 3))
    answer = ask(cost, Query(points))
    assert answer.counts.batches == 1
    np.testing.assert_allclose(answer.losses[::20], [cost(x) for x in points[::20]], atol=1e-12)
    assert threading.active_count() == before


def test_an_error_in_one_evaluation_is_raised_and_qnodes_are_as_before():
    original, before = qml.QNode.__call__, threading.active_count()
    circuit = make_qnode()

    def cost(x):
        value = circuit(x)
        if x[0] == POINTS[1][0]:
            raise OverflowError("too steep")
        return value

    with pytest.raises(OverflowError, match="too steep"):
        ask(cost, Query(POINTS))
    assert qml.QNode.__call__ is original
    assert threading.active_count() == before


def test_an_error_of_the_device_reaches_the_caller():
    dev = make_device("default.qubit")

    @qml.qnode(dev)
    def circuit(x):
        qml.RX(x[0], wires="elsewhere")
        return qml.expval(qml.Z(0))

    for objective_fn in (circuit, lambda x: 2 * circuit(x)):
        with pytest.raises(qml.wires.WireError):
            ask(objective_fn, Query(POINTS))


def test_a_function_without_qnodes_is_called_once_per_point_in_order():
    seen = []

    def objective_fn(x, offset):
        seen.append(x)
        return x + offset

    answer = Evaluator(objective_fn, (1.0,), {"offset": 3.0})(Query(np.array([[1.0], [2.0]])))
    np.testing.assert_array_equal(answer.losses, [4, 5])
    assert seen == [1.0, 2.0]
    assert answer.counts.batches == 0


@pytest.mark.parametrize("value", [np.array([1.0, 2.0]), 1j, "low", None, [[1.0], [2.0]]])
def test_anything_but_one_real_number_is_refused(value):
    with pytest.raises(InvalidLossError, match="one real number"):
        ask(lambda _: value, Query(np.ones((1, 1))), 1.0)


def test_qnodes_that_return_several_results_lists_and_dictionaries_keep_their_form():
    dev = make_device("default.qubit")

    @qml.qnode(dev)
    def many(x):
        ansatz(x)
        return {"z": qml.expval(qml.Z(0)), "p": qml.probs(wires=[1, 2])}

    @qml.qnode(dev)
    def one(x):
        ansatz(x)
        return [qml.expval(qml.Y(0))]

    def cost(x):
        found, (y,) = many(x), one(x)
        return found["z"] + np.log(found["p"]).sum() * y

    answer = ask(cost, Query(POINTS))
    np.testing.assert_allclose(answer.losses, [cost(x) for x in POINTS], atol=1e-12)
    assert answer.counts.batches == 1
    with pytest.raises(InvalidLossError, match="one real number"):
        ask(many, Query(POINTS))


def test_a_qnodes_own_transforms_are_honoured():
    circuit = qml.transforms.split_non_commuting(make_qnode())
    loop = [circuit(x) for x in POINTS]
    np.testing.assert_allclose(ask(circuit, Query(POINTS)).losses, loop, atol=1e-12)
    cost = ask(lambda x: 2 * circuit(x), Query(POINTS))
    np.testing.assert_allclose(cost.losses, 2 * np.array(loop), atol=1e-12)
    assert cost.counts.batches == 1


@pytest.mark.parametrize(
    ("name", "squared"), [*((name, False) for name in DEVICES), (DEVICES[0], True)]
)
def test_variances_are_unbiased_within_five_standard_errors(name, squared):
    """The oracle: the variance of the losses themselves over many points that are the same."""
    circuit = make_qnode(OBSERVABLES[1], make_device(name), shots=200)
    objective_fn = (lambda x: circuit(x) ** 2) if squared else circuit
    answer = ask(objective_fn, Query(np.tile(POINTS[0], (80, 1))))
    observed = np.var(answer.losses, ddof=1)
    # Relative errors: sqrt(2/79) of the oracle, sqrt(2/9/80) of the mean of the estimates.
    assert np.mean(answer.variances) == pytest.approx(
        observed, rel=5 * np.sqrt(2 / 79 + 2 / 9 / 80) + 0.02
    )


def test_the_variance_of_a_gradient_is_that_of_its_shifted_circuits():
    """The oracle: (1 - <Z>²) / n for each of the two shifted circuits of RX at 0, a half each."""
    dev = make_device("default.qubit")

    @qml.qnode(dev, shots=400)
    def circuit(x):
        qml.RX(x[0], wires=0)
        return qml.expval(qml.Z(0))

    found = [
        ask(circuit, Query(gradient_at=np.array([0.4])), np.array([0.4])).gradient_variances[0]
        for _ in range(25)
    ]
    expected = 0.25 * 2 * (1 - np.sin(0.4) ** 2) / 400
    assert np.mean(found) == pytest.approx(expected, rel=5 * np.sqrt(2 / 9 / 25))


def test_a_value_is_the_mean_over_all_shots_also_if_groups_differ_in_size():
    circuit = make_qnode(qml.Z(0), shots=57)
    losses = ask(circuit, Query(np.tile(POINTS[0], (20, 1)))).losses
    counts = (losses + 1) / 2 * 57
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)


def test_what_is_no_mean_over_shots_has_no_variance():
    @qml.qnode(make_device("default.qubit"), shots=100)
    def circuit(x):
        ansatz(x)
        return qml.var(qml.Z(0))

    assert np.isnan(ask(circuit, Query(POINTS)).variances).all()
    assert np.isnan(ask(lambda x: 2 * circuit(x), Query(POINTS)).variances).all()
    few = ask(make_qnode(shots=3), Query(POINTS))
    assert np.isnan(few.variances).all()
    without = ask(make_qnode(shots=100), Query(POINTS), standard_errors=False)
    assert np.isnan(without.variances).all()


def test_a_circuit_that_depends_on_a_noisy_result_leaves_the_variance_unknown():
    first, second = (make_qnode(one, shots=50) for one in OBSERVABLES[:2])
    assert np.isnan(ask(lambda x: second(first(x) * x), Query(POINTS[:1])).variances).all()


def test_a_cost_that_draws_at_random_is_evaluated_with_what_it_drew_last():
    circuit, rng, drawn = make_qnode(qml.Z(0)), np.random.default_rng(5), []

    def cost(x):
        drawn.append(rng.normal())
        return circuit(drawn[-1] * x) + 0 * circuit(x)

    (loss,) = ask(cost, Query(POINTS[:1])).losses
    assert loss == pytest.approx(float(circuit(drawn[2] * POINTS[0])), abs=1e-12)


def state(x):
    matrix = qml.matrix(ansatz, wire_order=[0, 1, 2])(x)
    return matrix[:, 0]


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("make", [make_qnode, make_cost], ids=["qnode", "python"])
def test_overlaps_are_those_of_the_state_vectors(name, make):
    pairs = np.array([POINTS[:2], POINTS[1:], [POINTS[0], POINTS[0]]])
    objective_fn = make(device=make_device(name))
    expected = [abs(np.vdot(state(a), state(b))) ** 2 for a, b in pairs]
    if make is make_cost:
        reverse = [abs(np.vdot(state(a[::-1]), state(b[::-1]))) ** 2 for a, b in pairs]
        expected = np.mean([expected, reverse], axis=0)
    np.testing.assert_allclose(ask(objective_fn, Query(pairs=pairs)).overlaps, expected, atol=1e-9)


def fubini_study(x, h=1e-4):
    """By central differences of state vectors."""
    psi = state(x)
    slopes = [(state(x + d) - state(x - d)) / (2 * h) for d in h * np.eye(3)]
    entries = [np.vdot(a, b) - np.vdot(a, psi) * np.vdot(psi, b) for a in slopes for b in slopes]
    return np.real(entries).reshape(3, 3)


@pytest.mark.parametrize("name", DEVICES)
def test_the_whole_metric_is_that_of_the_state_vectors(name):
    for objective_fn in (
        circuit := make_qnode(device=make_device(name)),
        lambda x: circuit(x) ** 2,
    ):
        answer = ask(objective_fn, Query(metric_at=POINTS[0]), approx=None)
        np.testing.assert_allclose(answer.metric, fubini_study(POINTS[0]), atol=1e-6)


@pytest.mark.parametrize("approx", ["diag", "block-diag"])
def test_a_metric_by_layers_is_pennylanes(approx):
    circuit = make_qnode()
    expected = qml.metric_tensor(circuit, approx=approx)(pnp.array(POINTS[0]))
    answer = ask(circuit, Query(metric_at=POINTS[0]), approx=approx)
    np.testing.assert_allclose(answer.metric, expected, atol=1e-9)


def test_overlaps_and_metric_of_what_has_no_known_state_are_refused():
    @qml.qnode(qml.device("default.mixed", wires=1))
    def noisy(x):
        qml.RX(x, wires=0)
        qml.BitFlip(0.1, wires=0)
        return qml.expval(qml.Z(0))

    pair = np.array([[[0.1], [0.2]]])
    for objective_fn in (noisy, lambda x: x**2):
        with pytest.raises(UnknownStateError):
            ask(objective_fn, Query(pairs=pair), 0.1)
    with pytest.raises(UnknownStateError, match="no metric"):
        ask(lambda x: x**2, Query(metric_at=np.array([0.1])), 0.1)


def test_someone_elses_tracker_goes_on_counting_and_stays():
    dev = make_device("default.qubit")
    with qml.Tracker(dev) as tracker:
        ask(make_qnode(device=dev), Query(POINTS))
        assert dev.tracker is tracker
    assert tracker.totals["executions"] > 0
