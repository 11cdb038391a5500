"""Mini-batches that depend on a seed and the step alone."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pennylane import numpy as pnp

from pennylane_qstore.errors import InvalidOptionError

IntArray = NDArray[np.int64]


def batch_indices(n_samples: int, batch_size: int, *, seed: int, step: int) -> IntArray:
    """Choose the mini-batch of a step: epochs of shuffled samples, each used once at most.

    Args:
        n_samples: Samples to choose from.
        batch_size: Samples to choose; all of them if there are fewer.
        seed: With the step, decides the choice, so that a resumed run repeats it.
        step: Index of the step, from 0.

    Returns:
        Indices, shape ``(min(batch_size, n_samples),)``.
    """
    n_batches = max(1, n_samples // batch_size)
    epoch, position = divmod(step, n_batches)
    order = np.random.default_rng([seed, epoch, 1]).permutation(n_samples)
    return order[position * batch_size : (position + 1) * batch_size]


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Mini-batches: in every epoch each sample at most once, in an order of its own.

    Attributes:
        arrays: What the cost takes after the parameters, each of shape ``(n_samples, ...)``.
        size: Samples in a mini-batch.
        seed: With the step decides which, so that a resumed run repeats them.
    """

    arrays: Sequence[NDArray[Any]]
    size: int
    seed: int = 0

    def __post_init__(self) -> None:
        lengths = {len(array) for array in self.arrays}
        if len(lengths) != 1 or 0 in lengths or self.size < 1:
            raise InvalidOptionError(
                f"arrays have {sorted(lengths)} samples and size is {self.size}; give arrays of "
                "one length that is not 0, and a size of 1 or more"
            )

    def at(self, step: int) -> tuple[Any, ...]:
        """Return the arrays of a step's mini-batch, marked as not trainable."""
        chosen = batch_indices(len(self.arrays[0]), self.size, seed=self.seed, step=step)
        return tuple(pnp.array(array[chosen], requires_grad=False) for array in self.arrays)

    def fingerprint(self) -> str:
        """SHA-256 of contents, size and seed, as hex."""
        digest = hashlib.sha256(f"{self.size} {self.seed}".encode())
        for array in map(np.ascontiguousarray, self.arrays):
            digest.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
        return digest.hexdigest()
