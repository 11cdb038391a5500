"""What reading and writing records can raise."""

from pennylane_qstore.errors import QStoreError


class InvalidRecordError(QStoreError, ValueError):
    """A record of a batch contradicts itself, or is none."""
