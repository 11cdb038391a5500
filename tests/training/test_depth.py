"""Depth that changes: what it does to the model, to the validation value, and to a killed run."""

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import NonFiniteLossError, SPSAOptimizer
from pennylane_qstore.templates import HardwareEfficientAnsatz, TrappedIonAnsatz
from pennylane_qstore.training import (
    Checkpoint,
    CheckpointError,
    DepthSchedule,
    Trainer,
    drop_layers,
    grow,
)

N_WIRES = 3
SCHEDULE = DepthSchedule(1, 3, every=4)


def shape_of(depth):
    return TrappedIonAnsatz.shape(depth, N_WIRES)


def start():
    return np.random.default_rng(1).uniform(-1, 1, shape_of(1))


def energy_on(device, depth, shots=None):
    """An Ising chain's energy in the ansatz of this depth."""

    @qml.set_shots(shots)
    @qml.qnode(device)
    def energy(params):
        TrappedIonAnsatz(params, range(N_WIRES), n_layers=depth)
        return qml.expval(qml.Z(0) @ qml.Z(1) + qml.Z(1) @ qml.Z(2) + qml.X(0) + qml.X(2))

    return energy


def exact_trainer(depth, **options):
    energy = energy_on(qml.device("default.qubit", wires=N_WIRES), depth)
    return Trainer(SPSAOptimizer(20, seed=depth), energy, validate=energy, **options)


def test_the_depth_rises_by_one_layer_and_ends_at_the_largest():
    assert [SCHEDULE.depth(step) for step in (0, 3, 4, 7, 8, 100)] == [1, 1, 2, 2, 3, 3]
    assert SCHEDULE.stages(15) == [(1, 4), (2, 4), (3, 7)]
    assert SCHEDULE.stages(6) == [(1, 4), (2, 2)]
    assert DepthSchedule(2, 2, every=1).stages(9) == [(2, 9)]


@pytest.mark.parametrize("arguments", [(0, 2, 1), (3, 2, 1), (1, 2, 0)])
def test_a_schedule_that_makes_no_sense_is_refused(arguments):
    with pytest.raises(InvalidOptionError, match="depths from"):
        DepthSchedule(*arguments)


def test_new_layers_of_native_interactions_leave_the_model_as_it_was():
    grown = grow(exact_trainer, start(), SCHEDULE, n_steps=12, shape=shape_of)
    assert [change.after for change in grown.changes] == [(0, 1), (0, 1, 2)]
    for change, stage in zip(grown.changes, grown.stages, strict=False):
        assert change.value_before == stage.history[-1].validation
        assert change.value_after == pytest.approx(change.value_before, abs=1e-12)
    assert grown.params.shape == shape_of(3)
    assert [record.step for record in grown.history] == list(range(12))


def test_it_is_training_at_each_depth_with_zeros_appended_in_between():
    grown = grow(exact_trainer, start(), SCHEDULE, n_steps=12, shape=shape_of)
    params = start()
    for depth in (1, 2, 3):
        longer = np.zeros(shape_of(depth))
        longer[: len(params)] = params
        params = exact_trainer(depth).fit(longer, 4).params
    np.testing.assert_array_equal(grown.params, params)


def test_new_layers_of_cnots_change_the_model_and_the_change_is_told():
    def trainer(depth):
        @qml.qnode(qml.device("default.qubit", wires=2))
        def energy(params):
            HardwareEfficientAnsatz(params, range(2))
            return qml.expval(qml.Z(1))

        return Trainer(SPSAOptimizer(20, seed=0), energy, validate=energy)

    grown = grow(
        trainer,
        np.full((1, 2, 2), 0.8),
        DepthSchedule(1, 2, every=1),
        n_steps=2,
        shape=lambda depth: HardwareEfficientAnsatz.shape(depth, 2),
    )
    (change,) = grown.changes
    assert abs(change.value_after - change.value_before) > 0.01


def sampled_trainer(folder, device, dies_at=None):
    def trainer(depth):
        def die(progress):
            if (depth, progress.step) == dies_at:
                raise KeyboardInterrupt

        return Trainer(
            SPSAOptimizer(20, seed=depth),
            energy_on(device, depth, shots=30),
            validate=energy_on(device, depth, shots=20),
            checkpoint=Checkpoint(folder / f"{depth}.json"),
            device=device,
            callbacks=[die],
        )

    return trainer


