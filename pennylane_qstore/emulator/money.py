"""Prices in the documented form; IonQ publishes no formula or rates for direct access.

Simulators are free. A machine charges per gate and shot, with a minimum per job that is higher
under error mitigation: ``max(minimum, shots (n1 c1 + n2 c2))``. The rates are those of Azure's
public price list for Aria.

References:
    Microsoft, "Azure Quantum pricing", 2025: AQT prices of IonQ Aria.
"""

from collections.abc import Sequence

from pennylane_qstore.emulator.catalog import BACKENDS
from pennylane_qstore.emulator.job import Size

COST_1Q_USD = 0.000220
COST_2Q_USD = 0.000975
MINIMUM_USD = 12.4166
MINIMUM_MITIGATED_USD = 97.50
TIME_1Q_MS = 0.135
TIME_2Q_MS = 0.600
"""Gate durations of Aria, which IonQ published; Forte's are not published."""


def price(backend: str, *, shots: int, n_one: int, n_two: int, mitigated: bool = False) -> float:
    """Price of a job in USD."""
    if BACKENDS[backend].is_simulator:
        return 0.0
    minimum = MINIMUM_MITIGATED_USD if mitigated else MINIMUM_USD
    return max(minimum, shots * (n_one * COST_1Q_USD + n_two * COST_2Q_USD))


def execution_time_ms(shots: int, n_one: int, n_two: int) -> int:
    """Time of all shots on a machine, gates only, in milliseconds."""
    return round(shots * (n_one * TIME_1Q_MS + n_two * TIME_2Q_MS))


def job_price(backend: str, shots: int, sizes: Sequence[Size]) -> float:
    """Price of a job of several circuits, each priced alone and the minimum charged once."""
    n_one = sum(size.n_one for size in sizes)
    n_two = sum(size.n_two for size in sizes)
    return price(backend, shots=shots, n_one=n_one, n_two=n_two)


def rate_card(mitigated: bool) -> dict[str, object]:
    """The rates as IonQ lists them."""
    minimum = MINIMUM_MITIGATED_USD if mitigated else MINIMUM_USD
    rate = {
        "sku": "emulator",
        "unit": "gates",
        "cost_1q_gate": COST_1Q_USD,
        "cost_2q_gate": COST_2Q_USD,
        "job_cost_minimum": minimum,
    }
    return {"id": "emulator", "rates": [rate]}
