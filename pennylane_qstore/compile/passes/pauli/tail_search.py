r"""A beam search for a short Clifford that makes single letters of commuting words.

Each step keeps the sets of words of least :math:`\sum_r (w_r - 1)`, over all that one interaction
makes of the sets before it.
"""

import numpy as np

from pennylane_qstore.compile.passes.pauli.tableau import (
    Floats,
    Generator,
    Letters,
    Tableau,
    changes,
    generator_of,
)


def shortest_turns(letters: Letters, width: int, limit: int) -> list[Generator] | None:
    """Clifford interactions of π/2 after which no word has more than one letter.

    Args:
        letters: Commuting words, ``(n_words, n_qubits)``.
        width: Number of sets of words to keep.
        limit: Largest number of interactions of interest.

    Returns:
        The interactions in time order, None if the beam finds none so short.
    """
    beam: list[tuple[float, Letters, list[Generator]]] = [(_excess(letters), letters, [])]
    for _ in range(limit + 1):
        if beam[0][0] == 0:
            return beam[0][2]
        seen: dict[bytes, tuple[float, Letters, list[Generator]]] = {}
        for _, words, path in beam:
            for generator in _promising(words, width):
                tableau = Tableau(words.copy(), np.zeros(len(words), dtype=np.uint8))
                tableau.turn(generator)
                new = tableau.letters
                seen.setdefault(new.tobytes(), (_excess(new), new, [*path, generator]))
        beam = sorted(seen.values(), key=lambda state: state[0])[:width]
    return None


def _excess(letters: Letters) -> float:
    """Letters beyond the first of each word."""
    weights = np.count_nonzero(letters, axis=1)
    return float(np.maximum(weights - 1, 0).sum())


def _promising(letters: Letters, width: int) -> list[Generator]:
    """The interactions that lower the sum of weights most."""
    weights = np.count_nonzero(letters, axis=1)
    fall: Floats = -(weights > 1).astype(np.float64)
    rise: Floats = (weights > 0).astype(np.float64)
    scores = changes(letters, fall, rise)
    scores[np.tri(len(scores), k=-1, dtype=bool)] = np.inf
    order = scores.ravel().argsort(kind="stable")[:width]
    return [generator_of(int(k), letters.shape[1]) for k in order if np.isfinite(scores.flat[k])]
