"""The PennyLane device: the only place that sees both tapes and results."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pennylane as qml
from pennylane.devices import Device, ExecutionConfig
from pennylane.exceptions import DeviceError
from pennylane.math import Interface
from pennylane.measurements import MeasurementProcess
from pennylane.tape import QuantumScript
from pennylane.transforms.core import CompilePipeline

from pennylane_qstore.backend import Backend
from pennylane_qstore.compile import (
    EXACT_MEASUREMENTS,
    Compiled,
    Effort,
    NativeTape,
    Source,
    Target,
    TemplateStore,
    can_differentiate,
    compile_batch,
    compile_natively,
    compile_tapes,
    compile_untraced,
    needs_state,
    to_lowerable,
    to_numpy,
)
from pennylane_qstore.compile.report import CompileReport
from pennylane_qstore.errors import InvalidOptionError, UnsupportedMeasurementError
from pennylane_qstore.execution import (
    BatchMode,
    BatchResult,
    Controller,
    Journal,
    OnError,
    OnInterrupt,
    Request,
    ResultStore,
)
from pennylane_qstore.execution.cost import Cost, Estimate, Ledger
from pennylane_qstore.fleet import Fleet, Placement, Route, Rule
from pennylane_qstore.gradients import Gradients
from pennylane_qstore.handle import Handle
from pennylane_qstore.inspection import report, require_verified
from pennylane_qstore.measure import measure
from pennylane_qstore.native import GateSet, Outcomes
from pennylane_qstore.options import DeviceOptions
from pennylane_qstore.recording import Recorder, Watch
from pennylane_qstore.reporting import Summary


class IonQDevice(Device):
    """Trapped-ion machines and simulators behind IonQ's Quantum Cloud API v0.4.

    Circuits are compiled to native gates, sent as multi-circuit jobs, and measured in the
    computational basis. The default backend is an emulator of the API inside this process, which
    needs neither account nor network.

    Args:
        wires: Number of wires, or their labels. None takes the wires of each circuit.
        shots: Deprecated by PennyLane; use :func:`pennylane.set_shots`.
        backend: ``"emulator"``, ``"simulator"``, or a machine such as ``"qpu.forte-1"``; or a list
            of them, whose entries may be mappings with ``backend``, ``api_key`` and ``base_url``.
        gateset: ``"native"`` sends native gates compiled here, ``"qis"`` leaves it to IonQ.
        noise_model: Noise model of a simulator, such as ``"aria-1"`` or ``"forte-1"``.
        noise_seed: Seed of the noise model, from 1 to 2³¹ - 1.
        seed: Seed of the sampling from exact distributions, and of the order of samples.
        api_key: IonQ API key; else the environment's ``IONQ_API_KEY``.
        base_url: Address of the API; else the environment's ``IONQ_API_URL``, else IonQ's.
        cache: Whether results are kept on disk and reused, or the directory to keep them in, or the
            address of a Redis server such as ``"redis://host:6379/0"``.
        cache_limits: What the cache may keep: ``max_entries``, ``max_bytes``, ``expire_s``, and
            ``evict_paid``, without which sampled results are never dropped.
        journal: Whether submissions are written down so that none is sent twice, or the directory
            to write them to; by default that of the cache, if one was named, else the user's state
            directory. The embedded emulator needs no journal.
        batch_mode: ``"auto"`` packs a batch into as many parallel jobs as finish soonest,
            ``"multicircuit"`` into as few as possible, ``"concurrent"`` into one for each circuit.
        max_in_flight: Largest number of connections to the service.
        max_circuits_per_job: Largest number of circuits in a job.
        max_queue_wait: Longest time in the service's queue, in seconds; a job that waits longer is
            left there and raises :class:`~pennylane_qstore.errors.QueueTimeoutError`.
        on_error: ``"raise"``, or ``"partial"`` for ``execute`` to return the error in the place of
            each failed tape.
        on_interrupt: Whether Ctrl-C leaves jobs running (``"keep"``), to be collected by running
            the same again, or cancels them (``"cancel"``).
        budget: Largest amount to spend; a batch that would pass it is refused before it is sent.
        rates: Prices, such as ``{"1q": 3e-5, "2q": 1e-3, "minimum": 12.4, "unit": "usd"}`` per gate
            and shot; None asks the service for estimates.
        dry_run: Whether to send nothing: batches are priced against the budget, and answered by the
            emulator.
        route: With several backends, which one takes a tape: ``"first"`` the first that is
            available and whose queue is not longer than ``max_queue_wait``, ``"fastest"`` the one
            that is expected to finish soonest, ``"balanced"`` divides each batch so that all finish
            at about the same time; or a function from a tape to a name of ``backend``.
        simulator_fallback: With several backends, whether what was meant for a machine may run on
            a simulator.
        log: JSON-lines file to which a record of each batch is appended.
        error_mitigation: IonQ's settings, such as ``{"debiasing": True, "sharpen": True}``.
        job_name: Name of the jobs.
        metadata: Up to nine pairs of strings to store with the jobs.
        session_id: Session the jobs belong to.
        timeout: Longest time for a batch, in seconds; its jobs are left as they are after that.
        request_timeout: Longest silence of the service within one request, in seconds; a whole
            request may take twice as long.
        progress: Whether to show a progress bar; None shows one on a terminal or in a notebook,
            after a second.
        optimization_level: 0 translates gates directly; 1 also merges rotations and drops what a
            measurement cannot see, once for each structure; 2 searches for the shortest form of
            each circuit, up to 20 s each, for circuits that run for hours.
        absorb_tail: Whether, at levels 1 and 2, trailing CNOT networks are left out of all circuits
            and their effect is computed from the outcomes; for expectation values and variances
            they are in any case.
        verify: Whether every compiled circuit is compared with its source before it is sent.

    Raises:
        InvalidOptionError: If an option cannot work.
        MissingKeyError: If the backend needs an API key and there is none.
        TooManyWiresError: If the backend is known to be narrower than ``wires``.

    **Example**

    >>> dev = qml.device("qstore.ionq", wires=2, seed=7)
    >>> @qml.qnode(dev)
    ... def circuit(x):
    ...     qml.RX(x, wires=0)
    ...     qml.CNOT(wires=[0, 1])
    ...     return qml.expval(qml.Z(1))
    >>> print(f"{circuit(0.3):.6f}")
    0.955336
    """

    name = "qstore.ionq"
    short_name = "qstore.ionq"
    """Read by PennyLane's device test-suite for every device of IonQ's."""
    pennylane_requires = ">=0.45,<0.46"
    author = "The pennylane-qstore developers"

    def __init__(
        self,
        wires: Any = None,
        shots: Any = None,
        *,
        backend: str | Sequence[str | Mapping[str, str]] = "emulator",
        gateset: GateSet = "native",
        noise_model: str | None = None,
        noise_seed: int | None = None,
        seed: int | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        cache: bool | str | Path = True,
        journal: bool | str | Path = True,
        batch_mode: BatchMode = "auto",
        max_in_flight: int = 8,
        max_circuits_per_job: int | None = None,
        max_queue_wait: float | None = None,
        on_error: OnError = "raise",
        on_interrupt: OnInterrupt = "keep",
        cache_limits: Mapping[str, Any] | None = None,
        budget: float | None = None,
        rates: Mapping[str, Any] | None = None,
        dry_run: bool = False,
        log: str | Path | None = None,
        route: Rule | Route = "first",
        simulator_fallback: bool = False,
        error_mitigation: Mapping[str, bool] | None = None,
        job_name: str | None = None,
        metadata: Mapping[str, str] | None = None,
        session_id: str | None = None,
        timeout: float | None = None,
        request_timeout: float = 60.0,
        progress: bool | None = None,
        optimization_level: int = 1,
        absorb_tail: bool = False,
        verify: bool = False,
    ) -> None:
        super().__init__(wires=wires, shots=shots)
        shared: dict[str, Any] = {
            "gateset": gateset,
            "noise_model": noise_model,
            "noise_seed": noise_seed,
            "seed": seed,
            "api_key": api_key,
            "base_url": base_url,
            "cache": cache,
            "journal": journal,
            "batch_mode": batch_mode,
            "max_in_flight": max_in_flight,
            "max_circuits_per_job": max_circuits_per_job,
            "max_queue_wait": max_queue_wait,
            "on_error": on_error,
            "on_interrupt": on_interrupt,
            "cache_limits": cache_limits,
            "budget": budget,
            "rates": rates,
            "dry_run": dry_run,
            "log": log,
            "error_mitigation": error_mitigation,
            "job_name": job_name,
            "metadata": metadata,
            "session_id": session_id,
            "timeout": timeout,
            "request_timeout": request_timeout,
            "progress": progress,
            "optimization_level": optimization_level,
            "absorb_tail": absorb_tail,
            "verify": verify,
        }
        several = isinstance(backend, Sequence) and not isinstance(backend, str)
        named: list[Any] = list(backend) if several else [backend]
        if not named:
            raise InvalidOptionError("backend is an empty list; name at least one backend")
        options = [_options(entry, shared) for entry in named]
        self.templates = TemplateStore()
        self._recorder = Recorder(None if log is None else Path(log))
        # Samples of exact distributions are drawn anew. Those of a sampling backend are random
        # already: only their order is drawn, and always alike, so that a second run replays it.
        exact = options[0].is_exact
        self._rng = np.random.default_rng(seed if exact or seed is not None else 0)
        self._rng_lock = threading.Lock()
        self._backend = Backend(options[0])
        self._fleet = None
        if several:
            self._fleet = Fleet(
                self._members(options),
                route=route,
                max_queue_wait=max_queue_wait,
                simulator_fallback=simulator_fallback,
                timeout=timeout,
                on_error=on_error,
                on_interrupt=on_interrupt,
            )
        if not self._backend.is_machine:
            self._backend.check_width(len(self.wires or ()))

    def _members(self, options: Sequence[DeviceOptions]) -> dict[str, "IonQDevice"]:
        """A device for each backend, with this one's templates, tracker, report and budget."""
        members: dict[str, IonQDevice] = {}
        for place, one in enumerate(options):
            member = copy(self)
            member._backend = Backend(one, self._backend.ledger) if place else self._backend
            name, number = one.backend, 2
            while name in members:
                name, number = f"{one.backend}#{number}", number + 1
            members[name] = member
        return members

    @property
    def target(self) -> Target:
        """What circuits are compiled to: the gate family of the backend or its noise model."""
        return self._backend.target

    def _compile(self, sources: Sequence[Source]) -> list[list[Compiled]]:
        options = self._backend.options
        compiled = compile_batch(
            sources,
            self.target,
            templates=self.templates,
            gateset=options.gateset,
            effort=Effort(options.optimization_level, options.absorb_tail),
        )
        if options.verify:
            require_verified(sources, compiled)
        return compiled

    def compile(self, tape: QuantumScript) -> tuple[CompileReport, ...]:
        """What would be sent for a tape: nothing is submitted.

        Returns:
            One report for each circuit: the circuit, a drawing, counts, depth, angle, pulses,
            estimated fidelity and duration, and the way there pass by pass.
        """
        return report(tape, self, level=self._backend.options.optimization_level)

    def supports_derivatives(
        self, execution_config: ExecutionConfig | None = None, circuit: QuantumScript | None = None
    ) -> bool:
        """Whether gradients of a circuit can be one job: first order, by parameter shift."""
        if self._fleet is not None or not super().supports_derivatives(execution_config, circuit):
            return False
        return circuit is None or can_differentiate(circuit)

    def setup_execution_config(
        self, config: ExecutionConfig | None = None, circuit: QuantumScript | None = None
    ) -> ExecutionConfig:
        """Settle PennyLane's options: gradients here where possible, measurements at the end.

        Raises:
            DeviceError: If another treatment of mid-circuit measurements is asked for.
        """
        config = config or ExecutionConfig()
        method = config.mcm_config.mcm_method
        if method not in (None, "deferred"):
            raise DeviceError(
                f"mcm_method={method.value!r} is not available on {self.name}; all qubits are "
                "measured at the end, so use 'deferred' (the default)"
            )
        on_device = self.supports_derivatives(config, circuit)
        # Parameters are made plain NumPy here; only jax.jit needs PennyLane's callback.
        return replace(
            config,
            gradient_method="device" if on_device else config.gradient_method,
            use_device_gradient=on_device,
            use_device_jacobian_product=False,
            grad_on_execution=False if on_device else config.grad_on_execution,
            mcm_config=replace(config.mcm_config, mcm_method="deferred"),
            convert_to_numpy=config.interface is Interface.JAX_JIT,
        )

    def _accepts_exactly(self, mp: MeasurementProcess) -> bool:
        """Whether ``mp`` is available without shots; states only where all is local anyway."""
        is_local = self._backend.options.backend == "emulator"
        return isinstance(mp, EXACT_MEASUREMENTS) or (is_local and needs_state(mp))

    def preprocess_transforms(
        self, execution_config: ExecutionConfig | None = None
    ) -> CompilePipeline:
        """Transforms from a user's tape to tapes of one native circuit each.

        Where the device differentiates, PennyLane traces the transforms. Tapes with traced
        parameters then stop at gates that have a shift rule; :meth:`execute` compiles them.
        """
        differentiating = execution_config is not None and execution_config.use_device_gradient
        pipeline = to_lowerable(
            self.wires,
            gateset=self._backend.options.gateset,
            name=self.name,
            accepts_exactly=self._accepts_exactly,
            differentiating=differentiating,
        )
        copies = execution_config is not None and execution_config.convert_to_numpy
        if copies or self._fleet is not None:
            return pipeline
        return pipeline + self._compiling(traced=differentiating)

    def _compiling(self, *, traced: bool = False) -> CompilePipeline:
        """The last step: tapes of lowerable gates to tapes of one native circuit each."""
        pipeline = CompilePipeline()
        pipeline.add_transform(
            compile_untraced if traced else compile_natively,
            compile_all=self._compile,
            gateset=self._backend.options.gateset,
            wires=self.wires,
        )
        return pipeline

    def execute(
        self,
        circuits: QuantumScript | Sequence[QuantumScript],
        execution_config: ExecutionConfig | None = None,
    ) -> Any:
        """Run tapes as one batch.

        Args:
            circuits: Preprocessed tapes, or one; others are preprocessed first.
            execution_config: PennyLane's options.

        Returns:
            One result per tape, in order.

        Raises:
            InvalidCircuitError: If a circuit cannot be run; nothing was submitted then.
            ServiceError: If the service refuses, or cannot be reached.
            JobError: If a job failed or was canceled.
            BatchTimeoutError: If the batch took longer than ``timeout``.
        """
        if isinstance(circuits, QuantumScript):
            return self.execute((circuits,), execution_config)[0]
        if self._fleet is not None:
            for member in self.members.values():
                member.tracker = self.tracker
            return self._fleet.execute(circuits)
        if not all(isinstance(tape, NativeTape) for tape in circuits):
            return self._execute_unprepared(circuits, execution_config)
        return self._execute_native(circuits)

    def _execute_unprepared(
        self, tapes: Sequence[QuantumScript], config: ExecutionConfig | None
    ) -> Any:
        """Preprocess the tapes that are not, then run all; states are simulated by PennyLane.

        No job returns a state vector. On the embedded emulator, where everything is local anyway,
        ``qml.state`` and its kin are answered by ``default.qubit``: nothing is sent for them.
        """
        is_lowerable = config is not None and config.use_device_gradient
        pipeline = self._compiling() if is_lowerable else self.preprocess_transforms()
        tapes = [tape if isinstance(tape, NativeTape) else to_numpy(tape) for tape in tapes]
        prepared, process = _expand(pipeline, tapes)
        native = [tape for tape in prepared if isinstance(tape, NativeTape)]
        others = [tape for tape in prepared if not isinstance(tape, NativeTape)]
        from_jobs = iter(self._execute_native(native))
        from_simulator = iter(qml.device("default.qubit").execute(others))
        results = [
            next(from_jobs if isinstance(tape, NativeTape) else from_simulator) for tape in prepared
        ]
        return process(results)

    def compute_derivatives(
        self,
        circuits: QuantumScript | Sequence[QuantumScript],
        execution_config: ExecutionConfig | None = None,
    ) -> Any:
        """Jacobians of tapes, all their shifted circuits in one batch.

        Args:
            circuits: Tapes of gates with a shift rule, or one.
            execution_config: PennyLane's options.

        Returns:
            For each tape PennyLane's form of a Jacobian with respect to its trainable parameters.

        Raises:
            InvalidCircuitError: If a circuit cannot be run; nothing was submitted then.
            ServiceError: If the service refuses, or cannot be reached.
            JobError: If a job failed or was canceled.
            BatchTimeoutError: If the batch took longer than ``timeout``.
        """
        if isinstance(circuits, QuantumScript):
            return self.compute_derivatives((circuits,), execution_config)[0]
        with self._watch() as watch:
            tapes = [to_numpy(tape) for tape in circuits]
            native, _ = self._compiling()(tapes)
            gradients = Gradients.plan(tapes, native, self._compile)
            requests = [self._backend.request(*pair) for pair in gradients.circuits()]
            watch.lap("compile")
            batch, counted = self._run(requests, watch, on_error="raise")
            found = [outcomes for outcomes in batch.outcomes if isinstance(outcomes, Outcomes)]
            watch.skip()
            jacobians = gradients.combine(found, self._spawn(len(tapes)))
            watch.lap("measure")
        if self.tracker.active:
            self.tracker.update(derivative_batches=1, derivatives=len(tapes))
            self._track_batch(counted, requests)
        return jacobians

    def submit(
        self,
        tapes: QuantumScript | Sequence[QuantumScript],
        *,
        on_error: OnError | None = None,
    ) -> Handle:
        """Submit tapes now and collect their results later.

        Returns when the service has accepted the jobs. The process may end then:
        :meth:`retrieve`, or executing the same tapes again, collects the results.

        Args:
            tapes: Tapes, or one.
            on_error: What an error does; None as the device's option says.

        Returns:
            A handle with ``job_ids``, ``status()``, ``result()`` and ``cancel()``; it can be
            awaited.

        Raises:
            InvalidCircuitError: If a circuit cannot be run; nothing was submitted then.
            ServiceError: If the service refuses, or cannot be reached.
        """
        self._check_single("submit")
        single = isinstance(tapes, QuantumScript)
        watch = self._watch()
        batch, process = self._prepare([tapes] if single else tapes)
        requests = self._requests(batch)
        watch.lap("compile")

        def finish(future: "Future[BatchResult]", ended: float) -> Any:
            with watch:
                watch.resume(ended)
                found = future.result()
                counted = watch.saw(found, requests)
                watch.skip()
                results = self._measure(batch, found)
                watch.lap("measure")
            if self.tracker.active:
                self._track(batch, results, counted)
            processed = process(results)
            return processed[0] if single else processed

        return self._backend.submit(requests, finish, on_error=on_error)

    def retrieve(self, job_ids: Sequence[str], tapes: Sequence[QuantumScript] | None = None) -> Any:
        """Collect jobs that were submitted before, perhaps by another process on another day.

        Args:
            job_ids: Ids of jobs in the journal.
            tapes: The tapes they were submitted for; needs the cache.

        Returns:
            The results of ``tapes``, if given; else for each job the
            :class:`~pennylane_qstore.native.Outcomes` of its circuits, in order.

        Raises:
            JournalError: If a job is not in the journal.
            BatchTimeoutError: If a job has not finished within ``timeout``.
            JobError: If a job failed or was canceled.
        """
        self._check_single("retrieve")
        if tapes is not None and self.cache is None:
            raise InvalidOptionError("retrieve(job_ids, tapes) needs a cache; use cache=True")
        found = self._backend.collect([job_ids] if isinstance(job_ids, str) else job_ids)
        return found if tapes is None else self.execute(tapes)

    @property
    def placements(self) -> tuple[Placement, ...]:
        """Where each tape of the last batch ran, and why, if there are several backends."""
        return () if self._fleet is None else self._fleet.placements

    @property
    def members(self) -> Mapping[str, "IonQDevice"]:
        """A device for each backend, by its name; empty if there is only one."""
        return {} if self._fleet is None else self._fleet.members

    def _check_single(self, action: str) -> None:
        if self._fleet is not None:
            raise InvalidOptionError(
                f"{action} works on one backend; use dev.members[name].{action}, with one of "
                f"{', '.join(self.members)}"
            )

    def cancel(self, job_ids: Sequence[str]) -> bool:
        """Cancel jobs at the service, and say whether all of them are canceled."""
        return self._backend.cancel(job_ids)

    def queue_s(self) -> float | None:
        """How long jobs wait on average, in seconds; None if the backend is not available."""
        return self._backend.queue_s()

    def estimate(self, tapes: QuantumScript | Sequence[QuantumScript]) -> Estimate:
        """What tapes would cost, by ``rates`` or the service's rate card. Nothing is sent.

        Raises:
            ServiceError: If the service was asked and did not say.
        """
        batch, _ = self._prepare([tapes] if isinstance(tapes, QuantumScript) else tapes)
        return self._backend.estimate(self._requests(batch))

    def prewarm(self, tapes: QuantumScript | Sequence[QuantumScript]) -> None:
        """Compile the templates of tapes and put their results into the cache.

        Samples are not used up: executing the same tapes next takes them from the cache.
        """
        self._check_single("prewarm")
        batch, _ = self._prepare([tapes] if isinstance(tapes, QuantumScript) else tapes)
        self._backend.run(self._requests(batch), title=self.name, for_later=True)

    def report(self) -> Summary:
        """What the device did so far: text, ``to_dict()``, and a table in a notebook."""
        return self._recorder.summary()

    def clear_caches(self) -> None:
        """Forget all compiled templates and all kept results, also paid ones."""
        self.templates.clear()
        if self.cache is not None:
            self.cache.clear()

    @property
    def cache(self) -> ResultStore | None:
        """The result cache: ``stats()``, ``clear()``, ``most_valuable()``."""
        return self._backend.cache

    @property
    def journal(self) -> Journal | None:
        """What was submitted."""
        return self._backend.journal

    @property
    def controller(self) -> Controller:
        """What decides into how many jobs a batch is packed: ``last_choice`` says how and why."""
        return self._backend.controller

    @property
    def ledger(self) -> Ledger:
        """What was spent: ``spent``, ``reserved``, ``estimated``, ``saved`` and ``budget``."""
        return self._backend.ledger

    def _prepare(
        self, tapes: Sequence[QuantumScript]
    ) -> tuple[list[NativeTape], Callable[[Sequence[Any]], tuple[Any, ...]]]:
        """Native tapes for any tapes, and what makes results of the latter from the former's.

        Raises:
            UnsupportedMeasurementError: If a tape asks for a state, which no job returns.
        """
        batch, process = _expand(self.preprocess_transforms(), [to_numpy(tape) for tape in tapes])
        native = [tape for tape in batch if isinstance(tape, NativeTape)]
        if len(native) < len(batch):
            found = [tape.measurements for tape in batch if not isinstance(tape, NativeTape)]
            raise UnsupportedMeasurementError(f"{found[0]} needs the state, which no job returns")
        return native, process

    def _spawn(self, n: int) -> list[np.random.Generator]:
        with self._rng_lock:
            return self._rng.spawn(n)

    def _execute_native(self, circuits: Sequence[NativeTape]) -> tuple[Any, ...]:
        with self._watch() as watch:
            requests = self._requests(circuits)
            watch.lap("compile")
            batch, counted = self._run(requests, watch)
            watch.skip()
            results = self._measure(circuits, batch)
            watch.lap("measure")
        if self.tracker.active:
            self._track(circuits, results, counted)
        return results

    def _requests(self, circuits: Sequence[NativeTape]) -> list[Request]:
        compile_tapes(circuits)
        return [
            self._backend.request(tape.compiled, tape.shots.total_shots, tape.readout)
            for tape in circuits
        ]

    def _measure(self, circuits: Sequence[NativeTape], batch: BatchResult) -> tuple[Any, ...]:
        rngs = iter(self._spawn(sum(bool(tape.shots) for tape in circuits)))
        return tuple(
            _measure(tape, outcomes, next(rngs) if tape.shots else None)
            for tape, outcomes in zip(circuits, batch.outcomes, strict=True)
        )

    def _watch(self) -> Watch:
        return Watch(self._recorder, self.templates, self._backend)

    def _run(
        self, requests: Sequence[Request], watch: Watch, *, on_error: OnError | None = None
    ) -> tuple[BatchResult, BatchResult]:
        """A batch, and the same without the jobs that another batch has counted."""
        batch = self._backend.run(requests, title=self.name, on_error=on_error)
        return batch, watch.saw(batch, requests)

    def _track(
        self, tapes: Sequence[NativeTape], results: Sequence[Any], batch: BatchResult
    ) -> None:
        self.tracker.update(batches=1)
        self._track_batch(batch)
        for tape, result in zip(tapes, results, strict=True):
            shots = {"shots": tape.shots.total_shots} if tape.shots else {}
            self.tracker.update(executions=1, results=result, resources=tape.resources, **shots)
            self.tracker.record()

    def _track_batch(self, batch: BatchResult, requests: Sequence[Request] = ()) -> None:
        """What was sent; ``requests`` are counted as executions."""
        if requests:
            shots = sum(request.shots or 0 for request in requests)
            self.tracker.update(executions=len(requests), **({"shots": shots} if shots else {}))
        paid = [job for job in batch.jobs if not job.attached]
        self.tracker.update(
            jobs=len(paid),
            circuits=sum(job.n_circuits for job in paid),
            cache_hits=batch.n_cached,
            job_id=[job.job_id for job in batch.jobs if job.job_id],
            **_amounts("estimated_cost", (job.estimated for job in paid)),
            **_amounts("cost", (job.cost for job in batch.jobs)),
        )
        self.tracker.record()


