"""Where the time of a batch went: stages that add up to it."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from math import fsum

from pennylane_qstore.reporting.errors import InvalidRecordError

Span = tuple[str, float, float]
"""A stage, and when it began and ended, in seconds of one clock."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Wall time of each stage in seconds. They do not overlap.

    Attributes:
        compile: Tapes to native circuits.
        cache: Looking results up, and keeping them.
        submit: Sending jobs.
        wait: Waiting for jobs, and nothing else.
        fetch: Fetching results.
        measure: Results to what the tapes ask for.
        other: None of these.
    """

    compile: float = 0.0
    cache: float = 0.0
    submit: float = 0.0
    wait: float = 0.0
    fetch: float = 0.0
    measure: float = 0.0
    other: float = 0.0

    @property
    def total(self) -> float:
        """All of it, in seconds."""
        return fsum(astuple(self))


STAGES = tuple(field.name for field in fields(Stages))
_PRECEDENCE = ("compile", "measure", "cache", "fetch", "submit", "wait")


def divide_time(spans: Iterable[Span], started: float, ended: float) -> Stages:
    """Divide a batch's wall time among its stages, although jobs run side by side.

    A moment in which several stages are under way counts once, for the first of: compile, measure,
    cache, fetch, submit, wait. A moment without any is ``other``. What lies outside the batch is
    left out.

    Args:
        spans: The stages, in any order, as often as they ran.
        started: When the batch began, on the clock of the spans.
        ended: When it ended.

    Raises:
        InvalidRecordError: If there is no such stage, or something ended before it began.
    """
    if not started <= ended:
        raise InvalidRecordError(f"a batch that began at {started} s cannot end at {ended} s")
    times: dict[str, list[float]] = {stage: [] for stage in STAGES}
    active = dict.fromkeys(_PRECEDENCE, 0)
    now = started
    for moment, change, stage in _changes(spans, started, ended):
        running = next((name for name in _PRECEDENCE if active[name]), "other")
        times[running].append(moment - now)
        active[stage] += change
        now = moment
    times["other"].append(ended - now)
    return Stages(**{stage: fsum(parts) for stage, parts in times.items()})


def _changes(spans: Iterable[Span], started: float, ended: float) -> list[tuple[float, int, str]]:
    """When each stage begins (+1) and ends (-1) within the batch, in order of time."""
    changes: list[tuple[float, int, str]] = []
    for stage, begin, end in spans:
        if stage not in _PRECEDENCE or not begin <= end:
            raise InvalidRecordError(
                f"no stage {stage!r} from {begin} s to {end} s; stages are {', '.join(_PRECEDENCE)}"
            )
        low, high = max(begin, started), min(end, ended)
        if low < high:
            changes += [(low, 1, stage), (high, -1, stage)]
    return sorted(changes)
