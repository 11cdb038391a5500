"""What runs the circuits of one device: the service, its limits, and the waiting for a batch."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from time import monotonic
from typing import Any

from tqdm.auto import tqdm

from pennylane_qstore.compile import Target, target_for
from pennylane_qstore.emulator import EmulatorOptions, create_app
from pennylane_qstore.errors import (
    AnalyticModeError,
    InvalidShotsError,
    QStoreError,
    TooManyWiresError,
    UnknownBackendError,
)
from pennylane_qstore.execution import (
    BackendInfo,
    Batch,
    BatchResult,
    Controller,
    HttpService,
    JobModel,
    JobRecord,
    Journal,
    OnError,
    PollSchedule,
    Progress,
    Request,
    Runner,
    Settings,
    open_cache,
    run_blocking,
    start_blocking,
)
from pennylane_qstore.execution.cost import Cost, Estimate, Ledger, read_rates
from pennylane_qstore.execution.journal import CANCELED
from pennylane_qstore.execution.spending import shape_of
from pennylane_qstore.handle import Handle
from pennylane_qstore.native import Bit, Circuit, Outcomes
from pennylane_qstore.options import EMULATOR_URL, DeviceOptions

_MAX_SHOTS = 1_000_000
_PLACES = 9
"""Digits after the point of money that count in differences of sums."""
_UNMEASURED = JobModel(0.2, 0.002)
"""What a job on IonQ's simulator is taken to last before one was measured."""
_EMBEDDED = EmulatorOptions(max_jobs=600)
"""Results are fetched at once, so few are kept; ten times as many may wait to be fetched, which is
more than a job has circuits.
"""


