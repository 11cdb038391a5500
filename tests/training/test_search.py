"""Search within a budget: what is found, what is never passed, and what a resumed study counts."""

import logging
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pennylane as qml
import pytest
from optuna.trial import TrialState

from pennylane_qstore.backend import Backend
from pennylane_qstore.emulator import create_app
from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import GradientOptimizer, PlannedShotsOptimizer, SPSAOptimizer
from pennylane_qstore.training import (
    BudgetSpentError,
    SearchBudget,
    Trainer,
    tune,
)
from pennylane_qstore.training.meter import n_circuits
from tests.faults import client
from tests.loopback import serving

CHILD = Path(__file__).with_name("killed_search.py")
KINDS = ["default.qubit", "lightning.qubit", "qstore.ionq"]
START = np.array([0.5, 0.2])


@pytest.fixture(autouse=True)
def _quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


def make_device(kind, seed=3):
    options = {"progress": False, "cache": False} if kind == "qstore.ionq" else {}
    return qml.device(kind, wires=2, seed=seed, **options)


def make_cost(device, shots=20, diff_method=None):
    observable = qml.Hamiltonian([1.0, 0.5], [qml.Z(0) @ qml.Z(1), qml.X(0)])

    @qml.set_shots(shots)
    @qml.qnode(device, diff_method=diff_method)
    def cost(params):
        qml.RY(params[0], wires=0)
        qml.RY(params[1], wires=1)
        qml.CNOT(wires=[0, 1])
        return qml.expval(observable)

    return cost


def new_study(**options):
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1), **options)


class Ran:
    """How many circuits all devices have run, counted apart from what is tested."""

    circuits = 0


@pytest.fixture
def ran(monkeypatch):
    """Counts where simulators run tapes and where our device submits jobs."""
    total = Ran()

    def count(kind, name, circuits_in):
        original = getattr(kind, name)

        def counted(device, first, *args, **kwargs):
            total.circuits += sum(map(circuits_in, first))
            return original(device, first, *args, **kwargs)

        monkeypatch.setattr(kind, name, counted)

    def bases(tape):
        """The observable of these tests has terms in two bases."""
        return 2 if isinstance(tape.measurements[0].obs, qml.ops.LinearCombination) else 1

    for kind in ("default.qubit", "lightning.qubit"):
        count(type(qml.device(kind, wires=1)), "execute", bases)
    count(Backend, "run", lambda request: 1)
    return total


# What is found


def test_the_known_best_angle_of_a_single_rotation_is_found():
    device = qml.device("default.qubit", wires=1)

    @qml.qnode(device)
    def cost(params, angle):
        qml.RY(angle, wires=0)
        qml.RY(0 * params[0], wires=0)
        return qml.expval(qml.Z(0))

    def build(trial):
        angle = trial.suggest_float("angle", 0, 2 * np.pi)
        descent = qml.GradientDescentOptimizer(0.1)
        return Trainer(descent, lambda p: cost(p, angle), device=device), [0.0], 1

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    report = tune(study, build, SearchBudget(circuits=1000), n_trials=40)
    assert study.best_params["angle"] == pytest.approx(np.pi, abs=0.2)
    assert study.best_value == pytest.approx(-1, abs=0.02)
    assert (report.n_trials, report.stopped) == (40, "")


def test_the_step_size_that_solves_a_bowl_in_one_step_is_found_with_its_parameters():
    device = qml.device("default.qubit", wires=1)

    def build(trial):
        step = trial.suggest_float("step", 0.0, 1.0)
        trainer = Trainer(
            qml.GradientDescentOptimizer(step),
            lambda p: (p**2).sum(),
            validate=lambda p: float((p**2).sum()),
            device=device,
        )
        return trainer, [1.0, -2.0], 1

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    tune(study, build, SearchBudget(circuits=1), n_trials=40)
    assert study.best_params["step"] == pytest.approx(0.5, abs=0.05)
    shrunk = (1 - 2 * study.best_params["step"]) * np.array([1.0, -2.0])
    np.testing.assert_allclose(study.best_trial.user_attrs["best_params"], shrunk)


# Circuits


def build_spsa(kind, n_steps=4):
    def build(trial):
        device = make_device(kind)
        optimizer = SPSAOptimizer(10, a=trial.suggest_float("a", 0.01, 1.0), seed=1)
        return Trainer(optimizer, make_cost(device), device=device), START, n_steps

    return build


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("circuits", [1, 5, 6, 47, 48, 53])
def test_circuits_never_pass_the_budget_and_only_what_fits_no_step_is_left(kind, circuits, ran):
    study = new_study()
    report = tune(study, build_spsa(kind), SearchBudget(circuits=circuits), n_trials=50)
    # A step of SPSA asks for three losses, of two circuits each.
    assert report.circuits == ran.circuits == circuits - circuits % 6
    assert "circuits" in report.stopped
    assert report.circuits == sum(t.user_attrs.get("circuits", 0) for t in study.trials)
    assert report.n_trials <= circuits // 24 + 1


