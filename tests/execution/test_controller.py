import math
import random
import threading
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pennylane_qstore.errors import InvalidCircuitError, InvalidOptionError
from pennylane_qstore.execution.controller import Controller, JobModel
from pennylane_qstore.execution.pack import Item, Limits


def items(n, group=None, n_gates=46, n_bytes=2_000):
    return [Item(index, group, n_gates, n_bytes) for index in range(n)]


class Machine:
    """A service with slots, first come first served. It shares no code with the controller."""

    def __init__(self, fixed_s, per_circuit_s, slots=8, noise=0.0, seed=0):
        self.fixed_s, self.per_circuit_s, self.slots = fixed_s, per_circuit_s, slots
        self.noise, self.rng = noise, random.Random(seed)

    def run(self, sizes):
        """When each job ends, if all are sent at time 0."""
        free = [0.0] * self.slots
        ends = []
        for size in sizes:
            free.sort()
            spread = math.exp(self.rng.gauss(0, self.noise))
            free[0] += (self.fixed_s + self.per_circuit_s * size) * spread
            ends.append(free[0])
        return ends

    def best(self, n):
        """Time of the best packing into equal jobs, by trying all."""
        sizes = ([n // k + (j < n % k) for j in range(k)] for k in range(1, min(n, 64) + 1))
        return min(max(self.run(jobs)) for jobs in sizes)


def run(controller, machine, n):
    """One batch from the plan to the observations; its time and its number of jobs."""
    sizes = [len(job) for job in controller.plan(items(n))]
    ends = machine.run(sizes)
    for size, end in zip(sizes, ends, strict=True):
        controller.observe(size, end, n_parallel=len(sizes))
    return max(ends), len(sizes)


def test_a_small_batch_stays_one_job_where_nothing_is_known():
    assert Controller().plan(items(6)) == [tuple(range(6))]


def test_circuits_that_take_long_are_spread_over_all_slots():
    controller = Controller(prior=JobModel(0.2, 0.01))
    assert len(controller.plan(items(100))) == 8


def test_jobs_of_a_plan_have_about_equal_sizes():
    sizes = [len(job) for job in Controller().plan(items(500))]
    assert len(sizes) == 8
    assert max(sizes) <= 1.15 * 500 / 8


def test_a_service_with_one_queue_gets_as_few_jobs_as_possible():
    assert len(Controller(parallel=False).plan(items(500))) == 1


def test_the_modes_send_one_job_and_one_circuit_per_job():
    assert len(Controller(mode="multicircuit").plan(items(500))) == 1
    assert Controller(mode="concurrent").plan(items(3)) == [(0,), (1,), (2,)]


def test_jobs_that_wait_for_slots_are_counted_in_waves():
    controller = Controller(mode="concurrent", request_s=0.0, prior=JobModel(10.0, 0.0))
    controller.plan(items(24))
    assert controller.last_choice.predicted_s == pytest.approx(30, rel=0.05)


def test_sizes_differ_until_it_is_known_what_a_circuit_takes():
    controller = Controller()
    sizes = [len(job) for job in controller.plan(items(400))]
    assert max(sizes) >= 1.1 * min(sizes)
    for n in (1, 10, 100):
        controller.observe(n, 0.2 + 0.01 * n, n_parallel=1)
    assert {len(job) for job in controller.plan(items(400))} == {50}


def test_no_job_has_more_circuits_than_asked_for():
    for mode in ("auto", "multicircuit"):
        jobs = Controller(mode=mode, max_circuits_per_job=30).plan(items(100))
        assert max(map(len, jobs)) <= 30


def test_a_batch_larger_than_the_slots_take_fills_all_waves():
    controller = Controller(limits=Limits(circuits=10), max_in_flight=4)
    assert len(controller.plan(items(100))) in range(10, 13)


def test_a_saving_too_small_for_another_minimum_charge_keeps_one_job():
    controller = Controller(prior=JobModel(1.0, 0.001))
    assert len(controller.plan(items(100))) == 1
    assert "only" in controller.last_choice.reason


def test_the_last_choice_shows_what_was_compared():
    controller = Controller()
    assert controller.last_choice is None
    controller.plan(items(100))
    choice = controller.last_choice
    assert (choice.n_circuits, choice.n_jobs, choice.slots) == (100, 8, 8)
    assert [n for n, _ in choice.alternatives] == list(range(1, 9))
    assert choice.predicted_s == min(seconds for _, seconds in choice.alternatives)
    assert "saves" in choice.reason


def test_nothing_needs_no_job():
    assert Controller().plan([]) == []


def test_a_circuit_larger_than_a_body_is_refused():
    for mode in ("auto", "multicircuit", "concurrent"):
        with pytest.raises(InvalidCircuitError, match="10000000 bytes"):
            Controller(mode=mode).plan(items(2, n_bytes=10_000_000))


@pytest.mark.parametrize(
    ("name", "value"),
    [("mode", "fast"), ("max_in_flight", 0), ("max_circuits_per_job", 0), ("request_s", -1.0)],
)
def test_options_that_cannot_work_are_refused(name, value):
    with pytest.raises(InvalidOptionError):
        Controller(**{name: value})


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40), st.integers(1, 900)), max_size=60),
    st.sampled_from(["auto", "multicircuit", "concurrent"]),
    st.one_of(st.none(), st.integers(1, 9)),
    st.integers(1, 9),
)
def test_every_circuit_is_packed_once_within_the_limits(sizes, mode, at_most, in_flight):
    limits = Limits(circuits=7, gates=100, body_bytes=20_000)
    controller = Controller(
        mode=mode,
        limits=limits,
        max_circuits_per_job=at_most,
        max_in_flight=in_flight,
        prior=JobModel(0.2, 0.1),
    )
    jobs = controller.plan([Item(index, *size) for index, size in enumerate(sizes)])
    assert sorted(index for job in jobs for index in job) == list(range(len(sizes)))
    for job in jobs:
        assert list(job) == sorted(job)
        assert len({sizes[index][0] for index in job}) == 1
        assert len(job) <= min(7, at_most or 7)
        assert len(job) == 1 or sum(sizes[index][1] for index in job) <= 100
        assert sum(sizes[index][2] for index in job) <= 20_000


