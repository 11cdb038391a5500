"""What reading, writing and drawing records can raise."""

from pennylane_qstore.errors import QStoreError


class InvalidRecordError(QStoreError, ValueError):
    """A record of a batch contradicts itself, or is none."""


class InvalidSeriesError(QStoreError, ValueError):
    """Numbers cannot be drawn as they are: of a wrong shape, or none at all."""
