"""The runner over HTTP messages against the embedded emulator, in one process and without sockets.

Expected outcomes are worked out by hand: GPI flips a qubit, GPI2 halves it, MS and ZZ are known.
"""

import math
from functools import partial

import anyio
import numpy as np
import pytest

from pennylane_qstore.emulator import EmulatorOptions, JobFault, RequestFault, create_app
from pennylane_qstore.errors import (
    AuthenticationError,
    BatchTimeoutError,
    JobCanceledError,
    JobFailedError,
    ServiceError,
)
from pennylane_qstore.execution import (
    HttpService,
    PollSchedule,
    Request,
    ResultCache,
    Runner,
    Settings,
)
from pennylane_qstore.native import Circuit, Gate
from tests.execution.fakes import flips

EXACT = Settings("simulator", exact=True)
NOISY = Settings("simulator", noise_model="forte-1", noise_seed=5, exact=False)


async def nap(seconds):
    await anyio.lowlevel.checkpoint()


def emulated(key="local", **options):
    app = create_app(EmulatorOptions(**{"seed": 1, **options}))
    return HttpService("http://emulator/v0.4", key, app=app, sleep=nap)


def run(service, requests, settings=EXACT, cache=None, **options):
    runner = Runner(service, cache=cache, poll=PollSchedule(maximum_s=0.01))
    return anyio.run(partial(runner.run, requests, settings, **options))


def n_jobs(service):
    return len([job for job in anyio.run(service.list_jobs) if not job.job_id.startswith("child")])


def as_dict(outcomes):
    keys = [format(state, f"0{outcomes.n_qubits}b") for state in outcomes.states.tolist()]
    return dict(zip(keys, outcomes.weights.tolist(), strict=True))


def test_backends_are_listed():
    names = {backend.name: backend for backend in anyio.run(emulated().backends)}
    assert names["simulator"].n_qubits == 29
    assert "zz" in names["qpu.forte-1"].native_gates


@pytest.mark.parametrize("shape", ["both", "url", "artifact"])
@pytest.mark.parametrize("qubit", [0, 1, 2])
def test_a_flipped_qubit_is_seen_on_that_qubit(shape, qubit):
    result = run(emulated(results_shape=shape), [Request(flips(3, qubit))])
    expected = "".join("1" if k == qubit else "0" for k in range(3))
    assert as_dict(result.outcomes[0]) == pytest.approx({expected: 1.0})


@pytest.mark.parametrize("shape", ["both", "url", "artifact"])
def test_a_shuffled_aggregate_comes_back_in_order(shape):
    service = emulated(results_shape=shape, shuffle_results=True)
    circuits = [
        flips(5, *(k for k in range(5) if number >> k & 1), tag=0.3) for number in range(1, 32)
    ]
    result = run(service, [Request(circuit) for circuit in circuits])
    found = [outcomes.states.tolist() for outcomes in result.outcomes]
    assert found == [[int(format(number, "05b")[::-1], 2)] for number in range(1, 32)]
    assert len(result.jobs) == 1


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        ([Gate("gpi2", (1,), (0.1,))], {"00": 0.5, "01": 0.5}),
        ([Gate("ms", (0, 1), (0.0, 0.3, 0.25))], {"00": 0.5, "11": 0.5}),
        (
            [Gate("ms", (0, 1), (0.0, 0.0, 0.1))],
            {"00": math.cos(0.1 * math.pi) ** 2, "11": math.sin(0.1 * math.pi) ** 2},
        ),
        ([Gate("gpi", (0,), (0.2,)), Gate("zz", (0, 1), (0.2,))], {"10": 1.0}),
    ],
)
def test_native_gates_do_on_the_wire_what_they_mean(gates, expected):
    result = run(emulated(), [Request(Circuit(2, tuple(gates)))])
    assert as_dict(result.outcomes[0]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        ([Gate("x", (1,)), Gate("cnot", (1, 2))], {"011": 1.0}),
        ([Gate("h", (0,)), Gate("cnot", (0, 2))], {"000": 0.5, "101": 0.5}),
        (
            [Gate("ry", (2,), (0.8,))],
            {"000": math.cos(0.4) ** 2, "001": math.sin(0.4) ** 2},
        ),
        ([Gate("x", (0,)), Gate("swap", (0, 1))], {"010": 1.0}),
    ],
)
def test_qis_gates_do_on_the_wire_what_they_mean(gates, expected):
    result = run(emulated(), [Request(Circuit(3, tuple(gates), "qis"))])
    assert as_dict(result.outcomes[0]) == pytest.approx(expected, abs=1e-9)


