"""What goes wrong while a job is submitted."""

import contextlib
import time

import pytest

from pennylane_qstore import errors
from tests.faults import client
from tests.faults.server import refusal
from tests.faults.wire import Reply

PAGE = Reply(502, "<html><h1>Bad gateway</h1></html>", media="text/html")
HTTP_408 = 408


def failure(status):
    return refusal(status, "Internal", f"trouble {status}")


@pytest.mark.parametrize("shots", [None, 400])
@pytest.mark.parametrize("n", [1, 3])
def test_a_calm_run_is_right_and_its_rerun_is_free(lab, n, shots):
    lab.use(client.tapes(n, shots), **({"backend": "qpu.forte-1"} if shots else {}))
    lab.check()
    lab.check()
    assert lab.server.count("submit") == 1


@pytest.mark.parametrize("times", [1, 3])
def test_a_refused_submission_is_sent_again(any_lab, times):
    any_lab.server.inject("submit", "answer", reply=failure(429), times=times)
    any_lab.check()
    assert any_lab.server.count("submit") == times + 1


def test_a_refused_submission_waits_as_long_as_the_service_says(any_lab):
    reply = refusal(429, "Too Many Requests", "slow down", retry_after="3")
    any_lab.server.inject("submit", "answer", reply=reply)
    any_lab.check()
    assert any(2.9 <= seconds < 6 for seconds in any_lab.waits), any_lab.waits


@pytest.mark.parametrize("when", ["never", "before", "late"])
@pytest.mark.parametrize("status", [HTTP_408, 500, 502, 503, 504, 520])
def test_a_submission_that_met_an_error_is_found_or_sent_again(any_lab, status, when):
    any_lab.server.inject("submit", "answer", reply=failure(status), when=when)
    any_lab.check()
    assert any_lab.server.count("submit") == (2 if when == "never" else 1)


@pytest.mark.parametrize("when", ["never", "before", "late"])
@pytest.mark.parametrize("do", ["reset", "close", "garbage", "silence"])
def test_a_lost_answer_is_found_again(any_lab, do, when):
    any_lab.server.inject("submit", do, when=when)
    any_lab.check()
    assert any_lab.server.count("submit") == (2 if when == "never" else 1)


def test_an_answer_that_cannot_be_unpacked_is_found_again(any_lab):
    reply = Reply(201, {"id": "x"}, {"Content-Encoding": "gzip"})
    any_lab.server.inject("submit", "answer", reply=reply, when="before")
    any_lab.check()
    assert any_lab.server.count("submit") == 1


def test_half_an_answer_to_a_submission_is_found_again(any_lab):
    any_lab.server.inject("submit", "half")
    any_lab.check()
    assert any_lab.server.count("submit") == 1


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: {},
        lambda content: {"id": None, "status": "submitted"},
        lambda content: {"id": "", "status": "submitted"},
        lambda content: None,
        lambda content: [content],
        lambda content: "accepted",
    ],
    ids=["empty", "null-id", "blank-id", "null", "list", "text"],
)
def test_an_acceptance_without_an_id_is_found_again(any_lab, edit):
    any_lab.server.inject("submit", "edit", edit=edit)
    any_lab.check()
    assert any_lab.server.count("submit") == 1


@pytest.mark.parametrize("status", [200, 201, 502])
def test_a_web_page_in_place_of_the_acceptance_is_found_again(any_lab, status):
    reply = Reply(status, PAGE.content, media="text/html")
    any_lab.server.inject("submit", "answer", reply=reply, when="before")
    any_lab.check()
    assert any_lab.server.count("submit") == 1


def test_a_lost_job_is_found_behind_jobs_of_others(any_lab):
    any_lab.server.page, any_lab.server.foreign = 4, 21
    any_lab.server.inject("submit", "reset", when="before")
    any_lab.check()
    assert any_lab.server.count("submit") == 1


def test_a_lost_job_is_found_behind_hundreds_of_others_on_another_day(any_lab):
    any_lab.server.inject("submit", "reset", when="before")
    any_lab.server.inject("list", "reset", times=10_000)
    with pytest.raises(errors.UnconfirmedSubmissionError):
        any_lab.run()
    any_lab.server.heal()
    any_lab.server.page, any_lab.server.foreign = 100, 1200
    any_lab.check()
    assert any_lab.server.count("submit") == 1


@pytest.mark.parametrize("metadata", [["a"], "a", 5])
def test_odd_jobs_of_others_do_not_hide_a_lost_job(lab, metadata):
    odd = {"id": "foreign", "status": "completed", "metadata": metadata}
    lab.server.inject("submit", "reset", when="before")
    lab.server.inject(
        "list", "edit", edit=lambda page: page | {"jobs": [odd, *page["jobs"]]}, times=10_000
    )
    lab.check()
    assert lab.server.count("submit") == 1


