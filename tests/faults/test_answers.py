"""What goes wrong after a job was accepted: while it runs, and while its results are read."""

import contextlib

import numpy as np
import pytest

from pennylane_qstore import errors
from tests.faults import client
from tests.faults.server import Fate, refusal
from tests.faults.wire import Reply

RESULTS = "probabilities aggregate artifact"
READS = f"job {RESULTS}"
HTTP_500 = 500
PAGE = Reply(200, "<html><h1>One moment</h1></html>", media="text/html")


def failure(status):
    return refusal(status, "Internal", f"trouble {status}")


TEXT = "none"

# Reads that fail for a while.


@pytest.mark.parametrize("kinds", ["job", RESULTS])
@pytest.mark.parametrize("status", [429, HTTP_500, 502, 503, 504, 520, 529])
def test_a_read_that_fails_for_a_while_is_repeated(any_lab, kinds, status):
    any_lab.server.inject(kinds, "answer", reply=failure(status), times=3)
    any_lab.check()
    assert any_lab.server.count("submit") == 1


@pytest.mark.parametrize("kinds", ["job", RESULTS])
@pytest.mark.parametrize("do", ["reset", "close", "half", "garbage", "silence"])
def test_a_read_whose_connection_breaks_is_repeated(any_lab, kinds, do):
    any_lab.server.inject(kinds, do, times=2)
    any_lab.check()
    assert any_lab.server.count("submit") == 1


@pytest.mark.parametrize("kinds", ["job", RESULTS])
def test_a_read_waits_as_long_as_the_service_says(any_lab, kinds):
    reply = refusal(429, "Too Many Requests", "slow down", retry_after="3")
    any_lab.server.inject(kinds, "answer", reply=reply)
    any_lab.check()
    assert any(2.9 <= seconds < 6 for seconds in any_lab.waits), any_lab.waits


@pytest.mark.parametrize("kinds", ["job", RESULTS])
def test_a_web_page_in_place_of_json_is_asked_for_again(any_lab, kinds):
    any_lab.server.inject(kinds, "answer", reply=PAGE)
    any_lab.check()


def test_results_that_come_late_are_waited_for(any_lab):
    any_lab.server.inject(
        RESULTS, "answer", reply=refusal(404, "Not Found", "no results yet"), times=5
    )
    any_lab.check()


def test_a_result_that_cannot_be_unpacked_is_asked_for_again(any_lab):
    reply = Reply(200, {}, {"Content-Encoding": "gzip"})
    any_lab.server.inject(RESULTS, "answer", reply=reply)
    any_lab.check()


# Reads that fail for good: a named error, and nothing lost.


@pytest.mark.parametrize("kinds", ["job", RESULTS])
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_read_that_fails_for_good_is_quoted(any_lab, kinds, status):
    any_lab.server.inject(kinds, "answer", reply=failure(status), times=10_000)
    error = any_lab.check_error(errors.ServiceError, str(status), f"trouble {status}")
    assert error.status_code == status
    assert error.request_id.startswith("req-")


@pytest.mark.parametrize("kinds", ["job", RESULTS])
def test_a_read_that_is_never_answered_ends_in_a_named_error(lab, kinds):
    lab.server.inject(kinds, "silence", times=10_000)
    lab.check_error(errors.QStoreError, *lab.server.jobs, timeout=6)


@pytest.mark.parametrize("kinds", ["job", RESULTS])
def test_web_pages_for_good_are_quoted(any_lab, kinds):
    any_lab.server.inject(kinds, "answer", reply=PAGE, times=10_000)
    any_lab.check_error(errors.ServiceError, "One moment")


def test_a_key_revoked_after_the_submission_is_an_error_that_loses_nothing(any_lab):
    is_machine = "backend" in any_lab.options  # whose entry is read first
    any_lab.server.valid_requests = 1 + is_machine
    any_lab.check_error(errors.AuthenticationError, "401", "this API key was revoked")


@pytest.mark.parametrize("kinds", ["job", RESULTS])
def test_a_key_revoked_in_mid_run_is_an_error_that_loses_nothing(any_lab, kinds):
    any_lab.server.inject("job", "edit", edit=lambda view: view | {"status": "started"}, times=2)
    reply = refusal(401, "Unauthorized", "this API key was revoked")
    any_lab.server.inject(kinds, "answer", reply=reply, times=10_000)
    any_lab.check_error(errors.AuthenticationError, "401", "this API key was revoked")


def test_the_error_names_the_jobs_that_are_left_behind(any_lab):
    any_lab.server.inject("job", "answer", reply=failure(400), times=10_000)
    with pytest.raises(errors.ServiceError) as caught:
        any_lab.run()
    (job_id,) = any_lab.server.jobs
    assert job_id in "\n".join([str(caught.value), *caught.value.__notes__])


