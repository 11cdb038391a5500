"""A tiny run end to end, on default.qubit."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import SPSA, Gains
from pennylane_qstore.optimize.core import Answer
from pennylane_qstore.training import TrainSettings
from pennylane_qstore.training.baseline import logistic_accuracy, majority_share
from pennylane_qstore.training.batches import batch_indices
from pennylane_qstore.training.data import Dataset, load_data
from pennylane_qstore.training.model import make_classifier
from pennylane_qstore.training.run import make_device, run_training, save_result

TINY = TrainSettings(n_steps=2, shots=20, batch_size=3, n_layers=1, device="default.qubit")


@pytest.fixture(scope="module")
def result():
    return run_training(TINY)


def test_circuits_are_those_of_the_steps_and_of_the_test(result):
    assert [record.circuits for record in result.records] == [6, 6]
    assert result.usage.circuits == 2 * 6 + 114
    assert result.usage.jobs is None


def test_equal_settings_repeat_a_run_bit_for_bit(result):
    again = run_training(TINY)
    np.testing.assert_array_equal(again.params, result.params)
    assert [r.loss for r in again.records] == [r.loss for r in result.records]
    assert again.test_accuracy == result.test_accuracy


def test_a_run_is_spsa_on_the_likelihood_written_as_a_plain_loop(result):
    data = load_data(8)
    model = make_classifier(make_device(TINY), n_layers=1, n_qubits=8, shots=20)
    spsa = SPSA(Gains(a=0.6, c=0.1, stability=0.2))
    state = spsa.init(model.initial_params(seed=0), seed=0)
    for step in range(2):
        chosen = batch_indices(len(data.y_train), 3, seed=0, step=step)
        wanted = 2 * data.y_train[chosen] - 1
        losses = []
        for point in spsa.ask(state).points:
            odds = np.exp(wanted * model.logits(point, data.x_train[chosen]))
            losses.append(-np.mean(np.log(odds / (1 + odds))))
        state = spsa.tell(state, Answer.of(losses))
        assert result.records[step].loss == pytest.approx(np.mean(losses))
    np.testing.assert_allclose(result.params, state.params, atol=1e-9)


def test_another_seed_gives_another_run(result):
    other = run_training(replace(TINY, seed=1))
    assert other.records[0].loss != result.records[0].loss


@pytest.mark.parametrize("noise_model", [None, "aria-1"])
def test_on_our_own_device_a_step_is_one_job_and_a_run_repeats_bit_for_bit(noise_model):
    settings = replace(TINY, device="qstore.ionq", noise_model=noise_model)
    first, second = run_training(settings), run_training(settings)
    assert [record.jobs for record in first.records] == [1, 1]
    assert first.usage == second.usage
    assert (first.usage.circuits, first.usage.jobs) == (2 * 6 + 114, 3)
    np.testing.assert_array_equal(first.params, second.params)
    assert first.test_accuracy == second.test_accuracy


def test_each_step_is_reported_as_soon_as_it_is_there():
    seen = []
    run_training(TINY, on_step=seen.append)
    assert [record.step for record in seen] == [0, 1]


def test_a_result_is_written_as_json_and_picture(result, tmp_path):
    picture = save_result(result, tmp_path / "new" / "folder")
    saved = json.loads((picture.parent / "result.json").read_text())
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert saved["params"] == result.params.tolist()
    assert saved["settings"]["shots"] == 20
    assert saved["usage"] == {"circuits": 126, "jobs": None}


def test_the_baselines_are_those_of_a_problem_solved_by_hand():
    x = np.array([[-1.0], [-0.9], [1.0], [0.9], [1.1]])
    data = Dataset(
        x, np.array([0, 0, 1, 1, 1]), np.array([[-2.0], [2.0], [3.0]]), np.array([0, 1, 1])
    )
    assert logistic_accuracy(data) == 1.0
    assert majority_share(data) == 2 / 3


@pytest.mark.parametrize("name", ["n_steps", "shots", "batch_size", "n_layers"])
def test_a_setting_below_one_is_named(name):
    with pytest.raises(InvalidOptionError, match=f"{name} is 0"):
        replace(TINY, **{name: 0})


def test_backend_options_are_refused_for_another_device():
    with pytest.raises(InvalidOptionError, match=r"not of default\.qubit"):
        replace(TINY, noise_model="aria-1")


def test_a_device_that_does_not_exist_is_named():
    with pytest.raises(InvalidOptionError, match=r"'no\.such'"):
        make_device(replace(TINY, device="no.such"))