class Backend:
    """A simulator or a machine behind IonQ's API.

    Args:
        options: What the user asked for.
        ledger: Where costs are booked, if several backends share a budget.
    """

    def __init__(self, options: DeviceOptions, ledger: Ledger | None = None) -> None:
        self.options = options
        app = create_app(_EMBEDDED) if options.backend == "emulator" else None
        self.controller = Controller(
            mode=options.batch_mode,
            max_in_flight=options.max_in_flight,
            max_circuits_per_job=options.max_circuits_per_job,
            parallel=options.backend == "simulator",
            prior=_UNMEASURED,
        )
        self._service = HttpService(
            options.url,
            options.key,
            app=app,
            max_connections=options.max_in_flight,
            timeout_s=options.request_timeout,
            on_limit=self._observe_limit,
        )
        self.cache = open_cache(options.cache, limits=options.limits)
        self.ledger = ledger or Ledger(options.budget)
        self._rehearsal: Runner | None = None
        self._saved: tuple[float, dict[str, float]] = (0.0, {})
        self._saved_lock = threading.Lock()
        self.journal = _open_journal(options) if app is None else None
        self._runner = Runner(
            self._service,
            cache=self.cache,
            journal=self.journal,
            controller=self.controller,
            poll=PollSchedule.local() if app is not None else PollSchedule(),
            max_in_flight=options.max_in_flight,
            queue_s=options.max_queue_wait,
            ledger=self.ledger,
            rates=None if options.rates is None else read_rates(options.rates),
        )

    def _observe_limit(self, pause_s: float) -> None:
        self.controller.observe_limit(monotonic(), retry_after_s=pause_s)

    @property
    def is_machine(self) -> bool:
        """Whether this is a machine rather than a simulator."""
        return self.options.backend.startswith("qpu.")

    @cached_property
    def _info(self) -> BackendInfo | None:
        """What the service says about a machine; None for simulators.

        Raises:
            UnknownBackendError: If the service does not list the machine.
        """
        if not self.is_machine:
            return None
        listed = {info.name: info for info in run_blocking(self._service.backends)}
        if self.options.backend not in listed:
            raise UnknownBackendError(
                f"backend={self.options.backend!r} is not among those that {self.options.url} "
                f"lists: {', '.join(sorted(listed))}"
            )
        return listed[self.options.backend]

    @cached_property
    def target(self) -> Target:
        """What circuits are compiled to: the gate family of the backend or its noise model."""
        target = target_for(
            self.options.backend,
            noise_model=self.options.noise_model,
            native_gates=self._info.native_gates if self._info else None,
        )
        return replace(target, n_qubits=self._info.n_qubits) if self._info else target

    def check_width(self, n_wires: int) -> None:
        """Refuse what is wider than the backend.

        Raises:
            TooManyWiresError: If it is.
        """
        n_qubits = self.target.n_qubits
        if n_qubits is not None and n_wires > n_qubits:
            raise TooManyWiresError(
                f"{n_wires} wires, but backend {self.options.backend!r} with noise model "
                f"{self.options.noise_model!r} has {n_qubits} qubits; use fewer wires or a wider "
                "backend"
            )

    def request(
        self, circuit: Circuit, shots: int | None, readout: tuple[Bit, ...] = ()
    ) -> Request:
        """A circuit to run, checked.

        Raises:
            TooManyWiresError: If the circuit is wider than the backend.
            AnalyticModeError: If exact results are asked of a backend that samples.
            InvalidShotsError: If the number of shots is out of range.
        """
        self.check_width(circuit.n_qubits)
        if shots is None and not self.options.is_exact:
            raise AnalyticModeError(
                f"shots=None asks for exact results, and backend {self.options.backend!r} "
                "only samples; set shots, for example with qml.set_shots(qnode, 1000)"
            )
        if shots is not None and not 1 <= shots <= _MAX_SHOTS:
            raise InvalidShotsError(f"shots={shots}; IonQ takes 1 to {_MAX_SHOTS} shots a circuit")
        return Request(circuit, shots, () if _is_plain(readout) else readout)

    def run(
        self,
        requests: Sequence[Request],
        *,
        title: str,
        on_error: OnError | None = None,
        for_later: bool = False,
    ) -> BatchResult:
        """Run a batch and wait for it, with a progress bar.

        Args:
            requests: What to run.
            title: Text in front of the bar.
            on_error: What an error does; None as the device's option says.
            for_later: Whether its samples are left for whoever asks next.
        """
        if not requests:
            return BatchResult((), (), 0, 0.0)
        if self.options.dry_run:
            return self._rehearse(requests)
        wanted = self.options.progress
        disable, delay = (None, 1) if wanted is None else (not wanted, 0)
        with tqdm(
            total=len(requests), unit="circuit", desc=title, delay=delay, disable=disable
        ) as bar:

            def show(progress: Progress) -> None:
                bar.update(progress.done - bar.n)
                cost = {"cost": str(progress.cost)} if progress.cost else {}
                bar.set_postfix(progress.jobs | cost, refresh=False)

            return run_blocking(
                self._runner.run,
                requests,
                self.options.settings,
                timeout_s=self.options.timeout,
                on_progress=show,
                on_error=on_error or self.options.on_error,
                on_interrupt=self.options.on_interrupt,
                for_later=for_later,
            )

    def _rehearse(self, requests: Sequence[Request]) -> BatchResult:
        """Price a batch, and answer it by the emulator."""
        estimate = self.estimate(requests)
        self.ledger.reserve(estimate)
        if self._rehearsal is None:
            app = create_app(_EMBEDDED)
            self._rehearsal = Runner(HttpService(EMULATOR_URL, "emulator", app=app))
        exact = [Request(request.circuit) for request in requests]
        found = run_blocking(self._rehearsal.run, exact, Settings("simulator", exact=True))
        priced = JobRecord("", len(requests), None, "dry run", 0.0, estimated=estimate.cost)
        return replace(found, jobs=(priced,), n_requests=0)

    def submit(
        self,
        requests: Sequence[Request],
        finish: Callable[["Future[BatchResult]", float], Any],
        *,
        on_error: OnError | None = None,
    ) -> Handle:
        """Submit a batch, and return when the service has accepted its jobs."""
        batch = Batch()
        if self.options.dry_run:
            rehearsed: Future[BatchResult] = Future()
            rehearsed.set_result(self._rehearse(requests))
            return Handle(batch, rehearsed, finish, lambda: None)
        future, cancel = start_blocking(
            self._runner.run,
            requests,
            self.options.settings,
            on_error=on_error or self.options.on_error,
            on_interrupt="cancel",
            batch=batch,
        )
        batch.sent.wait()
        if not batch.jobs:
            future.result()  # at once: the cache had everything, or nothing could be sent
        refused = [job.error for job in batch.jobs if job.job_id is None and job.error is not None]
        if refused and batch.fails_at_once:
            if batch.left():
                refused[0].add_note(f"these jobs were submitted: {', '.join(batch.left())}")
            raise refused[0]
        return Handle(batch, future, finish, cancel)

    def cancel(self, job_ids: Sequence[str]) -> bool:
        """Cancel jobs at the service, and say whether all of them are canceled."""
        for job_id in job_ids:
            try:
                run_blocking(self._service.cancel_job, job_id)
                status = run_blocking(self._service.get_job, job_id).status
            except QStoreError:
                return False
            if status != "canceled":
                return False
            submission = self.journal.by_job(job_id) if self.journal else None
            if self.journal and submission:
                self.journal.move(submission.mark, CANCELED)
        return True

    def queue_s(self) -> float | None:
        """How long jobs wait on average, in seconds; None if the backend is not available.

        Raises:
            ServiceError: If the service cannot be asked.
        """
        if self.options.backend == "emulator":
            return 0.0
        for info in run_blocking(self._service.backends):
            if info.name == self.options.backend:
                self.controller.observe_queue(info.queue_s)
                return info.queue_s if info.status == "available" else None
        return None

    def collect(self, job_ids: Sequence[str]) -> list[list[Outcomes]]:
        """Outcomes of jobs that were submitted before, each read as its source was measured."""
        found = run_blocking(
            self._runner.collect, job_ids, self.options.settings, timeout_s=self.options.timeout
        )
        return [
            [one.read(entry.readout) if entry.readout else one for entry, one in job]
            for job in found
        ]

    def take_savings(self) -> tuple[float, Cost]:
        """Seconds and money that the cache saved since the last call, also for the ledger."""
        if self.cache is None:
            return 0.0, Cost()
        with self._saved_lock:
            stats, (seconds, cost) = self.cache.stats(), self._saved
            self._saved = stats.seconds_saved, stats.cost_saved
        amounts = {u: round(n - cost.get(u, 0.0), _PLACES) for u, n in stats.cost_saved.items()}
        saved = Cost(tuple((unit, amount) for unit, amount in amounts.items() if amount > 0))
        self.ledger.save(saved)
        return max(0.0, stats.seconds_saved - seconds), saved

    def estimate(self, requests: Sequence[Request]) -> Estimate:
        """What requests will cost that no cache answers, one job for each number of shots."""
        by_shots: dict[int | None, list[Circuit]] = {}
        for request in requests:
            by_shots.setdefault(request.shots, []).append(request.circuit)
        shapes = [
            shape_of(circuits, shots, self.options.settings) for shots, circuits in by_shots.items()
        ]
        return run_blocking(self._runner.spending.estimate, shapes)


@lru_cache(maxsize=256)
def _is_plain(readout: tuple[Bit, ...]) -> bool:
    """Whether every qubit is read as itself, so that the journal need not say how."""
    return all(bit == ((place,), False) for place, bit in enumerate(readout))


def _open_journal(options: DeviceOptions) -> Journal | None:
    """The journal: beside the cache if that is a directory that the user named."""
    if options.journal is False:
        return None
    if not isinstance(options.journal, bool):
        return Journal(Path(options.journal))
    if isinstance(options.cache, bool) or "://" in str(options.cache):
        return Journal()
    return Journal(Path(options.cache))
