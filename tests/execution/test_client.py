import json
import logging
import traceback
from functools import partial

import anyio
import pytest

from pennylane_qstore.errors import (
    AuthenticationError,
    ConnectionFailedError,
    InvalidOptionError,
    MalformedResultError,
    MissingKeyError,
    ServiceError,
    UnconfirmedSubmissionError,
)
from pennylane_qstore.execution import BackendInfo, HttpService
from tests.execution.fakes import ScriptedServer, answer

KEY = "s3cr3t-k3y"
CREATED = answer({"id": "j1", "status": "submitted", "session_id": None}, 201)
HTML = (200, {"content-type": "text/html"}, b"<html><body>We'll be back</body></html>")


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def naps():
    return []


@pytest.fixture
def call(server, naps):
    """Call one method of a service on the server, in a loop of its own."""

    async def nap(seconds):
        naps.append(seconds)

    async def run(method, *args, **kwargs):
        service = HttpService(server.url, KEY, sleep=nap, now=lambda: sum(naps), timeout_s=5)
        try:
            return await getattr(service, method)(*args, **kwargs)
        finally:
            await service.aclose()

    return lambda method, *args, **kwargs: anyio.run(partial(run, method, *args, **kwargs))


def route(server, path, *answers, method="GET"):
    server.routes[method, f"/v0.4{path}"] = list(answers)


def test_a_job_is_posted_with_the_key_in_the_documented_header(server, call):
    route(server, "/jobs", CREATED, method="POST")
    assert call("create_job", b'{"type":"x"}') == "j1"
    ((method, path, headers, body),) = server.requests
    assert (method, path, body) == ("POST", "/v0.4/jobs", b'{"type":"x"}')
    assert headers["Authorization"] == f"apiKey {KEY}"
    assert headers["Content-Type"] == "application/json"


def test_a_job_object_becomes_a_view(server, call):
    job = {
        "id": "j1",
        "status": "failed",
        "name": "n",
        "metadata": None,
        "child_job_ids": ["b", "a"],
        "results": None,
        "failure": {"code": "UnsupportedGate", "message": "gate foo is bad"},
    }
    route(server, "/jobs/j1", answer(job))
    view = call("get_job", "j1")
    assert (view.job_id, view.status, view.name) == ("j1", "failed", "n")
    assert view.child_job_ids == ("b", "a")
    assert (view.failure_code, view.failure_message) == ("UnsupportedGate", "gate foo is bad")
    assert dict(view.metadata) == dict(view.results) == {}


def test_the_older_name_of_a_failures_message_is_read_too(server, call):
    job = {"id": "j1", "status": "failed", "failure": {"code": "X", "error": "old text"}}
    route(server, "/jobs/j1", answer(job))
    assert call("get_job", "j1").failure_message == "old text"


@pytest.mark.parametrize("wrapped", [False, True])
def test_backends_come_bare_or_wrapped(server, call, wrapped):
    entries = [
        {"backend": "simulator", "status": "available", "qubits": 29},
        {
            "backend": "qpu.forte-1",
            "status": "unavailable",
            "qubits": 36,
            "supported_native_gates": ["gpi", "gpi2", "zz"],
        },
    ]
    route(server, "/backends", answer({"backends": entries} if wrapped else entries))
    assert call("backends") == (
        BackendInfo("simulator", "available", 29, None),
        BackendInfo("qpu.forte-1", "unavailable", 36, ("gpi", "gpi2", "zz")),
    )


@pytest.mark.parametrize("payload", [None, {}, [1], [{"backend": "x"}], {"backends": 3}, "x"])
def test_backends_that_are_none_are_refused(server, call, payload):
    route(server, "/backends", answer(payload))
    with pytest.raises(MalformedResultError, match="backends"):
        call("backends")


@pytest.mark.parametrize(
    "path",
    ["/v0.4/jobs/j1/results/x", "/jobs/j1/results/x", "{url}/v0.4/jobs/j1/results/x"],
)
def test_the_version_is_not_doubled_in_a_results_path(server, call, path):
    route(server, "/jobs/j1/results/x", answer({"0": 1.0}))
    assert call("get_result", path.format(url=server.url)) == {"0": 1.0}
    assert server.paths("GET") == ["/v0.4/jobs/j1/results/x"]


