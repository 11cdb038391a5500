"""Breast cancer on 8 qubits with finite shots on the emulator: test accuracy within a budget.

Run: python benchmarks/training.py [--seeds 3]

Two ways to the same data: ``qstore train`` with its defaults (PCA to 8 features by hand, SPSA on a
linear readout), and :class:`QuantumClassifier` at the end of a scikit-learn pipeline. The budget of
circuits is printed before a run starts: steps times circuits per step, and one circuit per test
sample. The test set is that of ``training.data``; neither way was tuned on it.
"""

import argparse
import time

from record import save
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pennylane_qstore.training import QuantumClassifier, TrainSettings
from pennylane_qstore.training.data import SPLIT_SEED, TEST_SHARE
from pennylane_qstore.training.run import N_QUBITS, run_training

BAR = 0.90
N_TEST = 114
PIPELINE_STEPS, PIPELINE_BATCH, EVALUATIONS = 60, 12, 9
PIPELINE_SHOTS = 100


def by_command(seed):
    settings = TrainSettings(seed=seed)
    budget = settings.n_steps * 2 * settings.batch_size + N_TEST
    print(f"qstore train, seed {seed}: budget {budget} circuits of {settings.shots} shots")
    result = run_training(settings)
    return {
        "way": "qstore train",
        "budget_circuits": budget,
        "circuits": result.usage.circuits,
        "jobs": result.usage.jobs,
        "shots_per_circuit": settings.shots,
        "test_accuracy": result.test_accuracy,
        "logistic_regression": result.baseline_accuracy,
        "majority": result.majority,
    }


def by_pipeline(seed):
    budget = PIPELINE_STEPS * EVALUATIONS * PIPELINE_BATCH + N_TEST
    print(f"pipeline, seed {seed}: budget {budget} circuits of {PIPELINE_SHOTS} shots")
    samples, labels = load_breast_cancer(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        samples, labels, test_size=TEST_SHARE, stratify=labels, random_state=SPLIT_SEED
    )
    model = QuantumClassifier(
        N_QUBITS,
        device="qstore.ionq",
        device_options={"cache": False},
        shots=PIPELINE_SHOTS,
        max_iter=PIPELINE_STEPS,
        batch_size=PIPELINE_BATCH,
        random_state=seed,
    )
    pipeline = make_pipeline(StandardScaler(), PCA(N_QUBITS), model).fit(x_train, y_train)
    accuracy = pipeline.score(x_test, y_test)
    return {
        "way": "QuantumClassifier in a pipeline",
        "budget_circuits": budget,
        "circuits": sum(record.circuits for record in model.history_) + len(y_test),
        "jobs": sum(record.jobs for record in model.history_) + 1,
        "shots_per_circuit": PIPELINE_SHOTS,
        "test_accuracy": float(accuracy),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    rows = []
    for seed in range(parser.parse_args().seeds):
        for measure in (by_command, by_pipeline):
            started = time.perf_counter()
            row = {"seed": seed, **measure(seed)}
            row["seconds"] = round(time.perf_counter() - started, 1)
            row["within_budget"] = row["circuits"] <= row["budget_circuits"]
            row["passes"] = row["within_budget"] and row["test_accuracy"] >= BAR
            rows.append(row)
            print(
                f"  test accuracy {row['test_accuracy']:.3f} (bar {BAR:.2f}), {row['circuits']} "
                f"circuits, {row['jobs']} jobs, {row['seconds']} s: "
                f"{'pass' if row['passes'] else 'FAIL'}",
                flush=True,
            )
    save("training", {"bar": BAR, "qubits": N_QUBITS, "runs": rows})


if __name__ == "__main__":
    main()
