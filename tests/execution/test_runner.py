import threading
from functools import partial
from itertools import islice

import anyio
import anyio.lowlevel
import pytest

from pennylane_qstore.errors import (
    AnalyticModeError,
    AuthenticationError,
    BatchTimeoutError,
    InvalidCircuitError,
    InvalidOptionError,
    InvalidShotsError,
    JobCanceledError,
    JobFailedError,
    MalformedResultError,
    ServiceError,
    UnconfirmedSubmissionError,
)
from pennylane_qstore.execution import (
    Controller,
    PollSchedule,
    Progress,
    Request,
    ResultCache,
    Runner,
    Settings,
    run_blocking,
)
from pennylane_qstore.execution.job import MAX_SENDS, SETTLE_S
from pennylane_qstore.native import Circuit, Gate
from tests.execution.fakes import FakeClock, FakeService, flips

EXACT = Settings("simulator", exact=True)
SAMPLED = Settings("qpu.forte-1", exact=False)
SEEDED = Settings("simulator", noise_model="forte-1", noise_seed=7, exact=False)


def run(runner, requests, settings=EXACT, **options):
    return anyio.run(partial(runner.run, requests, settings, **options))


def runner_on(service, **options):
    return Runner(service, clock=FakeClock(), **options)


def states(result):
    return [outcomes.states.tolist() for outcomes in result.outcomes]


def one_each():
    return Controller(mode="concurrent")


@pytest.fixture
def cache(tmp_path):
    return ResultCache(tmp_path)


def test_outcomes_are_in_the_order_of_the_requests_although_the_aggregate_is_not():
    requests = [Request(flips(3, k % 3, tag=k / 100)) for k in range(12)]
    result = run(runner_on(FakeService()), requests)
    assert states(result) == [[0b100], [0b010], [0b001]] * 4
    assert all(outcomes.shots is None for outcomes in result.outcomes)


def test_a_whole_exact_batch_is_one_job_whatever_its_shots():
    service = FakeService()
    requests = [Request(flips(2, 0), None), Request(flips(2, 1), 10), Request(flips(2), 999)]
    result = run(runner_on(service), requests)
    assert len(service.bodies) == 1
    assert "shots" not in service.bodies[0]
    assert [outcomes.shots for outcomes in result.outcomes] == [None] * 3


def test_sampled_requests_are_one_job_per_number_of_shots():
    service = FakeService()
    shots = [10, 5000, 10, 1, 5000]
    requests = [Request(flips(2, k % 2, tag=k / 100), n) for k, n in enumerate(shots)]
    result = run(runner_on(service), requests, SAMPLED)
    assert sorted(body["shots"] for body in service.bodies) == [1, 10, 5000]
    assert [outcomes.shots for outcomes in result.outcomes] == shots
    assert [outcomes.weights.sum() for outcomes in result.outcomes] == shots
    assert states(result) == [[0b10], [0b01], [0b10], [0b01], [0b10]]


def test_equal_circuits_of_an_exact_batch_are_sent_once():
    service = FakeService()
    result = run(runner_on(service), [Request(flips(2, 0))] * 3 + [Request(flips(2, 1))])
    assert len(service.circuits(0)) == 2
    assert states(result) == [[0b10]] * 3 + [[0b01]]


def test_equal_sampled_requests_of_one_batch_get_a_sample_each():
    service = FakeService()
    run(runner_on(service), [Request(flips(2, 0), 10)] * 3, SAMPLED)
    assert len(service.circuits(0)) == 3


def test_an_empty_batch_needs_no_service():
    service = FakeService()
    result = run(runner_on(service), [])
    assert (result.outcomes, result.jobs, service.bodies) == ((), (), [])


def test_circuits_of_different_widths_and_gate_sets_share_a_job():
    service = FakeService()
    result = run(runner_on(service), [Request(flips(1, 0)), Request(flips(4, 0))])
    assert states(result) == [[1], [0b1000]]
    assert len(service.bodies) == 1


def test_job_records_say_what_became_of_each_job():
    result = run(runner_on(FakeService()), [Request(flips(2, 0), 10)], SAMPLED)
    (job,) = result.jobs
    assert (job.job_id, job.n_circuits, job.shots, job.status) == ("job-0", 1, 10, "completed")


