"""The ways to a gradient with their default settings, and what may be expected of each."""

from collections.abc import Iterable, Sequence

from pennylane_qstore.optimize.core.adaptive.costs import Bounds
from pennylane_qstore.optimize.core.adaptive.learned import Learned, mean, progress
from pennylane_qstore.optimize.core.adaptive.methods import (
    GradientMethod,
    NaturalGradient,
    ParameterShift,
)
from pennylane_qstore.optimize.core.adaptive.probes import FiniteDifference, Spsa
from pennylane_qstore.optimize.core.adaptive.view import Option, check_method

OPTIMISM = 2.0
"""So that a natural gradient is tried once where its metric tensor is not dear."""


def all_methods() -> tuple[GradientMethod, ...]:
    """One of each kind, with its default settings."""
    return (
        Spsa(),
        ParameterShift(sampled=True, name="sampled_parameter_shift"),
        ParameterShift(),
        NaturalGradient(),
        FiniteDifference(),
    )


def pick(names: Iterable[str]) -> tuple[GradientMethod, ...]:
    """The methods of these names, with their default settings.

    Raises:
        InvalidOptionError: If a name is unknown, with those that there are.
    """
    wanted = [check_method(name) for name in names]
    return tuple(one for one in all_methods() if one.name in wanted)


def possibilities(
    methods: Sequence[GradientMethod], learned: Learned, known: Bounds, n_params: int
) -> tuple[Option, ...]:
    """Every gradient that could be taken, with what is expected of it.

    Args:
        methods: What there is to choose from.
        learned: What the run showed of the objective.
        known: What evaluations take at most.
        n_params: Number of parameters.
    """
    found = []
    for method in methods:
        for amount in method.amounts(n_params):
            noise = method.variance(learned, n_params, amount)
            expected = method.expected(known, n_params, amount)
            gain = _progress(method.name, learned, noise)
            found.append(Option(method.name, amount, expected, noise, gain))
    return tuple(found)


def _progress(name: str, learned: Learned, noise: float) -> float:
    """Expected decrease; of a natural gradient never seen, ``OPTIMISM`` times a plain one's."""
    signal = 1.0 if learned.signal_size is None else learned.signal_size
    along, across = learned.along or 1.0, learned.across or 1.0
    plain = progress(signal, noise, along, across)
    if name != "natural_gradient":
        return plain
    size, spread = mean(learned.natural_signal), mean(learned.natural_noise)
    curvature = learned.natural_along
    if size is None or spread is None or curvature is None:
        return OPTIMISM * plain
    return progress(size, spread, curvature, curvature)
