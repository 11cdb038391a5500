"""Submitting, collecting and interrupting, as the user of a device sees it, over real sockets."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore import errors
from pennylane_qstore.execution import PollSchedule
from pennylane_qstore.execution.journal import CANCELED, CLAIMED, SENT
from tests.faults import client
from tests.faults.server import Fate, FaultServer, refusal

ROOT = Path(__file__).parents[2]
STUCK = Fate("started")


pytestmark = pytest.mark.usefixtures("in_time")


def until(condition):
    """Wait for something that is about to happen."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "never happened"
        time.sleep(0.001)


def check(results, circuits):
    np.testing.assert_allclose(np.array(results, dtype=float), client.truth(circuits), atol=1e-9)


def distribution(outcomes):
    """Relative frequency of each state, the first qubit's bit leading."""
    found = np.zeros(2**outcomes.n_qubits)
    found[np.asarray(outcomes.states, dtype=int)] = outcomes.weights
    return found / found.sum()


# Submitting


def test_submit_returns_while_the_jobs_run(connect, server):
    server.fates = [STUCK]
    circuits = client.tapes(3)
    handle = connect().submit(circuits)
    assert handle.job_ids == tuple(server.jobs)
    assert not handle.done()
    assert (handle.status().done, handle.status().total) == (0, 3)
    server.heal()
    check(handle.result(timeout=10), circuits)
    assert handle.done()
    assert handle.status().done == 3
    assert handle.status().jobs == {"completed": 1}


def test_one_tape_gives_one_result(connect):
    circuit = client.tape(0.7)
    check([connect().submit(circuit).result(10)], [circuit])


def test_no_tapes_give_no_results(connect, server):
    handle = connect().submit([])
    assert handle.result(10) == ()
    assert handle.job_ids == ()
    assert server.jobs == {}


def test_what_the_cache_has_is_not_submitted(connect, server):
    circuits = client.tapes(2)
    client.run(connect(), circuits)
    handle = connect().submit(circuits)
    assert handle.done()
    check(handle.result(10), circuits)
    assert len(server.jobs) == 1


def test_samples_do_not_change_from_one_look_to_the_next(connect):
    handle = connect(backend="qpu.forte-1").submit(client.tapes(2, shots=50))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: np.array(handle.result(10)).tolist(), range(8)))
    assert all(one == found[0] for one in found)


def test_a_result_that_takes_too_long_names_the_jobs_and_comes_later(connect, server):
    server.fates = [STUCK]
    circuits = client.tapes(2)
    handle = connect().submit(circuits)
    with pytest.raises(errors.BatchTimeoutError, match=handle.job_ids[0]) as caught:
        handle.result(timeout=0.01)
    assert caught.value.job_ids == handle.job_ids
    server.heal()
    check(handle.result(10), circuits)


def test_a_handle_can_be_awaited(connect):
    circuits = client.tapes(3)
    device = connect()

    async def main():
        first, second = device.submit(circuits), device.submit(circuits[:1])
        return await asyncio.gather(first_of(first), first_of(second))

    async def first_of(handle):
        return await handle

    both, one = asyncio.run(asyncio.wait_for(main(), 10))
    check(both, circuits)
    check(one, circuits[:1])


def test_who_stops_to_await_has_not_canceled_the_jobs(connect, server):
    server.fates = [STUCK]
    circuits = client.tapes(2)
    handle = connect().submit(circuits)

    async def main():
        await asyncio.wait_for(handle, 0.02)

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert server.count("cancel") == 0
    assert not handle.done()
    server.heal()
    check(handle.result(10), circuits)


def test_an_awaited_error_is_the_jobs(connect, server):
    server.fates = [Fate("failed")]

    async def main():
        await connect().submit(client.tapes(1))

    with pytest.raises(errors.JobFailedError, match="something broke"):
        asyncio.run(asyncio.wait_for(main(), 10))


def test_cancel_reaches_the_service_and_gives_the_circuits_free(connect, server):
    server.fates = [STUCK]
    device = connect()
    handle = device.submit(client.tapes(2))
    handle.cancel()
    (job,) = server.jobs.values()
    assert job.fate.status == "canceled"
    assert device.journal.by_job(job.job_id).state == CANCELED
    for _ in range(2):
        with pytest.raises(errors.JobCanceledError, match=job.job_id):
            handle.result(10)
    check(client.run(connect(), client.tapes(2)), client.tapes(2))
    assert len(server.jobs) == 2