# Jobs that end badly, or never.


@pytest.mark.parametrize("code", ["TooManyShots", "InternalError", "SomethingNew"])
def test_a_failed_job_is_quoted(any_lab, code):
    any_lab.server.fates = [Fate("failed", code, "the trap was cold")]
    error = any_lab.check_error(errors.JobFailedError, code, "the trap was cold")
    assert error.code == code
    assert error.job_id in any_lab.server.jobs


def test_a_canceled_job_is_named(any_lab):
    any_lab.server.fates = [Fate("canceled")]
    error = any_lab.check_error(errors.JobCanceledError, "canceled")
    assert error.job_id in any_lab.server.jobs


@pytest.mark.parametrize("status", ["started", "paused"])
def test_a_job_that_never_ends_is_left_and_collected_later(any_lab, status):
    any_lab.server.fates = [Fate(status)]
    error = any_lab.check_error(errors.BatchTimeoutError, timeout=1)
    assert list(error.job_ids) == list(any_lab.server.jobs)
    assert any_lab.server.count("submit") == 1


def test_a_status_that_is_not_known_passes(any_lab):
    any_lab.server.inject(
        "job", "edit", edit=lambda view: view | {"status": "calibrating"}, times=3
    )
    any_lab.check()


def test_one_failed_job_does_not_cost_the_others(lab):
    circuits = [*client.tapes(3, shots=300), *client.tapes(3, shots=400, start=1.0)]
    lab.use(circuits, backend="qpu.forte-1")
    lab.server.fates = [Fate("failed", "InternalError", "lost the ions")]
    lab.check_error(errors.JobFailedError, "lost the ions")
    assert len(lab.server.jobs) == 3, "only what had failed was sent again"


@pytest.mark.parametrize("shots", [None, 300])
def test_part_of_an_interrupted_job_and_more_can_be_asked_for(lab, shots):
    options = {"backend": "qpu.forte-1"} if shots else {}
    whole = client.tapes(4, shots)
    lab.server.fates = [Fate("started")]
    with pytest.raises(errors.BatchTimeoutError):
        lab.use(whole[:3], **options).run(timeout=1)
    lab.server.heal()
    lab.use([whole[3], whole[1]], **options)
    np.testing.assert_allclose(lab.run(), lab.expected, atol=1e-9)
    lab.use(whole[::-1], **options).check()
    assert lab.server.count("submit") == 2


# Results that are not what they should be.


def edits():
    """Each makes a wrong result of a right one, that of one circuit or of several."""

    def each(change):
        def edit(content):
            parts = [*content.values()] if isinstance(content, dict) else []
            if parts and isinstance(parts[0], dict):
                return {child: change(part) for child, part in content.items()}
            return change(content)

        return edit

    def scaled(factor):
        return each(
            lambda part: (
                {k: v * factor for k, v in part.items()}
                if isinstance(part, dict)
                else part[: int(len(part) * factor)] or [*part, *part, *part]
            )
        )

    return {
        "empty": lambda content: {},
        "null": lambda content: None,
        "list": lambda content: [],
        "text": lambda content: "completed",
        "error": lambda content: {"error": "no results"},
        "sum-0.9": scaled(0.9),
        "sum-2": scaled(2),
        "zero": scaled(0),
        "null-values": each(lambda part: dict.fromkeys(part)),
        "text-values": each(lambda part: dict.fromkeys(part, "0.5")),
        "nan": each(lambda part: dict.fromkeys(part, float("nan"))),
        "infinite": each(lambda part: dict.fromkeys(part, float("inf"))),
        "negative": each(lambda part: {"0": 1.5, "1": -0.5}),
        "wide-states": each(lambda part: {"4": 1.0}),
        "negative-states": each(lambda part: {"-1": 1.0}),
        "odd-states": each(lambda part: {"zero": 1.0}),
        "states-twice": each(lambda part: {"0": 0.5, "00": 0.5}),
        "empty-parts": each(lambda part: {}),
        "null-parts": each(lambda part: None),
    }


@pytest.mark.parametrize("name", edits())
@pytest.mark.parametrize("n", [1, 3])
def test_a_wrong_result_is_no_answer(lab, n, name):
    lab.use(client.tapes(n))
    lab.server.inject(RESULTS, "edit", edit=edits()[name], times=10_000)
    lab.check_error(errors.MalformedResultError)
    assert lab.server.count("submit") == 1


@pytest.mark.parametrize("name", sorted(set(edits()) - {"sum-0.9", "sum-2"}))
@pytest.mark.parametrize("n", [1, 3])
def test_a_wrong_sampled_result_is_no_answer(lab, n, name):
    lab.use(client.tapes(n, shots=200), backend="qpu.forte-1")
    lab.server.inject(RESULTS, "edit", edit=edits()[name], times=10_000)
    lab.check_error(errors.MalformedResultError)
    assert lab.server.count("submit") == 1


