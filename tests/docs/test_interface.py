"""The public interface: nothing of it breaks unnoticed, and it works without options."""

import ast
import inspect
import json
import re
from copy import deepcopy

import numpy as np
import pennylane as qml
import pytest

import pennylane_qstore.optimize
from benchmarks.blocks import ROOT
from pennylane_qstore import IonQDevice
from pennylane_qstore.optimize import SPSAOptimizer
from pennylane_qstore.training import Trainer
from tests.docs.interface import REQUIRED, SNAPSHOT, breaks, interface

BEFORE = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
NEEDS = {"Optimizer": "a core", "PlannedShotsOptimizer": "an optimizer and a plan"}
"""Optimizers that mean nothing without an argument, and which."""


def test_what_was_public_still_works():
    assert breaks(BEFORE, interface()) == [], "if this is meant: python -m tests.docs.interface"


DEVICE = "pennylane_qstore.IonQDevice"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda now: now.pop(DEVICE), f"{DEVICE} is gone"),
        (lambda now: now[DEVICE].pop("seed"), f"{DEVICE}: seed is gone"),
        (lambda now: now[DEVICE].update(cache="False"), f"{DEVICE}: cache was True, is False"),
        (lambda now: now[DEVICE].update(new=REQUIRED), f"{DEVICE}: new is new and required"),
        (
            lambda now: now.update({DEVICE: dict(reversed(now[DEVICE].items()))}),
            f"{DEVICE}: the order changed",
        ),
    ],
)
def test_a_break_is_told(change, told):
    now = deepcopy(BEFORE)
    change(now)
    assert breaks(BEFORE, now) == [told]


def test_what_is_added_breaks_nothing():
    now = deepcopy(BEFORE)
    now["pennylane_qstore.Another"] = {"n": REQUIRED}
    now[DEVICE]["another"] = "None"
    assert breaks(BEFORE, now) == []


def test_the_readme_tells_every_option_of_the_device_and_its_default():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Options of the device")[2].partition("## ")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", table, re.MULTILINE))
    found = inspect.signature(IonQDevice).parameters
    defaults = {name: one.default for name, one in found.items() if name != "shots"}
    assert {name: ast.literal_eval(shown) for name, shown in told.items()} == defaults


def test_every_optimizer_works_as_it_comes():
    for name in pennylane_qstore.optimize.__all__:
        if name.endswith("Optimizer") and name not in NEEDS:
            getattr(pennylane_qstore.optimize, name)()


def test_the_device_without_options_gives_what_pennylanes_simulator_gives():
    def circuit(x):
        qml.RX(x, wires=0)
        qml.CNOT([0, 1])
        return qml.expval(qml.Z(0) @ qml.Z(1)), qml.probs(wires=[1])

    ours = qml.QNode(circuit, qml.device("qstore.ionq", wires=2))(0.7)
    theirs = qml.QNode(circuit, qml.device("default.qubit", wires=2))(0.7)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_a_trainer_without_options_is_the_loop_by_hand():
    def cost(params):
        return qml.math.sum((params - 1) ** 2)

    start = qml.numpy.array([0.0, 2.5], requires_grad=True)
    optimizer, params, losses = SPSAOptimizer(seed=3), start, []
    for _ in range(5):
        params, loss = optimizer.step_and_cost(cost, params)
        losses.append(loss)
    run = Trainer(SPSAOptimizer(seed=3), cost).fit(start, 5)
    assert [record.loss for record in run.history] == losses
    np.testing.assert_array_equal(run.params, params)
