"""The emulated service on a TCP port. Needs the extra ``serve``."""

from pennylane_qstore.emulator.app import create_app
from pennylane_qstore.emulator.options import EmulatorOptions
from pennylane_qstore.errors import InvalidOptionError

try:
    import uvicorn
except ImportError as error:  # pragma: no cover
    raise InvalidOptionError(
        "serving the emulator needs uvicorn; install it with pip install 'pennylane-qstore[serve]'"
    ) from error


def serve(
    host: str = "127.0.0.1", port: int = 8000, options: EmulatorOptions | None = None
) -> None:
    """Serve until interrupted.

    Args:
        host: Address to listen on.
        port: TCP port.
        options: How the service behaves.
    """
    uvicorn.run(create_app(options), host=host, port=port, log_level="info")
