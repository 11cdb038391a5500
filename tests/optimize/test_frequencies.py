"""What is read off a circuit, against PennyLane's Fourier module and numerical derivatives."""

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore.optimize.errors import UnknownFrequenciesError
from pennylane_qstore.optimize.frequencies import examine

DEVICE = qml.device("default.qubit", wires=4)


@qml.qnode(DEVICE)
def mixed(a, b):
    for i in range(3):
        qml.RX(a[i], i)
    qml.CRY(0.5 * b, [0, 1])
    qml.RY(b, 2)
    qml.CNOT([1, 2])
    qml.RZ(-a[0], 0)
    return qml.expval(1.0 * qml.Z(0) + 0.5 * qml.Z(1) @ qml.Z(2) - 0.7 * qml.X(0) + 0.3 * qml.I(0))


@qml.qnode(DEVICE)
def template(w):
    qml.StronglyEntanglingLayers(w, wires=range(3))
    return qml.expval(qml.Z(0) @ qml.Z(1))


def positive(spectra):
    return tuple(
        tuple(round(float(one), 9) for one in own if one > 1e-9)
        for of_argument in spectra.values()
        for own in of_argument.values()
    )


def test_frequencies_are_those_of_pennylanes_fourier_module():
    args = pnp.array([0.1, 0.2, 0.3], requires_grad=True), pnp.array(0.4, requires_grad=True)
    assert examine(mixed, args, {}).frequencies == positive(
        qml.fourier.qnode_spectrum(mixed)(*args)
    )


def test_templates_are_opened():
    weights = pnp.array(np.random.default_rng(0).uniform(size=(1, 3, 3)), requires_grad=True)
    structure = examine(template, (weights,), {})
    assert structure.frequencies == ((1.0,),) * 9
    assert structure.equidistant() == (1,) * 9


def test_the_size_of_the_observable_leaves_the_identity_out():
    assert examine(mixed, (np.array([0.1, 0.2, 0.3]), 0.4), {}).lipschitz == pytest.approx(2.2)


@qml.qnode(DEVICE)
def local(params):
    for i in range(4):
        qml.RY(params[i], i)
    qml.CNOT([0, 1])
    qml.RX(params[4], 1)
    qml.CNOT([2, 3])
    return qml.expval(qml.Z(0) + qml.Z(1) + 0.5 * qml.Z(2) @ qml.Z(3) + qml.X(3))


def test_parameters_that_are_said_not_to_interact_have_no_mixed_derivative():
    params = np.random.default_rng(1).uniform(-3, 3, 5)
    structure = examine(local, (params,), {})

    def mixed_difference(i, j):
        h, unit = 0.5, np.eye(5)
        return sum(
            s * t * local(params + h * (s * unit[i] + t * unit[j]))
            for s in (1, -1)
            for t in (1, -1)
        )

    for i in range(5):
        for j in range(i + 1, 5):
            if (i, j) not in structure.interacting:
                assert abs(mixed_difference(i, j)) < 1e-12
    assert (0, 2) not in structure.interacting
    assert (0, 1) in structure.interacting


def test_groups_keep_every_interacting_pair_in_order():
    structure = examine(local, (np.arange(5.0),), {})
    groups = structure.groups()
    place = {i: level for level, group in enumerate(groups) for i in group}
    assert sorted(place) == list(range(5))
    assert all(place[i] < place[j] for i, j in structure.interacting)
    assert groups == ((0, 2), (1, 3), (4,))


def test_a_parameter_without_effect_has_no_frequency_and_interacts_with_nothing():
    @qml.qnode(DEVICE)
    def circuit(a, b):
        qml.RX(a + 0 * b, 0)
        return qml.expval(qml.Z(0))

    structure = examine(circuit, (0.1, 0.2), {})
    assert structure.frequencies == ((1.0,), ())
    assert structure.equidistant() == (1, 1)
    assert not structure.interacting


def refused():
    def squared(x):
        qml.RX(x**2, 0)
        return qml.expval(qml.Z(0))

    def product(x):
        qml.RX(x[0] * x[1], 0)
        return qml.expval(qml.Z(0))

    def branching(x):
        if x > 0.5:
            qml.RX(x, 0)
        return qml.expval(qml.Z(0))

    def observable(x):
        qml.RX(x, 0)
        return qml.expval(x * qml.Z(0))

    def variance(x):
        qml.RX(x, 0)
        return qml.var(qml.Z(0))

    return [
        (squared, 0.3, "not affine"),
        (product, np.array([0.3, 0.4]), "not affine"),
        (branching, 0.3, "changes with the parameters"),
        (observable, 0.3, "changes with the parameters"),
        (variance, 0.3, "one expectation value only"),
    ]


@pytest.mark.parametrize(("function", "start", "said"), refused())
def test_circuits_without_frequencies_are_refused_with_the_reason(function, start, said):
    with pytest.raises(UnknownFrequenciesError, match=said):
        examine(qml.QNode(function, DEVICE), (start,), {})