def test_cancel_after_the_end_changes_nothing(connect, server):
    circuits = client.tapes(2)
    handle = connect().submit(circuits)
    until(handle.done)
    handle.cancel()
    check(handle.result(10), circuits)
    assert server.count("cancel") == 0


def test_a_job_that_finished_before_it_was_canceled_is_not_paid_again(connect, server, monkeypatch):
    monkeypatch.setattr(PollSchedule.__init__, "__defaults__", (9.0, 9.0, 1.3, 30.0, False))
    handle = connect().submit(client.tapes(2))
    handle.cancel()
    assert not handle.status().done
    assert server.paid().total() == 2  # it was faster
    monkeypatch.setattr(PollSchedule.__init__, "__defaults__", (0.004, 0.004, 1.3, 30.0, False))
    check(client.run(connect(), client.tapes(2)), client.tapes(2))
    assert len(server.jobs) == 1


@pytest.mark.parametrize("on_error", ["raise", "partial"])
def test_a_refused_submission(connect, server, on_error):
    server.inject("submit", "answer", reply=refusal(400, "Bad Request", "no such thing"), times=9)
    device = connect(on_error=on_error)
    if on_error == "raise":
        with pytest.raises(errors.ServiceError, match="no such thing"):
            device.submit(client.tapes(2))
    else:
        found = device.submit(client.tapes(2)).result(10)
        assert [type(one) for one in found] == [errors.ServiceError] * 2


@pytest.mark.parametrize("repetition", range(5))
def test_a_refused_budget_is_raised_by_submit_itself(connect, server, repetition):
    device = connect(backend="qpu.forte-1", budget=0.5)
    with pytest.raises(errors.BudgetExceededError):
        device.submit(client.tapes(2, shots=10))
    assert server.jobs == {}


def test_a_state_cannot_be_submitted(connect, server):
    device = qml.device("qstore.ionq", wires=1)
    with pytest.raises(errors.UnsupportedMeasurementError, match="state"):
        device.submit(qml.tape.QuantumScript([qml.H(0)], [qml.state()]))


def test_submit_on_the_embedded_emulator():
    circuits = client.tapes(3)
    check(qml.device("qstore.ionq", wires=2).submit(circuits).result(10), circuits)


# Retrieving


