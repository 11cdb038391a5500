"""What a test or a rehearsal can ask of the emulated service."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import anyio

ResultsShape = Literal["both", "url", "artifact"]


class Clock(Protocol):
    """Where the emulator gets its time from; a test passes one that it moves by hand."""

    def now(self) -> float:
        """Seconds since an arbitrary origin, never falling."""

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""


@dataclass(frozen=True)
class SystemClock:
    """The computer's own time."""

    monotonic: Callable[[], float] = time.monotonic
    wait: Callable[[float], Awaitable[None]] = anyio.sleep

    def now(self) -> float:
        """Seconds on the monotonic clock."""
        return self.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running event loop, whichever it is."""
        await self.wait(seconds)


@dataclass(frozen=True, slots=True)
class RequestFault:
    """Spoil some of the HTTP requests that match.

    Attributes:
        method: HTTP method, or ``"*"`` for any.
        path: Regular expression that the path after ``/v0.4`` has to match in full.
        nth: First matching request to spoil, from 1.
        times: How many matching requests in a row to spoil, or None for all that follow.
        status: HTTP status to answer, or None to answer as usual (with ``delay_s``).
        body: Body to answer: text as it is, anything else as JSON; None for IonQ's error body.
        headers: Extra response headers, such as ``(("retry-after", "3"),)``.
        accepted: Whether the request takes effect before the spoiled answer; True on a ``POST``
            makes a job whose id the client never learns.
        drop: Break the connection instead of answering.
        delay_s: Wait this long before anything else, in seconds.
    """

    method: str = "*"
    path: str = ".*"
    nth: int = 1
    times: int | None = 1
    status: int | None = None
    body: object = None
    headers: tuple[tuple[str, str], ...] = ()
    accepted: bool = False
    drop: bool = False
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class JobFault:
    """Spoil the end of some jobs.

    Attributes:
        nth: First created job to spoil, from 1; the children of a job are not counted.
        times: How many jobs in a row to spoil, or None for all that follow.
        child: Index of the one child to spoil in a multi-circuit job, or None for the job itself.
        status: Final status to show. ``"started"`` or any other status that is not final makes a
            job that never ends; a word that IonQ does not use tests how a client treats it.
        code: Failure code shown when ``status`` is ``"failed"``.
        message: Failure message shown when ``status`` is ``"failed"``.
    """

    nth: int = 1
    times: int | None = 1
    child: int | None = None
    status: str = "failed"
    code: str = "QuantumComputerError"
    message: str = "The job was spoiled by an emulator option."


Fault = RequestFault | JobFault


@dataclass(frozen=True)
class EmulatorOptions:
    """How the emulated service behaves. The default answers at once and never fails.

    Attributes:
        latency_s: Added to every request, in seconds.
        check_s: How long a job stays ``submitted``, in seconds.
        queue_s: How long a job stays ``ready`` at least, in seconds.
        execution_s: How long a job stays ``started``, in seconds.
        execution_per_circuit_s: Added to that for each circuit of the job, in seconds.
        concurrency: Jobs that can be ``started`` at once, or None for any number.
        shuffle_results: Give the keys of aggregated results in random order, which IonQ's contract
            allows, instead of in order of submission.
        results_shape: Which entries the ``results`` map of a job has: legacy ``{url}`` ones,
            artifact descriptors, or both, as the service sends today.
        faults: What goes wrong, and when.
        api_keys: Keys that are accepted, or None for any that is not empty.
        revoked_after: Number of authenticated requests after which every key is refused, or None.
        seed: Seed of noise for jobs that bring none, and of shuffling; None for a fresh one.
        enforce_family: Whether noise models and machines refuse the other family's native gate.
        max_jobs: Jobs and children kept; beyond that the oldest finished ones are dropped, those
            whose results nobody has fetched only beyond ten times as many.
        max_state_bytes: Memory for one state vector with its workspace, in bytes; wider circuits
            end in a named failure.
        clock: Source of time.
    """

    latency_s: float = 0.0
    check_s: float = 0.0
    queue_s: float = 0.0
    execution_s: float = 0.0
    execution_per_circuit_s: float = 0.0
    concurrency: int | None = None
    shuffle_results: bool = False
    results_shape: ResultsShape = "both"
    faults: tuple[Fault, ...] = ()
    api_keys: frozenset[str] | None = None
    revoked_after: int | None = None
    seed: int | None = None
    enforce_family: bool = True
    max_jobs: int = 10_000
    max_state_bytes: int = 4 * 2**30
    clock: Clock = field(default_factory=SystemClock)
