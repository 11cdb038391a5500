"""Angles of a template: sums of free parameters with fixed factors."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Affine:
    """``offset + sum(scale * params[index])``; behaves as a number where rules do arithmetic.

    Attributes:
        terms: Pairs of index and scale, each index once.
        offset: The constant part, in radians.
    """

    terms: tuple[tuple[int, float], ...]
    offset: float = 0.0

    def __neg__(self) -> "Affine":
        return self * -1.0

    def __mul__(self, factor: float) -> "Affine":
        terms = tuple((index, scale * factor) for index, scale in self.terms)
        return Affine(terms, self.offset * factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> "Affine":
        return self * (1 / divisor)

    def __add__(self, other: "Affine | float") -> "Affine":
        if not isinstance(other, Affine):
            return Affine(self.terms, self.offset + other)
        sums = dict(self.terms)
        for index, scale in other.terms:
            sums[index] = sums.get(index, 0.0) + scale
        terms = tuple((index, scale) for index, scale in sums.items() if scale != 0)
        return Affine(terms, self.offset + other.offset)

    __radd__ = __add__

    def __call__(self, params: "Iterable[float]") -> float:
        """The angle at given parameters."""
        values = list(params)
        return self.offset + sum(scale * values[index] for index, scale in self.terms)


def free(n_params: int) -> list[Affine]:
    """The parameters themselves."""
    return [Affine(((index, 1.0),)) for index in range(n_params)]
