"""A process that searches on SQLite and kills itself in a trial: ``URL CIRCUITS [TRIAL BATCH]``.

Trial and batch say when: after the batch was run, before anything could be booked. The circuits of
each batch are printed as it begins.
"""

import os
import signal
import sys

import numpy as np
import optuna
import pennylane as qml

from pennylane_qstore.optimize import SPSAOptimizer
from pennylane_qstore.training import SearchBudget, Trainer, tune

URL, CIRCUITS = sys.argv[1], int(sys.argv[2])
KILL = tuple(map(int, sys.argv[3:5]))


class Counting(type(qml.device("default.qubit"))):
    """Says what it runs."""

    def __init__(self, trial):
        super().__init__(wires=1, seed=trial)
        self.trial, self.n_batches = trial, 0

    def execute(self, circuits, execution_config=None):
        self.n_batches += 1
        sys.stdout.write(f"{len(circuits)}\n")
        sys.stdout.flush()
        results = super().execute(circuits, execution_config)
        if (self.trial, self.n_batches) == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        return results


def build(trial):
    device = Counting(trial.number)

    @qml.set_shots(20)
    @qml.qnode(device, diff_method=None)
    def cost(params):
        qml.RY(params[0], wires=0)
        return qml.expval(qml.Z(0))

    optimizer = SPSAOptimizer(10, a=trial.suggest_float("a", 0.01, 1.0), seed=1)
    return Trainer(optimizer, cost, device=device), np.array([0.5]), 4


optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(storage=URL, study_name="killed", load_if_exists=True)
tune(study, build, SearchBudget(circuits=CIRCUITS), n_trials=100)
