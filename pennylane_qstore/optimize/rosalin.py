"""Random sampling of a Hamiltonian's terms, so that a total of shots is never exceeded."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
import pennylane as qml
from pennylane.measurements import ExpectationMP
from pennylane.tape import QuantumScript

from pennylane_qstore.errors import InvalidOptionError, UnsupportedMeasurementError
from pennylane_qstore.optimize.core.shots import divide_shots

Method = Literal["hybrid", "random", "deterministic"]
Postprocess = Callable[[Sequence[Any]], Any]
Groups = list[tuple[list[float], list[Any]]]


@qml.transform
def sample_operators(
    tape: QuantumScript,
    method: Method = "hybrid",
    group: bool = True,
    seed: int | np.random.Generator = 0,
) -> tuple[Sequence[QuantumScript], Postprocess]:
    r"""Measure a Hamiltonian with a *total* of shots, divided over its terms by their weight.

    The shots :math:`N` of a QNode are otherwise spent on each group of commuting terms. Here group
    :math:`g` gets :math:`n_g` of them, with :math:`\sum_g n_g = N` and
    :math:`p_g \propto \sum_{i \in g} |c_i|`:

    * ``"hybrid"``: :math:`N p_g` rounded up or down at random such that
      :math:`\mathbb{E}[n_g] = N p_g`. A group that is due less than one shot counts
      :math:`n_g / (N p_g)` fold, every other one once: the estimate is unbiased for every total.
    * ``"random"``: multinomial, each group counting :math:`n_g / (N p_g)` fold (Rosalin's weighted
      random sampling); unbiased, too, but noisier where the groups differ in their values.
    * ``"deterministic"``: :math:`N p_g` with the largest remainders rounded up. No randomness, but
      a group that gets no shot is left out, and the estimate is off by its value.

    ``qml.transforms.split_non_commuting(shot_dist="weighted")`` divides alike and suffices where
    every group gets shots. Its ``"weighted_random"`` is biased where one gets none, and raises
    ``IndexError`` where that one is not the last (PennyLane 0.45).

    Shot vectors are divided entry by entry, so that their results stay independent.

    Args:
        tape: Measures one expectation value, with shots.
        method: How to divide.
        group: Whether qubit-wise commuting terms are measured together.
        seed: With an integer, what is drawn is decided by it and the circuit's numbers, so a
            repeated call repeats it; a generator is drawn from at every call.

    Returns:
        One tape per group that gets shots, and a function from their results to the estimate.

    Raises:
        InvalidOptionError: If the method is not one of these.
        UnsupportedMeasurementError: If the tape measures anything but one expectation value of
            Pauli words, or without shots.

    References:
        Arrasmith, Cincio, Somma and Coles, arXiv:2004.06252 (2020).
    """
    if method not in get_args(Method):
        raise InvalidOptionError(f"method is {method!r}; choose one of {get_args(Method)}")
    constant, groups = _groups(tape, group)
    if not groups:
        return [tape], lambda results: results[0]
    sizes = [int(one) for one in tape.shots]
    weights = [sum(abs(c) for c in coefficients) for coefficients, _ in groups]
    rng = seed if isinstance(seed, np.random.Generator) else _rng(tape, seed)
    counts = np.array([_divide(size, weights, method, rng) for size in sizes])
    factors = _factors(counts, np.array(sizes), np.array(weights), method)
    sent = np.flatnonzero(counts.any(axis=0)).tolist()
    tapes = [
        tape.copy(measurements=groups[g][1], shots=[int(n) for n in counts[:, g] if n])
        for g in sent
    ]

    def combine(results: Sequence[Any]) -> Any:
        totals: list[Any] = [constant] * len(sizes)
        for g, result in zip(sent, results, strict=True):
            places = np.flatnonzero(counts[:, g]).tolist()
            by_place = result if len(places) > 1 else [result]
            for place, one in zip(places, by_place, strict=True):
                values = [one] if len(groups[g][1]) == 1 else one
                value = sum(c * v for c, v in zip(groups[g][0], values, strict=True))
                totals[place] = totals[place] + factors[place, g] * value
        return tuple(totals) if tape.shots.has_partitioned_shots else totals[0]

    return tapes, combine


def _groups(tape: QuantumScript, together: bool) -> tuple[float, Groups]:
    """Coefficient of the identity, and each group's coefficients and measurements."""
    measured = tape.measurements
    words = measured[0].obs.pauli_rep if _is_expectation(measured) else None
    if words is None or not tape.shots:
        raise UnsupportedMeasurementError(
            f"sample_operators divides the shots of one expectation value of Pauli words, but the "
            f"circuit measures {measured} with {tape.shots.total_shots} shots"
        )
    constant = float(sum(np.real(c) for word, c in words.items() if not len(word)))
    terms = [(float(np.real(c)), word.operation()) for word, c in words.items() if len(word)]
    terms = [(c, operator) for c, operator in terms if c]
    if not terms:
        return constant, []
    places: Sequence[Sequence[int]] = [[i] for i in range(len(terms))]
    if together:
        places = qml.pauli.compute_partition_indices([operator for _, operator in terms])
    return constant, [
        ([terms[i][0] for i in own], [qml.expval(terms[i][1]) for i in own]) for own in places
    ]


def _is_expectation(measured: Sequence[Any]) -> bool:
    return len(measured) == 1 and isinstance(measured[0], ExpectationMP)


def _divide(
    total: int, weights: Sequence[float], method: Method, rng: np.random.Generator
) -> np.ndarray:
    if method == "random":
        shares = np.array(weights) / sum(weights)
        return rng.multinomial(total, shares)
    return divide_shots(total, weights, rng=rng if method == "hybrid" else None)


def _factors(
    counts: np.ndarray, sizes: np.ndarray, weights: np.ndarray, method: Method
) -> np.ndarray:
    """How often each group's mean counts, shape ``(n_bins, n_groups)``."""
    if method == "deterministic":
        return np.ones(counts.shape)
    due = np.outer(sizes, weights / weights.sum())
    factors = counts / due
    return np.where(due >= 1, 1.0, factors) if method == "hybrid" else factors


def _rng(tape: QuantumScript, seed: int) -> np.random.Generator:
    """A generator decided by a seed and all numbers of a circuit."""
    found = [np.ravel(qml.math.toarray(one)) for one in tape.get_parameters(trainable_only=False)]
    numbers = np.concatenate([np.zeros(1), *found]).astype(np.complex128)
    return np.random.default_rng(
        [seed, *np.frombuffer(numbers.tobytes(), dtype=np.uint32).tolist()]
    )
