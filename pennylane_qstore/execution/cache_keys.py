"""Under which key an outcome is kept: all that it depends on."""

import hashlib
import json

from pennylane_qstore.execution.request import Settings
from pennylane_qstore.native import Circuit

SCHEMA_VERSION = 1
"""Part of every key; raised when keys or values change their meaning."""


class KeyMaker:
    """Keys of the requests of one batch.

    Args:
        settings: How the batch is run.
        base_url: The service's address, which tells equal backend names apart.
    """

    def __init__(self, settings: Settings, base_url: str) -> None:
        context = [
            SCHEMA_VERSION,
            base_url,
            settings.backend,
            settings.noise_model,
            settings.noise_seed,
            sorted(settings.error_mitigation),
            settings.exact,
        ]
        self._hash = hashlib.sha256(json.dumps(context).encode())

    def base(self, circuit: Circuit, shots: int | None) -> str:
        """Key of a request, or of all its replicates where it is sampled."""
        own = self._hash.copy()
        own.update(f"|{circuit.fingerprint}|{shots}".encode())
        return own.hexdigest()


def replicate_key(base: str, replicate: int) -> str:
    """Key of one replicate of a sampled request."""
    return f"{base}:{replicate}"