@pytest.mark.parametrize("kind", KINDS)
def test_circuits_of_costs_that_grow_never_pass_the_budget(kind, ran):
    def build(trial):
        trial.suggest_float("a", 0, 1)
        device, calls = make_device(kind), [0]
        circuit = make_cost(device)

        def cost(params):
            calls[0] += 1
            return sum(circuit(params) for _ in range(calls[0]))

        return Trainer(qml.SPSAOptimizer(maxiter=10), cost, device=device), START, 10

    # Steps take 12, 30, 48 circuits; after the third, 10 are too few for another such step.
    for circuits, expected in ((1, 0), (2, 2), (30, 30), (77, 76), (100, 90)):
        before = ran.circuits
        report = tune(new_study(), build, SearchBudget(circuits=circuits), n_trials=5)
        assert ran.circuits - before == report.circuits == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("circuits", [9, 10, 11, 30, 31])
def test_circuits_of_gradients_never_pass_the_budget(kind, circuits, ran):
    def build(trial):
        device = make_device(kind)
        cost = make_cost(device, diff_method="best" if kind == "qstore.ionq" else "parameter-shift")
        step = trial.suggest_float("step", 0.01, 1.0)
        return Trainer(qml.AdamOptimizer(step), cost, device=device), START, 3

    report = tune(new_study(), build, SearchBudget(circuits=circuits), n_trials=5)
    assert 0 < ran.circuits <= report.circuits <= circuits


def test_the_circuits_of_validation_count(ran):
    def build(trial):
        trainer, start, n_steps = build_spsa("default.qubit")(trial)
        return replace(trainer, validate=make_cost(trainer.device)), start, n_steps

    report = tune(new_study(), build, SearchBudget(circuits=20), n_trials=5)
    assert report.circuits == ran.circuits == 16


def test_a_step_as_dear_as_the_dearest_is_not_begun_where_it_would_not_fit(ran):
    def build(trial):
        device = make_device("default.qubit")
        circuit = make_cost(device)
        trial.suggest_float("a", 0, 1)
        # PennyLane's SPSA asks for three losses one after the other.
        return Trainer(qml.SPSAOptimizer(maxiter=10), circuit, device=device), START, 10

    report = tune(new_study(), build, SearchBudget(circuits=10), n_trials=5)
    assert report.circuits == ran.circuits == 6


def test_methods_of_the_device_are_given_back():
    device = make_device("qstore.ionq")

    def build(trial):
        trial.suggest_float("a", 0, 1)
        return Trainer(SPSAOptimizer(10, seed=1), make_cost(device), device=device), START, 1

    tune(new_study(), build, SearchBudget(circuits=6), n_trials=2)
    assert not {"execute", "submit", "compute_derivatives"} & set(vars(device))
    assert not device.ledger.limited
    make_cost(device)(START)


@pytest.mark.parametrize(
    ("observable", "expected"),
    [
        (qml.Z(0), 1 + 2 * 2 + 4),
        (qml.Hamiltonian([1, 1], [qml.Z(0), qml.X(0)]), 2 * (1 + 2 * 2 + 4)),
    ],
)
def test_a_gradient_is_counted_with_two_or_four_circuits_for_each_parameter(observable, expected):
    ops = [qml.RX(0.1, 0), qml.RY(0.2, 1), qml.CRX(0.3, [0, 1])]
    measured = [qml.expval(observable)]
    tape = qml.tape.QuantumScript(ops, measured, shots=10, trainable_params=[0, 1, 2])
    assert n_circuits([tape], gradient=True) == expected
    assert n_circuits([tape, tape]) == 2 * expected // 9


# Money


@pytest.fixture
def machine(tmp_path):
    with serving(create_app()) as (url, _):
        yield lambda **options: client.connect(
            f"{url}/v0.4",
            tmp_path / "results",
            **{"backend": "qpu.forte-1"} | options,
        )


