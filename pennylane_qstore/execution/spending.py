"""The cost of jobs: reserved before they are sent, settled when they have ended."""

import logging
from collections.abc import Sequence

import anyio

from pennylane_qstore.errors import QStoreError
from pennylane_qstore.execution.cost import (
    Cost,
    Estimate,
    Estimator,
    JobShape,
    Ledger,
    Rates,
    Reservation,
    estimate_jobs,
    parse_job_cost,
    service_estimator,
)
from pennylane_qstore.execution.job import Job
from pennylane_qstore.execution.request import Settings
from pennylane_qstore.execution.service import Service
from pennylane_qstore.native import Circuit

COST_S = 10.0
"""Longest wait for what a job cost: its results are here, and are kept only after it."""

logger = logging.getLogger("pennylane_qstore")


class Spending:
    """Keeps a budget while jobs run on one service.

    Args:
        service: Where the jobs go.
        ledger: What was spent.
        rates: Prices that the user knows; None asks the service.
    """

    def __init__(self, service: Service, ledger: Ledger, rates: Rates | None = None) -> None:
        self._service = service
        self.ledger = ledger
        self._rates = rates
        self._reserved: dict[str, Reservation] = {}

    async def estimate(self, shapes: Sequence[JobShape]) -> Estimate:
        """What jobs will cost together; simulators are free, and nobody is asked about them.

        Raises:
            ServiceError: If the service was asked and did not say.
        """
        return estimate_jobs(shapes, await self._price(shapes))

    async def reserve(self, jobs: Sequence[Job], settings: Settings) -> None:
        """Set the cost of jobs aside.

        Raises:
            BudgetExceededError: If they would pass the budget; nothing is set aside then.
            ServiceError: If there is a budget and the service does not say what they cost.
        """
        shapes = [
            shape_of([tickets[0].circuit for tickets in job.tickets], job.shots, settings)
            for job in jobs
        ]
        try:
            price = await self._price(shapes)
            estimates = [estimate_jobs([shape], price) for shape in shapes]
            # The batch as a whole comes first: a refusal says what all of it may cost.
            whole = self.ledger.reserve(Cost.sum(one.cost for one in estimates))
            self.ledger.release(whole)
            for job, estimate in zip(jobs, estimates, strict=True):
                self._reserved[job.mark] = self.ledger.reserve(estimate)
                job.estimated = estimate.cost
        except QStoreError as error:
            self.release(jobs)
            if self.ledger.limited:
                raise
            logger.warning("the cost of jobs could not be estimated: %s", error)

    async def _price(self, shapes: Sequence[JobShape]) -> Rates | Estimator:
        """What prices these jobs; the service is asked once for all that are alike."""
        return self._rates or await service_estimator(shapes, self._service.get_estimate)

    def release(self, jobs: Sequence[Job]) -> None:
        """Give back what was set aside for jobs that were certainly never sent."""
        for job in jobs:
            reservation = self._reserved.pop(job.mark, None)
            if reservation is not None:
                self.ledger.release(reservation)

    async def settle(self, job: Job, settings: Settings) -> None:
        """Book what a job cost that has ended, as the service says, else as estimated."""
        reservation = self._reserved.pop(job.mark, None)
        if reservation is None and not job.attached:
            return
        if settings.backend != "simulator" and job.job_id is not None:
            try:
                with anyio.move_on_after(COST_S):
                    job.cost = parse_job_cost(await self._service.get_cost(job.job_id)).actual
            except QStoreError as error:
                logger.warning("the cost of job %s is not known: %s", job.job_id, error)
        if job.cost and job.estimated and job.cost.units != job.estimated.units:
            # The user's rates are in a currency of their own, and the budget is in that.
            logger.info("job %s cost %s; counted as %s", job.job_id, job.cost, job.estimated)
            job.cost = job.estimated
        if reservation is not None:
            self.ledger.settle(reservation, job.cost)
            job.cost = job.cost or job.estimated
        elif job.cost is not None:
            self.ledger.charge(job.cost)


def shape_of(circuits: Sequence[Circuit], shots: int | None, settings: Settings) -> JobShape:
    """What the cost of a job of these circuits depends on."""
    if settings.backend == "simulator":
        return JobShape("simulator", (), (), shots or 1, 1)
    n_2q = tuple(circuit.n_entangling for circuit in circuits)
    n_all = (len(circuit.gates) for circuit in circuits)
    return JobShape(
        settings.backend,
        tuple(n - two for n, two in zip(n_all, n_2q, strict=True)),
        n_2q,
        shots or 1,
        max((circuit.n_qubits for circuit in circuits), default=1),
        any(on for _, on in settings.error_mitigation),
    )
