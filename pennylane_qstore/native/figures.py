"""Published figures of machines: error rates and durations of their gates.

References:
    IonQ, "Simulation with noise models", documentation of the Quantum Cloud API v0.4 (rates).
    Microsoft, "IonQ provider", Azure Quantum documentation (durations of Aria's gates).
"""

from typing import NamedTuple


class Figures(NamedTuple):
    """Published figures of a machine.

    Attributes:
        rates: Depolarizing rates after gates on one and on two qubits: each Pauli but the identity
            happens with probability :math:`r / 4^k` after a gate on :math:`k` qubits.
        durations_s: Seconds that gates on one and on two qubits take; None if not published.
        entangler: Its native two-qubit gate.
    """

    rates: tuple[float, float]
    durations_s: tuple[float, float] | None
    entangler: str


FIGURES = {
    "aria-1": Figures((0.0005, 0.0133), (135e-6, 600e-6), "ms"),
    "aria-2": Figures((0.0006573333333, 0.01856), (135e-6, 600e-6), "ms"),
    "forte-1": Figures((0.000266667, 0.004949333), None, "zz"),
}
"""Machines whose figures are published."""