@pytest.mark.parametrize("usd", [0.5, 120, 260.0])
def test_money_of_shots_that_grow_never_passes_the_budget(machine, usd):
    devices = []

    def build(trial):
        device = machine()
        devices.append(device)
        gains = SPSAOptimizer(10, a=trial.suggest_float("a", 0.01, 1.0), seed=1)
        optimizer = PlannedShotsOptimizer(gains, lambda step: 100 * (step + 1))
        return Trainer(optimizer, make_cost(device), device=device), START, 10

    study = new_study()
    report = tune(study, build, SearchBudget(money=usd), n_trials=2)
    spent = sum(device.ledger.spent.amount("usd") for device in devices)
    assert spent <= usd
    assert report.money == pytest.approx(spent)
    assert (report.money > 0) == (usd > 1)
    assert "usd" in report.stopped
    kept = sum(trial.user_attrs.get("cost_usd", 0) for trial in study.trials)
    assert kept == pytest.approx(report.money)


def test_a_device_shared_by_trials_is_charged_for_each_trial_once(machine):
    device = machine()

    def build(trial):
        optimizer = SPSAOptimizer(10, a=trial.suggest_float("a", 0.01, 1.0), seed=1)
        return Trainer(optimizer, make_cost(device), device=device), START, 1

    report = tune(new_study(), build, SearchBudget(money=1000.0), n_trials=3)
    assert report.stopped == ""
    assert report.money == pytest.approx(device.ledger.spent.amount("usd"))
    assert report.circuits == 18


def test_money_is_written_down_before_it_is_spent(machine, monkeypatch):
    study, seen = new_study(), []
    device = machine()
    settle = type(device.ledger).settle

    def watched(ledger, reservation, actual):
        seen.append((study.trials[-1].user_attrs["cost_usd"], ledger.spent.amount("usd")))
        settle(ledger, reservation, actual)

    monkeypatch.setattr(type(device.ledger), "settle", watched)

    def build(trial):
        optimizer = SPSAOptimizer(10, a=trial.suggest_float("a", 0.01, 1.0), seed=1)
        return Trainer(optimizer, make_cost(device), device=device), START, 1

    report = tune(study, build, SearchBudget(money=1000.0), n_trials=1)
    assert seen[0][1] == 0
    assert seen[0][0] >= report.money > 0


def test_the_devices_own_budget_ends_the_search_too(machine):
    def build(trial):
        device = machine(budget=10)
        optimizer = SPSAOptimizer(10, a=trial.suggest_float("a", 0.01, 1.0), seed=1)
        return Trainer(optimizer, make_cost(device), device=device), START, 5

    report = tune(new_study(), build, SearchBudget(money=1000.0), n_trials=5)
    assert report.n_trials == 1
    assert "budget of 10 usd" in report.stopped


def test_a_budget_in_another_currency_is_refused_before_anything_is_sent(machine):
    device = machine()

    def build(trial):
        optimizer = SPSAOptimizer(10, a=trial.suggest_float("a", 0.01, 1.0), seed=1)
        return Trainer(optimizer, make_cost(device), device=device), START, 5

    with pytest.raises(InvalidOptionError, match="budget is in credit"):
        tune(new_study(), build, SearchBudget(money=1000.0, unit="credit"), n_trials=5)
    assert not device.ledger.spent


# Pruning, divergence, resuming


def test_the_pruner_ends_trials_and_the_search_goes_on():
    pruner = optuna.pruners.ThresholdPruner(upper=0.9)
    study = new_study(pruner=pruner)

    def build(trial):
        good = trial.suggest_categorical("good", [True, False])
        trainer, start, n_steps = build_spsa("default.qubit")(trial)
        return replace(trainer, validate=lambda _: 0.5 if good else 1.0), start, n_steps

    tune(study, build, SearchBudget(circuits=1000), n_trials=8)
    for trial in study.trials:
        good = trial.params["good"]
        assert trial.state == (TrialState.COMPLETE if good else TrialState.PRUNED)
        assert trial.user_attrs["steps"] == (4 if good else 1)
        assert trial.user_attrs["circuits"] == (24 if good else 6)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED}


def test_a_trial_that_diverges_fails_and_the_search_goes_on():
    def build(trial):
        trainer, start, n_steps = build_spsa("default.qubit")(trial)
        bad = trial.number == 0

        def cost(params):
            return trainer.cost(params) * (np.nan if bad else 1.0)

        return replace(trainer, cost=cost), start, n_steps

    study = new_study()
    report = tune(study, build, SearchBudget(circuits=1000), n_trials=2)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]
    assert study.trials[0].user_attrs["circuits"] == 6
    assert report.n_trials == 2


def test_other_errors_end_the_search_and_what_was_spent_counts(ran):
    def build(trial):
        trainer, start, n_steps = build_spsa("default.qubit")(trial)

        def cost(params):
            trainer.cost(params)
            raise RuntimeError("out of order")

        return replace(trainer, optimizer=qml.AdamOptimizer(), cost=cost), start, n_steps

    study = new_study()
    with pytest.raises(RuntimeError, match="out of order"):
        tune(study, build, SearchBudget(circuits=1000), n_trials=2)
    assert ran.circuits == 2
    assert study.trials[0].user_attrs["circuits"] == 2