def test_counts_of_a_noisy_job_are_whole_and_add_up():
    circuits = [flips(3, k, tag=0.1) for k in range(3)]
    requests = [Request(circuit, shots) for circuit in circuits for shots in (137, 1000)]
    result = run(emulated(), requests, NOISY)
    for request, outcomes in zip(requests, result.outcomes, strict=True):
        assert outcomes.shots == outcomes.weights.sum() == request.shots
        assert np.array_equal(outcomes.weights, np.rint(outcomes.weights))
    assert [outcomes.states[outcomes.weights.argmax()] for outcomes in result.outcomes] == [
        0b100,
        0b100,
        0b010,
        0b010,
        0b001,
        0b001,
    ]


def test_a_seed_repeats_a_sample_and_replicates_differ():
    request = Request(Circuit(2, (Gate("gpi2", (0,), (0.0,)), Gate("gpi2", (1,), (0.2,)))), 1000)
    first, second = (run(emulated(), [request] * 3, NOISY) for _ in range(2))
    counts = [as_dict(outcomes) for outcomes in first.outcomes]
    assert counts == [as_dict(outcomes) for outcomes in second.outcomes]
    assert counts[0] != counts[1] != counts[2] != counts[0]


def test_a_cached_batch_needs_no_job(tmp_path):
    service, requests = emulated(), [Request(flips(2, 0)), Request(flips(2, 1))]
    run(service, requests, cache=ResultCache(tmp_path))
    result = run(service, requests, cache=ResultCache(tmp_path))
    assert (result.n_cached, result.jobs) == (2, ())
    assert [as_dict(outcomes) for outcomes in result.outcomes] == [{"10": 1.0}, {"01": 1.0}]


def test_a_failed_job_brings_its_code_and_message():
    fault = JobFault(code="TooManyShots", message="that is a lot")
    with pytest.raises(JobFailedError, match="TooManyShots: that is a lot") as caught:
        run(emulated(faults=(fault,)), [Request(flips(1, 0))])
    assert caught.value.code == "TooManyShots"


def test_a_canceled_job_ends_the_waiting():
    with pytest.raises(JobCanceledError):
        run(emulated(faults=(JobFault(status="canceled"),)), [Request(flips(1, 0))])


@pytest.mark.parametrize("status", ["started", "pondering"])
def test_a_job_that_never_ends_is_left_at_the_time_out(status):
    service = emulated(faults=(JobFault(status=status),))
    with pytest.raises(BatchTimeoutError) as caught:
        run(service, [Request(flips(1, 0))], timeout_s=0.05)
    (job_id,) = caught.value.job_ids
    assert anyio.run(service.get_job, job_id).status == status


@pytest.mark.parametrize("shape", ["url", "artifact"])
def test_a_job_with_a_failed_child_is_not_taken_for_complete(shape):
    service = emulated(faults=(JobFault(child=1),), results_shape=shape)
    with pytest.raises((JobFailedError, ServiceError)):
        run(service, [Request(flips(2, 0)), Request(flips(2, 1))])


@pytest.mark.parametrize("failure", [{"status": 502}, {"drop": True}])
@pytest.mark.parametrize("accepted", [True, False])
def test_a_submission_whose_answer_is_lost_makes_one_job(monkeypatch, failure, accepted):
    monkeypatch.setattr("pennylane_qstore.execution.job.SETTLE_S", (0, 0))
    service = emulated(faults=(RequestFault("POST", accepted=accepted, **failure),))
    result = run(service, [Request(flips(1, 0))])
    assert as_dict(result.outcomes[0]) == {"1": 1.0}
    assert n_jobs(service) == 1


def test_reads_survive_passing_failures():
    faults = (
        RequestFault("GET", "/jobs/[^/]+", status=429, headers=(("retry-after", "1"),)),
        RequestFault("GET", ".*/results/.*", status=503, times=2),
    )
    result = run(emulated(faults=faults), [Request(flips(2, 0))])
    assert as_dict(result.outcomes[0]) == {"10": 1.0}


def test_a_wrong_key_is_named_as_the_reason():
    service = emulated("wrong", api_keys=frozenset({"right"}))
    with pytest.raises(AuthenticationError):
        run(service, [Request(flips(1, 0))])


def test_the_fingerprint_and_the_users_metadata_are_stored_with_the_job():
    service = emulated()
    run(service, [Request(flips(1, 0))], Settings("simulator", metadata=(("a", "b"),), exact=True))
    (job,) = anyio.run(service.list_jobs)
    assert job.metadata["a"] == "b"
    assert len(job.metadata["qstore_fingerprint"]) == 64 + 1 + 16
