r"""Paulis in the middle of a native circuit, at no cost.

A Pauli :math:`P` that should act here need not be played. The gates behind it are played as
:math:`P^\dagger U P`, which for IonQ's gates means other phases, and what is measured at the end as
:math:`P^\dagger O P`: a sign, or another order of outcomes. So an inserted Pauli takes no pulse and
makes no error of its own.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pennylane_ionq.ops as ionq_ops
from pennylane.measurements import ExpectationMP, MeasurementProcess, ProbabilityMP
from pennylane.operation import Operator
from pennylane.pauli import PauliSentence
from pennylane.wires import Wires

from pennylane_qstore.errors import UnsupportedMeasurementError
from pennylane_qstore.ops import GPI, GPI2, MS, ZZ

Frame = dict[Any, int]
"""Pauli of each wire, 0 to 3 for I, X, Y, Z; a wire that is not in it has the identity."""

_LETTERS = "IXYZ"


def _flips(letter: int) -> bool:
    """Whether a Pauli exchanges the outcomes 0 and 1."""
    return letter in (1, 2)


def obstacle(op: Operator, frame: Mapping[Any, int]) -> Any:
    """A wire whose flip has to be played before a gate can be; None if the gate can be played.

    Behind a flip of one of its qubits, ZZ would need the opposite angle, which IonQ's range does
    not have.
    """
    if not isinstance(op, ZZ):
        return None
    flipped = [wire for wire in op.wires if _flips(frame.get(wire, 0))]
    return flipped[0] if len(flipped) == 1 else None


def play_flip(wire: Any, frame: Frame) -> Operator:
    """The gate that takes a flip out of a frame, which is changed."""
    frame[wire] ^= 1
    return GPI(0.0, wires=wire)


def in_frame(op: Operator, frame: Mapping[Any, int]) -> Operator:
    r"""The native gate that acts behind a frame as ``op`` should, if there is no obstacle.

    A phase :math:`\phi` becomes :math:`-\phi` behind X, :math:`1/2 - \phi` behind Y and
    :math:`\phi + 1/2` behind Z.
    """
    letters = [frame.get(wire, 0) for wire in op.wires]
    if isinstance(op, ZZ) or not any(letters):
        return op
    n = len(letters)
    phases = [_turn(phase, letter) for phase, letter in zip(op.data[:n], letters, strict=True)]
    kind = {1: GPI if isinstance(op, ionq_ops.GPI) else GPI2, 2: MS}[n]
    return kind(*phases, *op.data[n:], wires=op.wires)


def _turn(phase: float, letter: int) -> float:
    flipped = -phase if _flips(letter) else phase
    return float((flipped + (0.5 if letter in (2, 3) else 0.0)) % 1)


def measure_in_frame(mp: MeasurementProcess, frame: Mapping[Any, int]) -> MeasurementProcess:
    """What to measure behind a frame, so that an expectation value comes out as in front of it.

    Probabilities stay as they are; :func:`order` puts them right.
    """
    if isinstance(mp, ProbabilityMP) or not any(frame.get(wire, 0) for wire in mp.wires):
        return mp
    if mp.obs is None:
        return ExpectationMP(eigvals=mp.eigvals()[order(mp.wires, frame)], wires=mp.wires)
    if mp.obs.pauli_rep is None:
        raise UnsupportedMeasurementError(
            f"{mp.obs} is not a sum of Pauli words; apply to_ionq_native, which measures it as one "
            "of basis states"
        )
    signed = {
        word: coefficient * _sign(word, frame) for word, coefficient in mp.obs.pauli_rep.items()
    }
    return ExpectationMP(obs=PauliSentence(signed).operation(wire_order=mp.wires))


def _sign(word: Mapping[Any, str], frame: Mapping[Any, int]) -> int:
    """-1 if a Pauli word and a frame anticommute."""
    pairs = ((_LETTERS.index(letter), frame.get(wire, 0)) for wire, letter in word.items())
    return int((-1) ** sum(a != b for a, b in pairs if a and b))


def order(wires: Wires, frame: Mapping[Any, int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Index of the outcome that is read behind a frame where one in front of it would be."""
    bits = [_flips(frame.get(wire, 0)) for wire in wires]
    mask = sum(1 << place for place, bit in enumerate(reversed(bits)) if bit)
    return np.arange(2 ** len(wires)) ^ mask