def test_a_study_whose_process_was_killed_counts_what_that_had_spent(tmp_path, ran):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    command = [sys.executable, str(CHILD), url, "100", "2", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    before = sum(map(int, done.stdout.split()))
    assert before == 2 * 12 + 3 * 3
    study = optuna.load_study(study_name="killed", storage=url)
    report = tune(study, build_spsa("default.qubit"), SearchBudget(circuits=47), n_trials=100)
    assert ran.circuits == 12
    assert report.circuits == before + ran.circuits == 45
    assert study.trials[2].state == TrialState.FAIL
    assert [trial.user_attrs["circuits"] for trial in study.trials] == [12, 12, 9, 12]
    with pytest.raises(BudgetSpentError, match="45 of 45 circuits"):
        tune(study, build_spsa("default.qubit"), SearchBudget(circuits=45), n_trials=100)


def test_trials_of_earlier_searches_are_among_those_to_reach(tmp_path):
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal"))
    )
    study = new_study(storage=storage, study_name="s")
    tune(study, build_spsa("default.qubit", 1), SearchBudget(circuits=18), n_trials=2)
    again = optuna.load_study(study_name="s", storage=storage)
    report = tune(again, build_spsa("default.qubit", 1), SearchBudget(circuits=18), n_trials=3)
    assert (report.circuits, report.n_trials) == (18, 3)
    done = tune(again, build_spsa("default.qubit", 1), SearchBudget(circuits=18), n_trials=3)
    assert done == report
    with pytest.raises(BudgetSpentError, match="18 of 18 circuits"):
        tune(again, build_spsa("default.qubit", 1), SearchBudget(circuits=18), n_trials=4)


# What is refused


@pytest.mark.parametrize("limits", [{}, {"circuits": -1}, {"money": float("nan")}])
def test_a_budget_that_is_none_is_refused(limits):
    with pytest.raises(InvalidOptionError, match="give one of them"):
        SearchBudget(**limits)


def test_a_study_that_maximizes_is_refused():
    with pytest.raises(InvalidOptionError, match="minimize"):
        tune(
            new_study(direction="maximize"),
            build_spsa("default.qubit"),
            SearchBudget(circuits=10),
            n_trials=1,
        )


@pytest.mark.parametrize("budget", [SearchBudget(circuits=5), SearchBudget(money=5)])
def test_a_budget_needs_a_device_that_can_keep_it(budget):
    def build(trial):
        device = None if budget.money is None else make_device("default.qubit")
        return Trainer(SPSAOptimizer(seed=1), lambda p: (p**2).sum(), device=device), START, 2

    with pytest.raises(InvalidOptionError, match="cannot be kept"):
        tune(new_study(), build, budget, n_trials=1)


def test_a_run_without_any_value_is_named():
    def build(trial):
        trainer, start, _ = build_spsa("default.qubit")(trial)
        return trainer, start, 0

    with pytest.raises(InvalidOptionError, match="without any value"):
        tune(new_study(), build, SearchBudget(circuits=5), n_trials=1)


def test_a_gradient_step_without_a_loss_still_searches_by_validation():
    def build(trial):
        device = make_device("default.qubit")
        optimizer = GradientOptimizer(trial.suggest_float("step", 0.1, 0.5))
        exact = make_cost(device, None, "best")
        return Trainer(optimizer, exact, validate=lambda p: exact(p), device=device), START, 3

    study = new_study()
    tune(study, build, SearchBudget(circuits=1000), n_trials=3)
    assert study.best_value < make_cost(make_device("default.qubit"), None)(START)


def test_the_extra_is_named_where_optuna_is_missing():
    code = (
        "import sys; sys.modules['optuna'] = None\n"
        "from pennylane_qstore.training import MissingExtraError\n"
        "try: from pennylane_qstore.training import tune\n"
        "except MissingExtraError as error: sys.exit('[tune]' not in str(error))\n"
        "sys.exit('no error')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_importing_the_package_does_not_import_optuna():
    code = (
        "import sys, pennylane_qstore.training as t; from pennylane_qstore.training import Trainer"
        "; sys.exit('optuna' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_each_finished_trial_is_logged(caplog):
    with caplog.at_level(logging.INFO, logger="pennylane_qstore"):
        tune(new_study(), build_spsa("default.qubit", 1), SearchBudget(circuits=100), n_trials=1)
    assert "'circuits': 6" in caplog.text
