"""Training: a loop over any optimizer, scikit-learn estimators, and a first run to look at.

Only the settings are imported with the package, so that the command line starts without PennyLane,
scikit-learn and matplotlib. Everything else of ``__all__`` is imported when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pennylane_qstore.training.settings import TrainSettings

if TYPE_CHECKING:
    from pennylane_qstore.training.amplitudes import AmplitudeReadout
    from pennylane_qstore.training.batches import Batches
    from pennylane_qstore.training.checkpoint import Checkpoint
    from pennylane_qstore.training.errors import (
        CheckpointError,
        ImageFileError,
        MissingExtraError,
        TrainingDivergedError,
    )
    from pennylane_qstore.training.estimators import QuantumClassifier, QuantumRegressor
    from pennylane_qstore.training.images import (
        Images,
        load_digit_images,
        load_images,
        project,
    )
    from pennylane_qstore.training.record import Progress, TrainRecord
    from pennylane_qstore.training.trainer import EarlyStopping, Trainer

_HOMES = {
    "AmplitudeReadout": "amplitudes",
    "Batches": "batches",
    "Checkpoint": "checkpoint",
    "CheckpointError": "errors",
    "ImageFileError": "errors",
    "Images": "images",
    "MissingExtraError": "errors",
    "TrainingDivergedError": "errors",
    "QuantumClassifier": "estimators",
    "QuantumRegressor": "estimators",
    "Progress": "record",
    "TrainRecord": "record",
    "EarlyStopping": "trainer",
    "Trainer": "trainer",
    "load_digit_images": "images",
    "load_images": "images",
    "project": "images",
}

__all__ = [
    "AmplitudeReadout",
    "Batches",
    "Checkpoint",
    "CheckpointError",
    "EarlyStopping",
    "ImageFileError",
    "Images",
    "MissingExtraError",
    "Progress",
    "QuantumClassifier",
    "QuantumRegressor",
    "TrainRecord",
    "TrainSettings",
    "Trainer",
    "TrainingDivergedError",
    "load_digit_images",
    "load_images",
    "project",
]


def __getattr__(name: str) -> Any:
    """Import a name of ``__all__`` when it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
