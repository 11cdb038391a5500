"""Circuits with random Paulis whose weighted average has no noise: error cancellation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.measurements import MeasurementProcess, ProbabilityMP
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.typing import PostprocessingFn

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.mitigation.draws import Odds, draw
from pennylane_qstore.mitigation.frames import order
from pennylane_qstore.mitigation.pauli_noise import PauliNoise
from pennylane_qstore.mitigation.tapes import (
    divide_shots,
    first,
    for_each,
    require_averages,
    require_native,
    weighted_sum,
)

NO_NOISE = 1e-9
"""Cancellation that would change a value by less than this is not worth a circuit."""


@qml.transform
def cancel_noise(
    tape: QuantumScript,
    noise: PauliNoise,
    n_samples: int = 100,
    seed: int | np.random.Generator | None = None,
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    r"""Undo known Pauli noise on average: probabilistic error cancellation.

    Behind every gate a Pauli is drawn from the quasi-probabilities of the inverse channel, and put
    into the phases of later gates instead of being played. The mean over such circuits, each with a
    factor :math:`\pm \gamma`, has the noiseless value as its expectation, if the noise is what it
    is said to be. They are one batch, and divide the tape's shots.

    Most draws put a Pauli nowhere. Their share of the mean is known, so it is not left to chance:
    some of the ``n_samples`` circuits are the tape itself, and the others have one Pauli at least.

    :math:`\gamma^2`, from :func:`sampling_overhead`, is about how many times as many shots a
    precision takes; with few circuits, the choice of Paulis adds to the error. Probabilities may
    leave :math:`[0, 1]`.

    Args:
        tape: Native gates; expectation values and probabilities.
        noise: What happens behind each gate, such as ``PauliNoise.published("aria-1")``.
        n_samples: Number of circuits, at least 2. Without noise the tape alone is run.
        seed: Decides what is drawn: an integer at every call the same, a generator or None anew.

    Raises:
        InvalidOptionError: If ``n_samples`` is below 2.
        InvalidShotsError: If the shots do not suffice for all circuits.
        UnsupportedGateError: If a gate is not native.
        UnsupportedMeasurementError: If something else is measured.

    **Example**

    >>> from pennylane_qstore import to_ionq_native
    >>> device = qml.device("qstore.ionq", wires=2, noise_model="aria-1")
    >>> @cancel_noise(noise=PauliNoise.published("aria-1"), n_samples=200, seed=1)
    ... @to_ionq_native(level=2)
    ... @qml.qnode(device, shots=20_000)
    ... def circuit(x):
    ...     qml.RX(x, wires=0)
    ...     qml.CNOT(wires=[0, 1])
    ...     return qml.expval(qml.Z(1))
    >>> value = circuit(0.3)  # 200 circuits of 100 shots in one job

    References:
        Temme, Bravyi and Gambetta, Phys. Rev. Lett. 119, 180509 (2017).
        Endo, Benjamin and Li, Phys. Rev. X 8, 031027 (2018).
    """
    require_native(tape)
    require_averages(tape)
    if n_samples < 2:
        raise InvalidOptionError(
            f"n_samples is {n_samples}; at least one circuit with Paulis and one without are run"
        )
    odds = Odds.of(tape, noise)
    if odds.gamma < 1 + NO_NOISE:
        return [tape], first
    shared = tape.copy(shots=divide_shots(tape, n_samples))
    n_plain = odds.allot(n_samples, min(shared.shots, default=None))
    rng = np.random.default_rng(seed)
    samples = [draw(shared, noise, rng, odds.draw_first(rng)) for _ in range(n_samples - n_plain)]

    struck = odds.chance * weigh([sample.factor for sample in samples], odds.mean_factor)
    weights = [*[odds.plain / n_plain] * n_plain, *struck.tolist()]

    def value(mp: MeasurementProcess, values: list[Any]) -> Any:
        if isinstance(mp, ProbabilityMP):
            behind = zip(samples, values[n_plain:], strict=True)
            values[n_plain:] = [found[order(mp.wires, sample.frame)] for sample, found in behind]
        return weighted_sum(weights, values)

    return [*[shared] * n_plain, *(sample.tape for sample in samples)], for_each(tape, value)


def sampling_overhead(tape: QuantumScript, noise: PauliNoise) -> float:
    r"""About what cancellation multiplies the variance by, at most: :math:`\gamma^2` of all gates.

    Args:
        tape: Native gates.
        noise: What happens behind each gate.
    """
    require_native(tape)
    return Odds.of(tape, noise).gamma ** 2


def weigh(factors: Sequence[float], mean: float) -> NDArray[np.float64]:
    r"""Weights of results in their mean, when the expectation of the factors is known.

    With factors :math:`f_j` of expectation :math:`m`, and results :math:`r_j`, the mean of
    :math:`f_j r_j` is corrected by what the mean of :math:`f_i - m` explains of its error, times an
    estimate of the value from the other circuits:

    .. math:: \frac{1}{n} \sum_i \Bigl[ f_i r_i
              - (f_i - m) \frac{1}{m (n - 1)} \sum_{j \ne i} f_j r_j \Bigr]

    Since circuits are independent, the correction has the expectation 0, so there is no bias.
    Where all results are equal, little of the scatter of the factors is left.

    Args:
        factors: Shape ``(n,)``.
        mean: Their expectation, not 0.

    Returns:
        Weights of the results in that sum, which is linear in them; shape ``(n,)``.
    """
    found = np.asarray(factors, dtype=float)
    n = len(found)
    if n == 1:
        return found
    others = (np.sum(found - mean) - (found - mean)) / (mean * (n - 1))
    return found * (1 - others) / n
