import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennylane_qstore.reporting import STAGES, InvalidRecordError, Stages, divide_time

moments = st.floats(-10, 110, allow_subnormal=False)
spans = st.lists(
    st.tuples(st.sampled_from(STAGES[:-1]), moments, moments).map(
        lambda span: (span[0], min(span[1:]), max(span[1:]))
    ),
    max_size=20,
)


@given(spans)
def test_stages_of_parallel_jobs_add_up_to_the_wall_time(found):
    stages = divide_time(found, 0.0, 100.0)
    assert stages.total == pytest.approx(100, abs=1e-9)
    assert all(getattr(stages, name) >= 0 for name in STAGES)


@given(spans)
def test_no_stage_gets_more_than_it_was_under_way(found):
    stages = divide_time(found, 0.0, 100.0)
    for name in STAGES[:-1]:
        own = [(max(begin, 0), min(end, 100)) for stage, begin, end in found if stage == name]
        assert getattr(stages, name) <= sum(max(0, end - begin) for begin, end in own) + 1e-9


def test_a_moment_counts_for_the_work_that_is_done_in_it():
    found = [
        ("compile", 0, 1),
        ("submit", 1, 3),
        ("wait", 2, 10),
        ("wait", 2, 8),
        ("fetch", 7, 9),
        ("cache", 8.5, 9.5),
        ("measure", 10.5, 11),
    ]
    assert divide_time(found, 0, 12) == Stages(
        compile=1, cache=1, submit=2, wait=4.5, fetch=1.5, measure=0.5, other=1.5
    )


def test_what_lies_outside_the_batch_is_left_out():
    assert divide_time([("wait", -5, 1), ("fetch", 3, 9), ("submit", 8, 9)], 0, 4) == Stages(
        wait=1, fetch=1, other=2
    )
    assert divide_time([], 3, 3) == Stages()


@pytest.mark.parametrize("span", [("sleep", 0, 1), ("other", 0, 1), ("wait", 2, 1)])
def test_spans_that_cannot_be_are_refused(span):
    with pytest.raises(InvalidRecordError, match=f"no stage '{span[0]}' from"):
        divide_time([span], 0, 3)


def test_a_batch_that_ends_before_it_begins_is_refused():
    with pytest.raises(InvalidRecordError, match="cannot end"):
        divide_time([], 2, 1)
