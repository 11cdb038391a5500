"""Random directions in which to look; every kind has the identity as its second moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.state import read_only

FloatArray = NDArray[np.float64]


class Directions(Protocol):
    r"""A distribution of directions with :math:`E[\Delta\Delta^T] = 1`.

    The slope along :math:`\Delta` times :math:`\Delta` then is the gradient on average.
    """

    def draw(self, seed: int, start: int, count: int, n_params: int) -> FloatArray:
        """Draw directions, shape ``(count, n_params)``.

        Args:
            seed: Decides them together with ``start``.
            start: How many were drawn before, so that a kind without replacement goes on.
            count: How many to draw.
            n_params: Number of parameters.
        """

    def population(self, n_params: int) -> float:
        """How many directions there are if they are drawn without replacement, else infinity.

        All of them together give the gradient without error of the directions.
        """


@dataclass(frozen=True, slots=True)
class Rademacher:
    """Independent signs: every coordinate moves by one perturbation, up or down."""

    def draw(self, seed: int, start: int, count: int, n_params: int) -> FloatArray:
        """Draw directions, shape ``(count, n_params)``."""
        return signs(np.random.default_rng([seed, start]), (count, n_params))

    def population(self, n_params: int) -> float:
        """They are independent."""
        return np.inf


@dataclass(frozen=True, slots=True)
class HadamardRows:
    """Rows of a Hadamard matrix with random signs and columns.

    Each direction alone is a :class:`Rademacher` one. Together they are orthogonal if the number
    of parameters is a power of two, and nearly so otherwise, so that no two ask for the same: ``n``
    of them, with ``n`` the next power of two, give the gradient without error of the directions.
    The rows are used up before a new matrix begins, also over several draws, so that an average of
    the gradients of some steps has seen every direction.
    """

    def draw(self, seed: int, start: int, count: int, n_params: int) -> FloatArray:
        """Draw directions, shape ``(count, n_params)``."""
        matrix, blocks = hadamard(n_params), []
        size, stop = len(matrix), start + count
        for sweep in range(start // size, -(-stop // size)):
            rng = np.random.default_rng([seed, sweep])
            columns = rng.permutation(size)[:n_params]
            first, last = max(start - sweep * size, 0), min(stop - sweep * size, size)
            rows = rng.permutation(size)[first:last]
            blocks.append(matrix[np.ix_(rows, columns)] * signs(rng, (n_params,)))
        return np.concatenate(blocks)

    def population(self, n_params: int) -> float:
        """The rows of one matrix."""
        return len(hadamard(n_params))


@dataclass(frozen=True, slots=True)
class Sphere:
    """Uniform on the sphere with the length of a sign vector, the same in every basis."""

    def draw(self, seed: int, start: int, count: int, n_params: int) -> FloatArray:
        """Draw directions, shape ``(count, n_params)``."""
        normal = np.random.default_rng([seed, start]).standard_normal((count, n_params))
        lengths = np.linalg.norm(normal, axis=1, keepdims=True)
        scaled: FloatArray = normal * (np.sqrt(n_params) / lengths)
        return scaled

    def population(self, n_params: int) -> float:
        """They are independent."""
        return np.inf


@dataclass(frozen=True, slots=True)
class Coordinates:
    """One coordinate at a time, in random order, with the length of a sign vector.

    No coordinate comes again before all have come, also over several draws.
    """

    def draw(self, seed: int, start: int, count: int, n_params: int) -> FloatArray:
        """Draw directions, shape ``(count, n_params)``."""
        first, last = start // n_params, -(-(start + count) // n_params)
        sweeps = [
            np.random.default_rng([seed, sweep]).permutation(n_params)
            for sweep in range(first, last)
        ]
        skipped = start - first * n_params
        order = np.concatenate(sweeps)[skipped : skipped + count]
        drawn = np.zeros((count, n_params))
        drawn[np.arange(count), order] = np.sqrt(n_params)
        return drawn

    def population(self, n_params: int) -> float:
        """One for each parameter."""
        return n_params


RADEMACHER = Rademacher()
KINDS: Mapping[str, Directions] = MappingProxyType(
    {
        "rademacher": RADEMACHER,
        "hadamard": HadamardRows(),
        "sphere": Sphere(),
        "coordinates": Coordinates(),
    }
)


def directions_named(kind: str | Directions) -> Directions:
    """Return the directions of a name; directions themselves are passed on.

    Raises:
        InvalidOptionError: If there are none of that name.
    """
    if not isinstance(kind, str):
        return kind
    if kind not in KINDS:
        raise InvalidOptionError(f"no directions {kind!r}; choose from {', '.join(KINDS)}")
    return KINDS[kind]


def signs(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Independent fair signs."""
    return (2 * rng.integers(0, 2, size=shape) - 1).astype(np.float64)


@lru_cache(maxsize=16)
def hadamard(n_params: int) -> FloatArray:
    """Sylvester's Hadamard matrix of the next power of two, read-only."""
    matrix = np.ones((1, 1))
    while len(matrix) < n_params:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return read_only(matrix)