def test_questions_follow_the_schedule():
    service = FakeService(["submitted", "ready", "started", "holding", "completed"])
    clock = FakeClock()
    poll = PollSchedule(first_s=1, factor=2, maximum_s=3, eager=True)
    result = run(Runner(service, clock=clock, poll=poll), [Request(flips(1, 0))])
    assert clock.sleeps == list(islice(poll.delays(), 5))
    assert service.polls["job-0"] == result.jobs[0].polls == 5
    assert result.seconds == result.jobs[0].seconds == sum(clock.sleeps) > 5


def test_a_failed_job_is_raised_with_its_code_and_message():
    service = FakeService()
    service.ends[0] = {
        "status": "failed",
        "failure_code": "UnsupportedGate",
        "failure_message": "gate foo is bad",
    }
    with pytest.raises(JobFailedError, match="job-0 failed: UnsupportedGate: gate foo") as caught:
        run(runner_on(service), [Request(flips(1, 0))])
    assert (caught.value.job_id, caught.value.code) == ("job-0", "UnsupportedGate")


def test_a_canceled_job_is_raised_instead_of_waited_for():
    service = FakeService()
    service.ends[0] = {"status": "canceled"}
    with pytest.raises(JobCanceledError, match="job-0"):
        run(runner_on(service), [Request(flips(1, 0))])


def test_a_batch_that_takes_too_long_names_the_jobs_it_leaves_and_cancels_none():
    service = FakeService()
    service.never = {0, 2}
    runner = runner_on(service, controller=one_each())
    requests = [Request(flips(2, 0, tag=k / 10)) for k in range(3)]
    with pytest.raises(BatchTimeoutError, match=r"fake/v0\.4.*not canceled") as caught:
        run(runner, requests, timeout_s=60)
    assert caught.value.job_ids == ("job-0", "job-2")
    assert service.canceled == []


def test_a_time_out_does_not_lose_the_id_of_a_job_that_is_being_submitted():
    service, clock = FakeService(), FakeClock()

    def time_passes():
        clock.time = 100
        for _, scope in clock._limits:
            scope.cancel()

    service.on_create = time_passes
    with pytest.raises(BatchTimeoutError) as caught:
        run(Runner(service, clock=clock), [Request(flips(1, 0))], timeout_s=60)
    assert caught.value.job_ids == ("job-0",)


def test_the_results_of_other_jobs_are_kept_when_one_fails(cache):
    service = FakeService(["ready", "ready", "completed"])
    service.ends[1] = {"status": "failed", "failure_message": "bad"}
    requests = [Request(flips(2, 0, tag=k / 10)) for k in range(3)]
    runner = runner_on(service, cache=cache, controller=one_each())
    with pytest.raises(JobFailedError, match="job-1"):
        run(runner, requests)
    again = FakeService()
    result = run(runner_on(again, cache=cache), requests)
    assert result.n_cached == 2
    assert len(again.circuits(0)) == 1


def test_paid_samples_of_a_failed_batch_are_served_when_it_is_repeated(cache):
    service = FakeService(["ready", "completed"])
    service.ends[1] = {"status": "failed"}
    requests = [Request(flips(2, 0, tag=k / 10), 10) for k in range(2)]
    runner = runner_on(service, cache=cache, controller=one_each())
    with pytest.raises(JobFailedError):
        run(runner, requests, SAMPLED)
    assert run(runner, requests, SAMPLED).n_cached == 1


def test_a_batch_that_is_refused_before_it_is_sent_uses_up_no_replicates():
    service = FakeService()
    runner = runner_on(service)
    good = Request(flips(1, 0), 10)
    with pytest.raises(InvalidCircuitError):
        run(runner, [good, Request(Circuit(1, (Gate("nop", (0,)),)), 10)], SEEDED)
    run(runner, [good], SEEDED)
    assert [body["noise"]["seed"] for body in service.bodies] == [7]


def test_the_first_error_in_the_order_of_the_jobs_is_raised():
    service = FakeService()
    service.ends = {2: {"status": "canceled"}, 1: {"status": "failed"}}
    requests = [Request(flips(2, 0, tag=k / 10)) for k in range(3)]
    with pytest.raises(JobFailedError, match="job-1"):
        run(runner_on(service, controller=one_each()), requests)


def test_nothing_more_is_submitted_once_the_batch_cannot_succeed():
    service = FakeService()
    service.failing[0] = AuthenticationError("no", status_code=401)
    requests = [Request(flips(2, 0, tag=k / 100)) for k in range(20)]
    runner = runner_on(service, max_in_flight=1, controller=one_each())
    with pytest.raises(AuthenticationError):
        run(runner, requests)
    assert len(service.bodies) == 1


