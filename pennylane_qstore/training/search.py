"""Hyper-parameter search through optuna, within a budget that is never passed."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from pennylane_qstore.errors import BudgetExceededError, InvalidOptionError
from pennylane_qstore.training.errors import (
    BudgetSpentError,
    MissingExtraError,
    TrainingDivergedError,
)
from pennylane_qstore.training.meter import Meter, SearchBudget, Spent
from pennylane_qstore.training.record import Progress
from pennylane_qstore.training.trainer import Trainer

try:
    import optuna
    from optuna.trial import TrialState
except ImportError as error:
    raise MissingExtraError("tune", error) from error

Build = Callable[[Any], tuple[Trainer, ArrayLike, int]]
"""From an optuna trial to a trainer, where it starts, and how many steps it takes."""

logger = logging.getLogger("pennylane_qstore")


@dataclass(frozen=True, slots=True)
class TuneReport:
    """What a search has spent, in all processes that worked on its study.

    Attributes:
        circuits: Circuits of all trials.
        money: Money of all trials, in the budget's unit; 0 without a budget of money.
        n_trials: Trials that have ended.
        stopped: Why there are fewer than were asked for; else empty.
    """

    circuits: int
    money: float
    n_trials: int
    stopped: str = ""


def tune(
    study: Any, build: Build, budget: SearchBudget, *, n_trials: int, progress: bool = False
) -> TuneReport:
    """Train one candidate per trial until the study has ``n_trials``, or the budget is spent.

    A trial's value is the lowest validation value of its run (without validation, the lowest loss).
    Each step's value is reported, so that the study's pruner can end the trial. The trial keeps as
    user attributes ``steps``, ``circuits`` and, with a budget of money, ``cost_<unit>``; a finished
    one also ``best_params``. A trial that diverges fails, and the next one begins.

    **What is guaranteed.** The study's trials, all processes taken together, never run more
    ``circuits`` than the budget has, and never spend more ``money``. Every batch, from the first
    step of a trial on, is counted before the device sees it (its circuits from the tapes, its cost
    as the device's ledger estimates it) and written to the study's storage before it is sent. One
    that could pass the budget is refused, which ends the trial as pruned, and the search. So does
    a step that would pass it if it took as much as the dearest of its trial so far. What a killed
    process had under way counts as spent.

    **Under which condition.** All circuits of a trial run on its trainer's ``device``, within the
    trainer's steps (validation is within, ``build`` is not), and reach it through QNodes,
    ``qml.execute`` or the device's own methods; the service charges no more than its estimate; one
    process at a time works on the study. For a resumed search the storage has to outlive the
    process, such as ``"sqlite:///study.db"`` or optuna's ``JournalStorage``.

    Trials that a killed process left running are marked as failed.

    Args:
        study: From ``optuna.create_study``, which chooses sampler, pruner and storage; minimizing.
        build: From a trial to a new :class:`~pennylane_qstore.training.Trainer` with its device,
            the parameters to start from, and the number of steps.
        budget: What the study may spend.
        n_trials: Trials to reach, those of earlier processes included.
        progress: Whether to show optuna's progress bar.

    Raises:
        BudgetSpentError: If trials are to be run and nothing is left, before anything else.
        InvalidOptionError: If the study does not minimize one value, or the budget cannot be kept
            on the trainer's device.
        QStoreError: If the device fails; the trial has failed, and the search can be resumed.
    """
    if [one.name for one in study.directions] != ["MINIMIZE"]:
        raise InvalidOptionError(
            "trainers minimize one value; create the study with direction='minimize'"
        )
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    n_more = n_trials - _n_ended(study)
    search = _Search(study, build, budget)
    if n_more > 0:
        search.require_any()
        study.optimize(
            search.run,
            n_trials=n_more,
            catch=(TrainingDivergedError,),
            show_progress_bar=progress,
        )
    spent = spent_by(study, budget.unit)
    return TuneReport(spent.circuits, spent.money, _n_ended(study), search.stopped)


def spent_by(study: Any, unit: str = "usd") -> Spent:
    """What the trials of a study have spent, those that were interrupted included."""
    kept = [trial.user_attrs for trial in study.get_trials(deepcopy=False)]
    return Spent(
        sum(attributes.get("circuits", 0) for attributes in kept),
        math.fsum(attributes.get(f"cost_{unit}", 0.0) for attributes in kept),
    )


def _n_ended(study: Any) -> int:
    return sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))


class _Search:
    """What optuna calls for each trial."""

    def __init__(self, study: Any, build: Build, budget: SearchBudget) -> None:
        self._study, self._build, self._budget = study, build, budget
        self.stopped = ""

    def require_any(self) -> None:
        """Refuse to begin with nothing to spend.

        Raises:
            BudgetSpentError: If nothing is left of a limit.
        """
        spent, budget = spent_by(self._study, self._budget.unit), self._budget
        for unit, used, limit in (
            ("circuits", spent.circuits, budget.circuits),
            (budget.unit, spent.money, budget.money),
        ):
            if limit is not None and used >= limit:
                raise BudgetSpentError(unit, spent=used, budget=limit)

    def run(self, trial: Any) -> float:
        """Train one candidate; gives its value.

        Raises:
            TrialPruned: If the pruner or the budget ended it.
        """
        trainer, params, n_steps = self._build(trial)
        before = spent_by(self._study, self._budget.unit)

        def note(spent: Spent) -> None:
            trial.set_user_attr("circuits", spent.circuits)
            if self._budget.money is not None:
                trial.set_user_attr(f"cost_{self._budget.unit}", spent.money)

        meter = Meter(trainer.device, self._budget, before=before, note=note)
        last = None
        try:
            with meter.watch():
                for last in trainer.steps(params, n_steps):
                    meter.book(last.record.circuits)
                    trial.set_user_attr("steps", last.step)
                    _report(trial, trainer, last)
                    if last.step < n_steps and not last.stopped:
                        meter.check_another()
        except BudgetExceededError as error:
            self.stopped = str(error)
            self._study.stop()
            raise optuna.TrialPruned(self.stopped) from error
        return _value(trial, last)


def _report(trial: Any, trainer: Trainer, progress: Progress) -> None:
    """Tell the pruner a step's value.

    Raises:
        TrialPruned: If it ends the trial.
    """
    record = progress.record
    value = record.loss if trainer.validate is None else record.validation
    if value is None:
        return
    trial.report(value, record.step)
    if trial.should_prune():
        raise optuna.TrialPruned(f"pruned at step {record.step}, at {value:.6g}")


def _value(trial: Any, progress: Progress | None) -> float:
    """The value of a finished run, whose best parameters the trial keeps.

    Raises:
        InvalidOptionError: If no step had a value.
    """
    if progress is None or not math.isfinite(progress.best_value):
        raise InvalidOptionError(
            "a run ended without any value: give it one step or more, an optimizer that tells its "
            "loss, or a validation within its steps"
        )
    trial.set_user_attr("best_params", progress.best_params.tolist())
    logger.info("trial %d: %.6g, %s", trial.number, progress.best_value, trial.user_attrs)
    return progress.best_value
