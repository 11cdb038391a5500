"""One device call for many requests, counted as the device itself counts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pennylane as qml
from pennylane.devices import Device
from pennylane.measurements import ExpectationMP, ProbabilityMP, Shots
from pennylane.ops import MidMeasure
from pennylane.tape import QuantumScript
from pennylane.transforms.core import CompilePipeline

from pennylane_qstore.optimize.allocation import Parts, in_parts, joined, shared
from pennylane_qstore.optimize.core.query import Counts
from pennylane_qstore.optimize.request import Readout, Request

GROUPS = 10
"""Groups that the shots of a circuit are divided into, to see how its result scatters."""


def submit(requests: Sequence[Request]) -> tuple[list[list[Readout]], Counts]:
    """Run the tapes of all requests, in one call of each device.

    Where a result is a mean over shots (expectation values and probabilities), the shots are taken
    as a shot vector of up to ten groups whose sizes differ by one at most. The value is the mean
    over all shots, and the groups tell its variance. A request that spreads its shots has a sum
    measured with more of them where its terms are large, and one with a tolerance has small terms
    measured by the first one at its place only, and by those that keep them.

    Returns:
        The readouts of each request, and what running them took.
    """
    readouts: list[list[Readout]] = [[] for _ in requests]
    counts = Counts()
    for places in _by_device(requests):
        owners = [(i, k) for i in places for k in range(len(requests[i].tapes))]
        parts = shared(
            [_parts(requests[i], requests[i].tapes[k]) for i, k in owners],
            [(requests[i].place, k) for i, k in owners],
        )
        found, taken = _run(requests[places[0]], [tape for part in parts for tape in part.tapes])
        counts += taken
        for (i, _), readout in zip(owners, joined(parts, found), strict=True):
            readouts[i].append(readout)
    return readouts, counts


def _parts(request: Request, tape: QuantumScript) -> Parts:
    if not request.spreads and not request.tolerance:
        return Parts((tape,))
    return in_parts(tape, spreads=request.spreads, tolerance=request.tolerance, keeps=request.keeps)


def _by_device(requests: Sequence[Request]) -> list[list[int]]:
    places: dict[Any, list[int]] = {}
    for i, request in enumerate(requests):
        if request.tapes:
            mcm = request.call.mcm
            key = (id(request.call.device), mcm.mcm_method, mcm.postselect_mode)
            places.setdefault(key, []).append(i)
    return list(places.values())


def _run(first: Request, tapes: Sequence[QuantumScript]) -> tuple[list[Readout], Counts]:
    device, mcm = first.call.device, first.call.mcm
    n_groups = _number_of_groups(tapes)
    divided = [_divide(tape, n_groups) for tape in tapes]
    with _counting(device) as tracker:
        results = qml.execute(
            divided,
            device,
            diff_method=None,
            interface="numpy",
            transform_program=_remedies(device),
            mcm_method=mcm.mcm_method,
            postselect_mode=mcm.postselect_mode,
        )
    return list(map(_read, tapes, divided, results)), _counts(tracker, tapes)


def _remedies(device: Device) -> CompilePipeline:
    """What a device needs so that groups of shots are independent.

    Lightning draws the same samples for every group where the observable is a sum.
    """
    pipeline = CompilePipeline()
    if str(device.name).startswith("lightning."):
        pipeline.add_transform(qml.transforms.split_non_commuting)
    return pipeline


def _number_of_groups(tapes: Sequence[QuantumScript]) -> int:
    shots = [tape.shots.total_shots for tape in tapes if _is_mean(tape)]
    return min([GROUPS, *(n // 2 for n in shots if n >= 4)])


def _is_mean(tape: QuantumScript) -> bool:
    """Whether the result over all shots is the mean of the results over groups of shots."""
    return (
        bool(tape.shots)
        and not tape.shots.has_partitioned_shots
        and all(type(mp) in (ExpectationMP, ProbabilityMP) for mp in tape.measurements)
        and not any(isinstance(op, MidMeasure) for op in tape.operations)
    )


def group_sizes(shots: int, n_groups: int) -> list[int]:
    """Divide shots into groups whose sizes differ by one at most."""
    size, larger = divmod(shots, n_groups)
    return [size + (i < larger) for i in range(n_groups)]


def _divide(tape: QuantumScript, n_groups: int) -> QuantumScript:
    if not _is_mean(tape) or tape.shots.total_shots < 4:
        return tape
    return tape.copy(shots=Shots(group_sizes(tape.shots.total_shots, n_groups)))


def _read(tape: QuantumScript, divided: QuantumScript, result: Any) -> Readout:
    if divided is tape:
        return Readout(result, is_exact=not tape.shots)
    sizes = [int(n) for n in divided.shots]
    if len(tape.measurements) == 1:
        return Readout(*_means(result, sizes))
    columns = [_means(column, sizes) for column in zip(*result, strict=True)]
    without = tuple(tuple(column[1][i] for column in columns) for i in range(len(sizes)))
    return Readout(tuple(column[0] for column in columns), without)


def _means(groups: Sequence[Any], sizes: Sequence[int]) -> tuple[Any, tuple[Any, ...]]:
    """The mean over all shots, and the means with one group left out each."""
    sums = [size * np.asarray(group) for size, group in zip(sizes, groups, strict=True)]
    total, shots = np.sum(sums, axis=0), sum(sizes)
    without = tuple((total - s) / (shots - size) for s, size in zip(sums, sizes, strict=True))
    return total / shots, without


class _ForwardingTracker(qml.Tracker):
    """Counts, and tells whoever was counting before."""

    def __init__(self, previous: Any) -> None:
        super().__init__()
        self._previous = previous

    def update(self, **kwargs: Any) -> None:
        super().update(**kwargs)
        if self._previous.active:
            self._previous.update(**kwargs)

    def record(self) -> None:
        super().record()
        if self._previous.active:
            self._previous.record()


@contextmanager
def _counting(device: Device) -> Iterator[qml.Tracker]:
    previous = device.tracker
    tracker = _ForwardingTracker(previous)
    device.tracker = tracker
    try:
        with tracker:
            yield tracker
    finally:
        device.tracker = previous


def _counts(tracker: qml.Tracker, tapes: Sequence[QuantumScript]) -> Counts:
    """What the device has tracked; where it tracks nothing, what it was given."""
    totals = tracker.totals
    if "executions" in totals:
        return Counts(
            int(totals["executions"]), int(totals.get("shots", 0)), int(totals.get("batches", 1))
        )
    return Counts(len(tapes), sum(tape.shots.total_shots or 0 for tape in tapes), 1)