@pytest.mark.parametrize("path", ["http://evil.example/v0.4/x", "//evil.example/v0.4/x"])
def test_the_key_is_not_sent_to_another_host(server, call, path):
    with pytest.raises(MalformedResultError, match=r"evil\.example"):
        call("get_result", path)
    assert server.requests == []


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api.ionq.co", "https://api.ionq.co/v0.4"),
        ("https://api.ionq.co/", "https://api.ionq.co/v0.4"),
        ("https://api.ionq.co/v0.4/", "https://api.ionq.co/v0.4"),
        ("http://localhost:8080/proxy/v0.4", "http://localhost:8080/proxy/v0.4"),
    ],
)
def test_an_address_without_a_path_gets_the_version(given, used):
    assert HttpService(given, KEY).base_url == used


@pytest.mark.parametrize("url", ["api.ionq.co", "ftp://x", "https://", "https://u:p@x/v0.4", ""])
def test_an_address_that_cannot_be_one_is_refused(url):
    with pytest.raises(InvalidOptionError, match="address"):
        HttpService(url, KEY)


def test_jobs_are_listed_over_all_pages(server, call):
    pages = [
        {"jobs": [{"id": "a", "status": "ready"}], "next": "p2"},
        {"jobs": [{"id": "b", "status": "ready"}], "next": None},
    ]
    route(server, "/jobs", *map(answer, pages))
    assert [job.job_id for job in call("list_jobs", ids=["a", "b"])] == ["a", "b"]
    assert server.paths("GET") == ["/v0.4/jobs?ids=a&ids=b", "/v0.4/jobs?ids=a&ids=b&next=p2"]


def test_canceling_puts_to_the_jobs_status(server, call):
    route(server, "/jobs/j1/status/cancel", answer({"id": "j1"}), method="PUT")
    call("cancel_job", "j1")
    assert server.paths("PUT") == ["/v0.4/jobs/j1/status/cancel"]


def test_connections_are_used_again(server):
    route(server, "/jobs/j1", answer({"id": "j1", "status": "ready"}))

    async def ask_often():
        service = HttpService(server.url, KEY)
        for _ in range(50):
            await service.get_job("j1")
        await service.aclose()

    anyio.run(ask_often)
    assert len(server.requests) == 50
    assert server.n_connections == 1


def test_there_are_never_more_connections_than_allowed(server):
    route(server, "/jobs/j1", answer({"id": "j1", "status": "ready"}))

    async def ask_at_once():
        service = HttpService(server.url, KEY, max_connections=3)
        async with anyio.create_task_group() as tasks:
            for _ in range(40):
                tasks.start_soon(service.get_job, "j1")
        await service.aclose()

    anyio.run(ask_at_once)
    assert len(server.requests) == 40
    assert server.n_connections <= 3


def test_one_service_works_in_several_event_loops(server):
    route(server, "/jobs/j1", answer({"id": "j1", "status": "ready"}))
    service = HttpService(server.url, KEY)
    for _ in range(3):
        assert anyio.run(service.get_job, "j1").status == "ready"


def test_a_submission_whose_answer_is_lost_is_sent_once_and_reported_as_unconfirmed(server, call):
    route(server, "/jobs", None, CREATED, method="POST")
    with pytest.raises(UnconfirmedSubmissionError, match="may exist"):
        call("create_job", b"{}")
    assert server.paths("POST") == ["/v0.4/jobs"]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
def test_a_submission_that_meets_a_server_error_is_not_repeated(server, call, status):
    broken = answer({"message": "oops"}, status, x_request_id="r-9")
    route(server, "/jobs", broken, CREATED, method="POST")
    with pytest.raises(UnconfirmedSubmissionError, match="oops") as caught:
        call("create_job", b"{}")
    assert (caught.value.status_code, caught.value.request_id) == (status, "r-9")
    assert len(server.requests) == 1


@pytest.mark.parametrize("reply", [HTML, answer({"status": "submitted"}, 201), answer([1], 201)])
def test_a_submission_that_is_accepted_without_an_id_is_unconfirmed(server, call, reply):
    route(server, "/jobs", reply, method="POST")
    with pytest.raises(UnconfirmedSubmissionError, match="without naming the job"):
        call("create_job", b"{}")


