"""Costs: what jobs will cost, what they did cost, and the budget."""

from pennylane_qstore.errors import BudgetExceededError
from pennylane_qstore.execution.cost.amount import Cost
from pennylane_qstore.execution.cost.answers import (
    JobCost,
    estimate_query,
    parse_estimate,
    parse_job_cost,
    service_estimator,
)
from pennylane_qstore.execution.cost.ledger import Ledger, Reservation
from pennylane_qstore.execution.cost.rates import (
    FREE,
    Estimate,
    Estimator,
    JobShape,
    Rates,
    estimate_jobs,
    read_rates,
)

__all__ = [
    "FREE",
    "BudgetExceededError",
    "Cost",
    "Estimate",
    "Estimator",
    "JobCost",
    "JobShape",
    "Ledger",
    "Rates",
    "Reservation",
    "estimate_jobs",
    "estimate_query",
    "parse_estimate",
    "parse_job_cost",
    "read_rates",
    "service_estimator",
]