@pytest.mark.parametrize("dies_at", [(1, 4), (2, 1), (3, 3)])
def test_a_run_that_dies_at_any_depth_goes_on_bit_for_bit(dies_at, tmp_path):
    def run(folder, dies_at=None):
        device = qml.device("qstore.ionq", wires=N_WIRES, seed=3, cache=False, progress=False)
        trainer = sampled_trainer(folder, device, dies_at)
        return grow(trainer, start(), SCHEDULE, n_steps=12, shape=shape_of)

    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    undisturbed = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", dies_at)
    resumed = run(tmp_path / "killed")
    assert resumed.history == undisturbed.history
    assert resumed.changes == undisturbed.changes
    np.testing.assert_array_equal(resumed.params, undisturbed.params)


def test_depths_that_share_a_checkpoint_are_refused(tmp_path):
    def trainer(depth):
        return exact_trainer(depth, checkpoint=Checkpoint(tmp_path / "run.json"))

    with pytest.raises(CheckpointError, match="shape was"):
        grow(trainer, start(), SCHEDULE, n_steps=12, shape=shape_of)


@pytest.mark.parametrize("shape", [lambda _: (3,), lambda depth: (40 * depth, 2)])
def test_shapes_that_do_not_grow_along_the_first_axis_are_refused(shape):
    with pytest.raises(InvalidOptionError, match="no other"):
        grow(exact_trainer, start(), SCHEDULE, n_steps=5, shape=shape)


def test_growing_without_a_step_is_refused():
    with pytest.raises(InvalidOptionError, match="n_steps is 0"):
        grow(exact_trainer, start(), SCHEDULE, n_steps=0, shape=shape_of)


WORTH = np.array([0.5, 0.01, 0.2, 0.015, 0.02])
"""What the validation value rises by when each of five layers is missed."""


def additive(kept):
    return 1.0 + np.delete(WORTH, kept).sum()


@pytest.mark.parametrize(
    ("tolerance", "order"), [(0.0, ()), (0.01, (1,)), (0.03, (1, 3)), (0.3, (1, 3, 4, 2))]
)
def test_layers_go_from_the_least_useful_on_while_the_sum_is_within_tolerance(tolerance, order):
    changes = drop_layers(additive, 5, tolerance=tolerance + 1e-12)
    gone = [(set(change.before) - set(change.after)).pop() for change in changes]
    assert tuple(gone) == order
    for change in changes:
        assert change.value_before == additive(range(5))
        assert change.value_after == additive(change.after)


def test_a_layer_that_seemed_useless_by_chance_alone_stays():
    calls = []

    def noisy(kept):
        calls.append(kept)
        return 1.0 if len(kept) == 3 else 1.0 + (-1.0 if calls.count(kept) == 1 else 1.0)

    assert drop_layers(noisy, 3, tolerance=0.1) == ()
    assert calls == [(0, 1, 2), (1, 2), (0, 2), (0, 1), (1, 2)]


def test_as_many_layers_stay_as_are_asked_for():
    changes = drop_layers(lambda _: 1.0, 4, tolerance=0.0, min_depth=2)
    assert changes[-1].after == (2, 3)


def test_an_interaction_that_was_not_trained_is_dropped_and_nothing_changes():
    params = np.random.default_rng(4).uniform(-1, 1, shape_of(3))
    params[11] = 0.0
    device = qml.device("default.qubit", wires=N_WIRES)

    @qml.qnode(device)
    def energy(kept):
        TrappedIonAnsatz(params, range(N_WIRES), n_layers=3, kept=kept)
        return qml.expval(qml.Z(0) @ qml.Z(2) + qml.X(0) @ qml.X(1))

    whole = energy(range(3))
    (change,) = drop_layers(lambda kept: abs(energy(kept) - whole), 3, tolerance=1e-9)
    assert change.after == (0, 2)
    assert change.value_after == pytest.approx(change.value_before, abs=1e-12)


@pytest.mark.parametrize(
    ("n_layers", "options"),
    [
        (0, {"tolerance": 0.1}),
        (3, {"tolerance": -0.1}),
        (3, {"tolerance": np.nan}),
        (3, {"tolerance": 0.1, "min_depth": 4}),
    ],
)
def test_options_that_make_no_sense_are_refused(n_layers, options):
    with pytest.raises(InvalidOptionError, match="layers, at least"):
        drop_layers(additive, n_layers, **options)


def test_a_validation_value_that_is_not_finite_is_named_with_its_layers():
    with pytest.raises(NonFiniteLossError, match=r"layers \(1,\) is nan"):
        drop_layers(lambda kept: 1.0 if 0 in kept else np.nan, 2, tolerance=0.1)
