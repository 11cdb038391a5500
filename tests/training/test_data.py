"""The data: nothing of the test set leaks into what is fitted, and batches repeat."""

import numpy as np
import pytest

from pennylane_qstore.training.batches import batch_indices
from pennylane_qstore.training.data import ANGLE_PER_DEVIATION, as_angles, load_data


@pytest.fixture(scope="module")
def data():
    return load_data(8)


def test_shapes_and_label_shares_are_those_of_a_stratified_fifth(data):
    assert data.x_train.shape == (455, 8)
    assert data.x_test.shape == (114, 8)
    assert data.y_train.shape == (455,)
    assert data.y_test.shape == (114,)
    assert data.y_test.mean() == pytest.approx(data.y_train.mean(), abs=0.01)


def test_features_are_angles(data):
    angles = np.concatenate([data.x_train, data.x_test])
    assert np.all(np.abs(angles) <= np.pi)
    assert data.x_train[:, 0].std() == pytest.approx(ANGLE_PER_DEVIATION, rel=0.05)
    assert np.all(np.diff(data.x_train.std(axis=0)) <= 0.01)


def test_loading_twice_gives_the_same(data):
    again = load_data(8)
    np.testing.assert_array_equal(again.x_train, data.x_train)
    np.testing.assert_array_equal(again.y_test, data.y_test)


def test_training_angles_do_not_depend_on_the_test_samples():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(60, 12)), rng.normal(size=(20, 12))
    for other in (test, 50 * test + 7, test[:1]):
        angles, _ = as_angles(train, other, n_features=4)
        np.testing.assert_array_equal(angles, as_angles(train, test, n_features=4)[0])


def test_a_test_sample_is_transformed_without_its_companions():
    rng = np.random.default_rng(1)
    train, test = rng.normal(size=(60, 12)), rng.normal(size=(20, 12))
    together = as_angles(train, test, n_features=4)[1]
    alone = as_angles(train, test[3:4], n_features=4)[1]
    np.testing.assert_allclose(alone[0], together[3], atol=1e-12)


def test_an_epoch_uses_every_sample_at_most_once():
    epoch = np.concatenate([batch_indices(50, 8, seed=3, step=step) for step in range(6)])
    assert len(set(epoch.tolist())) == 48
    following = np.concatenate([batch_indices(50, 8, seed=3, step=6 + step) for step in range(6)])
    assert len(set(following.tolist())) == 48
    assert not np.array_equal(epoch, following)


def test_a_batch_depends_on_seed_and_step_alone():
    first = batch_indices(50, 8, seed=3, step=9)
    np.testing.assert_array_equal(batch_indices(50, 8, seed=3, step=9), first)
    assert not np.array_equal(batch_indices(50, 8, seed=4, step=9), first)


def test_a_batch_larger_than_the_data_is_all_of_it():
    assert sorted(batch_indices(5, 8, seed=0, step=3).tolist()) == [0, 1, 2, 3, 4]
