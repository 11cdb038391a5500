"""What training refuses to do."""

from pennylane_qstore.errors import QStoreError


class MissingExtraError(QStoreError, ImportError):
    """A package of an optional extra is not installed.

    Attributes:
        extra: The extra that brings the package.
        name: The package that could not be imported.
    """

    def __init__(self, extra: str, error: ImportError) -> None:
        super().__init__(
            f"{error.name} is not installed; install it with "
            f"`pip install pennylane-qstore[{extra}]`",
            name=error.name,
        )
        self.extra = extra
