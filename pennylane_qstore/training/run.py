"""The first training run: breast-cancer data on eight qubits, from data to test accuracy."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.devices import Device
from pennylane.exceptions import DeviceError

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core import SPSA, Gains
from pennylane_qstore.training.baseline import logistic_accuracy, majority_share
from pennylane_qstore.training.batches import batch_indices
from pennylane_qstore.training.curve import save_loss_curve
from pennylane_qstore.training.data import Dataset, load_data
from pennylane_qstore.training.loop import Objective, StepRecord, Usage, read_usage, train
from pennylane_qstore.training.model import Classifier, cross_entropy, make_classifier
from pennylane_qstore.training.settings import DEVICE_NAME, TrainSettings

FloatArray = NDArray[np.float64]

N_QUBITS = 8
STEP_SCALE = 0.6
PERTURBATION = 0.1


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
    records: tuple[StepRecord, ...]
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


def make_objective(model: Classifier, data: Dataset, settings: TrainSettings) -> Objective:
    """Build the loss of a step's mini-batch, evaluated at all points in one device call."""

    def objective(points: FloatArray, step: int) -> FloatArray:
        chosen = batch_indices(
            len(data.y_train), settings.batch_size, seed=settings.seed, step=step
        )
        return cross_entropy(model.logits(points, data.x_train[chosen]), data.y_train[chosen])

    return objective


def run_training(
    settings: TrainSettings, *, on_step: Callable[[StepRecord], None] = lambda _: None
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
    optimizer = SPSA(Gains(a=STEP_SCALE, c=PERTURBATION, stability=0.1 * settings.n_steps))
    state = optimizer.init(model.initial_params(seed=settings.seed), seed=settings.seed)
    records = []
    with qml.Tracker(device) as tracker:
        for record in train(
            optimizer,
            state,
            make_objective(model, data, settings),
            n_steps=settings.n_steps,
            usage=lambda: read_usage(tracker),
        ):
            records.append(record)
            on_step(record)
        params = records[-1].state.params
        accuracy = accuracy_of(model, params, features=data.x_test, labels=data.y_test)
    return TrainResult(
        settings=settings,
        records=tuple(records),
        params=params,
        test_accuracy=accuracy,
        baseline_accuracy=logistic_accuracy(data),
        majority=majority_share(data),
        usage=read_usage(tracker),
    )


def accuracy_of(
    model: Classifier, params: FloatArray, *, features: FloatArray, labels: NDArray[np.int64]
) -> float:
    """Share of samples whose more likely label is right, from one device call."""
    predicted = model.logits(params[np.newaxis], features)[0] > 0
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
    summary = {
        "settings": asdict(result.settings),
        "test_accuracy": result.test_accuracy,
        "baseline_accuracy": result.baseline_accuracy,
        "majority": result.majority,
        "usage": asdict(result.usage),
        "losses": [record.loss for record in result.records],
        "params": result.params.tolist(),
    }
    (folder / "result.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    picture = folder / "loss.png"
    settings = result.settings
    place = settings.backend if settings.device == DEVICE_NAME else settings.device
    save_loss_curve(
        [record.loss for record in result.records],
        picture,
        title=f"Breast cancer, {N_QUBITS} qubits, {place}, {settings.shots} shots: "
        f"test accuracy {result.test_accuracy:.2f}",
        majority=result.majority,
    )
    return picture
