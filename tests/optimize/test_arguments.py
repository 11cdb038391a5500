"""Which arguments are trained, and that they come back as what they were."""

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.optimize import NothingToTrainError, UntrainableArgumentError
from pennylane_qstore.optimize.arguments import flatten, rebuild, trainable_positions

FROZEN = qml.numpy.array([1.0, 2.0], requires_grad=False)
TRAINED = [
    0.5,
    np.float64(0.5),
    np.float32(0.5),
    np.array([[0.1, 0.2], [0.3, 0.4]]),
    np.array([0.1, 0.2], dtype=np.float32),
    np.array(0.7),
    [0.1, 0.2],
    [0, 0.5],
    (0.1, [0.2, 0.3]),
    qml.numpy.array([0.1, 0.2]),
    qml.numpy.array(0.3),
    qml.numpy.array([0, 1]),
    [np.array([0.1]), np.array([0.2, 0.3])],
    {"a": 1.0, "b": [0.2, np.array([0.3])]},
]


@pytest.mark.parametrize("arg", TRAINED, ids=repr)
def test_real_numbers_are_trained_unless_marked(arg):
    assert trainable_positions((FROZEN, arg)) == (1,)


@pytest.mark.parametrize("arg", [FROZEN, "x", None, True, [], ["a", 0], qml.Z(0), abs, {"a": "b"}])
def test_marked_arrays_and_things_without_numbers_are_left_alone(arg):
    args = (arg, 0.5)
    assert trainable_positions(args) == (1,)
    assert rebuild(args, (1,), np.array([0.7]))[0] is arg


@pytest.mark.parametrize(
    "arg",
    [
        3,
        np.int64(3),
        np.array([1, 2]),
        [0, 1],
        1 + 2j,
        np.array([1j]),
        qml.numpy.array([1j]),
        [np.array([0.1]), np.array([1, 2])],
        ["a", 0.5],
        {"a": "b", "c": 0.5},
    ],
    ids=repr,
)
def test_what_could_be_meant_either_way_is_refused_with_its_position(arg):
    with pytest.raises(UntrainableArgumentError, match="positional argument 1"):
        trainable_positions((0.5, arg))


def test_arrays_of_another_library_are_refused_instead_of_ignored():
    foreign = type("Tensor", (), {"__module__": "tensorflow.python"})()
    with pytest.raises(UntrainableArgumentError, match="convert it to NumPy"):
        trainable_positions((0.5, foreign))


def test_nothing_to_train_is_an_error():
    with pytest.raises(NothingToTrainError, match="none of the 2"):
        trainable_positions((FROZEN, "x"))


@pytest.mark.parametrize("arg", TRAINED, ids=repr)
def test_flattening_and_rebuilding_keep_type_shape_precision_and_mark(arg):
    args = ("x", arg)
    rebuilt = rebuild(args, (1,), flatten(args, (1,)))[1]
    assert type(rebuilt) is type(arg)
    if isinstance(arg, np.ndarray | np.generic):
        assert rebuilt.shape == arg.shape
        assert rebuilt.dtype == (arg.dtype if arg.dtype.kind == "f" else np.float64)
    if isinstance(arg, qml.numpy.tensor):
        assert rebuilt.requires_grad
    if isinstance(arg, tuple):
        assert type(rebuilt[1]) is type(arg[1])
        assert rebuilt == arg
    else:
        np.testing.assert_array_equal(rebuilt, arg)


def test_parameters_go_back_to_the_argument_they_came_from():
    args = (np.array([[1.0, 2.0], [3.0, 4.0]]), FROZEN, 5.0, [6.0, 7.0])
    positions = trainable_positions(args)
    flat = flatten(args, positions)
    np.testing.assert_array_equal(flat, [1, 2, 3, 4, 5, 6, 7])
    first, frozen, second, third = rebuild(args, positions, flat + 10)
    np.testing.assert_array_equal(first, [[11, 12], [13, 14]])
    assert frozen is FROZEN
    assert (second, third) == (15.0, [16.0, 17.0])
