"""Quantum models as scikit-learn estimators."""

import pickle
import warnings

import numpy as np
import pennylane as qml
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import SPSAOptimizer
from pennylane_qstore.training import QuantumClassifier, QuantumRegressor, TrainRecord
from pennylane_qstore.training.readout import Readout, log_loss

SKIPPED = {
    "check_array_api_input": "needs SCIPY_ARRAY_API set before SciPy is imported; the estimators "
    "take NumPy arrays only and do not claim the array API",
    "check_classifier_data_not_an_array": "its pandas part needs pandas, no dependency of ours",
    "check_regressor_data_not_an_array": "its pandas part needs pandas, no dependency of ours",
}
"""Checks that scikit-learn itself skips where a package is missing. No check is marked as one that
is expected to fail."""

QUICK = {
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_do_not_raise_errors_in_init_or_set_param",
    "check_estimator_cloneable",
    "check_estimators_unfitted",
    "check_get_params_invariance",
    "check_set_params",
    "check_valid_tag_types",
    "check_readonly_memmap_input",
    "check_n_features_in",
    "check_estimators_nan_inf",
    "check_fit1d",
    "check_classifiers_one_label",
}


@pytest.fixture(scope="module")
def two_moons():
    x, y = make_classification(
        60, 3, n_informative=2, n_redundant=0, class_sep=2.0, n_clusters_per_class=1, random_state=1
    )
    return x, np.array(["left", "right"])[y]


@pytest.mark.stress
@pytest.mark.parametrize("estimator", [QuantumClassifier(), QuantumRegressor()])
def test_check_estimator_of_scikit_learn_passes(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_skip=None)
    others = {one["check_name"] for one in results if one["status"] != "passed"}
    assert others <= set(SKIPPED)
    assert len(results) > 40


@pytest.mark.parametrize("estimator", [QuantumClassifier(max_iter=2), QuantumRegressor(max_iter=2)])
def test_the_checks_of_scikit_learn_that_train_little_pass(estimator, monkeypatch):
    from sklearn.utils import estimator_checks

    every = estimator_checks._yield_all_checks

    def few(given, legacy):
        for check in every(given, legacy):
            name = getattr(check, "__name__", None) or check.func.__name__
            if name in QUICK:
                yield check

    monkeypatch.setattr(estimator_checks, "_yield_all_checks", few)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator)
    assert len(results) >= 10
    assert {one["status"] for one in results} == {"passed"}


def test_two_classes_by_any_name_are_told_apart(two_moons):
    x, y = two_moons
    model = QuantumClassifier(max_iter=25, random_state=0).fit(x, y)
    assert model.score(x, y) > 0.9
    assert model.classes_.tolist() == ["left", "right"]
    assert model.n_iter_ == len(model.history_) == 25
    assert isinstance(model.history_[0], TrainRecord)
    np.testing.assert_allclose(model.predict_proba(x).sum(axis=1), 1)


def test_three_classes_share_one_circuit():
    x, y = load_iris(return_X_y=True)
    model = QuantumClassifier(max_iter=60, random_state=0).fit(x, y)
    assert model.score(x, y) > 0.9
    assert model.predict_proba(x).shape == (150, 3)
    np.testing.assert_array_equal(model.predict_proba(x).argmax(axis=1), model.predict(x))


def test_a_regressor_follows_a_sine():
    x = np.linspace(-1.5, 1.5, 40)[:, None]
    y = 5 + 2 * np.sin(x[:, 0])
    assert QuantumRegressor(2, 2, random_state=0).fit(x, y).score(x, y) > 0.9


