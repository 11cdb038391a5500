"""Training: a loop over any optimizer, search, scikit-learn estimators, and a first run to see.

Only the settings are imported with the package, so that the command line starts without PennyLane,
scikit-learn, matplotlib and optuna. The rest of ``__all__`` is imported when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pennylane_qstore.training.settings import TrainSettings

if TYPE_CHECKING:
    from pennylane_qstore.training.amplitudes import AmplitudeReadout
    from pennylane_qstore.training.batches import Batches
    from pennylane_qstore.training.checkpoint import Checkpoint
    from pennylane_qstore.training.depth import (
        DepthChange,
        DepthSchedule,
        Growth,
        drop_layers,
        grow,
    )
    from pennylane_qstore.training.errors import (
        BudgetSpentError,
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
    from pennylane_qstore.training.meter import SearchBudget
    from pennylane_qstore.training.record import Progress, TrainRecord
    from pennylane_qstore.training.search import TuneReport, tune
    from pennylane_qstore.training.trainer import EarlyStopping, Trainer

_HOMES = {
    "AmplitudeReadout": "amplitudes",
    "Batches": "batches",
    "BudgetSpentError": "errors",
    "Checkpoint": "checkpoint",
    "CheckpointError": "errors",
    "DepthChange": "depth",
    "DepthSchedule": "depth",
    "Growth": "depth",
    "drop_layers": "depth",
    "grow": "depth",
    "ImageFileError": "errors",
    "Images": "images",
    "MissingExtraError": "errors",
    "TrainingDivergedError": "errors",
    "QuantumClassifier": "estimators",
    "QuantumRegressor": "estimators",
    "Progress": "record",
    "TrainRecord": "record",
    "SearchBudget": "meter",
    "TuneReport": "search",
    "tune": "search",
    "EarlyStopping": "trainer",
    "Trainer": "trainer",
    "load_digit_images": "images",
    "load_images": "images",
    "project": "images",
}

__all__ = [
    "AmplitudeReadout",
    "Batches",
    "BudgetSpentError",
    "Checkpoint",
    "CheckpointError",
    "DepthChange",
    "DepthSchedule",
    "EarlyStopping",
    "Growth",
    "ImageFileError",
    "Images",
    "MissingExtraError",
    "Progress",
    "QuantumClassifier",
    "QuantumRegressor",
    "SearchBudget",
    "TrainRecord",
    "TrainSettings",
    "Trainer",
    "TrainingDivergedError",
    "TuneReport",
    "tune",
    "drop_layers",
    "grow",
    "load_digit_images",
    "load_images",
    "project",
]


def __getattr__(name: str) -> Any:
    """Import a name of ``__all__`` when it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
