import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennylane_qstore.errors import InvalidCircuitError
from pennylane_qstore.execution.pack import Item, Limits, pack, pack_evenly


def items(n, group=None, n_gates=1, n_bytes=10):
    return [Item(index, group, n_gates, n_bytes) for index in range(n)]


def test_circuits_that_agree_share_one_job_in_their_order():
    assert pack(items(4), Limits()) == [(0, 1, 2, 3)]


def test_circuits_that_differ_in_shots_go_apart():
    mixed = [Item(k, ("shots", k % 2), 1, 10) for k in range(5)]
    assert pack(mixed, Limits()) == [(0, 2, 4), (1, 3)]


def test_no_job_has_more_circuits_than_the_service_takes():
    assert [len(job) for job in pack(items(10_001), Limits())] == [5000, 5000, 1]


def test_no_job_has_more_gates_than_the_service_takes():
    assert [len(job) for job in pack(items(4, n_gates=70_000), Limits())] == [2, 2]


def test_no_body_is_larger_than_the_service_takes():
    assert [len(job) for job in pack(items(5, n_bytes=4_000_000), Limits())] == [2, 2, 1]


def test_a_circuit_with_more_gates_than_a_batch_may_have_goes_alone():
    sizes = [1, 200_000, 1]
    assert pack([Item(k, None, n, 9) for k, n in enumerate(sizes)], Limits()) == [(0,), (1,), (2,)]


def test_a_circuit_larger_than_a_body_is_refused_with_its_size():
    with pytest.raises(InvalidCircuitError, match="10000000 bytes"):
        pack(items(1, n_bytes=10_000_000), Limits())


def test_nothing_needs_no_job():
    assert pack([], Limits()) == []


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40), st.integers(1, 900)), max_size=60))
def test_every_circuit_is_packed_once_within_the_limits(sizes):
    limits = Limits(circuits=7, gates=100, body_bytes=20_000)
    todo = [Item(index, *size) for index, size in enumerate(sizes)]
    jobs = pack(todo, limits)
    assert sorted(index for job in jobs for index in job) == list(range(len(sizes)))
    for job in jobs:
        assert list(job) == sorted(job)
        assert len({sizes[index][0] for index in job}) == 1
        assert len(job) <= 7
        assert len(job) == 1 or sum(sizes[index][1] for index in job) <= 100
        assert sum(sizes[index][2] for index in job) <= 20_000


def test_jobs_of_equal_circuits_have_equal_sizes():
    assert [len(job) for job in pack_evenly(items(100), Limits(), 8)].count(12) == 4
    assert {len(job) for job in pack_evenly(items(100), Limits(), 8)} == {12, 13}


def test_a_tilt_makes_the_first_job_larger_than_the_last():
    sizes = [len(job) for job in pack_evenly(items(500), Limits(), 8, tilt=0.1)]
    assert sum(sizes) == 500
    assert sizes == sorted(sizes, reverse=True)
    assert 1.1 * 62.5 >= sizes[0] > 62.5 > sizes[-1] >= 0.9 * 62.5


def test_heavy_circuits_travel_with_fewer_others():
    mixed = [Item(k, None, 100 if k < 4 else 10, 10) for k in range(40)]
    first, second = pack_evenly(mixed, Limits(), 2)
    assert len(first) < len(second)


def test_groups_get_jobs_by_their_sizes():
    mixed = [Item(k, "large" if k < 90 else "small", 1, 10) for k in range(100)]
    jobs = pack_evenly(mixed, Limits(), 8)
    assert len(jobs) == 8
    assert sum(job[0] < 90 for job in jobs) == 7


def test_a_small_group_in_front_stays_one_job():
    mixed = [Item(k, "small" if k < 10 else "large", 1, 10) for k in range(100)]
    assert [len(job) for job in pack_evenly(mixed, Limits(), 4)] == [10, 30, 30, 30]


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 90), st.integers(1, 900)), max_size=60),
    st.integers(1, 70),
    st.sampled_from([0.0, 0.1, 0.5]),
)
def test_every_circuit_is_packed_evenly_once_within_the_limits(sizes, n_jobs, tilt):
    limits = Limits(circuits=7, gates=100, body_bytes=20_000)
    todo = [Item(index, *size) for index, size in enumerate(sizes)]
    jobs = pack_evenly(todo, limits, n_jobs, tilt=tilt)
    assert sorted(index for job in jobs for index in job) == list(range(len(sizes)))
    for job in jobs:
        assert list(job) == sorted(job)
        assert len({sizes[index][0] for index in job}) == 1
        assert len(job) <= 7
        assert len(job) == 1 or sum(sizes[index][1] for index in job) <= 100
        assert sum(sizes[index][2] for index in job) <= 20_000


def test_limits_may_ask_for_more_jobs_than_wanted():
    assert len(pack_evenly(items(100), Limits(circuits=10), 2)) == 10


def test_there_are_never_more_jobs_than_circuits():
    assert pack_evenly(items(3), Limits(), 8) == [(0,), (1,), (2,)]
    assert pack_evenly([], Limits(), 8) == []
