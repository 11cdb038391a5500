"""Many threads on one device, and several processes on one cache."""

import threading

import numpy as np
import pytest

from pennylane_qstore.execution import ResultCache
from tests.faults import client
from tests.faults.processes import Worker

N_THREADS, N_CALLS = 16, 50
WATCHDOG_S = 90.0


def in_threads(device, batches):
    """Execute each thread's prepared tapes, one call each; shape ``(n_threads, n_calls, 4)``."""
    config = device.setup_execution_config()
    program = device.preprocess_transforms(config)
    prepared = [[program([one]) for one in batch] for batch in batches]
    found = [[] for _ in batches]
    raised = []
    barrier = threading.Barrier(len(batches))

    def work(number):
        barrier.wait()
        try:
            for batch, post in prepared[number]:
                found[number].append(post(device.execute(batch, config))[0])
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []
    return np.array(found)


def test_threads_with_circuits_of_their_own(lab):
    lab.server.job_s = 0.0
    circuits = client.tapes(N_THREADS * N_CALLS)
    lab.circuits = circuits
    batches = [circuits[i * N_CALLS : (i + 1) * N_CALLS] for i in range(N_THREADS)]
    found = in_threads(lab.device(timeout=None), batches)
    expected = client.truth(circuits).reshape(N_THREADS, N_CALLS, 4)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    lab.check_paid()
    assert lab.server.wire.most_connections <= 8


def test_threads_that_want_the_same_send_it_once(lab):
    lab.use(client.tapes(N_CALLS))
    found = in_threads(lab.device(timeout=None), [lab.circuits] * N_THREADS)
    for one in found:
        np.testing.assert_allclose(one, lab.expected, atol=1e-9)
    lab.check_paid()


def test_threads_that_want_samples_of_the_same_get_one_each(lab):
    lab.use(client.tapes(1, shots=100), backend="qpu.forte-1")
    in_threads(lab.device(timeout=None), [lab.circuits * 5] * N_THREADS)
    assert list(lab.server.paid().values()) == [5 * N_THREADS]
    in_threads(lab.device(timeout=None), [lab.circuits * 5] * N_THREADS)
    assert list(lab.server.paid().values()) == [5 * N_THREADS], "the rerun is free"


@pytest.mark.parametrize("shots", [None, 200])
def test_what_arrives_between_the_look_into_the_cache_and_the_claim_is_not_sent_again(
    lab, monkeypatch, shots
):
    lab.use(client.tapes(3, shots), **({"backend": "qpu.forte-1"} if shots else {}))
    look = ResultCache.get_many
    raced = []

    def look_and_lose_the_race(cache, keys, *rest):
        found = look(cache, keys, *rest)
        if not raced:
            raced.append(True)
            lab.run()  # another device wants the same, and has it before this one goes on
        return found

    monkeypatch.setattr(ResultCache, "get_many", look_and_lose_the_race)
    lab.check()
    assert raced


@pytest.mark.parametrize(("backend", "shots"), [("simulator", None), ("qpu.forte-1", 200)])
def test_processes_that_want_the_same_send_it_once(lab, backend, shots):
    lab.server.job_s = 0.1
    order = {"n": 30, "shots": shots, "options": {"backend": backend}}
    workers = [Worker("run", lab.server.url, lab.directory, **order) for _ in range(4)]
    for worker in [worker.ready() for worker in workers]:
        worker.go()
    answers = [worker.answer() for worker in workers]
    assert answers == [answers[0]] * 4
    lab.circuits = [client.tape(0.01 * i) for i in range(30)]
    lab.check_paid()
    tolerance = 1e-9 if shots is None else 5 * 0.5 / np.sqrt(shots)
    np.testing.assert_allclose(answers[0], client.truth(lab.circuits), atol=tolerance)
