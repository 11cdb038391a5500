"""The loop around any optimizer with PennyLane's ``step_and_cost`` and any cost."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import ArrayLike, NDArray
from pennylane import numpy as pnp
from pennylane.devices import Device

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import NonFiniteLossError
from pennylane_qstore.training.batches import Batches
from pennylane_qstore.training.checkpoint import Checkpoint
from pennylane_qstore.training.errors import TrainingDivergedError
from pennylane_qstore.training.record import FloatArray, Progress, TrainRecord, read_only

Callback = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """Stop when the validation value (without validation, the loss) falls no more.

    Attributes:
        patience: Values in a row without a new lowest one before the run stops.
        min_delta: By how much a value has to be lower to count.
    """

    patience: int
    min_delta: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Trainer:
    """A loop over any optimizer and any cost.

    >>> trainer = Trainer(SPSAOptimizer(seed=1), cost, batches=Batches((x, y), size=16))
    >>> result = trainer.fit(params, 100)
    >>> result.params, result.history[-1].loss, result.best_params

    Attributes:
        optimizer: Anything with PennyLane's ``step_and_cost``. Shots are scheduled by
            :class:`~pennylane_qstore.optimize.PlannedShotsOptimizer` as the optimizer, and so are
            learning rates by this package's optimizers; see ``stepsize`` for PennyLane's.
        cost: ``(params, *batch) -> loss``, a QNode or any function of QNodes.
        batches: What the cost takes besides the parameters; without, it takes them alone.
        validate: Turns parameters into a value to make small, after each ``validate_every`` steps.
        validate_every: See ``validate``.
        stopping: When to stop early. The best parameters are then the answer.
        checkpoint: Where to save the run, and to go on from.
        frozen: True where a parameter stays, of the parameters' shape; None trains all.
        measure_loss: Whether each step measures the loss at its parameters. Without, an optimizer
            whose points surround them, as SPSA's do, saves that evaluation and reports their mean;
            PennyLane's optimizers then report no loss.
        stepsize: Schedule from step to step size, for an optimizer that has a ``stepsize``.
        device: Device to read circuits, shots, jobs and money from. Where it has a generator of
            its own, as simulators with a seed have, that is saved with the run as well.
        callbacks: Called with the :class:`Progress` after every step.
        clock: Reads the time in seconds.

    Raises:
        InvalidOptionError: If a setting makes no sense.
    """

    optimizer: Any
    cost: Callable[..., Any]
    batches: Batches | None = None
    validate: Callable[[FloatArray], float] | None = None
    validate_every: int = 1
    stopping: EarlyStopping | None = None
    checkpoint: Checkpoint | None = None
    frozen: ArrayLike | None = None
    measure_loss: bool = True
    stepsize: Callable[[int], float] | None = None
    device: Device | None = None
    callbacks: Sequence[Callback] = ()
    clock: Callable[[], float] = time.perf_counter

    def __post_init__(self) -> None:
        if not hasattr(self.optimizer, "step_and_cost"):
            raise InvalidOptionError(
                f"{type(self.optimizer).__name__} has no step_and_cost; give an optimizer of "
                "pennylane_qstore.optimize or of PennyLane"
            )
        if self.stepsize is not None and not hasattr(self.optimizer, "stepsize"):
            raise InvalidOptionError(
                f"{type(self.optimizer).__name__} has no stepsize to schedule; this package's "
                "optimizers take schedules themselves"
            )
        if self.validate_every < 1:
            raise InvalidOptionError(f"validate_every is {self.validate_every}; give 1 or more")

    def fit(self, params: ArrayLike, n_steps: int) -> Progress:
        """Take all steps; see :meth:`steps`.

        Returns:
            Where the run ended. If it stopped early, ``params`` is a copy of ``best_params``.
        """
        last = Progress(read_only(params), read_only(params))
        for progress in self.steps(params, n_steps):
            last = progress
        return last

    def steps(self, params: ArrayLike, n_steps: int) -> Iterator[Progress]:
        """Take steps until there are ``n_steps``, those before a checkpoint included.

        Args:
            params: Where to start, of any shape; never changed.
            n_steps: Step count to reach.

        Yields:
            Where the run stands after each step; of a finished run, where it ended.

        Raises:
            TrainingDivergedError: If a loss, a validation value or a parameter becomes NaN or
                infinite; the last good parameters are with it.
            CheckpointError: If the checkpoint is of another run.
            QStoreError: If the device fails; see :mod:`pennylane_qstore.errors`.
        """
        start, free = read_only(params), self._free(np.shape(params))
        generator = _generator(self.device)
        identity = self._identity(start, free)
        progress = Progress(start, start)
        if self.checkpoint is not None:
            progress = self.checkpoint.load(self.optimizer, identity, generator) or progress
        if progress.stopped or progress.step >= n_steps > 0:
            yield progress
            return
        while progress.step < n_steps and not progress.stopped:
            progress = self._stop(self._step(progress, free))
            ended = progress.stopped or progress.step >= n_steps
            if self.checkpoint and (ended or progress.step % self.checkpoint.every == 0):
                self.checkpoint.save(progress, self.optimizer, identity, generator)
            for callback in self.callbacks:
                callback(progress)
            yield progress

    def _step(self, progress: Progress, free: NDArray[np.bool_] | None) -> Progress:
        step, started = progress.step, self.clock()
        if self.stepsize is not None:
            self.optimizer.stepsize = self.stepsize(step)
        with nullcontext() if self.device is None else qml.Tracker(self.device) as tracker:
            params, loss = self._advance(progress.params, free, step)
            validation = None
            if self.validate is not None and (step + 1) % self.validate_every == 0:
                validation = float(self.validate(params))
        self._check(progress, loss=loss, params=params, validation=validation)
        totals = None if tracker is None else tracker.totals
        report = getattr(self.optimizer, "last", None)
        record = TrainRecord(
            step=step,
            loss=loss,
            loss_error=getattr(report, "loss_error", None),
            gradient_norm=_gradient_norm(self.optimizer),
            method=getattr(report, "method", type(self.optimizer).__name__),
            reason=getattr(report, "reason", ""),
            validation=validation,
            seconds=self.clock() - started,
            own_seconds=getattr(report, "seconds", None),
            **usage(totals, report),
        )
        return self._best(progress, params, record)

    def _advance(
        self, params: FloatArray, free: NDArray[np.bool_] | None, step: int
    ) -> tuple[FloatArray, float | None]:
        """One step of the optimizer, on the parameters that are free."""
        batch = () if self.batches is None else self.batches.at(step)
        cost = self.cost if free is None else _of_free(self.cost, params, free)
        given = params.copy() if free is None else params[free]
        start = pnp.array(given, requires_grad=True)
        try:
            if self.measure_loss:
                new, loss = self.optimizer.step_and_cost(cost, start, *batch)
            else:
                new, loss = self.optimizer.step(cost, start, *batch), None
        except NonFiniteLossError as error:
            raise TrainingDivergedError("the loss", step=step, params=params) from error
        moved = np.asarray(new[0] if isinstance(new, list | tuple) else new, dtype=np.float64)
        if free is None:
            return read_only(moved.reshape(params.shape)), self._known(loss)
        full = params.copy()
        full[free] = moved
        return read_only(full), self._known(loss)

    def _known(self, loss: Any) -> float | None:
        """The loss as returned or, if it was not asked for, as reported; None if not known."""
        report = getattr(self.optimizer, "last", None)
        if loss is None or (report is not None and report.loss is None):
            loss = getattr(report, "loss", None)
        return None if loss is None else float(loss)

    def _check(
        self, before: Progress, *, loss: float | None, params: FloatArray, validation: float | None
    ) -> None:
        found = {"the loss": loss, "the validation value": validation, "a parameter": params}
        for what, value in found.items():
            if value is not None and not np.all(np.isfinite(value)):
                raise TrainingDivergedError(what, step=before.step, params=before.params)

    def _best(self, before: Progress, params: FloatArray, record: TrainRecord) -> Progress:
        """Add a record; the loss belongs to the parameters before it, validation to those after."""
        now = replace(before, params=params, history=(*before.history, record))
        value, owner = record.loss, before.params
        if self.validate is not None:
            value, owner = record.validation, params
        least = self.stopping.min_delta if self.stopping else 0.0
        if value is not None and value < before.best_value - least:
            return replace(now, best_params=owner, best_value=value, best_step=record.step)
        return now

    def _stop(self, progress: Progress) -> Progress:
        if self.stopping is None:
            return progress
        every = self.validate_every if self.validate is not None else 1
        without = (progress.step - 1 - progress.best_step) // every
        if without < self.stopping.patience:
            return progress
        reason = f"no value below {progress.best_value:.6g} since step {progress.best_step}"
        return replace(progress, params=read_only(progress.best_params), stopped=reason)

    def _free(self, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
        if self.frozen is None:
            return None
        frozen = np.asarray(self.frozen, dtype=bool)
        if frozen.shape != shape or frozen.all():
            raise InvalidOptionError(
                f"frozen has shape {frozen.shape} and freezes {frozen.sum()}; give the "
                f"parameters' shape {shape}, and leave at least one free"
            )
        return np.asarray(~frozen)

    def _identity(self, start: FloatArray, free: NDArray[np.bool_] | None) -> Mapping[str, Any]:
        """What a resumed run has to share with the one that was saved."""
        frozen = None if free is None else np.flatnonzero(~free).tolist()
        kind = getattr(self.optimizer, "method", "") or type(self.optimizer).__name__
        return {
            "optimizer": kind,
            "initial params": hashlib.sha256(start.tobytes()).hexdigest(),
            "shape": list(start.shape),
            "frozen": frozen,
            "batches": None if self.batches is None else self.batches.fingerprint(),
        }


def _of_free(
    cost: Callable[..., Any], params: FloatArray, free: NDArray[np.bool_]
) -> Callable[..., Any]:
    """The cost as a function of the free parameters, shape ``(n_free,)``; differentiable."""
    mask = free.ravel()
    fixed = params.ravel()[~mask]
    order = np.argsort(np.concatenate([np.flatnonzero(mask), np.flatnonzero(~mask)]))

    def of_free(some: Any, *batch: Any) -> Any:
        return cost(qml.numpy.concatenate([some, fixed])[order].reshape(params.shape), *batch)

    return of_free


def _generator(device: Device | None) -> np.random.Generator | None:
    """A device's own generator: PennyLane's simulators and ours keep it under this name."""
    found = getattr(device, "_rng", None)
    return found if isinstance(found, np.random.Generator) else None


def _gradient_norm(optimizer: Any) -> float | None:
    reported = getattr(getattr(optimizer, "last", None), "gradient", None)
    values = getattr(reported, "gradient", reported)
    if values is None:
        own = getattr(getattr(optimizer, "_state", None), "gradient", None)
        values = own if isinstance(own, np.ndarray) and own.size else None
    return None if values is None else float(np.linalg.norm(np.asarray(values)))


def usage(totals: Mapping[str, Any] | None, report: Any = None) -> dict[str, Any]:
    """Circuits, shots, jobs and money of a step: as the device says, else as the optimizer does."""
    if totals is None:
        counts = getattr(report, "counts", None)
        if counts is None:
            return {}
        return {"circuits": counts.executions, "shots": counts.shots}
    return {
        "circuits": int(totals.get("circuits", totals.get("executions", 0))),
        "shots": int(totals.get("shots", 0)),
        "jobs": totals.get("jobs"),
        "cost": {k: v for k, v in totals.items() if k.startswith(("cost_", "estimated_cost_"))},
    }