SERVERS = [(0.2, 0.01), (0.2, 0.0), (0.02, 0.02), (2.0, 0.001), (0.5, 0.1), (5.0, 1.0)]


@pytest.mark.parametrize(("fixed_s", "per_circuit_s"), SERVERS)
@pytest.mark.parametrize("n", [20, 100, 500])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_batches_of_one_size_come_within_a_third_of_the_best_packing(
    fixed_s, per_circuit_s, n, noise
):
    controller, machine = Controller(), Machine(fixed_s, per_circuit_s, noise=noise)
    best = Machine(fixed_s, per_circuit_s).best(n)
    times = [run(controller, machine, n)[0] for _ in range(40)]
    assert max(times) <= 1.3 * best + 0.05
    assert sum(times) / 40 <= 1.2 * best + 0.03


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_a_service_whose_jobs_all_take_the_same_gets_one_job(noise):
    controller, machine = Controller(), Machine(0.2, 0.0, noise=noise)
    for _ in range(5):
        for n in (1, 20, 100, 500):
            run(controller, machine, n)
    assert run(controller, machine, 500)[1] == 1
    assert controller.predict(500) == pytest.approx(0.2, rel=0.1)


def test_many_jobs_of_one_size_do_not_outvote_what_smaller_ones_took():
    controller = Controller()
    for n, times in ((1, 1), (3, 7), (13, 8), (63, 8), (500, 40)):
        for _ in range(times):
            controller.observe(n, 0.2, n_parallel=min(times, 8))
    assert controller.predict(1) == pytest.approx(0.2, rel=0.15)
    assert len(controller.plan(items(500))) == 1


@pytest.mark.parametrize(("fixed_s", "per_circuit_s"), SERVERS)
def test_the_model_finds_what_jobs_and_circuits_take(fixed_s, per_circuit_s):
    controller, machine = Controller(), Machine(fixed_s, per_circuit_s)
    for _ in range(10):
        for n in (1, 20, 100):
            run(controller, machine, n)
    for n in (1, 10, 100):
        assert controller.predict(n) == pytest.approx(fixed_s + n * per_circuit_s, rel=0.1)


def test_a_service_that_becomes_faster_or_slower_is_followed():
    controller = Controller()
    for factor in (1, 10, 0.5):
        for _ in range(60):
            controller.observe(10, 0.3 * factor, n_parallel=1)
        assert controller.predict(10) == pytest.approx(0.3 * factor, rel=0.1)


def test_stuck_jobs_do_not_move_the_model():
    controller, machine = Controller(), Machine(0.2, 0.01)
    controller.observe(1, 60.0, n_parallel=1)
    assert controller.predict(1) < 1
    for n in (1, 20, 5) * 10:
        run(controller, machine, n)
        controller.observe(n, 60.0, n_parallel=1)
        run(controller, machine, n)
    assert controller.predict(20) == pytest.approx(0.4, rel=0.2)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5000), st.floats(1e-4, 1e5), st.integers(1, 8)), max_size=40)
)
def test_no_time_is_ever_predicted_to_be_negative(observed):
    controller = Controller()
    for n, seconds, n_parallel in observed:
        controller.observe(n, seconds, n_parallel=n_parallel)
    model = controller.model
    assert model.fixed_s >= 0
    assert model.per_circuit_s >= 0
    assert 0 < controller.predict(1) < math.inf


