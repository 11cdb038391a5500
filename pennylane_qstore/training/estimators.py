"""Quantum models as scikit-learn estimators."""

from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.devices import Device

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import SPSAOptimizer
from pennylane_qstore.optimize.spsa import RECOMMENDED_RESAMPLINGS
from pennylane_qstore.training.batches import Batches
from pennylane_qstore.training.checkpoint import Checkpoint
from pennylane_qstore.training.errors import MissingExtraError
from pennylane_qstore.training.readout import Readout, log_loss, softmax, squared_error
from pennylane_qstore.training.settings import DEVICE_NAME
from pennylane_qstore.training.trainer import Trainer

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingExtraError("train", error) from error

FloatArray = NDArray[np.float64]

ADAM_STEP = 0.2


class _Estimator(BaseEstimator):
    """What classifier and regressor share."""

    def __init__(
        self,
        n_qubits: int = 4,
        n_layers: int = 2,
        *,
        device: str = "default.qubit",
        device_options: Mapping[str, Any] | None = None,
        shots: int | None = None,
        max_iter: int = 60,
        batch_size: int | None = 128,
        optimizer: Callable[[int], Any] | None = None,
        angle_scale: float = 0.7,
        checkpoint: str | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_qubits = n_qubits
        self.n_layers = n_layers
        self.device = device
        self.device_options = device_options
        self.shots = shots
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.angle_scale = angle_scale
        self.checkpoint = checkpoint
        self.random_state = random_state

    def _train(self, samples: FloatArray, targets: Any, n_outputs: int, loss: Any) -> None:
        """Scale, build the circuit and train it."""
        self._check_settings()
        rng = check_random_state(self.random_state)
        self.seed_ = int(rng.randint(2**31 - 1))
        self.mean_ = samples.mean(axis=0)
        spread = samples.std(axis=0)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        n_qubits = min(self.n_qubits, samples.shape[1])
        self.readout_ = Readout(samples.shape[1], n_outputs, n_qubits, self.n_layers)
        device = self._device()
        qnode = self.readout_.qnode(device, self.shots)

        def cost(params: Any, features: Any, wanted: Any) -> Any:
            return loss(self.readout_.outputs(qnode, params, features), wanted)

        size = min(self.batch_size or len(samples), len(samples))
        trainer = Trainer(
            self._optimizer(),
            cost,
            batches=Batches((self._angles(samples), targets), size, self.seed_),
            checkpoint=None if self.checkpoint is None else Checkpoint(self.checkpoint),
            device=device,
        )
        result = trainer.fit(self.readout_.initial_params(rng), self.max_iter)
        self.params_, self.history_, self.n_iter_ = result.params, result.history, result.step

    def _outputs(self, samples: Any) -> FloatArray:
        """Outputs of the trained circuit, shape ``(n_samples, n_outputs)``."""
        check_is_fitted(self)
        checked = validate_data(self, samples, dtype=np.float64, reset=False)
        qnode = self.readout_.qnode(self._device(), self.shots)
        return np.asarray(self.readout_.outputs(qnode, self.params_, self._angles(checked)))

    def _angles(self, samples: FloatArray) -> FloatArray:
        """Standardized features in radians, clipped to half a turn."""
        angles = self.angle_scale * (samples - self.mean_) / self.scale_
        return np.asarray(np.clip(angles, -np.pi / 2, np.pi / 2))

    def _device(self) -> Device:
        """A new device, so that equal calls give equal results and the estimator can be copied."""
        options = {"seed": self.seed_, **(self.device_options or {})}
        if self.device == DEVICE_NAME:
            options = {"backend": "emulator", "progress": False, **options}
        return qml.device(self.device, wires=self.readout_.n_qubits, **options)

    def _optimizer(self) -> Any:
        if self.optimizer is not None:
            return self.optimizer(self.seed_)
        if self.shots is None and self.device != DEVICE_NAME:
            return qml.AdamOptimizer(ADAM_STEP)
        # Whole losses: circuits along directions of their own gained nothing here (decision 29).
        return SPSAOptimizer(resamplings=RECOMMENDED_RESAMPLINGS, seed=self.seed_)

    def _check_settings(self) -> None:
        for name in ("n_qubits", "n_layers", "max_iter"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < 1:
                raise InvalidOptionError(f"{name} is {value!r}; it has to be an integer from 1 on")


class QuantumClassifier(ClassifierMixin, _Estimator):
    """A classifier by a variational circuit; several classes share one circuit.

    Two classes are told apart by one log-odds, more by one logit each: linear readouts of the Z
    expectation values of all qubits, trained along with the circuit. Features are standardized and
    embedded as angles, as many at a time as there are qubits.

    Args:
        n_qubits: Qubits, at most; never more than features.
        n_layers: Layers, at least; never fewer than blocks of features.
        device: PennyLane device, such as ``"default.qubit"`` or ``"qstore.ionq"`` (its emulator
            unless ``device_options`` name a backend).
        device_options: What else the device is built with.
        shots: Shots of every circuit; None computes exactly.
        max_iter: Optimizer steps.
        batch_size: Samples of a step; None takes all.
        optimizer: ``seed -> optimizer``, such as ``lambda seed: LocalModelOptimizer(seed=seed)``;
            None takes Adam where results are exact, else SPSA.
        angle_scale: Angle in radians of one standard deviation of a feature.
        checkpoint: File to save the training to, and to go on from. It has to be another one, or
            removed, for other data.
        random_state: Seed of parameters, batches, directions and shots.

    Attributes:
        classes_: Labels, shape ``(n_classes,)``.
        params_: Trained values, shape ``(n_params,)``.
        history_: One :class:`~pennylane_qstore.training.TrainRecord` for each step.
        n_iter_: Steps taken.
    """

    def fit(self, X: Any, y: Any) -> "QuantumClassifier":  # noqa: N803  # scikit-learn's name
        """Train on samples of shape ``(n_samples, n_features)`` and labels ``(n_samples,)``.

        Raises:
            ValueError: If the data cannot be trained on, such as labels of one class alone.
            QStoreError: If the device fails, or training diverges.
        """
        samples, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, indices = np.unique(labels, return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(
                f"all {len(labels)} samples are of one class, {self.classes_[0]!r}; "
                "a classifier needs samples of two classes or more"
            )
        self._train(samples, indices, 1 if n_classes == 2 else n_classes, log_loss)
        return self

    def decision_function(self, X: Any) -> FloatArray:  # noqa: N803
        """Log-odds of the second class, shape ``(n_samples,)``, or a logit for each class."""
        outputs = self._outputs(X)
        return outputs[:, 0] if len(self.classes_) == 2 else outputs

    def predict_proba(self, X: Any) -> FloatArray:  # noqa: N803
        """Probabilities of the classes, shape ``(n_samples, n_classes)``."""
        outputs = self._outputs(X)
        if len(self.classes_) == 2:
            outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=1)
        return softmax(outputs)

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """Most likely label of each sample, shape ``(n_samples,)``."""
        scores = self.decision_function(X)
        chosen = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes_[chosen])


class QuantumRegressor(RegressorMixin, _Estimator):
    """A regressor by a variational circuit, trained on the squared error.

    Arguments and attributes are those of :class:`QuantumClassifier`, without ``classes_``. Targets
    are standardized for the training.
    """

    def fit(self, X: Any, y: Any) -> "QuantumRegressor":  # noqa: N803
        """Train on samples of shape ``(n_samples, n_features)`` and targets ``(n_samples,)``.

        Raises:
            ValueError: If the data cannot be trained on.
            QStoreError: If the device fails, or training diverges.
        """
        samples, targets = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        targets = np.asarray(targets, dtype=np.float64)
        self.target_mean_ = float(targets.mean())
        self.target_scale_ = float(targets.std()) or 1.0
        scaled = (targets - self.target_mean_) / self.target_scale_
        self._train(samples, scaled, 1, squared_error)
        return self

    def predict(self, X: Any) -> FloatArray:  # noqa: N803
        """Target of each sample, shape ``(n_samples,)``."""
        outputs = self._outputs(X)[:, 0]
        return self.target_mean_ + self.target_scale_ * outputs
