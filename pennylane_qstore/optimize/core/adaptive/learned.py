"""What an adaptive run has learned of its objective: signal, noise, curvature."""

from dataclasses import dataclass, replace

Running = tuple[float, float]
"""A weighted sum of values, and the sum of the weights."""

NOTHING: Running = (0.0, 0.0)


def include(running: Running, value: float, weight: float, *, keep: float = 0.8) -> Running:
    """Add a value to a running mean in which earlier ones fade by the factor ``keep``."""
    return keep * running[0] + weight * value, keep * running[1] + weight


def mean(running: Running) -> float | None:
    """The running mean; None before there is a value."""
    return running[0] / running[1] if running[1] > 0 else None


@dataclass(frozen=True, slots=True)
class Learned:
    r"""Running means; each None until it has been measured.

    Attributes:
        noise: Variance of a loss.
        gradient_noise: Sum of the variances of a gradient by parameter shift.
        signal: :math:`|g|^2`, without what noise adds to it.
        mean_curvature: :math:`\operatorname{tr} H / n`, from second differences.
        squared_curvature: Mean of :math:`(\Delta^T H \Delta / n)^2` over random directions.
        curvature: Mean square of :math:`x^T H x / x^T x` along moves :math:`x`.
        natural_signal: :math:`g^T F^{-1} g` with the (regularized) metric tensor :math:`F`.
        natural_noise: :math:`\operatorname{tr}(F^{-1}\Sigma)` for the covariance :math:`\Sigma` of
            a gradient by parameter shift.
        natural_curvature: Mean square of :math:`x^T H x / x^T F x` along moves.
    """

    noise: Running = NOTHING
    gradient_noise: Running = NOTHING
    signal: Running = NOTHING
    mean_curvature: Running = NOTHING
    squared_curvature: Running = NOTHING
    curvature: Running = NOTHING
    natural_signal: Running = NOTHING
    natural_noise: Running = NOTHING
    natural_curvature: Running = NOTHING

    def seen(self, name: str, value: float | None, weight: float = 1.0) -> "Learned":
        """With another value of one of them; as it is for None and NaN.

        Args:
            name: Of the mean.
            value: To include.
            weight: What is worth 1 makes earlier values fade by a quarter, less does less.
        """
        if value is None or value != value or weight <= 0:
            return self
        keep = 0.75 ** min(weight, 2.0)
        return replace(self, **{name: include(getattr(self, name), value, weight, keep=keep)})

    @property
    def signal_size(self) -> float | None:
        r""":math:`|g|^2`, at least a twentieth of the least noise that it is seen through.

        Below that it cannot be told from 0, and with 0 no method would be better than another.
        """
        size = mean(self.signal)
        floor = mean(self.gradient_noise) or mean(self.noise) or 0.0
        return None if size is None else max(size, floor / 20)

    @property
    def point_noise(self) -> float | None:
        """Variance of a loss."""
        return mean(self.noise)

    @property
    def across(self) -> float | None:
        r"""Curvature to expect along a random direction, in size."""
        known = [abs(mean(self.mean_curvature) or 0.0), _root(self.squared_curvature) or 0.0]
        return max(known) or _root(self.curvature)

    @property
    def along(self) -> float | None:
        """Curvature to expect along a gradient, in size.

        As seen along moves; four times that of random directions until moves have shown it, because
        a gradient points along the steep ones.
        """
        random, seen = self.across, _root(self.curvature)
        if seen is None or self.curvature[1] < 0.5:
            return None if random is None else 4 * random
        return max(seen, random or 0.0)

    @property
    def natural_along(self) -> float | None:
        """Curvature to expect along a natural gradient, by the metric tensor."""
        return _root(self.natural_curvature)

    @property
    def unevenness(self) -> float:
        r"""Variance of :math:`\Delta^T H \Delta / n` over random directions."""
        square, average = mean(self.squared_curvature), mean(self.mean_curvature)
        return 0.0 if square is None or average is None else max(square - average**2, 0.0)


def _root(square: Running) -> float | None:
    """Root of a mean square; None before there is one, and where noise outweighs it."""
    size = mean(square)
    return None if size is None or size <= 0 else size**0.5


def progress(signal: float, noise: float, along: float, across: float) -> float:
    r"""Expected decrease by the best step along a noisy gradient.

    Along :math:`\hat g` with mean :math:`g` and covariance :math:`\Sigma`, the step :math:`\eta`
    changes the loss by :math:`-\eta |g|^2 + \tfrac12 \eta^2 (g^T H g + \operatorname{tr} H\Sigma)`
    on average, which is least at

    .. math:: -\tfrac12 \frac{|g|^4}{g^T H g + \operatorname{tr} H \Sigma}
    """
    if signal <= 0:
        return 0.0
    return 0.5 * signal**2 / (along * signal + across * noise)
