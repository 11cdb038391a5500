"""Transfer learning: trained without noise, fine-tuned on a noisy machine, against cold start.

    OMP_NUM_THREADS=1 python -m benchmarks.practice.transfer [--seeds 5]

Handwritten 7 against 9 (scikit-learn's digits), four principal components of the source task's
images on four qubits, a linear readout of all Z. The target backend is the emulator under the noise
of aria-1, 100 shots. Pre-training is exact and without noise, on the same task or on a related one
(4 against 9), and costs no circuits of the target. A run has reached the target when 85 % of the
validation samples are right, as measured on the target backend; the circuits of training and of all
validations until then count. Accuracy is that of held-out test samples, on the target backend too,
after all steps. Nothing was chosen by looking at test samples.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pennylane as qml
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from benchmarks.practice.summary import seeds_from_arguments, told
from benchmarks.record import save
from pennylane_qstore.optimize import SPSAOptimizer
from pennylane_qstore.training import Batches, Trainer
from pennylane_qstore.training.readout import Readout, log_loss

N_QUBITS = 4
SOURCE, TARGET = (4, 9), (7, 9)
READOUT = Readout(n_features=N_QUBITS, n_outputs=1, n_qubits=N_QUBITS, n_layers=2)
N_READOUT = N_QUBITS + 1
"""Weights and bias, at the end of the parameters."""


@dataclass(frozen=True)
class Settings:
    """What one run takes."""

    n_steps: int = 14
    batch: int = 8
    shots: int = 100
    n_validation: int = 50
    n_test: int = 100
    pretraining_steps: int = 60
    accuracy: float = 0.85


class Split(NamedTuple):
    """Angles and labels for training, validation and test."""

    x: np.ndarray
    y: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load_pair(pair: tuple[int, int], settings: Settings, seed: int) -> Split:
    """Two digits as angles; scaling and components are those of the source task's images."""
    images, digits = load_digits(return_X_y=True)
    components = PCA(N_QUBITS, random_state=0).fit(images[np.isin(digits, SOURCE)])
    unit = 0.7 / components.transform(images[np.isin(digits, SOURCE)])[:, 0].std()
    chosen = np.isin(digits, pair)
    x = np.clip(unit * components.transform(images[chosen]), -np.pi / 2, np.pi / 2)
    y = (digits[chosen] == pair[1]).astype(int)
    x, x_test, y, y_test = train_test_split(
        x, y, test_size=settings.n_test, stratify=y, random_state=seed
    )
    x, x_validation, y, y_validation = train_test_split(
        x, y, test_size=settings.n_validation, stratify=y, random_state=seed
    )
    return Split(x, y, x_validation, y_validation, x_test, y_test)


def accuracy_on(qnode: qml.QNode, params: Any, x: np.ndarray, y: np.ndarray) -> float:
    outputs = np.asarray(READOUT.outputs(qnode, params, x))[:, 0]
    return float(np.mean((outputs > 0) == y))


def cost_of(qnode: qml.QNode) -> Callable[..., Any]:
    return lambda params, x, y: log_loss(READOUT.outputs(qnode, params, x), y)


def pretrained(pair: tuple[int, int], settings: Settings, seed: int) -> np.ndarray:
    """Parameters trained exactly and without noise."""
    data = load_pair(pair, settings, seed)
    qnode = READOUT.qnode(qml.device("default.qubit", wires=N_QUBITS), None)
    trainer = Trainer(
        qml.AdamOptimizer(0.1), cost_of(qnode), batches=Batches((data.x, data.y), 32, seed)
    )
    start = READOUT.initial_params(np.random.RandomState(seed))
    return trainer.fit(start, settings.pretraining_steps).params


def fine_tune(start: np.ndarray, settings: Settings, seed: int, *, readout_only: bool) -> dict:
    """Train on the noisy backend; gives circuits until the target, and accuracies."""
    device = qml.device(
        "qstore.ionq",
        wires=N_QUBITS,
        noise_model="aria-1",
        noise_seed=seed + 1,
        seed=seed,
        cache=False,
        progress=False,
    )
    data = load_pair(TARGET, settings, seed)
    qnode = READOUT.qnode(device, settings.shots)

    def errors(params: Any) -> float:
        return 1 - accuracy_on(qnode, params, data.x_validation, data.y_validation)

    frozen = np.arange(len(start)) < len(start) - N_READOUT if readout_only else None
    trainer = Trainer(
        SPSAOptimizer(seed=seed),
        cost_of(qnode),
        batches=Batches((data.x, data.y), settings.batch, seed),
        validate=errors,
        validate_every=2,
        device=device,
        frozen=frozen,
    )
    first = errors(start)
    result = trainer.fit(start, settings.n_steps)
    circuits = settings.n_validation + np.cumsum([record.circuits for record in result.history])
    wrong = [record.validation for record in result.history]
    limit = 1 - settings.accuracy + 1e-9
    reached = [int(c) for c, w in zip(circuits, wrong, strict=True) if w is not None and w <= limit]
    return {
        "seed": seed,
        "accuracy_at_start": 1 - first,
        "circuits_to_target": settings.n_validation
        if first <= limit
        else next(iter(reached), None),
        "circuits": int(circuits[-1]),
        "test_accuracy": accuracy_on(qnode, result.params, data.x_test, data.y_test),
    }


def measure(settings: Settings, seed: int) -> dict[str, dict]:
    """All arms with one seed."""
    cold = READOUT.initial_params(np.random.RandomState(seed))
    related = pretrained(SOURCE, settings, seed)
    same = pretrained(TARGET, settings, seed)
    arms = {
        "cold start": (cold, False),
        "pre-trained on 4/9, all parameters": (related, False),
        "pre-trained on 4/9, readout only": (related, True),
        "pre-trained on 7/9, readout only": (same, True),
    }
    found = {
        arm: fine_tune(start, settings, seed, readout_only=only)
        for arm, (start, only) in arms.items()
    }
    data = load_pair(TARGET, settings, seed)
    plain = LogisticRegression().fit(data.x, data.y).score(data.x_test, data.y_test)
    return found | {"logistic regression, no circuit": {"seed": seed, "test_accuracy": plain}}


def rows(arms: dict[str, list[dict]]) -> list[str]:
    """The table's lines."""
    lines = [
        "| start | reached 85 % | circuits until then (median) | accuracy before | test accuracy |",
        "|---|---|---|---|---|",
    ]
    for arm, runs in arms.items():
        accuracy = told([run["test_accuracy"] for run in runs], 3)
        if "circuits" not in runs[0]:
            lines.append(f"| {arm} | | | | {accuracy} |")
            continue
        taken = [run["circuits_to_target"] or np.inf for run in runs]
        median = np.median(taken)
        n_reached = int(np.isfinite(taken).sum())
        before = told([run["accuracy_at_start"] for run in runs])
        shown = f"{median:.0f}" if np.isfinite(median) else f"more than {runs[0]['circuits']}"
        lines.append(f"| {arm} | {n_reached} of {len(runs)} | {shown} | {before} | {accuracy} |")
    return lines


def main(settings: Settings = Settings()) -> None:
    started, arms = time.perf_counter(), {}
    for seed in seeds_from_arguments(__doc__.splitlines()[0]):
        for arm, run in measure(settings, seed).items():
            arms.setdefault(arm, []).append(run)
            print(f"seed {seed}, {arm}: {run}", flush=True)
    print("\n".join(rows(arms)))
    seconds = round(time.perf_counter() - started, 1)
    save("transfer", {"settings": vars(settings), "seconds": seconds, "arms": arms})


if __name__ == "__main__":
    main()
