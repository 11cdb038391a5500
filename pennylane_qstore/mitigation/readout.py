"""Readout errors: measured on known states, and taken out of what other circuits measure."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pennylane as qml
from pennylane.measurements import ProbabilityMP
from pennylane.operation import Operator
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.typing import PostprocessingFn

from pennylane_qstore.errors import InvalidOptionError, InvalidShotsError
from pennylane_qstore.mitigation.confusion import ReadoutErrors
from pennylane_qstore.mitigation.diagonal import Distribution, parts_of
from pennylane_qstore.mitigation.tapes import first, require_native
from pennylane_qstore.ops import GPI

Groups = Sequence[Sequence[Any]]


def _flip(wire: Any) -> Operator:
    return GPI(0.0, wires=wire)


def measure_readout(
    device: Any,
    wires: Sequence[Any],
    *,
    shots: int | None = 1000,
    groups: Groups | None = None,
    flip: Callable[[Any], Operator] = _flip,
) -> ReadoutErrors:
    """Prepare known states and count what is read, in one batch.

    Wires are taken to be read independently, which takes two circuits for any number of them: all
    0 and all 1. Where they are not, ``groups`` puts those together that disturb each other; a group
    of ``k`` takes all its ``2**k`` states. Errors of the preparation are counted as readout errors.
    A device with a cache replays a script's samples when the script is run again, these included;
    ``cache=False`` measures them anew.

    Args:
        device: Any PennyLane device.
        wires: Wires to measure.
        shots: Shots of each circuit; None where the device gives exact probabilities.
        groups: Wires that are read together; wires in none are groups of their own.
        flip: From a wire to the gate that prepares 1. The default is native, since a compiler
            would not send an X in front of a measurement but exchange the outcomes.

    Raises:
        InvalidOptionError: If no wire is given, a wire is in two groups, or readout tells nothing
            of a state.
        InvalidShotsError: If there is less than one shot.
    """
    if shots is not None and shots < 1:
        raise InvalidShotsError(f"shots is {shots}; each known state has to be read at least once")
    joined = [tuple(group) for group in groups or ()]
    alone = [(wire,) for wire in wires if wire not in set(chain.from_iterable(joined))]
    parts = [*joined, *alone]
    if not parts:
        raise InvalidOptionError("wires is empty; name the wires whose readout is to be measured")
    n_circuits = 2 ** max(map(len, parts))
    tapes = []
    for state in range(n_circuits):
        ones = [wire for part in parts for wire in _ones(part, state)]
        measured = [ProbabilityMP(wires=qml.wires.Wires(part)) for part in parts]
        tapes.append(QuantumScript([flip(wire) for wire in ones], measured, shots=shots))
    results = qml.execute(tapes, device, diff_method=None)
    rows = [result if len(parts) > 1 else (result,) for result in results]
    matrices = []
    for place, part in enumerate(parts):
        read = np.array([row[place] for row in rows], dtype=float)
        # Every state of a small group was prepared several times.
        by_state = read.reshape(-1, 2 ** len(part), 2 ** len(part))
        matrices.append(by_state.mean(axis=0).T)
    return ReadoutErrors(tuple(parts), tuple(matrices))


def _ones(wires: Sequence[Any], state: int) -> list[Any]:
    """Wires that are 1 in a state, of which the last wires' bits count."""
    return [wire for i, wire in enumerate(reversed(wires)) if state >> i & 1]


_NOTHING = Distribution((), np.zeros(1, dtype=np.int64), np.ones(1))
"""What a multiple of the identity depends on."""


@qml.transform
def correct_readout(
    tape: QuantumScript, errors: ReadoutErrors
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Take readout errors out of expectation values, variances and probabilities.

    The same circuit is run with the same shots. Instead of a value the distribution over the wires
    it depends on is read, and the distribution that explains it best is put in its place: see
    :meth:`ReadoutErrors.correct`. Of observables each Pauli word is corrected on its own few wires.
    Beyond 10 wires only outcomes that were read are candidates.

    Args:
        tape: Native gates, so that a wire is the qubit that was calibrated; see
            :func:`~pennylane_qstore.to_ionq_native`.
        errors: See :func:`measure_readout`.

    Raises:
        InvalidOptionError: If the errors of a wire are not known.
        TooManyWiresError: If over 10 wires are read at once in more than 1024 ways.
        UnsupportedGateError: If a gate is not native.
        UnsupportedMeasurementError: If something else is measured, or not in the computational
            basis.

    **Example**

    >>> from pennylane_qstore import to_ionq_native
    >>> device = qml.device("qstore.ionq", wires=2)
    >>> errors = measure_readout(device, [0, 1], shots=1000)  # two circuits in one job
    >>> @correct_readout(errors=errors)
    ... @to_ionq_native
    ... @qml.qnode(device, shots=1000)
    ... def circuit(x):
    ...     qml.RX(x, wires=0)
    ...     qml.CNOT(wires=[0, 1])
    ...     return qml.expval(qml.Z(1))
    >>> value = circuit(0.3)

    References:
        Nation, Kang, Sundaresan and Gambetta, PRX Quantum 2, 040326 (2021): outcomes that were read
        as the only candidates.
        Maciejewski, Zimborás and Oszmaniec, Quantum 4, 257 (2020): least squares.
    """
    require_native(tape)
    wanted = [parts_of(mp) for mp in tape.measurements]
    closures = (errors.closure(part.wires) for parts in wanted for part in parts)
    read = [wires for wires in dict.fromkeys(closures) if wires]
    if not read:  # nothing but multiples of the identity
        return [tape], first
    probabilities = [ProbabilityMP(wires=qml.wires.Wires(wires)) for wires in read]

    def one(result: Any) -> Any:
        shares = result if len(read) > 1 else (result,)
        found = {(): _NOTHING} | {
            wires: Distribution(wires, *errors.explain(np.asarray(share, dtype=float), wires))
            for wires, share in zip(read, shares, strict=True)
        }
        values = [
            sum(part.value(found[errors.closure(part.wires)]) for part in parts) for parts in wanted
        ]
        return tuple(values) if len(values) > 1 else values[0]

    def postprocess(results: Sequence[Any]) -> Any:
        (result,) = results
        return tuple(map(one, result)) if tape.shots.has_partitioned_shots else one(result)

    return [tape.copy(measurements=probabilities)], postprocess
