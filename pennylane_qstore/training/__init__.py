"""Training: data, model, loop, records and the loss curve.

Only the settings are imported here, so that the command line starts without PennyLane,
scikit-learn and matplotlib. The other modules are imported by name, for example
:mod:`pennylane_qstore.training.run`.
"""

from pennylane_qstore.training.settings import TrainSettings

__all__ = ["TrainSettings"]