def without_first(content):
    return dict([*content.items()][1:])


def with_another(content):
    return content | {"another": {"0": 1.0}}


def renamed(content):
    return {f"another-{i}": part for i, part in enumerate(content.values())}


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("edit", [without_first, with_another, renamed])
def test_results_of_other_children_are_no_answer(lab, edit, sampled):
    if sampled:
        lab.use(client.tapes(3, shots=200), backend="qpu.forte-1")
    lab.server.inject("aggregate artifact", "edit", edit=edit, times=10_000)
    lab.check_error(errors.MalformedResultError, *lab.server.jobs)


@pytest.mark.parametrize(
    "edit",
    [
        lambda view: view | {"child_job_ids": (view["child_job_ids"] or [])[:-1]},
        lambda view: view | {"child_job_ids": None},
        lambda view: view | {"child_job_ids": [*view["child_job_ids"][:2], "another"]},
        lambda view: view | {"child_job_ids": view["child_job_ids"][:1] * 3},
    ],
    ids=["one-missing", "none", "unknown", "repeated"],
)
def test_a_job_whose_children_do_not_fit_is_no_answer(lab, edit):
    lab.server.inject("job", "edit", edit=edit, times=10_000)
    lab.check_error(errors.MalformedResultError)


@pytest.mark.parametrize("order", [lambda items: items, reversed, sorted])
def test_the_order_of_the_keys_does_not_matter(lab, order):
    lab.server.inject(
        "aggregate", "edit", edit=lambda content: dict(order([*content.items()])), times=10
    )
    lab.check()


@pytest.mark.parametrize("results", [None, {}, {"thumbnail": {"url": "/v0.4/x"}}, [], TEXT])
def test_a_completed_job_without_results_is_an_error(any_lab, results):
    any_lab.server.inject(
        "job",
        "edit",
        edit=lambda view: view | ({"results": results} if view["results"] else {}),
        times=10_000,
    )
    any_lab.check_error(errors.MalformedResultError)


@pytest.mark.parametrize("content", [None, {}, [], "completed", {"id": "x"}, {"status": None}])
def test_a_job_that_is_no_job_is_an_error(any_lab, content):
    any_lab.server.inject("job", "edit", edit=lambda view: content, times=10_000)
    any_lab.check_error(errors.MalformedResultError)


@pytest.mark.parametrize("odd", [{"child_job_ids": 5}, {"metadata": ["a"]}, {"results": 5}])
def test_odd_fields_of_a_job_are_no_answer_or_do_not_matter(lab, odd):
    lab.server.inject("job", "edit", edit=lambda view: view | odd, times=10_000)
    with contextlib.suppress(errors.MalformedResultError):
        np.testing.assert_allclose(lab.run(), lab.expected, atol=1e-9)
    lab.server.heal()
    lab.check()


@pytest.mark.parametrize("results", ["url", "artifact"])
def test_either_way_to_the_results_is_enough(any_lab, results):
    any_lab.server.results = results
    any_lab.check()


@pytest.mark.parametrize("kind", ["probabilities aggregate", "artifact"])
@pytest.mark.parametrize("status", [403, 404])
def test_one_closed_way_to_the_results_is_passed_by(any_lab, kind, status):
    any_lab.server.inject(kind, "answer", reply=failure(status), times=10_000)
    any_lab.check()


def test_the_answer_about_another_job_is_no_answer(lab):
    """As from a proxy that mixes its clients up."""
    lab.use([client.tape(2.0)]).run()
    (other,) = lab.server.jobs.values()
    lab.use([client.tape(0.3)])
    view = lab.server._view(other, None)
    lab.server.inject("job", "edit", edit=lambda _: view, times=10_000)
    with pytest.raises(errors.MalformedResultError):
        lab.run()


def test_results_of_another_job_are_no_answer(lab):
    """A job that points to the results of another one."""
    lab.use([client.tape(2.0)]).run()
    (other,) = lab.server.jobs.values()
    results = lab.server._view(other, None)["results"]
    lab.use([client.tape(0.3)])
    lab.server.inject("job", "edit", edit=lambda view: view | {"results": results}, times=10_000)
    with pytest.raises(errors.MalformedResultError):
        lab.run()


def test_results_elsewhere_are_not_sent_the_key(lab):
    stranger = "https://elsewhere.example/v0.4/jobs/x/results/probabilities"
    lab.server.inject(
        "job",
        "edit",
        edit=lambda view: view | {"results": {"probabilities": {"url": stranger}}},
        times=10_000,
    )
    lab.check_error(errors.MalformedResultError, "elsewhere.example")