def test_a_measurement_that_is_none_is_ignored():
    controller = Controller()
    for seconds in (0.0, -1.0, math.nan, math.inf):
        controller.observe(3, seconds, n_parallel=1)
    assert controller.model == JobModel(0.2, 0.01)


def test_a_job_seen_running_shortly_before_ended_in_between():
    late, noted = Controller(), Controller()
    for _ in range(50):
        late.observe(1, 1.1, n_parallel=1)
        noted.observe(1, 1.1, n_parallel=1, running_s=1.0)
    assert noted.predict(1) == pytest.approx(1.05, rel=0.02)
    assert late.predict(1) == pytest.approx(1.1, rel=0.02)


def test_a_refusal_halves_the_slots_once_for_each_burst():
    controller = Controller()
    for now in (10.0, 10.1, 10.9):
        controller.observe_limit(now)
    assert controller.slots == 4
    controller.plan(items(100))
    assert controller.last_choice.n_jobs == 4
    controller.observe_limit(11.0, retry_after_s=60)
    controller.observe_limit(70.0)
    assert controller.slots == 2
    for now in (72.0, 74.0):
        controller.observe_limit(now)
    assert controller.slots == 1


def test_slots_come_back_one_by_one_while_all_are_used_in_peace():
    controller = Controller()
    controller.observe_limit(0.0)
    seen = []
    for _ in range(100):
        run(controller, Machine(0.2, 0.01), 100)
        seen.append(controller.slots)
    assert seen[0] == 4
    assert seen[-1] == 8
    assert all(0 <= after - before <= 1 for before, after in pairwise(seen))


def test_batches_that_leave_slots_idle_prove_nothing_about_them():
    controller = Controller()
    controller.observe_limit(0.0)
    for _ in range(300):
        controller.observe(3, 0.23, n_parallel=1)
    assert controller.slots == 4


@pytest.mark.parametrize("real", [1, 2, 3, 4])
def test_a_service_that_runs_fewer_jobs_at_once_is_noticed(real):
    controller, machine = Controller(), Machine(0.2, 0.01, slots=real)
    slots = []
    for _ in range(60):
        run(controller, machine, 200)
        slots.append(controller.slots)
    assert sum(real <= count <= real + 1 for count in slots[10:]) >= 45
    settled = [run(controller, machine, 200)[0] for _ in range(20)]
    assert sorted(settled)[10] <= 1.3 * machine.best(200)


def test_scattered_times_are_not_taken_for_missing_slots():
    controller, machine = Controller(), Machine(0.2, 0.01, noise=0.15)
    for _ in range(40):
        run(controller, machine, 200)
    assert controller.slots == 8


def test_jobs_of_different_sizes_are_not_compared_to_count_slots():
    controller = Controller()
    for _ in range(40):
        controller.observe(5, 0.25, n_parallel=4)
        controller.observe(100, 1.2, n_parallel=4)
    assert controller.slots == 8


def test_jobs_that_waited_for_slots_do_not_move_the_model():
    controller = Controller()
    for end in range(1, 6):
        for _ in range(8):
            controller.observe(10, 0.3 * end, n_parallel=40)
    assert controller.predict(10) == pytest.approx(0.3)


def test_the_queue_moves_predictions_but_not_the_packing():
    controller, busy = Controller(), Controller()
    busy.observe_queue(3600)
    assert busy.predict(3) == pytest.approx(3600 + controller.predict(3))
    assert busy.plan(items(100)) == controller.plan(items(100))
    for _ in range(20):
        busy.observe(3, 3600.5, n_parallel=1)
    assert busy.predict(3) == pytest.approx(3600, rel=0.15)


def test_jobs_beyond_the_slots_are_expected_a_wave_later():
    controller = Controller(max_in_flight=4)
    first = controller.predict(10)
    assert controller.predict(10, n_ahead=3) == first
    assert controller.predict(10, n_ahead=4) == 2 * first


def test_threads_may_share_a_controller():
    controller, failures = Controller(), []

    def work(seed):
        rng = random.Random(seed)
        try:
            for step in range(40):
                n = rng.randint(1, 60)
                jobs = controller.plan(items(n))
                assert sum(map(len, jobs)) == n
                controller.observe(n, 0.2 + 0.01 * n, n_parallel=rng.randint(1, 8))
                if rng.random() < 0.1:
                    controller.observe_limit(10.0 * step)
                assert controller.predict(n) > 0
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_nobody_waits_for_a_guess():
    controller = Controller()
    assert controller.due_s(5) is None
    controller.observe(5, 1.0, n_parallel=1)
    assert controller.due_s(5) is None
    for _ in range(9):
        controller.observe(5, 1.0, n_parallel=1)
    assert controller.due_s(5) == pytest.approx(1.0, rel=0.1)
    assert controller.due_s(5000) == controller.predict(10) < controller.predict(5000)
