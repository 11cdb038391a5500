"""The loop around any optimizer: what a step tells, what stops it, and what a killed run keeps."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import (
    AdaptiveGradientOptimizer,
    GradientOptimizer,
    PlannedShotsOptimizer,
    RotosolveOptimizer,
    SPSAOptimizer,
)
from pennylane_qstore.training import (
    Batches,
    Checkpoint,
    CheckpointError,
    EarlyStopping,
    Trainer,
    TrainingDivergedError,
)
from pennylane_qstore.training.trainer import usage

START = np.array([1.0, -0.5, 0.3])
CHILD = Path(__file__).with_name("killed_run.py")


def bowl(params):
    return (params**2).sum()


def fit_line(params, x, y):
    return ((params[0] + params[1] * x - y) ** 2).mean()


def circuit_on(device, shots=50):
    @qml.set_shots(shots)
    @qml.qnode(device)
    def circuit(params):
        qml.RX(params[0], wires=0)
        qml.RY(params[1], wires=0)
        qml.RY(params[2], wires=0)
        return qml.expval(qml.Z(0))

    return circuit


def test_gradient_descent_on_a_bowl_shrinks_the_parameters_by_the_known_factor():
    result = Trainer(qml.GradientDescentOptimizer(0.1), bowl).fit(START, 5)
    np.testing.assert_allclose(result.params, START * 0.8**5)
    losses = [record.loss for record in result.history]
    np.testing.assert_allclose(losses, [1.34 * 0.64**k for k in range(5)])


@pytest.mark.parametrize(
    "optimizer",
    [
        SPSAOptimizer(seed=1),
        AdaptiveGradientOptimizer(seed=1),
        GradientOptimizer(0.2),
        RotosolveOptimizer(),
        qml.AdamOptimizer(0.2),
        qml.SPSAOptimizer(maxiter=20),
        qml.QNGOptimizer(0.2),
    ],
    ids=lambda optimizer: type(optimizer).__module__[:9] + type(optimizer).__name__,
)
def test_any_optimizer_with_step_and_cost_trains_a_circuit(optimizer):
    np.random.seed(0)
    random.seed(0)
    device = qml.device("default.qubit", wires=1, seed=3)
    circuit = circuit_on(device, shots=200)
    result = Trainer(optimizer, circuit, device=device).fit(START, 10)
    assert result.step == 10
    assert circuit_on(device, shots=None)(result.params) < circuit_on(device, None)(START)


def test_a_record_counts_what_the_device_ran():
    device = qml.device("default.qubit", wires=1, seed=3)
    trainer = Trainer(SPSAOptimizer(30, seed=1), circuit_on(device), device=device)
    record = trainer.fit(START, 1).record
    assert (record.circuits, record.shots, record.jobs) == (3, 150, None)
    assert record.method == "spsa"
    assert record.loss_error is not None


def test_on_our_device_a_record_tells_its_job():
    device = qml.device("qstore.ionq", wires=1, seed=3, progress=False, cache=False)
    trainer = Trainer(SPSAOptimizer(30, seed=1), circuit_on(device), device=device)
    history = trainer.fit(START, 2).history
    assert [(record.circuits, record.jobs) for record in history] == [(3, 1), (3, 1)]


def test_an_unmeasured_loss_saves_an_evaluation_and_is_the_mean_of_the_pair():
    device = qml.device("default.qubit", wires=1)
    circuit = circuit_on(device, shots=None)
    seen = []

    def cost(params):
        seen.append(float(circuit(params)))
        return seen[-1]

    trainer = Trainer(SPSAOptimizer(30, seed=1), cost, measure_loss=False, device=device)
    record = trainer.fit(START, 1).record
    assert record.circuits == 2
    assert record.loss == pytest.approx(np.mean(seen[-2:]))


def test_without_measuring_pennylanes_optimizers_tell_no_loss():
    trainer = Trainer(qml.GradientDescentOptimizer(0.1), bowl, measure_loss=False)
    result = trainer.fit(START, 5)
    np.testing.assert_allclose(result.params, START * 0.8**5)
    assert [record.loss for record in result.history] == [None] * 5


@pytest.mark.parametrize(
    ("totals", "circuits", "jobs"),
    [
        ({}, 0, None),
        ({"executions": 7, "batches": 1}, 7, None),
        ({"executions": 7, "circuits": 5, "jobs": 2}, 5, 2),
        ({"executions": 7, "circuits": 0, "jobs": 0}, 0, 0),
    ],
)
def test_usage_is_what_the_tracker_holds_and_no_more(totals, circuits, jobs):
    found = usage(totals)
    assert (found["circuits"], found["jobs"]) == (circuits, jobs)


def test_the_gradient_norm_is_that_of_the_gradient_by_hand():
    device = qml.device("default.qubit", wires=1)
    record = Trainer(GradientOptimizer(0.1), circuit_on(device, None)).fit(START, 1).record
    exact = qml.grad(circuit_on(device, None))(pnp.array(START, requires_grad=True))
    assert record.gradient_norm == pytest.approx(np.linalg.norm(exact))
    assert record.loss == pytest.approx(float(circuit_on(device, None)(START)))


def test_a_record_tells_the_time_of_a_step_and_the_part_that_no_circuit_took():
    device = qml.device("default.qubit", wires=1, seed=3)
    trainer = Trainer(
        SPSAOptimizer(30, seed=1), circuit_on(device), clock=iter([2.0, 5.5]).__next__
    )
    assert trainer.fit(START, 1).record.seconds == 3.5
    record = Trainer(SPSAOptimizer(30, seed=1), circuit_on(device)).fit(START, 1).record
    assert 0 < record.own_seconds < record.seconds


@pytest.mark.parametrize("optimizer", [qml.AdamOptimizer(0.1), SPSAOptimizer(seed=2)])
def test_mini_batches_reach_the_line_that_made_the_data(optimizer):
    x = np.linspace(-1, 1, 40)
    trainer = Trainer(optimizer, fit_line, batches=Batches((x, 2 - 3 * x), size=8))
    np.testing.assert_allclose(trainer.fit([0.0, 0.0], 200).params, [2, -3], atol=0.1)


@pytest.mark.parametrize(
    "optimizer", [qml.AdamOptimizer(0.1), SPSAOptimizer(seed=2), GradientOptimizer(0.1)]
)
def test_frozen_parameters_stay_and_the_others_move(optimizer):
    device = qml.device("default.qubit", wires=1)
    frozen = [False, True, False]
    result = Trainer(optimizer, circuit_on(device, None), frozen=frozen).fit(START, 5)
    assert result.params[1] == START[1]
    assert np.all(result.params[[0, 2]] != START[[0, 2]])
    assert circuit_on(device, None)(result.params) < circuit_on(device, None)(START)


@pytest.mark.parametrize("optimizer", [qml.GradientDescentOptimizer(0.4), GradientOptimizer(0.4)])
def test_every_parameter_keeps_its_place_in_the_cost_when_some_are_frozen(optimizer):
    target = np.array([[1.0, 2.0], [3.0, 4.0]])
    frozen = [[True, False], [False, True]]
    start = np.array([[-7.0, 0.0], [0.0, -9.0]])

    def distance(params):
        return ((params - target) ** 2).sum()

    result = Trainer(optimizer, distance, frozen=frozen).fit(start, 12)
    np.testing.assert_allclose(result.params, [[-7.0, 2.0], [3.0, -9.0]], atol=1e-3)


def test_freezing_everything_or_another_shape_is_refused():
    for frozen in ([True] * 3, [True]):
        with pytest.raises(InvalidOptionError, match="shape"):
            Trainer(SPSAOptimizer(), bowl, frozen=frozen).fit(START, 1)


def test_the_run_stops_after_patience_and_answers_with_a_copy_of_the_best():
    values = iter([3.0, 1.0, 2.0, 2.0, 2.0])
    seen = []

    def validate(params):
        seen.append(np.array(params))
        return next(values)

    trainer = Trainer(
        qml.GradientDescentOptimizer(0.1),
        bowl,
        validate=validate,
        stopping=EarlyStopping(patience=3),
    )
    result = trainer.fit(START, 50)
    assert (result.step, result.best_step, result.best_value) == (5, 1, 1.0)
    np.testing.assert_array_equal(result.params, seen[1])
    assert not np.shares_memory(result.params, result.best_params)
    assert "since step 1" in result.stopped


def test_without_validation_the_best_parameters_are_those_that_the_lowest_loss_was_measured_at():
    result = Trainer(qml.GradientDescentOptimizer(1.5), bowl).fit(START, 4)
    np.testing.assert_array_equal(result.best_params, START)
    assert result.best_value == pytest.approx(bowl(START))


@pytest.mark.parametrize("optimizer", [qml.AdamOptimizer(0.1), SPSAOptimizer(seed=2)])
def test_a_loss_that_is_not_finite_is_named_and_the_last_good_parameters_are_kept(
    optimizer, tmp_path
):
    calls = []

    def sometimes(params):
        return bowl(params) * (np.nan if len(calls) >= 3 else 1.0)

    path = tmp_path / "run.json"
    trainer = Trainer(optimizer, sometimes, checkpoint=Checkpoint(path), callbacks=[calls.append])
    with pytest.raises(TrainingDivergedError, match="step 3") as caught:
        trainer.fit(START, 10)
    np.testing.assert_array_equal(caught.value.params, calls[-1].params)
    assert len(json.loads(path.read_text())["history"]) == 3


def test_a_validation_value_that_is_not_finite_is_named():
    trainer = Trainer(SPSAOptimizer(seed=1), bowl, validate=lambda _: float("inf"))
    with pytest.raises(TrainingDivergedError, match="validation"):
        trainer.fit(START, 1)


def test_a_schedule_sets_the_step_size_of_every_step():
    trainer = Trainer(
        qml.GradientDescentOptimizer(9.0), bowl, stepsize=lambda step: [0.25, 0.5][step]
    )
    np.testing.assert_allclose(trainer.fit(START, 2).params, 0 * START, atol=1e-12)


def test_a_step_size_cannot_be_scheduled_where_there_is_none():
    with pytest.raises(InvalidOptionError, match="SPSAOptimizer has no stepsize"):
        Trainer(SPSAOptimizer(), bowl, stepsize=lambda _: 0.1)


def test_shots_follow_the_schedule_of_a_planned_optimizer():
    device = qml.device("default.qubit", wires=1, seed=3)
    optimizer = PlannedShotsOptimizer(SPSAOptimizer(30, seed=1), lambda step: 10 * (step + 1))
    history = Trainer(optimizer, circuit_on(device), device=device).fit(START, 3).history
    per_circuit = [record.shots / record.circuits for record in history]
    assert per_circuit == [10, 20, 30]


def noisy_trainer(optimizer, path=None, every=1):
    device = qml.device("default.qubit", wires=1, seed=3)
    checkpoint = None if path is None else Checkpoint(path, every)
    return Trainer(
        optimizer(),
        circuit_on(device),
        device=device,
        checkpoint=checkpoint,
        validate=circuit_on(device, 20),
        validate_every=2,
    )


OPTIMIZERS = {
    "spsa": lambda: SPSAOptimizer(seed=4),
    "adaptive": lambda: AdaptiveGradientOptimizer(seed=4),
    "gradient": lambda: GradientOptimizer(0.1),
    "pennylane-adam": lambda: qml.AdamOptimizer(0.1),
    "pennylane-momentum": lambda: qml.NesterovMomentumOptimizer(0.1),
    "pennylane-spsa": lambda: qml.SPSAOptimizer(maxiter=20),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("at", [1, 4, 5])
def test_a_resumed_run_has_the_history_and_parameters_of_an_undisturbed_one(name, at, tmp_path):
    np.random.seed(0)
    random.seed(0)
    undisturbed = noisy_trainer(OPTIMIZERS[name]).fit(START, 8)
    np.random.seed(0)
    random.seed(0)
    path = tmp_path / "run.json"
    noisy_trainer(OPTIMIZERS[name], path, every=2).fit(START, at)
    np.random.seed(99)
    random.seed(99)
    resumed = noisy_trainer(OPTIMIZERS[name], path, every=2).fit(START, 8)
    assert resumed.history == undisturbed.history
    np.testing.assert_array_equal(resumed.params, undisturbed.params)
    np.testing.assert_array_equal(resumed.best_params, undisturbed.best_params)


def test_a_finished_run_is_read_and_not_repeated(tmp_path):
    path = tmp_path / "run.json"
    first = noisy_trainer(OPTIMIZERS["spsa"], path).fit(START, 3)
    steps = list(noisy_trainer(OPTIMIZERS["spsa"], path).steps(START, 3))
    assert len(steps) == 1
    np.testing.assert_array_equal(steps[0].params, first.params)


def test_a_checkpoint_of_another_run_is_refused_with_what_differs(tmp_path):
    path = tmp_path / "run.json"
    Trainer(SPSAOptimizer(seed=1), bowl, checkpoint=Checkpoint(path)).fit(START, 1)
    other = Trainer(qml.AdamOptimizer(), bowl, checkpoint=Checkpoint(path))
    with pytest.raises(CheckpointError, match="optimizer was 'spsa' and is 'AdamOptimizer'"):
        other.fit(START, 2)


@pytest.mark.parametrize("content", ["", "[]", '{"format": 99}', '{"format": 1'])
def test_a_file_that_is_no_checkpoint_is_refused_and_left_alone(content, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(content)
    with pytest.raises(CheckpointError, match=r"run\.json"):
        Trainer(SPSAOptimizer(), bowl, checkpoint=Checkpoint(path)).fit(START, 1)
    assert path.read_text() == content


def test_an_optimizer_that_remembers_what_json_cannot_hold_is_refused(tmp_path):
    optimizer = qml.GradientDescentOptimizer(0.1)
    optimizer.memory = object()
    trainer = Trainer(optimizer, bowl, checkpoint=Checkpoint(tmp_path / "run.json"))
    with pytest.raises(CheckpointError, match="memory is a object"):
        trainer.fit(START, 1)


def run_child(path, kill_after=None, when="before"):
    command = [sys.executable, str(CHILD), str(path), str(kill_after), when]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def killed_and_resumed(folder, kills):
    """Result of a run that was killed at each of the steps and resumed after each."""
    path = folder / "run.json"
    for step, when in kills:
        died = run_child(path, step, when)
        assert died.returncode == -signal.SIGKILL, died.stderr
    ended = run_child(path)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def undisturbed_child(folder):
    return json.loads(run_child(folder / "undisturbed.json").stdout)


def test_a_run_killed_while_it_writes_its_checkpoint_resumes_bit_for_bit(tmp_path):
    resumed = killed_and_resumed(tmp_path, [(4, "writing")])
    assert resumed == undisturbed_child(tmp_path)
    assert len(resumed["history"]) == 12


@pytest.mark.stress
def test_runs_killed_at_ten_random_steps_resume_bit_for_bit(tmp_path):
    expected = undisturbed_child(tmp_path)
    rng = np.random.default_rng(11)
    for i, step in enumerate(rng.integers(0, 12, size=10)):
        when = str(rng.choice(["before", "during", "writing", "after"]))
        folder = tmp_path / str(i)
        folder.mkdir()
        assert killed_and_resumed(folder, [(int(step), when)]) == expected, (step, when)


@pytest.mark.stress
def test_one_run_killed_ten_times_resumes_bit_for_bit(tmp_path):
    kills = [(step, when) for step in (1, 3, 5, 7, 9) for when in ("during", "writing")]
    assert killed_and_resumed(tmp_path, kills) == undisturbed_child(tmp_path)