def test_a_submission_whose_answer_is_lost_is_found_again():
    service = FakeService()
    service.failing[0] = UnconfirmedSubmissionError("lost")
    service.arrived = {0}
    result = run(runner_on(service), [Request(flips(2, 0))])
    assert states(result) == [[0b10]]
    assert (len(service.bodies), result.jobs[0].job_id) == (1, "job-0")


def test_a_job_that_is_listed_late_is_found_all_the_same():
    service = FakeService()
    service.failing[0] = UnconfirmedSubmissionError("lost")
    service.arrived, service.unlisted = {0}, 2
    run(runner_on(service), [Request(flips(2, 0))])
    assert len(service.bodies) == 1


def test_a_submission_that_did_not_arrive_is_sent_again_after_it_was_looked_for():
    service = FakeService()
    service.failing[0] = UnconfirmedSubmissionError("lost")
    result = run(runner_on(service), [Request(flips(2, 0))])
    assert states(result) == [[0b10]]
    assert (len(service.bodies), result.jobs[0].job_id) == (2, "job-1")
    assert service.n_listed == len(SETTLE_S)


def test_a_submission_that_cannot_be_looked_for_is_not_repeated():
    service = FakeService()
    service.failing[0] = UnconfirmedSubmissionError("lost")
    service.list_error = ServiceError("down", status_code=503)
    with pytest.raises(UnconfirmedSubmissionError, match="lost.*down.*journal"):
        run(runner_on(service), [Request(flips(1, 0))])
    assert len(service.bodies) == 1


def test_a_service_that_keeps_failing_is_not_tried_for_ever():
    service = FakeService()
    service.failing = dict.fromkeys(range(9), UnconfirmedSubmissionError("lost"))
    with pytest.raises(UnconfirmedSubmissionError, match="lost"):
        run(runner_on(service), [Request(flips(1, 0))])
    assert len(service.bodies) == MAX_SENDS


def test_an_error_after_the_submission_names_the_job_that_is_left():
    service = FakeService()
    service.ends[0] = {"status": "completed", "results": {}}
    with pytest.raises(MalformedResultError, match="job-0") as caught:
        run(runner_on(service), [Request(flips(1, 0))])
    assert "job-0" in caught.value.__notes__[0]


def test_an_exact_distribution_is_cached_once_and_reused(cache):
    service = FakeService()
    runner = runner_on(service, cache=cache)
    first = run(runner, [Request(flips(2, 0), 10)])
    second = run(runner, [Request(flips(2, 0), 99), Request(flips(2, 0))])
    assert len(service.bodies) == 1
    assert (first.n_cached, second.n_cached) == (0, 2)
    assert states(second) == [[0b10]] * 2


def test_within_one_runner_no_sample_is_served_twice(cache):
    service = FakeService()
    runner = runner_on(service, cache=cache)
    for _ in range(3):
        result = run(runner, [Request(flips(2, 0), 10)] * 2, SAMPLED)
        assert result.n_cached == 0
    assert sum(len(service.circuits(k)) for k in range(3)) == 6


def test_a_new_run_of_the_same_script_replays_its_samples_for_free(cache):
    def script(service):
        runner = runner_on(service, cache=cache)
        return [run(runner, [Request(flips(2, 0), 10)] * 2, SAMPLED) for _ in range(3)]

    script(FakeService())
    again = FakeService()
    assert [result.n_cached for result in script(again)] == [2, 2, 2]
    assert again.bodies == []


def test_other_shots_are_another_sample(cache):
    service = FakeService()
    run(runner_on(service, cache=cache), [Request(flips(2, 0), 10)], SAMPLED)
    result = run(runner_on(service, cache=cache), [Request(flips(2, 0), 11)], SAMPLED)
    assert result.n_cached == 0


def test_only_the_misses_of_a_batch_are_sent(cache):
    service = FakeService()
    runner = runner_on(service, cache=cache)
    run(runner, [Request(flips(3, 1))])
    result = run(runner, [Request(flips(3, k)) for k in range(3)])
    assert result.n_cached == 1
    assert states(result) == [[0b100], [0b010], [0b001]]
    assert len(service.circuits(1)) == 2


