"""What an optimizer refuses to step on."""

from pennylane_qstore.errors import QStoreError


class NonFiniteLossError(QStoreError, ArithmeticError):
    """A loss is NaN or infinite, so no step can be derived from it.

    Attributes:
        losses: The losses of the step, in the order of the proposed points.
        step: The step that was under way; the state has not moved.
    """

    def __init__(self, message: str, *, losses: tuple[float, ...], step: int) -> None:
        super().__init__(message)
        self.losses = losses
        self.step = step


class InvalidLossError(QStoreError, ValueError):
    """An objective returned something other than one real number per point."""


class UntrainableArgumentError(QStoreError, TypeError):
    """An argument holds numbers that can be neither trained nor safely left alone."""


class NothingToTrainError(QStoreError, ValueError):
    """No argument of the objective is trainable, so a step would change nothing."""


class InvalidStateError(QStoreError, ValueError):
    """A saved optimizer state cannot be resumed from."""


class UnknownFrequenciesError(QStoreError, ValueError):
    """How a loss depends on its parameters is not known, so it cannot be rebuilt from samples."""


class MissingLibraryError(QStoreError, ImportError):
    """An optional library that was asked for is not installed.

    Attributes:
        library: Its name on the Python Package Index.
    """

    def __init__(self, message: str, *, library: str) -> None:
        super().__init__(message)
        self.library = library


class BudgetReachedError(QStoreError, RuntimeError):
    """No further step fits into an optimizer's budget; nothing was sent.

    Attributes:
        spent: :class:`~pennylane_qstore.optimize.core.Counts` of the run so far.
        step: The step that was not taken; the state has not moved.
    """

    def __init__(self, message: str, *, spent: object, step: int) -> None:
        super().__init__(message)
        self.spent = spent
        self.step = step


class UnknownStateError(QStoreError, ValueError):
    """An overlap or a metric is wanted, but the objective's states cannot be told."""


class ChangedCircuitsError(QStoreError, ValueError):
    """An objective asks for circuits that do not belong to those that a model was made of."""