def submit_elsewhere(server, directory, n, *, backend="simulator", shots=None, per_job=50):
    """Submit in a process that ends at once, and return the job ids."""
    program = (
        "import json\n"
        "from tests.faults import client\n"
        f"device = client.connect({server.url!r}, {str(directory)!r}, backend={backend!r},"
        f" max_circuits_per_job={per_job})\n"
        f"print(json.dumps(device.submit(client.tapes({n}, {shots})).job_ids), flush=True)\n"
        "import os; os._exit(0)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 0, found.stderr[-2000:]
    return json.loads(found.stdout)


@pytest.mark.parametrize("per_job", [50, pytest.param(2)])
def test_another_process_collects_exact_results(connect, server, tmp_path, per_job):
    circuits = client.tapes(4)
    job_ids = submit_elsewhere(server, tmp_path / "results", 4, per_job=per_job)
    assert set(job_ids) == set(server.jobs)
    found = connect().retrieve(job_ids)
    outcomes = [one for job in found for one in job]
    check([distribution(one) for one in outcomes], circuits)
    check(connect().retrieve(job_ids, circuits), circuits)
    assert set(server.paid().values()) == {1}


def test_another_process_collects_samples(connect, server, tmp_path):
    circuits = client.tapes(3, shots=4000)
    job_ids = submit_elsewhere(server, tmp_path / "results", 3, backend="qpu.forte-1", shots=4000)
    device = connect(backend="qpu.forte-1")
    found = np.array(device.retrieve(job_ids, circuits))
    assert np.abs(found - client.truth(circuits)).max() < 5 * 0.5 / np.sqrt(4000)
    (first, *_) = (one for job in device.retrieve(job_ids) for one in job)
    assert first.shots == 4000
    np.testing.assert_array_equal(distribution(first), found[0])
    assert Counter(server.paid().values()) == {1: 3}
    assert np.array_equal(client.run(connect(backend="qpu.forte-1"), circuits), found)
    assert Counter(server.paid().values()) == {1: 3}


def swapped(angle):
    """A circuit whose qubits a compiler likes to rename, with a Clifford tail."""
    gates = [
        qml.RX(angle, 0),
        qml.RY(2 * angle, 1),
        qml.CNOT([0, 1]),
        qml.RY(0.3, 2),
        qml.IsingXX(0.8, [1, 2]),
        qml.SWAP([0, 2]),
        qml.CNOT([2, 1]),
        qml.PauliX(0),
        qml.CNOT([1, 0]),
    ]
    return qml.tape.QuantumScript(gates, [qml.probs(wires=range(3))])


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("absorb_tail", [False, True])
def test_outcomes_are_those_of_the_source(connect, server, tmp_path, level, absorb_tail):
    if absorb_tail and level == 0:
        pytest.skip("level 0 absorbs nothing")
    circuits = [swapped(0.5), swapped(1.1)]
    device = qml.device(
        "qstore.ionq",
        wires=3,
        backend="simulator",
        base_url=server.url,
        api_key="secret-key-123",
        cache=str(tmp_path / "c"),
        optimization_level=level,
        absorb_tail=absorb_tail,
    )
    job_ids = device.submit(circuits).job_ids
    found = [one for job in device.retrieve(job_ids) for one in job]
    check([distribution(one) for one in found], circuits)


def test_retrieving_twice_asks_the_service_once(connect, server):
    handle = connect().submit(client.tapes(2))
    first = connect().retrieve(handle.job_ids)
    n_requests = len(server.requests)
    again = connect().retrieve(handle.job_ids[0])
    assert len(server.requests) == n_requests
    assert np.array_equal(distribution(first[0][1]), distribution(again[0][1]))


@pytest.mark.parametrize("job_ids", [["no-such-job"], "no-such-job"])
def test_an_unknown_job_is_named(connect, server, job_ids):
    with pytest.raises(errors.JournalError, match="no-such-job"):
        connect().retrieve(job_ids)
    assert len(server.requests) == 0


def test_a_job_of_another_service_is_named(connect, tmp_path):
    handle = connect().submit(client.tapes(1))
    handle.result(10)
    other = FaultServer()
    try:
        with pytest.raises(errors.JournalError, match=other.url):
            client.connect(other.url, tmp_path / "results").retrieve(handle.job_ids)
    finally:
        other.close()


def test_a_device_without_a_journal_retrieves_nothing(connect):
    with pytest.raises(errors.JournalError):
        connect(journal=False).retrieve("job")
    with pytest.raises(errors.JournalError):
        qml.device("qstore.ionq", wires=1).retrieve("job")


def test_tapes_cannot_be_retrieved_without_a_cache(server, tmp_path):
    device = client.connect(server.url, tmp_path / "r")
    handle = device.submit(client.tapes(1))
    bare = qml.device(
        "qstore.ionq", wires=2, backend="simulator", base_url=server.url, api_key="k", cache=False
    )
    with pytest.raises(errors.InvalidOptionError, match="cache"):
        bare.retrieve(handle.job_ids, client.tapes(1))


def test_a_failed_job_is_retrieved_as_its_error(connect, server):
    server.fates = [Fate("failed", "BadCalibration")]
    handle = connect().submit(client.tapes(1))
    with pytest.raises(errors.JobFailedError, match="BadCalibration"):
        connect().retrieve(handle.job_ids)
    with pytest.raises(errors.JobFailedError, match="BadCalibration"):
        handle.result(10)


def test_retrieve_keeps_to_the_time_limit(connect, server):
    server.fates = [STUCK]
    handle = connect().submit(client.tapes(1))
    with pytest.raises(errors.BatchTimeoutError, match=handle.job_ids[0]):
        connect(timeout=0.02).retrieve(handle.job_ids)


# One error among several


@pytest.fixture
def partial(connect):
    return connect(on_error="partial", batch_mode="concurrent", max_in_flight=1)


@pytest.mark.parametrize("how", ["execute", "submit"])
def test_one_of_five_fails_and_four_are_there(partial, server, how):
    server.fates = [Fate(), Fate(), Fate("failed"), Fate(), Fate()]
    circuits = client.tapes(5)
    found = partial.execute(circuits) if how == "execute" else partial.submit(circuits).result(10)
    (place,) = [i for i, one in enumerate(found) if isinstance(one, Exception)]
    assert isinstance(found[place], errors.JobFailedError)
    rest = [i for i in range(5) if i != place]
    check([found[i] for i in rest], [circuits[i] for i in rest])


@pytest.mark.parametrize("how", ["execute", "submit"])
def test_a_part_of_a_broadcast_tape_fails_the_tape(partial, server, how):
    server.fates = [Fate(), Fate("failed")]
    wide = qml.tape.QuantumScript(
        [qml.RX(np.array([0.1, 0.2, 0.3]), 0)], [qml.probs(wires=[0]), qml.expval(qml.Z(0))]
    )
    plain = client.tape(0.4)
    batch = [plain, wide, client.tape(0.5)]
    found = partial.execute(batch) if how == "execute" else partial.submit(batch).result(10)
    failed = [isinstance(one, Exception) for one in found]
    assert sum(failed) == 1
    assert failed == [False, True, False]
    check([found[0], found[2]], [batch[0], batch[2]])
    server.heal()
    again = partial.execute(batch)
    assert again[1][0].shape == (3, 2)
    np.testing.assert_allclose(again[1][1], np.cos([0.1, 0.2, 0.3]), atol=1e-9)


def test_a_tracker_survives_an_error_in_place(partial, server):
    server.fates = [Fate("failed")]
    with qml.Tracker(partial) as tracker:
        partial.execute(client.tapes(2))
    assert tracker.totals["executions"] == 2


def test_an_error_is_raised_by_default_and_the_others_are_kept(connect, server):
    server.fates = [Fate(), Fate("failed")]
    circuits = client.tapes(4)
    with pytest.raises(errors.JobFailedError):
        connect(max_circuits_per_job=2).execute(circuits)
    check(client.run(connect(max_circuits_per_job=2), circuits), circuits)
    assert set(server.paid().values()) == {1}
    assert len(server.jobs) <= 3


# Interrupts


def test_an_interrupt_keeps_jobs(connect, server):
    server.fates = [STUCK]
    device, circuits = connect(), client.tapes(3)
    assert client.give_up(server, device, circuits) in server.jobs
    (job,) = server.jobs.values()
    assert server.count("cancel") == 0
    assert device.journal.by_job(job.job_id).state == SENT
    server.heal()
    check(connect().execute(circuits), circuits)
    assert len(server.jobs) == 1


def test_an_interrupt_cancels_jobs_if_asked_to(connect, server):
    server.fates = [STUCK]
    device, circuits = connect(on_interrupt="cancel"), client.tapes(3)
    assert client.give_up(server, device, circuits) in server.jobs
    (job,) = server.jobs.values()
    assert job.fate.status == "canceled"
    assert device.journal.by_job(job.job_id).state == CANCELED
    check(device.execute(circuits), circuits)
    assert len(server.jobs) == 2


# Limits of time


def test_a_time_limit_names_the_jobs_and_leaves_them(connect, server):
    server.fates = [STUCK]
    circuits = client.tapes(2)
    with pytest.raises(errors.BatchTimeoutError, match="not canceled") as caught:
        connect(timeout=1).execute(circuits)
    assert caught.value.job_ids == tuple(server.jobs)
    server.heal()
    check(connect().execute(circuits), circuits)
    assert len(server.jobs) == 1


def test_a_time_limit_while_the_journal_is_written_holds_no_circuit_back(connect, server):
    first, circuits = connect(timeout=0.01), client.tapes(1)
    claim = first.journal.claim

    def slowly(submissions):
        written = claim(submissions)
        time.sleep(0.03)
        return written

    first.journal.claim = slowly
    with pytest.raises(errors.BatchTimeoutError):
        first.execute(circuits)
    until(lambda: all(one.state != CLAIMED for one in first.journal.submissions()))
    check(connect().execute(circuits), circuits)
    assert len(server.jobs) == 1


@pytest.mark.parametrize("how", ["execute", "submit"])
def test_a_long_queue_is_left(connect, server, how):
    server.job_s, server.slots = 60, 1
    device = connect(max_queue_wait=0.01)
    first = connect(max_queue_wait=None).submit(client.tapes(1, start=2.0))
    run = {"execute": device.execute, "submit": lambda tapes: device.submit(tapes).result(10)}[how]
    with pytest.raises(errors.QueueTimeoutError, match="in the queue for more than 0.01 s") as late:
        run(client.tapes(1))
    assert late.value.job_ids == (list(server.jobs)[1],)
    assert server.count("cancel") == 0
    first.cancel()


# Packing


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"batch_mode": "multicircuit"}, [7]),
        ({"batch_mode": "concurrent"}, [1] * 7),
        ({"batch_mode": "multicircuit", "max_circuits_per_job": 3}, [3, 3, 1]),
    ],
)
def test_packing_is_what_was_asked_for(connect, server, options, sizes):
    circuits = client.tapes(7)
    device = connect(**options)
    check(device.execute(circuits), circuits)
    assert sorted((len(job.circuits) for job in server.jobs.values()), reverse=True) == sizes
    assert device.controller.last_choice.n_jobs == len(sizes)


