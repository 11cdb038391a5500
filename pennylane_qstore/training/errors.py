"""What training refuses to do."""

from pathlib import Path
from typing import Any

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


class TrainingDivergedError(QStoreError, ArithmeticError):
    """A loss, a validation value or a parameter became NaN or infinite.

    Attributes:
        step: Index of the step at which it did.
        params: The last parameters that were good, of the caller's shape.
    """

    def __init__(self, what: str, *, step: int, params: Any) -> None:
        super().__init__(
            f"{what} is not finite at step {step}; the parameters before it are in `params` of "
            "this error: go on from there with smaller steps or clipped gradients"
        )
        self.step = step
        self.params = params


class CheckpointError(QStoreError, ValueError):
    """A checkpoint cannot be written or read, or belongs to another run.

    Attributes:
        path: The file.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


class BudgetSpentError(QStoreError, ValueError):
    """A study has trials to go, and nothing left to spend on them.

    Attributes:
        unit: What has run out, ``"circuits"`` or a currency.
        spent: How much of it was spent.
        budget: How much there was.
    """

    def __init__(self, unit: str, *, spent: float, budget: float) -> None:
        super().__init__(
            f"the study has spent {spent:.10g} of {budget:.10g} {unit}, interrupted trials "
            "included; raise the budget, or ask for no more trials"
        )
        self.unit = unit
        self.spent = spent
        self.budget = budget


class ImageFileError(QStoreError, ValueError):
    """A file or folder of images cannot be used.

    Attributes:
        path: The file or folder.
    """

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
