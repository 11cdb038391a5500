"""Circuits of changing depth: layers that come while training, and layers that are dropped after.

Both are approximations that are asked for by name, and both tell what they did to the validation
value.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import NonFiniteLossError
from pennylane_qstore.training.record import FloatArray, Progress, TrainRecord, read_only
from pennylane_qstore.training.trainer import Trainer


@dataclass(frozen=True, slots=True)
class DepthSchedule:
    """One layer more each time that so many steps were taken.

    Attributes:
        min_depth: Layers at first.
        max_depth: Layers at last.
        every: Steps at each depth; those that are left belong to the last one.

    Raises:
        InvalidOptionError: If there are no layers at first, or fewer at last, or no steps.
    """

    min_depth: int
    max_depth: int
    every: int

    def __post_init__(self) -> None:
        if not 1 <= self.min_depth <= self.max_depth or self.every < 1:
            raise InvalidOptionError(
                f"depths from {self.min_depth} to {self.max_depth}, one more every {self.every} "
                "steps; begin with 1 layer or more, end with no fewer, and take 1 step or more"
            )

    def depth(self, step: int) -> int:
        """Layers of the circuit at a step."""
        return min(self.max_depth, self.min_depth + step // self.every)

    def stages(self, n_steps: int) -> list[tuple[int, int]]:
        """Pairs of a depth and the steps that are taken at it, in time order."""
        depths = [self.depth(step) for step in range(n_steps)]
        return [(depth, depths.count(depth)) for depth in sorted(set(depths))]


@dataclass(frozen=True, slots=True)
class DepthChange:
    """What more, or fewer, layers did to the validation value.

    Attributes:
        before: Layers before, as indices.
        after: Layers after.
        value_before: Validation value before; None if nothing validates.
        value_after: The same parameters' after, before they are trained any further.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    value_before: float | None
    value_after: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """A run of growing depth.

    Attributes:
        stages: Where the run at each depth ended.
        changes: What each change of depth did.
    """

    stages: tuple[Progress, ...]
    changes: tuple[DepthChange, ...]

    @property
    def params(self) -> FloatArray:
        """The parameters at the last depth."""
        return self.stages[-1].params

    @property
    def history(self) -> tuple[TrainRecord, ...]:
        """The records of all depths, with their steps counted through."""
        records = [record for stage in self.stages for record in stage.history]
        return tuple(replace(record, step=step) for step, record in enumerate(records))


def grow(
    trainer: Callable[[int], Trainer],
    params: ArrayLike,
    schedule: DepthSchedule,
    *,
    n_steps: int,
    shape: Callable[[int], tuple[int, ...]],
) -> Growth:
    """Train a few layers, then more and more of them.

    New layers begin with angles of zero, behind the others. Where that is the identity, as it is
    in :class:`~pennylane_qstore.templates.TrappedIonAnsatz`, the model goes on as it was; a layer
    of CNOTs does something at any angle. Where the trainers validate, the change is measured.

    Each depth has a trainer, and therefore an optimizer and a step count, of its own; let the step
    sizes go on where they were, or large ones undo what was learned. With a checkpoint of its own
    as well, and one device for all, a killed run goes on bit for bit.

    >>> grow(trainer, start, DepthSchedule(1, 4, every=30), n_steps=200, shape=shape_of).params

    Args:
        trainer: From a depth to its :class:`Trainer`.
        params: Where to start, of the first depth's shape; never changed.
        schedule: From step to depth.
        n_steps: Steps of all depths together.
        shape: From a depth to its parameters' shape; deeper ones are longer along the first axis
            only, with the new layers at the end.

    Raises:
        InvalidOptionError: If there is no step, or the shapes do not fit.
        TrainingDivergedError: As a trainer does.
        CheckpointError: If a checkpoint is of another run, or two depths share one.
    """
    if n_steps < 1:
        raise InvalidOptionError(f"n_steps is {n_steps}; a run takes 1 step or more")
    ended: list[Progress] = []
    changes: list[DepthChange] = []
    current, previous = read_only(params), None
    for depth, steps in schedule.stages(n_steps):
        grown, present = _longer(current, shape(depth)), trainer(depth)
        if previous is not None:
            before, after = tuple(range(depth - 1)), tuple(range(depth))
            values = _value(previous, current), _value(present, grown)
            changes.append(DepthChange(before, after, *values))
        ended.append(present.fit(grown, steps))
        current, previous = ended[-1].params, present
    return Growth(tuple(ended), tuple(changes))


def drop_layers(
    validate: Callable[[tuple[int, ...]], float],
    n_layers: int,
    *,
    tolerance: float,
    min_depth: int = 0,
) -> tuple[DepthChange, ...]:
    """Drop one layer after the other while that raises the validation value by little.

    In each round every layer that is left is left out once; the one that is missed least goes. What
    it did is then measured once more, because the least of several noisy values is too small, and
    it goes only if it passes again. Values with a standard error that is not well below the
    tolerance let layers go that are needed. The model itself is not changed: train and use it with
    the layers of the last change.

    >>> changes = drop_layers(lambda kept: loss(params[list(kept)]), len(params), tolerance=0.01)
    >>> kept = changes[-1].after if changes else range(len(params))

    Args:
        validate: From the indices of the layers that are kept to a value to make small. Anything
            that can be left out will do for a layer, such as a single interaction.
        n_layers: How many there are.
        tolerance: By how much the value may rise above that of all layers, over all rounds.
        min_depth: How many layers to keep at least.

    Returns:
        One change for each layer that was dropped, in this order. Each has the value of all layers
        as ``value_before``.

    Raises:
        InvalidOptionError: If the tolerance is negative or not finite, or there are too few layers.
        NonFiniteLossError: If a validation value is NaN or infinite.
    """
    if not (0 <= tolerance < np.inf and 0 <= min_depth <= n_layers and n_layers >= 1):
        raise InvalidOptionError(
            f"{n_layers} layers, at least {min_depth} to keep, tolerance {tolerance}; give 1 layer "
            "or more, no more to keep, and a finite tolerance of 0 or more"
        )
    changes: list[DepthChange] = []
    kept = tuple(range(n_layers))
    value = _finite(validate, kept)
    while len(kept) > min_depth:
        shorter = [kept[:i] + kept[i + 1 :] for i in range(len(kept))]
        values = [_finite(validate, some) for some in shorter]
        best = int(np.argmin(values))
        if values[best] > value + tolerance:
            break
        again = _finite(validate, shorter[best])
        if again > value + tolerance:
            break
        changes.append(DepthChange(kept, shorter[best], value, again))
        kept = shorter[best]
    return tuple(changes)


def _longer(params: FloatArray, shape: Sequence[int]) -> FloatArray:
    """Parameters with zeros at the end of the first axis."""
    missing = shape[0] - len(params)
    if missing < 0 or tuple(shape[1:]) != params.shape[1:]:
        raise InvalidOptionError(
            f"parameters of shape {params.shape} cannot become those of shape {tuple(shape)}; new "
            "layers make the first axis longer and no other"
        )
    return np.concatenate([params, np.zeros((missing, *params.shape[1:]))])


def _value(trainer: Trainer, params: FloatArray) -> float | None:
    return None if trainer.validate is None else float(trainer.validate(params))


def _finite(validate: Callable[[tuple[int, ...]], float], kept: tuple[int, ...]) -> float:
    value = float(validate(kept))
    if not np.isfinite(value):
        raise NonFiniteLossError(
            f"the validation value with layers {kept} is {value}", losses=(value,), step=len(kept)
        )
    return value