def test_a_submission_over_the_rate_limit_is_sent_again_when_it_may(server, call, naps):
    limited = answer({"message": "slow"}, 429, retry_after="3")
    route(server, "/jobs", limited, answer({"id": "j1"}), method="POST")
    assert call("create_job", b"{}") == "j1"
    assert naps == [pytest.approx(3, abs=0.5)]


def test_without_a_word_of_when_the_pace_falls(server, call, naps):
    limited = answer({"message": "slow"}, 429)
    route(server, "/jobs", *[limited] * 4, answer({"id": "j1"}), method="POST")
    assert call("create_job", b"{}") == "j1"
    assert naps == pytest.approx([0.02, 0.04, 0.08, 0.16])


@pytest.fixture
def calls(server, naps):
    """Call methods one after the other, of one service; errors come back as results."""

    async def nap(seconds):
        naps.append(seconds)

    async def run(*orders):
        service = HttpService(server.url, KEY, sleep=nap, now=lambda: sum(naps), timeout_s=5)
        found = []
        for method, *args in orders:
            try:
                found.append(await getattr(service, method)(*args))
            except ServiceError as error:
                found.append(error)
        await service.aclose()
        return found

    return lambda *orders: anyio.run(partial(run, *orders))


def test_the_pace_recovers_with_every_request_that_is_taken(server, calls, naps):
    route(server, "/jobs/j1", answer({}, 429), *[answer({"id": "j1", "status": "ready"})] * 5)
    assert len(calls(*[("get_job", "j1")] * 5)) == 5
    assert naps == pytest.approx([0.02 * 0.97**i for i in (0, 0, 1, 2, 3)], rel=0.04)
    assert naps[1:] == sorted(naps[1:], reverse=True)


def test_refusals_and_failures_are_counted_apart(server, call):
    unready = [*[answer({}, 429)] * 6, *[answer({}, 503)] * 4]
    route(server, "/jobs/j1", *unready, answer({"id": "j1", "status": "ready"}))
    assert call("get_job", "j1").status == "ready"


def test_who_is_told_to_wait_for_hours_holds_nobody_else_back(server, calls, naps):
    route(server, "/jobs/j1", answer({"message": "slow"}, 503, retry_after="7200"))
    route(server, "/jobs/j2", answer({"id": "j2", "status": "ready"}))
    failed, found = calls(("get_job", "j1"), ("get_job", "j2"))
    assert isinstance(failed, ServiceError)
    assert found.status == "ready"
    assert naps == []


def test_a_submission_that_stays_over_the_rate_limit_is_a_definite_refusal(server, call, naps):
    route(server, "/jobs", answer({"message": "slow"}, 429, retry_after="3"), method="POST")
    with pytest.raises(ServiceError, match=r"slow.*wait 3 s") as caught:
        call("create_job", b"{}")
    assert not isinstance(caught.value, UnconfirmedSubmissionError)
    assert caught.value.status_code == 429
    assert len(server.requests) == 20


def test_a_refused_job_carries_the_services_words_and_the_invalid_keys(server, call):
    body = {
        "error": "Bad Request",
        "message": "shots is too large",
        "statusCode": 400,
        "validation": {"keys": ["shots"], "source": "payload"},
    }
    route(server, "/jobs", answer(body, 400), method="POST")
    with pytest.raises(ServiceError, match=r"shots is too large.*\['shots'\]") as caught:
        call("create_job", b"{}")
    assert not isinstance(caught.value, UnconfirmedSubmissionError)
    assert caught.value.status_code == 400


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_accepted_is_named_as_the_reason(server, call, status):
    route(server, "/jobs", answer({"message": "no"}, status), method="POST")
    with pytest.raises(AuthenticationError, match="API key") as caught:
        call("create_job", b"{}")
    assert caught.value.status_code == status


def test_nothing_was_sent_where_nobody_listens():
    with ScriptedServer() as server:
        url = server.url

    async def post():
        await HttpService(url, KEY).create_job(b"{}")

    with pytest.raises(ConnectionFailedError, match="nothing was sent"):
        anyio.run(post)