def _amounts(name: str, costs: Iterable[Cost | None]) -> dict[str, float]:
    """What a tracker adds up: an amount for each currency unit, such as ``cost_usd``."""
    return {f"{name}_{unit}": n for unit, n in Cost.sum(one for one in costs if one).amounts}


def _options(entry: str | Mapping[str, str], shared: Mapping[str, Any]) -> DeviceOptions:
    """Options of one backend: a name, or a mapping with what differs from the others."""
    if not isinstance(entry, Mapping):
        return DeviceOptions(backend=entry, **shared)
    unknown = set(entry) - {"backend", "api_key", "base_url"}
    if unknown or "backend" not in entry:
        raise InvalidOptionError(
            f"backend has the entry {sorted(entry)}; give a name, or a mapping with 'backend' and "
            "perhaps 'api_key' and 'base_url'"
        )
    return DeviceOptions(**{**shared, **entry})


def _measure(
    tape: NativeTape, outcomes: Outcomes | Exception, rng: np.random.Generator | None
) -> Any:
    """What a tape asks for, or the error that stands in its place."""
    if isinstance(outcomes, Exception):
        return outcomes
    read = outcomes.read(tape.readout)
    return measure(tape.requested, read, tape.index, shots=tape.shots, rng=rng)


def _expand(
    pipeline: CompilePipeline, tapes: Sequence[QuantumScript]
) -> tuple[list[QuantumScript], Callable[[Sequence[Any]], tuple[Any, ...]]]:
    """Preprocessed tapes, and what makes results of the tapes from theirs, errors in place."""
    prepared: list[QuantumScript] = []
    postprocess = []
    for tape in tapes:
        batch, process = ((tape,), tuple) if isinstance(tape, NativeTape) else pipeline((tape,))
        postprocess.append((slice(len(prepared), len(prepared) + len(batch)), process))
        prepared += batch

    def finish(results: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(_process(process, results[part]) for part, process in postprocess)

    return prepared, finish


def _process(process: Callable[[Sequence[Any]], Any], results: Sequence[Any]) -> Any:
    """The result of a tape from those of its parts, or the first error among them."""
    errors = [result for result in results if isinstance(result, Exception)]
    return errors[0] if errors else process(results)[0]