def test_connections_are_no_more_than_allowed(connect, server):
    circuits = client.tapes(12)
    check(connect(batch_mode="concurrent", max_in_flight=2).execute(circuits), circuits)
    assert len({request.connection for request in server.requests}) <= 2


def test_threads_share_jobs_and_nothing_is_sent_twice(connect, server):
    device, circuits = connect(), client.tapes(4)
    server.wire.latency_s = 0.005
    barrier = threading.Barrier(12)

    def one(i):
        barrier.wait()
        return i % 4, device.execute([circuits[i % 4]])

    with ThreadPoolExecutor(12) as pool:
        for place, found in pool.map(one, range(12)):
            check(found, [circuits[place]])
    assert set(server.paid().values()) == {1}
    assert len(server.jobs) <= 4


# Journal


def test_the_journal_lies_where_it_was_asked_for(server, tmp_path, connect):
    assert Path(connect().journal.directory) == tmp_path / "results"
    assert connect(journal=tmp_path / "j").journal.directory == tmp_path / "j"
    assert connect(journal=str(tmp_path / "k")).journal.directory == tmp_path / "k"
    assert connect(journal=False).journal is None
    assert qml.device("qstore.ionq", wires=1).journal is None


def test_no_journal_still_runs(connect, server, tmp_path):
    circuits = client.tapes(2)
    check(connect(journal=False).submit(circuits).result(10), circuits)
    assert not (tmp_path / "results" / "journal.db").exists()


