"""The loss curve: what is drawn, and that a picture is written."""

import numpy as np

from pennylane_qstore.training.curve import save_loss_curve, smooth


def test_smoothing_is_the_mean_over_the_neighbours_that_exist():
    values = [1.0, 2.0, 6.0, 4.0, 0.0]
    np.testing.assert_allclose(smooth(values, 3), [1.5, 3.0, 4.0, 10 / 3, 2.0])


def test_a_window_wider_than_the_run_still_gives_one_value_per_step():
    assert smooth([1.0, 2.0], 10).shape == (2,)


def test_a_window_of_one_changes_nothing():
    np.testing.assert_allclose(smooth([3.0, 1.0, 2.0], 1), [3.0, 1.0, 2.0])


def test_the_picture_is_a_png(tmp_path):
    path = tmp_path / "loss.png"
    save_loss_curve([0.9, 0.7, 0.5, 0.6], path, title="four steps", majority=0.6)
    assert path.read_bytes().startswith(b"\x89PNG")
