import pytest

from pennylane_qstore.reporting import BatchRecord, Stages, format_time

BEGAN = 1_780_000_000.0


def make_record(number=0, **facts):
    """The record of a batch that began ten seconds after the one before."""
    seconds = facts.pop("seconds", 2.0)
    stages = facts.pop("stages", Stages(wait=0.75 * seconds, other=0.25 * seconds))
    defaults = {
        "time": format_time(BEGAN + 10 * number),
        "backend": "simulator",
        "n_circuits": 4,
    }
    return BatchRecord(**(defaults | facts), seconds=seconds, stages=stages)


@pytest.fixture
def record():
    return make_record


@pytest.fixture
def two_batches():
    """A batch that ran, and one that the cache answered in part."""
    first = make_record(
        backend="qpu.forte-1",
        n_circuits=200,
        n_unique=180,
        n_jobs=2,
        job_ids=("a", "b"),
        shots=200_000,
        gates_1q=1000,
        gates_2q=400,
        gates_1q_before=3000,
        gates_2q_before=500,
        seconds=40.0,
        stages=Stages(0.5, 0.25, 0.25, 36, 1, 0.5, 1.5),
        requests=12,
        polls=8,
        retries=1,
        estimated_cost=(("usd", 120.1),),
        actual_cost=(("usd", 100.2),),
        template_hits=199,
        template_misses=1,
        queue_s=30.0,
        packing="2 jobs of 100 circuits",
    )
    second = make_record(
        10,
        backend="qpu.forte-1",
        n_circuits=50,
        n_unique=50,
        n_cached=40,
        n_jobs=1,
        job_ids=("c",),
        shots=10_000,
        gates_1q=50,
        gates_2q=20,
        gates_1q_before=100,
        gates_2q_before=25,
        seconds=10.0,
        stages=Stages(0.125, 0.125, 0.25, 8, 0.5, 0.5, 0.5),
        requests=4,
        polls=2,
        estimated_cost=(("usd", 12.2),),
        actual_cost=(("usd", 12.1),),
        saved_cost=(("usd", 44.4),),
        saved_seconds=32.0,
        template_hits=50,
        queue_s=6.0,
        packing="1 job of 10 circuits",
        errors=("job c failed: <b>Overheated</b>",),
    )
    return [first, second]
