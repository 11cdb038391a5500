"""IonQ's service, locally: an ASGI application that speaks the Quantum Cloud API v0.4.

It knows the wire and nothing of the rest of this package but the shared native values. The server
lives in :mod:`pennylane_qstore.emulator.serve`, which needs the extra ``serve``.
"""

from pennylane_qstore.emulator.app import create_app
from pennylane_qstore.emulator.options import (
    Clock,
    EmulatorOptions,
    JobFault,
    RequestFault,
    SystemClock,
)

__all__ = [
    "Clock",
    "EmulatorOptions",
    "JobFault",
    "RequestFault",
    "SystemClock",
    "create_app",
]
