from itertools import accumulate, islice

import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.execution import PollSchedule


def test_delays_grow_by_the_factor_up_to_the_maximum():
    schedule = PollSchedule(first_s=1, factor=2, maximum_s=5)
    assert list(islice(schedule.delays(), 5)) == [1, 2, 4, 5, 5]


def test_a_job_of_one_second_is_asked_for_at_most_ten_times():
    times = accumulate(PollSchedule(first_s=0.01).delays(), initial=0.0)
    asked = 1 + next(n for n, time in enumerate(times) if time >= 1)
    assert asked <= 10


@pytest.mark.parametrize(
    "options",
    [{"first_s": 0}, {"first_s": 9, "maximum_s": 5}, {"factor": 0.5}, {"first_s": float("nan")}],
)
def test_a_schedule_that_cannot_work_is_refused(options):
    with pytest.raises(InvalidOptionError, match="PollSchedule"):
        PollSchedule(**options)
