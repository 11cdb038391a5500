"""The circuits of a large job as text: their numbers apart from what they share.

Reading a training batch as JSON builds tens of thousands of dictionaries to find that its circuits
differ in their numbers only. Splitting each circuit's text at its decimal numbers shows it at once:
circuits with the same remaining text, the *skeleton*, are read as JSON a single time.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.emulator.gates import Json

_CIRCUIT = re.compile(rb'"circuit":\s*+(\[[^\[\]]*+(?:\[[^\[\]]*+\][^\[\]]*+)*+\])')
_NUMBER = re.compile(rb"(-?\d+\.\d+(?:[eE][-+]?\d+)?)")
_FIRST_MARK = 2.0**40
"""Numbers that stand for places in a skeleton: no phase, rotation or qubit is as large."""


@dataclass(frozen=True)
class CircuitText:
    """The text of one circuit.

    Attributes:
        skeleton: Everything but the decimal numbers.
        numbers: The decimal numbers, in the order of the text; shape ``(n_numbers,)``.
        gates: How many gates there are.
    """

    skeleton: tuple[bytes, ...]
    numbers: NDArray[np.float64]
    gates: int

    def parse(self) -> list[object]:
        """The circuit as JSON."""
        return self._fill([repr(number).encode() for number in self.numbers.tolist()])

    def parse_marks(self) -> list[Json]:
        """The circuit as JSON, with a mark in place of each number: see :func:`places_of`."""
        marks = [repr(_FIRST_MARK + place).encode() for place in range(len(self.numbers))]
        return self._fill(marks)  # type: ignore[return-value]

    def _fill(self, numbers: Sequence[bytes]) -> list[object]:
        pieces = [self.skeleton[0]]
        for number, piece in zip(numbers, self.skeleton[1:], strict=True):
            pieces += [number, piece]
        found: list[object] = json.loads(b"".join(pieces))
        return found


def places_of(values: Sequence[float]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of the values are marks, and the place in the text that each of them stands for."""
    array = np.array(values, dtype=float)
    columns = np.flatnonzero(array >= _FIRST_MARK)
    return columns, (array[columns] - _FIRST_MARK).astype(np.int64)


def split_circuits(body: bytes) -> tuple[bytes, list[CircuitText]] | None:
    """Take the circuits out of a payload.

    Args:
        body: JSON of a job.

    Returns:
        The payload with ``[<index>]`` in place of each circuit, and the circuits; None where there
        is nothing to gain or the text is not plain, so that it has to be read as a whole.
    """
    found: list[bytes] = []

    def take(match: re.Match[bytes]) -> bytes:
        found.append(match.group(1))
        return b'"circuit":[%d]' % (len(found) - 1)

    rest = _CIRCUIT.sub(take, body)
    by_length: dict[int, list[int]] = defaultdict(list)
    for place, text in enumerate(found):
        by_length[len(text)].append(place)
    texts: list[CircuitText | None] = [None] * len(found)
    known: dict[tuple[bytes, ...], CircuitText] = {}
    try:
        for places in by_length.values():
            split = _split_alike([found[place] for place in places], known)
            for place, circuit in zip(places, split, strict=True):
                texts[place] = circuit
    except ValueError:
        return None
    if len(found) < 2 or len(found) <= 2 * len(known):
        return None
    return rest, [circuit for circuit in texts if circuit is not None]


def _split_alike(
    texts: Sequence[bytes], known: dict[tuple[bytes, ...], CircuitText]
) -> Iterator[CircuitText]:
    """Split texts of equal length; :class:`ValueError` if one is no JSON list."""
    first = _split(texts[0], known)
    yield first
    numbers = _numbers_in_columns(texts) if len(texts) > 1 else None
    for place, text in enumerate(texts[1:], start=1):
        if numbers is None:
            yield _split(text, known)
        else:
            yield CircuitText(first.skeleton, numbers[place], first.gates)


def _split(text: bytes, known: dict[tuple[bytes, ...], CircuitText]) -> CircuitText:
    pieces = _NUMBER.split(text)
    skeleton, numbers = tuple(pieces[0::2]), np.array(pieces[1::2], dtype=float)
    if skeleton not in known:
        gates = len(json.loads(text, parse_constant=float))
        known[skeleton] = CircuitText(skeleton, numbers, gates)
    return CircuitText(known[skeleton].skeleton, numbers, known[skeleton].gates)


def _numbers_in_columns(texts: Sequence[bytes]) -> NDArray[np.float64] | None:
    """Numbers of texts that differ in digits only, at the same places; shape ``(n, n_numbers)``.

    A quotient of an integer below 2^53 and a power of ten up to 10^15 is rounded once, as reading
    the decimal number is, so the values are the same.
    """
    columns = np.frombuffer(b"".join(texts), dtype=np.uint8).reshape(len(texts), -1)
    spans = [match.span() for match in _NUMBER.finditer(texts[0])]
    widths = {stop - start for start, stop in spans}
    points = {texts[0][start:stop].find(b".") for start, stop in spans}
    if len(widths) != 1 or points != {1} or not 2 < (width := widths.pop()) <= 16:
        return None
    where = np.array([start for start, _ in spans])[:, None] + np.arange(width)
    fixed = np.ones(columns.shape[1], dtype=bool)
    digits = np.delete(where, 1, axis=1)
    fixed[digits.ravel()] = False
    if (columns[:, fixed] != columns[0, fixed]).any():
        return None
    values = np.zeros((len(texts), len(spans)), dtype=np.int64)
    for place in range(width - 1):
        digit = columns[:, digits[:, place]]
        if ((digit < 48) | (digit > 57)).any():
            return None
        values = 10 * values + (digit - 48)
    return values / 10.0 ** (width - 2)