def test_a_read_over_the_rate_limit_waits_as_long_as_it_is_told(server, call, naps):
    limited = answer({"message": "slow"}, 429, retry_after="3")
    route(server, "/jobs/j1", limited, limited, answer({"id": "j1", "status": "ready"}))
    assert call("get_job", "j1").status == "ready"
    assert naps == [pytest.approx(3, abs=0.5)] * 2


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 529])
def test_a_read_that_meets_a_passing_failure_is_repeated(server, call, naps, status):
    route(server, "/jobs/j1", answer({}, status), answer({"id": "j1", "status": "ready"}))
    assert call("get_job", "j1").status == "ready"
    assert len(naps) == 1


def test_a_read_whose_connection_breaks_is_repeated(server, call, naps):
    route(server, "/jobs/j1", None, answer({"id": "j1", "status": "ready"}))
    assert call("get_job", "j1").status == "ready"
    assert len(naps) == 1


def test_a_read_that_keeps_failing_gives_up_with_the_last_reason(server, call, naps):
    route(server, "/jobs/j1", answer({"message": "down"}, 503))
    with pytest.raises(ServiceError, match="down") as caught:
        call("get_job", "j1")
    assert caught.value.status_code == 503
    assert len(server.requests) == 5
    assert all(s / 2 <= nap <= s for nap, s in zip(naps, [0.25, 0.5, 1, 2], strict=True))


def test_a_read_that_is_told_to_wait_for_hours_fails_at_once(server, call, naps):
    route(server, "/jobs/j1", answer({"message": "slow"}, 429, retry_after="7200"))
    with pytest.raises(ServiceError, match="7200"):
        call("get_job", "j1")
    assert naps == []


@pytest.mark.parametrize("status", [400, 404])
def test_a_definite_answer_to_a_read_is_not_asked_for_again(server, call, naps, status):
    route(server, "/jobs/j1", answer({"message": "no such job"}, status))
    with pytest.raises(ServiceError, match=r"jobs/j1.*no such job"):
        call("get_job", "j1")
    assert naps == []


def test_an_answer_that_is_no_json_is_quoted(server, call):
    route(server, "/jobs/j1", HTML)
    with pytest.raises(MalformedResultError, match="We'll be back"):
        call("get_job", "j1")


def test_a_long_answer_that_is_no_json_is_cut(server, call):
    route(server, "/jobs/j1", (200, {}, b"<" * 100_000))
    with pytest.raises(MalformedResultError) as caught:
        call("get_job", "j1")
    assert len(str(caught.value)) < 400


def test_an_html_error_page_is_quoted(server, call):
    route(server, "/jobs", (413, {}, b"<h1>Too large</h1>"), method="POST")
    with pytest.raises(ServiceError, match="Too large"):
        call("create_job", b"{}")


@pytest.mark.parametrize("job", [[], {"id": "j1"}, {"status": "ready"}, {"id": 1, "status": None}])
def test_a_job_without_id_or_status_is_refused(server, call, job):
    route(server, "/jobs/j1", answer(job))
    with pytest.raises(MalformedResultError, match="no job"):
        call("get_job", "j1")


def test_a_redirect_is_not_followed(server, call):
    route(server, "/jobs", (302, {"location": "http://evil.example/"}, b""), method="POST")
    with pytest.raises(ServiceError, match=r"redirects to 'http://evil\.example/'"):
        call("create_job", b"{}")


@pytest.mark.parametrize("key", ["", "  \n"])
def test_an_empty_key_is_missing(key):
    with pytest.raises(MissingKeyError):
        HttpService("https://x", key)


@pytest.mark.parametrize("key", ["abc\ndef", "abc def", "abcdéf", "abc\x00def"])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(key):
    with pytest.raises(InvalidOptionError) as caught:
        HttpService("https://x", key)
    assert "abc" not in "".join(
        traceback.format_exception(caught.value.__class__, caught.value, None)
    )


def test_the_key_shows_up_nowhere(server, call, caplog):
    caplog.set_level(logging.DEBUG)
    echo = json.dumps({"message": f"key {KEY} is unknown"}).encode()
    for status in (400, 401, 500):
        route(server, "/jobs", (status, {"x-request-id": "r"}, echo), method="POST")
        with pytest.raises(ServiceError) as caught:
            call("create_job", b"{}")
        assert KEY not in "".join(traceback.format_exception(caught.value))
        assert "[key]" in str(caught.value)
    assert KEY not in repr(HttpService(server.url, KEY))
    assert KEY not in caplog.text