# Options

BAD = [
    ("batch_mode", "fast"),
    ("batch_mode", None),
    ("max_in_flight", 0),
    ("max_in_flight", 1.5),
    ("max_in_flight", True),
    ("max_circuits_per_job", 0),
    ("max_circuits_per_job", "3"),
    ("max_queue_wait", 0),
    ("max_queue_wait", "1"),
    ("max_queue_wait", float("nan")),
    ("timeout", "soon"),
    ("timeout", True),
    ("on_error", "ignore"),
    ("on_interrupt", "maybe"),
    ("journal", 3),
    ("journal", None),
    ("journal", "redis://host"),
    ("cache", None),
    ("cache_limits", 5),
    ("cache_limits", {"max_size": 3}),
    ("budget", -1),
    ("budget", "ten"),
    ("budget", float("inf")),
    ("rates", 3),
    ("rates", {"1q": 1.0}),
    ("rates", {"1q": -1.0, "2q": 1.0}),
    ("rates", {"1q": 1.0, "2q": 1.0, "typo": 2}),
    ("dry_run", "yes"),
    ("log", 3),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_an_option_that_cannot_work_is_refused(name, value):
    with pytest.raises(errors.InvalidOptionError, match=name):
        qml.device("qstore.ionq", wires=1, **{name: value})


def test_the_key_is_in_nothing_that_is_shown(connect, server):
    device = connect()
    handle = device.submit(client.tapes(1))
    handle.result(10)
    shown = [repr(handle), str(handle.status()), repr(device), repr(device.journal)]
    shown += [repr(device.ledger), str(device.report()), repr(device.report())]
    assert [text for text in shown if server.key in text] == []
