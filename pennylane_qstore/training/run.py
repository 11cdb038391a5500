"""The first training run: breast-cancer data on eight qubits, from data to test accuracy."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.devices import Device
from pennylane.exceptions import DeviceError

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import SPSAOptimizer
from pennylane_qstore.training.baseline import logistic_accuracy, majority_share
from pennylane_qstore.training.batches import Batches
from pennylane_qstore.training.curve import save_loss_curve
from pennylane_qstore.training.data import Dataset, load_data
from pennylane_qstore.training.model import Classifier, make_classifier
from pennylane_qstore.training.readout import log_loss
from pennylane_qstore.training.record import TrainRecord
from pennylane_qstore.training.settings import DEVICE_NAME, TrainSettings
from pennylane_qstore.training.trainer import Trainer, usage

FloatArray = NDArray[np.float64]

N_QUBITS = 8
STEP_SCALE = 0.6
PERTURBATION = 0.1


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run has used.

    Attributes:
        circuits: Circuits that were run.
        jobs: Jobs that were submitted; None where the device knows no jobs.
    """

    circuits: int
    jobs: int | None


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a run leaves behind.

    Attributes:
        settings: What decided the run.
        records: One for each step.
        params: The trained values, shape ``(n_params,)``.
        test_accuracy: Share of test samples classified correctly, at the run's shots.
        baseline_accuracy: The same for logistic regression on the same features.
        majority: The same for always answering the more frequent label.
        usage: Circuits and jobs of the whole run, testing included.
    """

    settings: TrainSettings
    records: tuple[TrainRecord, ...]
    params: FloatArray
    test_accuracy: float
    baseline_accuracy: float
    majority: float
    usage: Usage


def make_device(settings: TrainSettings) -> Device:
    """Construct the device that the settings name, with the run's seed.

    On the emulator results are not kept on disk: no circuit of a training run comes twice.

    Raises:
        InvalidOptionError: If PennyLane knows no such device, or it takes no seed.
    """
    if settings.device != DEVICE_NAME:
        try:
            return qml.device(settings.device, wires=N_QUBITS, seed=settings.seed)
        except (DeviceError, TypeError) as error:
            raise InvalidOptionError(
                f"cannot construct device {settings.device!r} with a seed: {error}"
            ) from error
    return qml.device(
        DEVICE_NAME,
        wires=N_QUBITS,
        backend=settings.backend,
        noise_model=settings.noise_model,
        noise_seed=None if settings.noise_model is None else settings.seed + 1,
        seed=settings.seed,
        cache=settings.backend != "emulator",
        progress=False,
    )


def make_trainer(
    model: Classifier,
    data: Dataset,
    settings: TrainSettings,
    *,
    on_step: Callable[[TrainRecord], None] = lambda _: None,
) -> Trainer:
    """Put model, mini-batches and SPSA together.

    A step is two points, on the same samples: ``2 * batch_size`` circuits in one device call.
    """

    def cost(params: Any, features: Any, labels: Any) -> Any:
        return log_loss(model.logits(params, features)[:, None], labels)

    stability = 0.1 * settings.n_steps
    optimizer = SPSAOptimizer(
        c=PERTURBATION, A=stability, a=STEP_SCALE, directions="rademacher", seed=settings.seed
    )
    return Trainer(
        optimizer,
        cost,
        batches=Batches((data.x_train, data.y_train), settings.batch_size, settings.seed),
        measure_loss=False,
        device=model.qnode.device,
        callbacks=[lambda progress: on_step(progress.record)],
    )


def run_training(
    settings: TrainSettings, *, on_step: Callable[[TrainRecord], None] = lambda _: None
) -> TrainResult:
    """Train, test and compare.

    Args:
        settings: What decides the run.
        on_step: Called with the record of each step as soon as it is there.

    Raises:
        InvalidOptionError: If the device's options cannot work.
        QStoreError: If the device fails; see :mod:`pennylane_qstore.errors`.
    """
    data = load_data(N_QUBITS)
    device = make_device(settings)
    model = make_classifier(
        device, n_layers=settings.n_layers, n_qubits=N_QUBITS, shots=settings.shots
    )
    trainer = make_trainer(model, data, settings, on_step=on_step)
    trained = trainer.fit(model.initial_params(seed=settings.seed), settings.n_steps)
    with qml.Tracker(device) as tracker:
        accuracy = accuracy_of(model, trained.params, features=data.x_test, labels=data.y_test)
    return TrainResult(
        settings=settings,
        records=trained.history,
        params=trained.params,
        test_accuracy=accuracy,
        baseline_accuracy=logistic_accuracy(data),
        majority=majority_share(data),
        usage=total_usage(trained.history, tracker.totals),
    )


def total_usage(history: Sequence[TrainRecord], tested: Mapping[str, Any]) -> Usage:
    """Sum the circuits and jobs of a run's steps and of its test.

    Args:
        history: Of the run.
        tested: Totals of the test's :class:`~pennylane.Tracker`.
    """
    test = usage(tested)
    circuits = sum(record.circuits or 0 for record in history) + test["circuits"]
    jobs = [record.jobs for record in history if record.jobs is not None]
    return Usage(circuits, None if test["jobs"] is None else sum(jobs) + test["jobs"])


def accuracy_of(
    model: Classifier, params: FloatArray, *, features: FloatArray, labels: NDArray[np.int64]
) -> float:
    """Share of samples whose more likely label is right, from one device call."""
    predicted = model.logits(params, features) > 0
    return float(np.mean(predicted == labels))


def save_result(result: TrainResult, folder: Path) -> Path:
    """Write ``result.json`` and ``loss.png``.

    Args:
        result: A finished run.
        folder: Where to write; made if it is missing.

    Returns:
        Path of the loss curve.
    """
    folder.mkdir(parents=True, exist_ok=True)
    losses = [record.loss for record in result.records if record.loss is not None]
    summary = {
        "settings": asdict(result.settings),
        "test_accuracy": result.test_accuracy,
        "baseline_accuracy": result.baseline_accuracy,
        "majority": result.majority,
        "usage": asdict(result.usage),
        "losses": losses,
        "params": result.params.tolist(),
    }
    (folder / "result.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    picture = folder / "loss.png"
    settings = result.settings
    place = settings.backend if settings.device == DEVICE_NAME else settings.device
    save_loss_curve(
        losses,
        picture,
        title=f"Breast cancer, {N_QUBITS} qubits, {place}, {settings.shots} shots: "
        f"test accuracy {result.test_accuracy:.2f}",
        majority=result.majority,
    )
    return picture
