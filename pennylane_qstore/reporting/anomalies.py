r"""What stands out: batches much slower than before or failing more often, losses that jump.

All are control charts with exponentially weighted moving averages.

Latency is :math:`x = \ln(\text{seconds per circuit})`, compared with batches on the same backend
and of about the same size (the same power of two). The first eight give a median and a deviation;
then

.. math:: \mu \leftarrow \mu + \alpha (x - \mu), \quad
          \sigma^2 \leftarrow (1 - \alpha) (\sigma^2 + \alpha (x - \mu)^2)

A batch stands out at :math:`x > \mu + 4 \sigma`. A batch enters :math:`\mu` and :math:`\sigma`
no further away than :math:`3 \sigma`, so that a bad one changes them little, and a lasting change
becomes usual.

A loss is :math:`x` itself, with the standard error that its step reports as the least
:math:`\sigma`, and a greater :math:`\alpha`, because it is meant to fall. Only jumps up stand out.

Failures are :math:`x`, the share of a batch's jobs that failed. The recent rate is its average with
:math:`\lambda = 0.2`, the usual rate :math:`p` one with 0.005, at least 2 %. A batch with failures
stands out where the recent rate exceeds :math:`p + 4 \sqrt{p (1 - p) \lambda / (2 - \lambda) / n}`
for :math:`n` jobs.

References:
    Roberts, Technometrics 1 (1959): control charts with geometric moving averages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import median

from pennylane_qstore.reporting.records import BatchRecord

_WARM_UP = 8
_SIGMAS = 4.0
_CLIP = 3.0
_ALPHA = 0.05
_LOSS_ALPHA = 0.15
_LEAST_SIGMA = 0.05
"""Deviation of the logarithm that is never thought too large: five percent."""
_LEAST_SHARE = 1e-6
"""The same of a loss without a standard error, as a share of it: rounding is no jump."""

_RECENT = 0.2
_USUAL = 0.005
_LEAST_RATE = 0.02


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A batch or a training step that stands out.

    Attributes:
        index: Which record it is.
        time: When it began; empty for a step.
        kind: ``"latency"``, ``"errors"`` or ``"loss"``.
        value: What was seen: seconds per circuit, the recent share of failures, or the loss.
        usual: What it is usually.
        sigmas: How many standard deviations lie between; for latency, of its logarithm.
    """

    index: int
    time: str
    kind: str
    value: float
    usual: float
    sigmas: float

    @property
    def reason(self) -> str:
        """Why it stands out, as a sentence."""
        if self.kind == "loss":
            seen = f"loss {self.value:.4g}, usually {self.usual:.4g}"
            return f"step {self.index}: {seen} ({self.sigmas:.1f} sigma)"
        if self.kind == "latency":
            seen = f"{_time(self.value)} per circuit, usually {_time(self.usual)}"
            return f"batch {self.index}, {self.time}: {seen} ({self.sigmas:.1f} sigma)"
        seen = f"{self.value:.0%} of recent jobs failed, usually {self.usual:.0%}"
        return f"batch {self.index}, {self.time}: {seen} ({self.sigmas:.1f} sigma)"


def find_anomalies(records: Sequence[BatchRecord]) -> tuple[Anomaly, ...]:
    """Batches that stand out by latency or by failures, in order.

    Args:
        records: Batches in the order in which they ran.
    """
    latencies: dict[tuple[str, int], _Latency] = {}
    failures: dict[str, _Failures] = {}
    found: list[Anomaly] = []
    for index, record in enumerate(records):
        if record.n_run and record.seconds and not record.errors:
            chart = latencies.setdefault((record.backend, record.n_run.bit_length()), _Latency())
            found += chart.follow(index, record)
        if record.n_jobs or record.errors:
            found += failures.setdefault(record.backend, _Failures()).follow(index, record)
    return tuple(found)


def find_loss_anomalies(
    losses: Sequence[float | None], errors: Sequence[float | None] | None = None
) -> tuple[Anomaly, ...]:
    """Steps of a training whose loss jumps up, in order.

    >>> find_loss_anomalies([step.loss for step in run.history])  # doctest: +SKIP

    Args:
        losses: Loss of each step; None where none was measured.
        errors: Their standard errors, of equal length; None where not known.
    """
    chart, found = _Chart(_LOSS_ALPHA), []
    for step, (loss, error) in enumerate(zip(losses, errors or [None] * len(losses), strict=True)):
        if loss is None:
            continue
        usual = chart.mean
        sigmas = chart.follow(loss, error or _LEAST_SHARE * max(abs(usual), abs(loss)))
        if sigmas > _SIGMAS:
            found.append(Anomaly(step, "", "loss", loss, usual, sigmas))
    return tuple(found)


class _Chart:
    """A moving average with its deviation; the first values give a median and a deviation."""

    def __init__(self, alpha: float = _ALPHA) -> None:
        self._alpha = alpha
        self._first: list[float] = []
        self.mean = self._variance = 0.0

    def follow(self, x: float, least: float) -> float:
        """By how many deviations, each of ``least`` or more, the next value is above the mean."""
        if len(self._first) < _WARM_UP:
            self._warm_up(x)
            return 0.0
        sigma = max(sqrt(self._variance), least)
        sigmas = (x - self.mean) / sigma if sigma else 0.0
        step = max(-_CLIP, min(_CLIP, sigmas)) * sigma
        self.mean += self._alpha * step
        self._variance = (1 - self._alpha) * (self._variance + self._alpha * step**2)
        return sigmas

    def _warm_up(self, x: float) -> None:
        """Start from a median, which one odd batch cannot spoil."""
        self._first.append(x)
        self.mean = median(self._first)
        # 1.4826 makes the median deviation of a normal distribution its standard deviation.
        self._variance = (1.4826 * median(abs(y - self.mean) for y in self._first)) ** 2


class _Latency:
    """The chart of one backend's latency."""

    def __init__(self) -> None:
        self._chart = _Chart()

    def follow(self, index: int, record: BatchRecord) -> list[Anomaly]:
        """What is wrong with the next batch."""
        latency, usual = record.seconds / record.n_run, exp(self._chart.mean)
        sigmas = self._chart.follow(log(latency), _LEAST_SIGMA)
        if sigmas <= _SIGMAS:
            return []
        return [Anomaly(index, record.time, "latency", latency, usual, sigmas)]


class _Failures:
    """The chart of one backend's failures."""

    def __init__(self) -> None:
        self._recent = self._usual = 0.0

    def follow(self, index: int, record: BatchRecord) -> list[Anomaly]:
        """What is wrong with the next batch."""
        n_jobs = max(1, record.n_jobs)
        share = min(1.0, len(record.errors) / n_jobs)
        usual = min(max(self._usual, _LEAST_RATE), 1 - _LEAST_RATE)
        self._recent += _RECENT * (share - self._recent)
        self._usual += _USUAL * (share - self._usual)
        sigma = sqrt(usual * (1 - usual) * _RECENT / (2 - _RECENT) / n_jobs)
        sigmas = (self._recent - usual) / sigma
        if sigmas <= _SIGMAS or share <= usual:
            return []
        return [Anomaly(index, record.time, "errors", self._recent, usual, sigmas)]


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"
