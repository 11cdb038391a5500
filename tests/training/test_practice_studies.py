"""The three studies of ``benchmarks/practice`` in small."""

import numpy as np
import optuna
import pytest

from benchmarks.practice import architecture, few_shot, transfer
from benchmarks.practice.summary import mean_error, told


def test_mean_and_standard_error_are_those_of_a_sample_by_hand():
    mean, error = mean_error([1.0, 2.0, 6.0])
    assert (mean, error) == (3.0, pytest.approx(np.sqrt(7 / 3)))
    assert told([1.0, 2.0, 6.0]) == "3.00 ± 1.53"


# Transfer


@pytest.fixture(scope="module")
def arms():
    small = transfer.Settings(
        n_steps=2, batch=2, shots=20, n_validation=6, n_test=6, pretraining_steps=2
    )
    return transfer.measure(small, seed=0)


def test_every_arm_runs_the_same_circuits_validation_included(arms):
    # SPSA runs 64 single circuits and the loss of two samples a step; six are validated twice.
    counted = {run["circuits"] for run in arms.values() if "circuits" in run}
    assert counted == {2 * (64 + 2) + 2 * 6}
    assert all(0 <= run["test_accuracy"] <= 1 for run in arms.values())


def test_pre_training_lowers_the_loss_of_its_own_task():
    settings = transfer.Settings(pretraining_steps=15)
    data = transfer.load_pair(transfer.SOURCE, settings, 0)
    start = transfer.READOUT.initial_params(np.random.RandomState(0))
    device = transfer.qml.device("default.qubit", wires=transfer.N_QUBITS)
    cost = transfer.cost_of(transfer.READOUT.qnode(device, None))
    trained = transfer.pretrained(transfer.SOURCE, settings, 0)
    assert cost(trained, data.x, data.y) < 0.8 * cost(start, data.x, data.y)


def test_samples_for_training_validation_and_test_are_apart():
    data = transfer.load_pair(transfer.TARGET, transfer.Settings(), 0)
    parts = [set(map(tuple, part)) for part in (data.x, data.x_validation, data.x_test)]
    assert (len(parts[1]), len(parts[2])) == (50, 100)
    assert parts[0].isdisjoint(parts[1] | parts[2])
    assert parts[1].isdisjoint(parts[2])


def test_a_target_that_is_met_at_once_costs_its_validation_and_one_never_met_nothing_is_told():
    runs = {
        "a": [
            {"circuits_to_target": 6, "circuits": 9, "accuracy_at_start": 0.9, "test_accuracy": 0.5}
            for _ in range(2)
        ],
        "b": [
            {
                "circuits_to_target": None,
                "circuits": 9,
                "accuracy_at_start": 0.1,
                "test_accuracy": 1.0,
            }
            for _ in range(2)
        ],
    }
    _, _, met, never = transfer.rows(runs)
    assert met == "| a | 2 of 2 | 6 | 0.90 ± 0.00 | 0.500 ± 0.000 |"
    assert never == "| b | 0 of 2 | more than 9 | 0.10 ± 0.00 | 1.000 ± 0.000 |"


# Architecture


def test_no_arm_of_the_architecture_study_passes_the_budget():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    small = architecture.Settings(circuits=150, trial_steps=2, shots=20, final_shots=50)
    found = architecture.measure(small, seed=0)
    for run in found.values():
        assert 100 < run["circuits"] <= 150
        assert run["score"] == pytest.approx(run["energy"] + 0.03 * run["entangling_gates"])
        assert run["energy_without_noise"] >= architecture.GROUND_ENERGY - 1e-9
    assert found["search, then training"]["trials"] >= 1


@pytest.mark.parametrize(("entanglement", "expected"), [("linear", 3), ("brickwork", 2)])
def test_entangling_gates_of_one_layer_are_at_most_its_cnots(entanglement, expected):
    one = architecture.Architecture(1, entanglement, ("RY",))
    assert 0 < architecture.entangling_gates(one, architecture.new_device(0)) <= expected


# Few shots


def test_logits_are_distances_to_the_means_of_the_supports():
    outputs = np.array([[[[0.0], [2.0], [1.5]], [[4.0], [6.0], [7.0]]]])
    found = few_shot.logits(outputs, 2.0, shots=2)
    expected = -2 * np.array([[[0.25, 12.25]], [[36.0, 4.0]]])
    np.testing.assert_allclose(found[0], expected)


def test_new_digits_take_no_part_in_training():
    settings = few_shot.Settings()
    seen, new = few_shot.load(settings, 0)
    assert (sorted(seen), sorted(new)) == ([0, 1, 2, 3, 4, 5], [6, 7, 8, 9])
    assert {len(images) for images in new.values()} == {60}


def test_a_small_few_shot_study_beats_chance_with_every_embedding():
    small = few_shot.Settings(n_steps=3, n_training_episodes=6, n_test_episodes=60, n_images=80)
    found = few_shot.measure(small, shots=5, seed=0)
    assert len(found) == 5
    assert all(value > 0.4 for value in found.values())
    assert found["nearest prototype on the features"] > 0.75