def test_the_seed_of_a_job_is_the_given_one_first_and_another_for_each_replicate():
    def seeds():
        service = FakeService()
        runner = runner_on(service)
        run(runner, [Request(flips(2, 0), 10)] * 2, SEEDED)
        run(runner, [Request(flips(2, 0), 10), Request(flips(2, 1), 10)], SEEDED)
        return [body["noise"]["seed"] for body in service.bodies]

    found = seeds()
    assert found[0] == 7
    assert found.count(7) == 2
    assert len(set(found)) == 3
    assert found == seeds()


def test_without_a_seed_replicates_share_a_job():
    service = FakeService()
    settings = Settings("simulator", noise_model="forte-1", exact=False)
    run(runner_on(service), [Request(flips(2, 0), 10)] * 4, settings)
    assert len(service.bodies) == 1


def test_progress_is_reported_from_nothing_to_everything(cache):
    seen = []
    service = FakeService(["submitted", "ready", "completed"])
    requests = [Request(flips(2, 0)), Request(flips(2, 0)), Request(flips(2, 1))]
    run(runner_on(service, cache=cache), requests, on_progress=seen.append)
    assert seen[0] == Progress(0, 3, {})
    assert Progress(0, 3, {"unsent": 1}) in seen
    assert seen[-1] == Progress(3, 3, {"completed": 1})
    assert Progress(0, 3, {"ready": 1}) in seen
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)


def test_a_callback_that_fails_does_not_cost_the_results(cache):
    def fail(progress):
        if progress.jobs.get("submitted"):
            raise ZeroDivisionError

    requests = [Request(flips(2, 0))]
    with pytest.raises(ZeroDivisionError):
        run(runner_on(FakeService(), cache=cache), requests, on_progress=fail)
    assert run(runner_on(FakeService(), cache=cache), requests).n_cached == 1


@pytest.mark.parametrize(("shots", "error"), [(None, AnalyticModeError), (0, InvalidShotsError)])
def test_a_sampling_backend_needs_shots(shots, error):
    service = FakeService()
    with pytest.raises(error, match="request 1"):
        run(runner_on(service), [Request(flips(1, 0), 5), Request(flips(1, 0), shots)], SAMPLED)
    assert service.bodies == []


@pytest.mark.parametrize(
    "metadata",
    [
        tuple((str(k), "") for k in range(10)),
        (("n" * 41, "v"),),
        (("n", "v" * 401),),
        (("n", 3),),
        (("qstore_fingerprint", "x"),),
    ],
)
def test_metadata_that_the_service_would_refuse_is_refused_here(metadata):
    with pytest.raises(InvalidOptionError, match="metadata"):
        Settings("simulator", metadata=metadata, exact=True)


@pytest.mark.parametrize("seed", [0, -1, 2**31])
def test_a_seed_that_the_service_would_refuse_is_refused_here(seed):
    with pytest.raises(InvalidOptionError, match="noise_seed"):
        Settings("simulator", noise_seed=seed, exact=False)


def test_no_more_requests_are_open_at_once_than_allowed():
    class Counting(FakeService):
        now_open = most_open = 0

        async def create_job(self, body):
            self.now_open += 1
            self.most_open = max(self.most_open, self.now_open)
            await anyio.lowlevel.checkpoint()
            try:
                return await super().create_job(body)
            finally:
                self.now_open -= 1

    service = Counting()
    runner = runner_on(service, max_in_flight=3, controller=one_each())
    run(runner, [Request(flips(2, 0, tag=k / 100)) for k in range(20)])
    assert service.most_open == 3


def test_an_interrupted_batch_logs_the_jobs_it_leaves(caplog):
    service = FakeService()
    service.never = {0}

    async def interrupted():
        with anyio.CancelScope() as scope:
            service.on_create = scope.cancel
            await runner_on(service).run([Request(flips(1, 0))], EXACT)

    anyio.run(interrupted)
    assert "job-0" in caplog.text


def test_eight_threads_share_a_runner(cache):
    service = FakeService(["ready", "completed"])
    runner = Runner(service, cache=cache)
    wrong = []

    def work(thread):
        for turn in range(20):
            tag = (20 * thread + turn) / 1000
            requests = [Request(flips(3, k, tag=tag), 10) for k in (2, 0, 1)]
            result = run_blocking(runner.run, requests, SAMPLED)
            if states(result) != [[0b001], [0b100], [0b010]]:
                wrong.append(result)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sum(len(service.circuits(number)) for number in range(len(service.bodies))) == 480
    assert len(service.bodies) <= 160
    assert len(cache) == 480
