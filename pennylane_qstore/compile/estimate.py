r"""What to expect of a circuit on the machines whose figures are published.

Infidelities are those of IonQ's published noise models. After a gate on :math:`k` qubits these
depolarize with rate :math:`r`; the average infidelity of that gate is :math:`r (1 - 2^{-k})`.
Partial angles count as full gates, because no figure for them is published, and preparation and
readout are left out, because the models have none.
"""

from collections import Counter
from dataclasses import dataclass

from pennylane_qstore.native import FIGURES, Circuit


@dataclass(frozen=True, slots=True)
class Estimate:
    """What to expect of a circuit on one machine.

    Attributes:
        fidelity: Product of the average fidelities of its gates.
        duration_s: Seconds that its gates take one after another, which is the longest it can be;
            None where durations are not published.
    """

    fidelity: float
    duration_s: float | None


ESTIMATE_NOTE = (
    "Fidelity: product over gates, from IonQ's published noise models; partial angles as full "
    "gates, without preparation and readout."
)
"""Said wherever estimates are shown."""


def estimate(circuit: Circuit) -> dict[str, Estimate]:
    """What to expect of a circuit on each machine that takes its gates.

    Of a circuit of the qis gate set, whose native gates IonQ chooses, nothing is known.
    """
    if circuit.gateset != "native":
        return {}
    used = {gate.name for gate in circuit.gates if len(gate.qubits) == 2}
    sizes = Counter(len(gate.qubits) for gate in circuit.gates)
    estimates = {}
    for name, (rates, durations, entangler) in FIGURES.items():
        if used - {entangler}:
            continue
        fidelity = (1 - rates[0] / 2) ** sizes[1] * (1 - rates[1] * 3 / 4) ** sizes[2]
        seconds = durations and durations[0] * sizes[1] + durations[1] * sizes[2]
        estimates[name] = Estimate(fidelity, seconds)
    return estimates
