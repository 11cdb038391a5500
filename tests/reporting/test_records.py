import json
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennylane_qstore.errors import QStoreError
from pennylane_qstore.reporting import (
    BatchRecord,
    InvalidRecordError,
    Stages,
    format_time,
    read_record,
)


def test_times_are_written_in_utc():
    assert format_time(0.25) == "1970-01-01T00:00:00.250000+00:00"


def test_a_record_comes_back_from_json_as_it_was(two_batches):
    for batch in two_batches:
        assert read_record(json.loads(json.dumps(batch.to_dict()))) == batch


counts, times = st.integers(0, 10**9), st.floats(0, 1e6)


@given(counts, counts, times, times, st.lists(st.text()), st.text(), times)
def test_any_record_comes_back_from_json_as_it_was(n, cached, wait, other, texts, text, cost):
    batch = BatchRecord(
        time="2026-01-31T12:00:00+00:00",
        backend=text,
        n_circuits=n + cached,
        n_cached=cached,
        job_ids=tuple(texts),
        seconds=wait + other,
        stages=Stages(wait=wait, other=other),
        actual_cost=(("usd", cost),),
        errors=tuple(texts),
    )
    assert read_record(json.loads(json.dumps(batch.to_dict()))) == batch


def test_a_record_cannot_be_changed(record):
    with pytest.raises(FrozenInstanceError):
        record().n_circuits = 3


def test_stages_that_do_not_add_up_are_refused(record):
    with pytest.raises(InvalidRecordError, match=r"the stages take 1\.5 s of 2\.0 s"):
        record(seconds=2.0, stages=Stages(wait=1.5))


@pytest.mark.parametrize(
    "facts",
    [
        {"n_circuits": -1},
        {"n_circuits": 1.5},
        {"n_circuits": True},
        {"n_cached": 5},
        {"polls": "3"},
        {"saved_seconds": float("nan")},
        {"queue_s": float("inf")},
        {"gates_1q_before": 0.5},
        {"actual_cost": (("usd", -1.0),)},
        {"actual_cost": ((3, 1.0),)},
        {"backend": None},
        {"errors": (ValueError("x"),)},
        {"stages": Stages(wait=3.0, other=-1.0)},
        {"time": "2026-01-31T12:00:00"},
        {"time": "2026-01-31T12:00:00+02:00"},
        {"time": "noon"},
        {"time": None},
    ],
)
def test_facts_that_cannot_be_are_refused(record, facts):
    with pytest.raises(InvalidRecordError) as raised:
        record(**facts)
    assert isinstance(raised.value, QStoreError)
    assert isinstance(raised.value, ValueError)


def test_what_a_newer_writer_adds_is_left_out(record):
    batch = record()
    entry = batch.to_dict() | {"moon_phase": 0.5}
    assert read_record(entry) == batch


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"stages": None},
        {"stages": {"nap": 1.0}},
        {"job_ids": 3},
        {"actual_cost": [["usd"]]},
        {"actual_cost": 3},
        {"n_circuits": None},
        {"seconds": 10**400},
    ],
)
def test_what_is_no_record_is_refused(record, change):
    with pytest.raises(InvalidRecordError, match="no record of a batch"):
        read_record(record().to_dict() | change)


@pytest.mark.parametrize("entry", [None, 3, [], {}, "text", {"schema": 1}])
def test_what_is_nothing_like_a_record_is_refused(entry):
    with pytest.raises(InvalidRecordError, match="no record of a batch"):
        read_record(entry)
