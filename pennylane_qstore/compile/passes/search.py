r"""Shorten a circuit window by window, by fitting shorter circuits to what each window does.

Windows that are longer than a generic circuit for their kind of target are rewritten outright; in
others single twists are left out and the rest fitted again. Only exact fits are taken, so the
result equals the source to rounding. Where a window reaches from the ground state to the
measurement it is the whole circuit of these qubits, and only its distribution counts.
"""

from collections.abc import Callable, Iterator
from time import monotonic
from typing import NamedTuple

import numpy as np

from pennylane_qstore.compile.passes.fit import fit
from pennylane_qstore.compile.passes.residuals import (
    Guess,
    Integers,
    Target,
    pairs_of,
    random_guess,
)
from pennylane_qstore.compile.passes.twists import TwistForm, total_angle
from pennylane_qstore.compile.passes.windows import (
    Window,
    as_guess,
    generic_length,
    replace,
    target_of,
    windows_of,
)

_BATCH = 16
_MOST_COLUMNS = 8
_LONGEST = 26


class Limits(NamedTuple):
    """How far a search goes.

    Attributes:
        widest: Largest number of qubits of a window.
        deadline: Time at which it stops, on the monotonic clock.
        seed: Of its random starts.
    """

    widest: int
    deadline: float
    seed: int


def _structures(width: int, shape: tuple[int, int], rng: np.random.Generator) -> Integers:
    """Random sequences of pairs; neighbours on the same pair are rare."""
    n_pairs = len(pairs_of(width))
    chosen = rng.integers(n_pairs, size=shape)
    for place in range(1, shape[1]):
        same = (chosen[:, place] == chosen[:, place - 1]) & (rng.random(shape[0]) < 0.9)
        shift = rng.integers(1, n_pairs, size=shape[0])
        chosen[:, place] = np.where(same, (chosen[:, place] + shift) % n_pairs, chosen[:, place])
    return chosen


def _shortened(guess: Guess, length: int, rng: np.random.Generator) -> Guess:
    """The circuit with twists left out, in several ways."""
    n_gates = guess.angles.shape[1]
    if length == n_gates - 1:
        kept = [np.delete(np.arange(n_gates), g) for g in range(n_gates)]
    else:
        kept = [np.sort(rng.permutation(n_gates)[:length]) for _ in range(_BATCH // 2)]
    rows = np.array(kept)
    finals = np.repeat(guess.finals, len(rows), 0)
    return Guess(guess.pairs[0][rows], guess.axes[0][rows], guess.angles[0][rows], finals)


def _joined(first: Guess, second: Guess) -> Guess:
    return Guess(
        np.concatenate([first.pairs, second.pairs]),
        np.concatenate([first.axes, second.axes]),
        np.concatenate([first.angles, second.angles]),
        np.concatenate([first.finals, second.finals]),
    )


def _attempt(
    target: Target, own: Guess, length: int, rng: np.random.Generator, *, deadline: float
) -> Guess | None:
    """A circuit of ``length`` twists for the target, the one with the smallest angle found."""
    width = own.finals.shape[1]
    batch = max(2, min(_BATCH, 256 // target.columns.size))
    for _ in range(_BATCH // batch):
        guess = random_guess(_structures(width, (batch, length), rng), width, rng)
        if length < own.angles.shape[1]:
            guess = _joined(_shortened(own, length, rng), guess)
        found = fit(target, guess, deadline=deadline)
        if found:
            return min(found, key=_angle)
    return None


def _angle(guess: Guess) -> float:
    rest = np.abs((guess.angles + np.pi / 2) % np.pi - np.pi / 2)
    return float(rest.sum())


def shorten(window: Window, limits: Limits, rng: np.random.Generator) -> Guess | None:
    """The shortest circuit found for a window, if shorter than its own."""
    width, n_twists = len(window.qubits), len(window.twists)
    generic = generic_length(width, window.n_fresh, window.n_ends())
    target, own = target_of(window), as_guess(window)
    best: Guess | None = None
    length = min(n_twists - 1, generic + (2 if width < 5 else 3))
    while length > 0 and monotonic() < limits.deadline:
        found = _attempt(target, own, length, rng, deadline=limits.deadline)
        if found is None and best is not None:
            found = _attempt(target, best, length, rng, deadline=limits.deadline)
        if found is None:
            break
        best, length = found, length - 1
    return best


def _promise(window: Window) -> int:
    """How many twists a window has beyond what its kind needs."""
    return len(window.twists) - generic_length(len(window.qubits), window.n_fresh, window.n_ends())


def _is_worth_it(window: Window) -> bool:
    columns = len(window.qubits) - window.n_fresh
    generic = generic_length(len(window.qubits), window.n_fresh, window.n_ends())
    return (
        len(window.twists) >= 3
        and 2**columns <= _MOST_COLUMNS
        and min(len(window.twists), generic) <= _LONGEST
        and (len(window.qubits) == 3 or _promise(window) > -4)
    )


def _key(window: Window) -> tuple[object, ...]:
    rows = tuple((t.qubits, round(t.angle, 6), round(t.axes[0][0], 6)) for t in window.twists)
    return (window.qubits, window.n_fresh, window.n_ends(), rows)


def _ranked(form: TwistForm, limits: Limits, tried: set[tuple[object, ...]]) -> Iterator[Window]:
    """Windows not tried yet, the most promising first."""
    fresh: dict[tuple[object, ...], Window] = {}
    for window in windows_of(form, limits.widest):
        key = _key(window)
        if key not in tried and key not in fresh and _is_worth_it(window):
            fresh[key] = window
    for key, window in sorted(fresh.items(), key=lambda item: -_promise(item[1])):
        tried.add(key)
        yield window


def shorten_windows(
    form: TwistForm, simplify: Callable[[TwistForm], TwistForm], limits: Limits
) -> TwistForm:
    """Shorten a circuit until no window gets shorter, or time is up.

    Args:
        form: Any circuit of twists.
        simplify: Exact passes to run after each replacement.
        limits: How far to go.

    Returns:
        An equivalent circuit, never longer.
    """
    rng = np.random.default_rng(limits.seed)
    tried: set[tuple[object, ...]] = set()
    improved = True
    while improved and monotonic() < limits.deadline:
        improved = False
        for window in _ranked(form, limits, tried):
            if monotonic() > limits.deadline:
                break
            found = shorten(window, limits, rng)
            if found is not None:
                new = simplify(replace(form, window, found))
                if _cost(new) < _cost(form):
                    form, improved = new, True
                    break
    return form


def _cost(form: TwistForm) -> tuple[int, float]:
    return len(form.twists), total_angle(form.twists)
