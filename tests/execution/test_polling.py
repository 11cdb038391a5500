import math
import random
from itertools import islice

import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.execution.polling import PollSchedule

LONG = [0.1, 0.2, 0.5, 1.0, 3.0, 10.0, 20.0]


def ask(schedule, job_s, predicted_s=None, rng=None):
    """Number of questions until a job's end is seen, and how late that is."""
    time = 0.0
    for n, delay in enumerate(schedule.delays(predicted_s, rng), start=1):
        time += delay
        if time >= job_s:
            return n, time - job_s
    raise AssertionError("delays never end")


def rngs():
    return [None, *map(random.Random, range(100))]


@pytest.mark.parametrize("ratio", [None, 0.5, 0.8, 1.0, 1.2, 2.0])
def test_a_job_of_one_second_is_asked_for_at_most_ten_times(ratio):
    for rng in rngs():
        assert ask(PollSchedule(), 1.0, ratio, rng)[0] <= 10


@pytest.mark.parametrize("job_s", [0.005, 0.02, *LONG, 60.0, 3600.0])
@pytest.mark.parametrize("ratio", [0.8, 0.9, 1.0, 1.1, 1.2])
def test_the_end_is_seen_within_a_tenth_where_it_was_predicted(job_s, ratio):
    for rng in rngs():
        late = ask(PollSchedule(), job_s, ratio * job_s, rng)[1]
        assert late <= 0.1 * job_s + 0.002


@pytest.mark.parametrize("job_s", [0.005, 0.02, 0.05, *LONG, 60.0, 3600.0])
def test_the_end_is_seen_within_three_tenths_where_nothing_is_known(job_s):
    for rng in rngs():
        assert ask(PollSchedule(), job_s, None, rng)[1] <= max(0.3 * job_s, 0.07)


@pytest.mark.parametrize("job_s", [1.0, 10.0])
def test_a_prediction_twice_too_long_is_noticed(job_s):
    for rng in rngs():
        n, late = ask(PollSchedule(), job_s, 2 * job_s, rng)
        assert n <= 2
        assert late <= 0.15 * job_s


def test_a_prediction_far_too_short_costs_few_questions_more():
    assert ask(PollSchedule(), 10.0, 0.1)[0] <= 2 * ask(PollSchedule(), 10.0)[0]


def test_no_delay_is_longer_than_the_maximum():
    for predicted_s in (None, 0.1, 3600.0):
        delays = list(islice(PollSchedule(maximum_s=5).delays(predicted_s), 2000))
        assert max(delays) == 5
        assert ask(PollSchedule(), 3600.0, predicted_s)[0] <= 160


def test_delays_grow_with_the_time_waited():
    delays = list(islice(PollSchedule(first_s=1, gap_s=1, factor=2, maximum_s=5).delays(), 5))
    assert delays == [1, 1, 2, 4, 5]


def test_a_local_service_is_asked_at_once_unless_a_job_is_known_to_take_longer():
    local = PollSchedule.local()
    for predicted_s in (None, 0.0, 0.008):
        assert next(local.delays(predicted_s)) == 0
        assert ask(local, 0.001, predicted_s) == (2, pytest.approx(0.001))
    assert next(local.delays(0.1)) == pytest.approx(0.09)
    assert next(PollSchedule().delays()) > 0


def test_jitter_only_shortens_delays_and_repeats_with_its_seed():
    plain = list(islice(PollSchedule().delays(), 1))
    first = [next(PollSchedule().delays(None, random.Random(seed))) for seed in range(50)]
    assert len(set(first)) == 50
    assert all(0.9 * plain[0] <= delay <= plain[0] for delay in first)
    again = [list(islice(PollSchedule().delays(1.0, random.Random(7)), 9)) for _ in range(2)]
    assert again[0] == again[1]


def test_a_prediction_of_nothing_does_not_ask_without_pause():
    for schedule in (PollSchedule(), PollSchedule.local()):
        assert all(delay > 0 for delay in islice(schedule.delays(0.0), 1, 20))


@pytest.mark.parametrize(
    "options",
    [
        {"first_s": 0},
        {"gap_s": 0},
        {"maximum_s": 0},
        {"factor": 0.5},
        {"first_s": math.nan},
        {"factor": math.inf},
    ],
)
def test_a_schedule_that_cannot_work_is_refused(options):
    with pytest.raises(InvalidOptionError, match="PollSchedule"):
        PollSchedule(**options)


@pytest.mark.parametrize("predicted_s", [-1.0, math.nan, math.inf])
def test_a_prediction_that_is_no_time_is_refused_at_once(predicted_s):
    with pytest.raises(InvalidOptionError, match="predicted"):
        PollSchedule().delays(predicted_s)


@pytest.mark.parametrize("predicted_s", [None, 0.18, 0.2, 0.22])
def test_the_time_of_a_question_is_part_of_the_time_between_two(predicted_s):
    time, request_s = 0.0, 0.02
    for delay in PollSchedule().delays(predicted_s, request_s=request_s):
        time += delay
        if time >= 0.2:
            break
        time += request_s
    assert time - 0.2 <= (0.06 if predicted_s is None else 0.0241)