def test_a_pipeline_is_searched_over_like_any_other(two_moons):
    pipeline = make_pipeline(StandardScaler(), QuantumClassifier(max_iter=8, random_state=0))
    grid = {"quantumclassifier__angle_scale": [0.01, 0.7]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(*two_moons)
    assert search.best_score_ > 0.8


def test_finite_shots_on_the_emulator_repeat_bit_for_bit_and_after_pickling(two_moons):
    x, y = two_moons
    model = QuantumClassifier(
        2, device="qstore.ionq", device_options={"cache": False}, shots=50, max_iter=3, batch_size=4
    ).set_params(random_state=3)
    first, second = clone(model).fit(x, y), clone(model).fit(x, y)
    np.testing.assert_array_equal(first.params_, second.params_)
    assert first.history_[0].jobs == 1
    assert first.history_[0].method == "spsa"
    copy = pickle.loads(pickle.dumps(first))  # our own bytes
    np.testing.assert_array_equal(copy.predict_proba(x[:5]), first.predict_proba(x[:5]))


def test_a_fit_goes_on_from_its_checkpoint(two_moons, tmp_path):
    x, y = two_moons
    whole = QuantumClassifier(max_iter=6, batch_size=8, random_state=0)
    part = clone(whole).set_params(max_iter=3, checkpoint=str(tmp_path / "fit.json"))
    part.fit(x, y)
    part.set_params(max_iter=6).fit(x, y)
    whole.fit(x, y)
    np.testing.assert_array_equal(part.params_, whole.params_)
    assert part.history_ == whole.history_


def test_an_optimizer_of_ones_own_is_built_with_the_seed(two_moons):
    seeds = []

    def build(seed):
        seeds.append(seed)
        return qml.GradientDescentOptimizer(0.1)

    model = QuantumClassifier(max_iter=1, optimizer=build, random_state=0).fit(*two_moons)
    assert seeds == [model.seed_]
    assert model.history_[0].method == "GradientDescentOptimizer"


def test_qubits_depth_batch_size_and_steps_are_those_asked_for(two_moons):
    model = QuantumClassifier(
        1,
        3,
        device="qstore.ionq",
        device_options={"cache": False},
        shots=20,
        batch_size=5,
        max_iter=2,
        optimizer=lambda seed: SPSAOptimizer(30, seed=seed),
        random_state=0,
    ).fit(*two_moons)
    assert (model.readout_.n_qubits, model.readout_.depth, model.n_iter_) == (1, 3, 2)
    # Two points of SPSA and the loss, each on five samples.
    assert [(step.circuits, step.shots) for step in model.history_] == [(15, 300), (15, 300)]


@pytest.mark.parametrize("n_labels", [2, 3])
def test_the_loss_is_scikit_learns_log_loss(n_labels):
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(9, 1 if n_labels == 2 else n_labels)) * 3
    labels = np.arange(9) % n_labels
    logits = np.hstack([np.zeros((9, 1)), outputs]) if n_labels == 2 else outputs
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = sklearn_log_loss(labels, probabilities, labels=range(n_labels))
    assert log_loss(outputs, labels) == pytest.approx(expected)


def test_outputs_are_the_linear_readout_of_the_circuit_sample_by_sample():
    readout = Readout(n_features=3, n_outputs=2, n_qubits=2, n_layers=1)
    assert readout.depth == 2
    params = np.random.default_rng(1).normal(size=readout.n_params)
    features = np.random.default_rng(2).normal(size=(4, 3))
    qnode = readout.qnode(qml.device("default.qubit", wires=2), None)
    outputs = readout.outputs(qnode, params, features)
    n_angles = int(np.prod(readout.angles_shape))
    weights = params[n_angles : n_angles + 4].reshape(2, 2)
    for i, sample in enumerate(features):
        z = np.ravel(qnode(params[:n_angles].reshape(readout.angles_shape), sample[None]))
        np.testing.assert_allclose(outputs[i], weights @ z + params[-2:])


@pytest.mark.parametrize("name", ["n_qubits", "n_layers", "max_iter"])
def test_a_setting_below_one_is_named_when_fitted(name, two_moons):
    with pytest.raises(InvalidOptionError, match=f"{name} is 0"):
        QuantumClassifier(**{name: 0}).fit(*two_moons)
