"""Which arguments are trained, and that they come back as what they were."""

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.optimize import NothingToTrainError, UntrainableArgumentError
from pennylane_qstore.optimize.arguments import (
    flatten,
    leaves,
    rebuild,
    trainable_positions,
)

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
    for new, old in zip(leaves(rebuilt), leaves(arg), strict=True):
        np.testing.assert_array_equal(new, old)


def test_parameters_go_back_to_the_argument_they_came_from():
    args = (np.array([[1.0, 2.0], [3.0, 4.0]]), FROZEN, 5.0, [6.0, 7.0])
    positions = trainable_positions(args)
    flat = flatten(args, positions)
    np.testing.assert_array_equal(flat, [1, 2, 3, 4, 5, 6, 7])
    first, frozen, second, third = rebuild(args, positions, flat + 10)
    np.testing.assert_array_equal(first, [[11, 12], [13, 14]])
    assert frozen is FROZEN
    assert (second, third) == (15.0, [16.0, 17.0])


def test_a_frozen_array_inside_a_list_stays_the_same_object():
    args = ([qml.numpy.array([0.5]), FROZEN, 0.3],)
    positions = trainable_positions(args)
    np.testing.assert_array_equal(flatten(args, positions), [0.5, 0.3])
    ((first, frozen, last),) = rebuild(args, positions, np.array([1.5, 1.3]))
    assert frozen is FROZEN
    assert (first, last) == (1.5, 1.3)
    assert first.requires_grad


def test_a_list_of_frozen_arrays_is_left_alone():
    assert trainable_positions(([FROZEN], 0.5)) == (1,)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("marked", [True, False])
def test_torch_tensors_come_back_with_precision_and_mark(dtype, marked):
    torch = pytest.importorskip("torch")
    tensor = torch.ones((2, 3), dtype=getattr(torch, dtype), requires_grad=marked)
    (new,) = rebuild((tensor,), (0,), flatten((tensor,), trainable_positions((tensor,))) + 1)
    assert (new.shape, new.dtype, new.requires_grad) == (tensor.shape, tensor.dtype, marked)
    assert new.is_leaf
    np.testing.assert_array_equal(new.detach().numpy(), np.full((2, 3), 2.0))
    np.testing.assert_array_equal(tensor.detach().numpy(), np.ones((2, 3)))


def test_a_torch_tensor_without_the_mark_is_frozen_beside_one_with_it():
    torch = pytest.importorskip("torch")
    data, params = torch.ones(2), torch.ones(3, requires_grad=True)
    assert trainable_positions((data, params)) == (1,)
    assert trainable_positions((data, data)) == (0, 1)


def test_integer_tensors_of_torch_and_jax_are_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(UntrainableArgumentError, match="positional argument 0"):
        trainable_positions((torch.ones(2, dtype=torch.int64),))


@pytest.mark.parametrize("x64", [True, False])
def test_jax_arrays_come_back_with_their_precision(x64):
    jax = pytest.importorskip("jax")
    with jax.enable_x64(x64):
        array = jax.numpy.ones((2, 3))
        (new,) = rebuild((array,), (0,), flatten((array,), trainable_positions((array,))) + 1)
        assert isinstance(new, jax.Array)
        assert (new.shape, new.dtype) == (array.shape, array.dtype)
        np.testing.assert_array_equal(new, np.full((2, 3), 2.0))
