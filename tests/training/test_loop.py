"""The loop: one record per step, resumable, counting what the device reports."""

import itertools
import json

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.optimize import SPSA, Gains, NonFiniteLossError
from pennylane_qstore.optimize.core import dump
from pennylane_qstore.training.loop import Usage, read_usage, train

SPSA_ = SPSA(Gains(a=0.3, c=0.1))


def bowl(points, step):
    return (points**2).sum(axis=1) + 0.01 * step


def start():
    return SPSA_.init([1.0, -1.0], seed=5)


def test_every_step_has_a_record_with_loss_counts_and_time():
    readings = itertools.count(0, 10)
    ticks = itertools.count(0.0, 0.5)
    records = list(
        train(
            SPSA_,
            start(),
            bowl,
            n_steps=3,
            usage=lambda: Usage(next(readings), 2),
            clock=lambda: next(ticks),
        )
    )
    assert [record.step for record in records] == [0, 1, 2]
    assert [record.circuits for record in records] == [10, 10, 10]
    assert [record.jobs for record in records] == [0, 0, 0]
    assert [record.seconds for record in records] == [0.5, 0.5, 0.5]
    assert records[0].loss == pytest.approx(bowl(SPSA_.ask(start()).points, 0).mean())
    assert records[-1].loss < records[0].loss


def test_a_run_resumed_from_a_saved_record_repeats_the_undisturbed_one():
    undisturbed = list(train(SPSA_, start(), bowl, n_steps=9))
    saved = json.dumps(dump(undisturbed[3].state))
    rest = list(train(SPSA_, SPSA_.load(json.loads(saved)), bowl, n_steps=9))
    assert [record.loss for record in rest] == [record.loss for record in undisturbed[4:]]
    np.testing.assert_array_equal(rest[-1].state.params, undisturbed[-1].state.params)


def test_records_come_one_at_a_time():
    calls = []

    def objective(points, step):
        calls.append(step)
        return bowl(points, step)

    next(iter(train(SPSA_, start(), objective, n_steps=9)))
    assert calls == [0]


def test_a_loss_that_is_not_a_number_stops_the_run():
    with pytest.raises(NonFiniteLossError, match="step 0"):
        list(train(SPSA_, start(), lambda points, _: points[:, 0] * np.nan, n_steps=2))


@pytest.mark.parametrize(
    ("totals", "expected"),
    [
        ({}, Usage(0, None)),
        ({"executions": 7, "batches": 1}, Usage(7, None)),
        ({"executions": 7, "circuits": 5, "jobs": 2}, Usage(5, 2)),
        ({"executions": 7, "circuits": 0, "jobs": 0}, Usage(0, 0)),
    ],
)
def test_usage_is_what_the_tracker_holds_and_no_more(totals, expected):
    tracker = qml.Tracker()
    tracker.totals = totals
    assert read_usage(tracker) == expected


def test_jobs_that_a_device_does_not_report_stay_unknown():
    assert Usage(7, None).since(Usage(3, None)) == Usage(4, None)
    assert Usage(7, 2).since(Usage(0, None)) == Usage(7, 2)
