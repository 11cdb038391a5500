"""How the service says no: at the HTTP layer, or later, as a failed job."""

from typing import ClassVar, NamedTuple


class Failure(NamedTuple):
    """Why a job failed.

    Attributes:
        code: One of IonQ's failure codes.
        message: What was found.
    """

    code: str
    message: str


class RefusalError(Exception):
    """A request that is answered with an error body.

    Attributes:
        status: HTTP status.
        message: What was found.
        keys: Payload keys at fault.
    """

    REASONS: ClassVar[dict[int, str]] = {
        400: "Bad Request",
        401: "Unauthorized",
        403: "Forbidden",
        404: "Not Found",
        405: "Method Not Allowed",
        413: "Payload Too Large",
        429: "Too Many Requests",
        500: "Internal Server Error",
        502: "Bad Gateway",
        503: "Service Unavailable",
    }

    def __init__(self, status: int, message: str, *, keys: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.keys = keys

    def body(self) -> dict[str, object]:
        """IonQ's error body."""
        body: dict[str, object] = {
            "error": self.REASONS.get(self.status, "Error"),
            "message": self.message,
            "statusCode": self.status,
        }
        if self.keys:
            body["validation"] = {"keys": list(self.keys), "source": "payload"}
        return body


def bad(message: str, *keys: str) -> RefusalError:
    """A 400 that names the payload keys at fault."""
    return RefusalError(400, message, keys=keys)


def not_found(what: str) -> RefusalError:
    """A 404."""
    return RefusalError(404, f"{what} was not found, or is not finished.")
