"""Every error this package raises on purpose.

Each class derives from :class:`QStoreError` and from the built-in it refines, and carries the
facts of its message as attributes, so that a caller can react without parsing text.
"""

from collections.abc import Sequence


class QStoreError(Exception):
    """Base of all errors of this package.

    Attributes:
        under_way: Whether a job may be running for what failed, so that asking elsewhere could pay
            twice.
    """

    under_way = False


class InvalidOptionError(QStoreError, ValueError):
    """A device or client option has a value that cannot work."""


class UnknownBackendError(InvalidOptionError):
    """The backend is not one that the service lists."""


class MissingKeyError(InvalidOptionError):
    """No API key was given and none is set in the environment."""


class InvalidCircuitError(QStoreError, ValueError):
    """A circuit cannot be run as written; nothing was submitted."""


class InvalidAngleError(InvalidCircuitError):
    """An angle or phase is NaN, infinite, or outside the gate's range."""


class InvalidShotsError(InvalidCircuitError):
    """The number of shots is outside what the backend takes."""


class AnalyticModeError(InvalidCircuitError):
    """Exact results (``shots=None``) were asked of a backend that only samples."""


class TooManyWiresError(InvalidCircuitError):
    """The circuit is wider than the device or the backend."""


class UnsupportedGateError(InvalidCircuitError):
    """An operation has no form in the requested gate set."""


class WrongNativeGateError(UnsupportedGateError):
    """A native gate belongs to another family than the target's."""


class MixedGateSetsError(InvalidCircuitError):
    """A circuit mixes native gates with gates that have to be compiled."""


class NotDifferentiableError(InvalidCircuitError):
    """A derivative was asked of a circuit whose parameters are numbers."""


class UnsupportedMeasurementError(InvalidCircuitError):
    """A measurement cannot be obtained from computational-basis outcomes."""


class ServiceError(QStoreError, RuntimeError):
    """The service refused a request or answered something unusable.

    Attributes:
        status_code: HTTP status, or None where there was no HTTP answer.
        request_id: The service's request id, if it sent one.
    """

    def __init__(
        self, message: str, *, status_code: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.request_id = request_id


class AuthenticationError(ServiceError):
    """The service does not accept the API key (401 or 403)."""


class ConnectionFailedError(ServiceError, ConnectionError):
    """The service could not be reached, or the connection broke."""


class UnconfirmedSubmissionError(ServiceError):
    """The answer to a job submission was lost, and nobody could say whether the job exists."""


class JournalError(QStoreError, OSError):
    """The journal of submissions cannot be read or written; nothing was submitted."""


class MalformedResultError(ServiceError):
    """An answer of the service does not have the documented form."""


class ResultsMissingError(MalformedResultError):
    """A job has completed, but its results are not there."""


class JobError(QStoreError, RuntimeError):
    """A job ended without results.

    Attributes:
        job_id: The service's id of the job.
        status: Its final status (``"failed"`` or ``"canceled"``).
        code: The service's failure code, if it gave one.
    """

    def __init__(self, message: str, *, job_id: str, status: str, code: str | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.status = status
        self.code = code


class JobFailedError(JobError):
    """A job failed on the service's side."""


class JobCanceledError(JobError):
    """A job was canceled before it finished."""


class BatchTimeoutError(QStoreError, TimeoutError):
    """A batch did not finish in time; its jobs were left as they are.

    Attributes:
        job_ids: The jobs that had not finished.
    """

    def __init__(self, message: str, *, job_ids: Sequence[str]) -> None:
        super().__init__(message)
        self.job_ids = tuple(job_ids)


class QueueTimeoutError(BatchTimeoutError):
    """A job waited in the service's queue for too long; it was left there."""


class BudgetExceededError(QStoreError, ValueError):
    """A batch would pass the budget; nothing of it was sent.

    Attributes:
        estimate: What the batch would cost.
        spent: What was spent before.
        reserved: What jobs that are under way will cost.
        budget: The budget.
        unit: Currency of all four.
    """

    def __init__(
        self, *, estimate: float, spent: float, reserved: float, budget: float, unit: str
    ) -> None:
        super().__init__(
            f"this batch may cost {estimate:.10g} {unit}, after {spent:.10g} {unit} spent and "
            f"{reserved:.10g} {unit} reserved for jobs under way: more than the budget of "
            f"{budget:.10g} {unit}. Nothing was sent; raise budget, or run fewer circuits or shots"
        )
        self.estimate = estimate
        self.spent = spent
        self.reserved = reserved
        self.budget = budget
        self.unit = unit