@pytest.mark.parametrize("entry", [None, {}, {"id": "foreign"}, "job"])
def test_broken_entries_in_the_list_lose_nothing(lab, entry):
    lab.server.inject("submit", "reset", when="before")
    lab.server.inject(
        "list", "edit", edit=lambda page: page | {"jobs": [entry, *page["jobs"]]}, times=10_000
    )
    with contextlib.suppress(errors.UnconfirmedSubmissionError):
        lab.run()
    lab.server.heal()
    lab.check()
    assert lab.server.count("submit") == 1


def test_a_list_without_end_is_given_up(lab):
    lab.server.inject("submit", "reset", when="before")
    lab.server.inject("list", "edit", edit=lambda _: {"jobs": [], "next": "x"}, times=10**9)
    lab.check_error(errors.QStoreError, timeout=1)


def test_a_lost_job_that_the_list_shows_late_is_found_again(any_lab):
    any_lab.server.list_lag_s = 0.15
    any_lab.server.inject("submit", "reset", when="before")
    any_lab.check()
    assert any_lab.server.count("submit") == 1


@pytest.mark.parametrize("when", ["never", "before"])
def test_the_list_may_fail_while_a_lost_job_is_looked_for(any_lab, when):
    any_lab.server.inject("submit", "reset", when=when)
    any_lab.server.inject("list", "answer", reply=failure(503), times=2)
    any_lab.server.inject("list", "reset")
    any_lab.check()


@pytest.mark.parametrize("when", ["never", "before"])
def test_several_submissions_may_be_lost_in_a_row(any_lab, when):
    any_lab.server.inject("submit", "reset", when="never")
    any_lab.server.inject("submit", "answer", reply=failure(503), when=when)
    any_lab.check()


@pytest.mark.parametrize("when", ["never", "before", "late"])
def test_a_network_that_goes_away_during_a_submission_loses_nothing(any_lab, when):
    any_lab.server.inject("submit", "reset", when=when)
    any_lab.server.inject("any", "reset", times=10_000)
    error = any_lab.check_error(errors.QStoreError)
    assert isinstance(error, errors.ServiceError | errors.BatchTimeoutError)
    assert any_lab.server.count("submit") >= 1


def test_a_dripping_answer_does_not_outlive_the_time_out(any_lab):
    any_lab.server.inject("submit", "drip", times=10_000)
    any_lab.server.inject("list", "drip", times=10_000)
    started = time.monotonic()
    any_lab.check_error(errors.QStoreError, timeout=1)
    assert time.monotonic() - started < 8


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.AuthenticationError),
        (403, errors.AuthenticationError),
        (400, errors.ServiceError),
        (404, errors.ServiceError),
        (413, errors.ServiceError),
        (409, errors.ServiceError),
    ],
)
def test_a_refusal_is_quoted(any_lab, status, kind):
    any_lab.server.inject("submit", "answer", reply=refusal(status, "No", "out of order"), times=50)
    error = any_lab.check_error(kind, str(status), "out of order")
    assert error.status_code == status
    assert error.request_id is not None
    assert error.request_id.startswith("req-")


def test_a_body_that_is_too_large_is_refused_by_name(any_lab):
    any_lab.server.max_body = 100
    error = any_lab.check_error(errors.ServiceError, "413", "the body is over 100 bytes")
    assert error.status_code == 413


def test_a_redirected_submission_is_refused_by_name(any_lab):
    reply = Reply(307, {}, {"location": "https://elsewhere.example/v0.4/jobs"})
    any_lab.server.inject("submit", "answer", reply=reply)
    any_lab.check_error(errors.ServiceError, "https://elsewhere.example")


def test_submissions_that_are_refused_for_ever_end_in_a_named_error(any_lab):
    any_lab.server.inject("submit", "answer", reply=failure(429), times=10_000)
    any_lab.check_error(errors.ServiceError, "429", "trouble 429", timeout=15)


def test_a_pause_longer_than_the_client_waits_is_quoted(any_lab):
    reply = refusal(429, "Too Many Requests", "come back tomorrow", retry_after="86400")
    any_lab.server.inject("submit", "answer", reply=reply, times=10_000)
    any_lab.check_error(errors.ServiceError, "429", "come back tomorrow")


def test_a_failing_service_ends_in_a_named_error(any_lab):
    any_lab.server.inject("submit", "answer", reply=failure(503), times=10_000)
    any_lab.check_error(errors.ServiceError, "503", "trouble 503", timeout=15)
