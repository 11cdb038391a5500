import numpy as np
import pytest

from pennylane_qstore.reporting import find_anomalies, find_loss_anomalies

N_BATCHES = 600


def score(found, injected):
    """Precision and recall."""
    found, injected = set(found), set(injected)
    return len(found & injected) / max(1, len(found)), len(found & injected) / len(injected)


@pytest.mark.parametrize("seed", range(5))
def test_slow_batches_are_found_among_jittering_ones(record, seed):
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 20, 100], N_BATCHES)
    seconds = (0.2 + 0.01 * sizes) * np.exp(0.1 * rng.standard_normal(N_BATCHES))
    slow = rng.choice(np.arange(60, N_BATCHES), 15, replace=False)
    seconds[slow] *= 2.5
    batches = [
        record(n, n_circuits=int(size), n_jobs=1, seconds=float(time))
        for n, (size, time) in enumerate(zip(sizes, seconds, strict=True))
    ]
    found = find_anomalies(batches)
    assert {anomaly.kind for anomaly in found} == {"latency"}
    precision, recall = score([anomaly.index for anomaly in found], slow)
    assert precision >= 0.85
    assert recall >= 0.95


@pytest.mark.parametrize("seed", range(5))
def test_a_burst_of_failures_is_found_among_rare_ones(record, seed):
    rng = np.random.default_rng(seed)
    rate = np.full(N_BATCHES, 0.01)
    burst = np.arange(300, 340)
    rate[burst] = 0.5
    failed = rng.binomial(4, rate)
    batches = [record(n, n_jobs=4, errors=("failed",) * int(k)) for n, k in enumerate(failed)]
    found = [anomaly.index for anomaly in find_anomalies(batches) if anomaly.kind == "errors"]
    # A batch of the burst without any failure is nothing to be found.
    precision, recall = score(found, [n for n in burst if failed[n]])
    assert precision >= 0.9
    assert recall >= 0.9


def test_the_reason_is_a_sentence_with_numbers(record):
    batches = [record(n) for n in range(30)] + [record(30, seconds=8.0)]
    (slow,) = find_anomalies(batches)
    assert (slow.index, slow.kind, slow.value, slow.usual) == (30, "latency", 2.0, 0.5)
    assert slow.reason == (
        f"batch 30, {batches[30].time}: 2 s per circuit, usually 500 ms (27.7 sigma)"
    )
    batches = [record(n, n_jobs=1) for n in range(30)]
    batches += [record(30 + n, n_jobs=1, errors=("failed",)) for n in range(2)]
    (failing,) = find_anomalies(batches)
    assert failing.index == 31
    assert failing.reason.startswith(f"batch 31, {batches[31].time}: 36% of recent jobs failed, us")


def test_one_odd_batch_at_the_beginning_hides_no_later_one(record):
    seconds = [2.0] * 40
    seconds[2], seconds[9] = 20.0, 10.0
    found = find_anomalies([record(n, seconds=time) for n, time in enumerate(seconds)])
    assert [anomaly.index for anomaly in found] == [9]


def test_a_lasting_change_becomes_usual(record):
    batches = [record(n, seconds=2.0 if n < 50 else 6.0) for n in range(150)]
    found = [anomaly.index for anomaly in find_anomalies(batches)]
    assert found[0] == 50
    assert found[-1] < 75


def test_batches_are_compared_with_their_like(record):
    fast, slow = {"backend": "simulator"}, {"backend": "qpu.forte-1", "seconds": 500.0}
    batches = [record(n, **(slow if n % 10 == 9 else fast)) for n in range(300)]
    # A batch that the cache answers, and one much larger, are no faster than usual ones are slow.
    batches += [record(300 + n, n_cached=4, seconds=1e-3) for n in range(20)]
    batches += [record(320 + n, n_circuits=1000) for n in range(20)]
    assert find_anomalies(batches) == ()


def test_few_batches_say_nothing(record):
    assert find_anomalies([]) == ()
    assert find_anomalies([record(0, seconds=1.0), record(1, seconds=99.0)]) == ()
    assert find_anomalies([record(0, seconds=0.0), record(1, n_circuits=0)]) == ()


def test_a_batch_that_could_not_be_submitted_counts_as_failed(record):
    batches = [record(n, n_jobs=1) for n in range(20)]
    batches += [record(20 + n, n_jobs=0, errors=("refused",)) for n in range(5)]
    assert [anomaly.index for anomaly in find_anomalies(batches)] == [21, 22, 23, 24]


@pytest.mark.parametrize("seed", range(100, 105))
@pytest.mark.parametrize("scale", [1.0, -40.0])
def test_jumps_of_a_falling_noisy_loss_are_found(seed, scale):
    rng = np.random.default_rng(seed)
    losses = np.exp(-np.arange(N_BATCHES) / 60) + 0.03 * rng.standard_normal(N_BATCHES)
    jumps = rng.choice(np.arange(60, N_BATCHES), 15, replace=False)
    losses[jumps] += 0.4
    found = find_loss_anomalies([float(x) for x in abs(scale) * losses + min(scale, 0.0)])
    assert {anomaly.kind for anomaly in found} == {"loss"}
    precision, recall = score([anomaly.index for anomaly in found], jumps)
    assert precision >= 0.85
    assert recall >= 0.95


def test_a_jump_within_its_own_standard_error_is_none():
    losses = [1.0] * 30 + [1.3]
    assert find_loss_anomalies(losses, [0.1] * 31) == ()
    (jump,) = find_loss_anomalies(losses, [0.01] * 31)
    assert jump.reason == "step 30: loss 1.3, usually 1 (30.0 sigma)"


def test_a_loss_that_falls_stays_or_was_not_measured_is_nothing_to_tell():
    assert find_loss_anomalies([5 - 0.05 * step for step in range(200)]) == ()
    assert find_loss_anomalies([2.0] * 50) == ()
    assert find_loss_anomalies([0.0] * 50) == ()
    assert find_loss_anomalies([None] * 50) == ()
    assert find_loss_anomalies([]) == ()
