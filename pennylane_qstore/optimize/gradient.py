"""Gradient descent with composable transforms and the interface of PennyLane's optimizers."""

from collections.abc import Callable, Iterable

from pennylane_qstore.optimize.core.descent import Descent, DescentState, Diff
from pennylane_qstore.optimize.core.gains import Schedule
from pennylane_qstore.optimize.core.transforms import Transform, chain
from pennylane_qstore.optimize.face import Optimizer, StepReport


class GradientOptimizer(Optimizer[DescentState]):
    """Takes the place of ``qml.GradientDescentOptimizer``, ``MomentumOptimizer`` and Adam.

    Loss and gradient leave in one batch, so a step is one round trip (PennyLane: two), and the
    parameter-shift circuits are exact on every device.

    >>> opt = GradientOptimizer(0.1, ClipNorm(1.0), Adam())
    >>> opt = GradientOptimizer(WarmUp(5, CosineDecay(0.3, 100)), Momentum(0.9))

    Args:
        stepsize: A number or a schedule from step to number.
        transforms: What becomes of the gradient, in this order; none for plain descent.
        diff: ``"parameter_shift"`` or ``"finite_differences"``.
        reuse: Steps that follow one measured gradient; those after the first send nothing.
        seed: Not used; kept so that all optimizers are built alike.
        callback: Called with each step's report.

    Raises:
        InvalidOptionError: If a setting is out of its range.
    """

    method = "gradient"

    def __init__(
        self,
        stepsize: float | Schedule = 0.01,
        *transforms: Transform | Iterable[Transform],
        diff: Diff = "parameter_shift",
        reuse: int = 1,
        seed: int | None = 0,
        callback: Callable[[StepReport], None] | None = None,
    ) -> None:
        core = Descent(stepsize, chain(*transforms), diff, reuse)
        super().__init__(core, seed=seed, callback=callback)
