"""The API key is in no log, no error, no repr and no file, whatever goes wrong."""

import logging
import traceback

import pytest

from pennylane_qstore import errors
from tests.faults.server import KEY, Fate, refusal
from tests.faults.wire import Reply

SAYS_THE_KEY = f"the key {KEY} (apiKey {KEY}) is not good"


@pytest.fixture
def log_file(tmp_path):
    """Everything that anybody logs, at every level."""
    path = tmp_path / "log.txt"
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root = logging.getLogger()
    names = [None, "httpx", "httpcore", "pennylane_qstore", "asyncio", "ionq_core", "diskcache"]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.NOTSET + 1)
    root.addHandler(handler)
    yield path
    root.removeHandler(handler)
    handler.close()
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def trouble():
    """Faults in which the service itself says the key."""
    page = Reply(200, f"<html>{SAYS_THE_KEY}</html>", media="text/html")
    stranger = {"url": f"http://elsewhere.example/{KEY}"}
    said = {
        f"{kind}-{status}": (kind, "answer", {"reply": refusal(status, "No", SAYS_THE_KEY)})
        for kind in ("submit", "job", "list", "probabilities aggregate artifact")
        for status in (400, 401, 404, 429, 503)
    }
    return said | {
        "page": ("any", "answer", {"reply": page}),
        "page-of-results": ("probabilities aggregate artifact", "answer", {"reply": page}),
        "no-job": ("job", "edit", {"edit": lambda view: SAYS_THE_KEY}),
        "no-results": ("job", "edit", {"edit": listing({"x": SAYS_THE_KEY})}),
        "other-results": ("job", "edit", {"edit": listing({"probabilities": stranger})}),
        "no-id": ("submit", "edit", {"edit": lambda content: {"sorry": SAYS_THE_KEY}}),
        "bad-states": ("probabilities aggregate artifact", "edit", {"edit": lambda _: {KEY: 1.0}}),
        "status": ("job", "edit", {"edit": lambda view: view | {"status": f"paused {KEY}"}}),
        "reset": ("any", "reset", {}),
        "half": ("any", "half", {}),
        "silence": ("job", "silence", {}),
    }


def listing(results):
    return lambda view: view | {"results": results}


def everything_about(error):
    """An error, what it holds and what caused it, as text."""
    seen, queue, parts = set(), [error], []
    while queue:
        one = queue.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        queue += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
        parts += [str(one), repr(one), repr(vars(one)), *traceback.format_exception(one)]
    return "\n".join(parts)


def files_with_the_key(directory):
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if KEY.encode() in path.read_bytes()]


@pytest.mark.parametrize("name", list(trouble()))
def test_the_key_is_kept_when_the_service_says_it(any_lab, log_file, tmp_path, name):
    kinds, do, options = trouble()[name]
    if kinds == "list":
        any_lab.server.inject("submit", "reset", when="before")
    any_lab.server.inject(kinds, do, times=10_000, **options)
    try:
        any_lab.run(timeout=2)
    except errors.QStoreError as error:
        found = everything_about(error)
    else:
        found = ""  # it recovered
    assert KEY not in found
    assert log_file.stat().st_size > 0
    assert files_with_the_key(tmp_path) == []


def test_the_key_is_kept_when_a_job_fails_with_it(any_lab, log_file, tmp_path):
    any_lab.server.fates = [Fate("failed", f"Bad-{KEY}", SAYS_THE_KEY)]
    with pytest.raises(errors.JobFailedError) as caught:
        any_lab.run()
    assert KEY not in everything_about(caught.value)
    assert files_with_the_key(tmp_path) == []


def test_the_key_is_kept_when_all_is_well(any_lab, log_file, tmp_path, capfd):
    device = any_lab.device()
    any_lab.check()
    parts = [device, device._backend, device._backend._service, device._backend._runner]
    assert [one for one in parts if KEY in repr(one) or KEY in str(one)] == []
    assert KEY not in repr(device._backend.options)
    assert "submitted" in log_file.read_text()
    assert files_with_the_key(tmp_path) == []
    captured = capfd.readouterr()
    assert KEY not in captured.out + captured.err


def test_the_search_would_find_the_key(tmp_path, log_file):
    logging.getLogger("httpcore.http11").debug("Authorization: apiKey %s", KEY)
    assert files_with_the_key(tmp_path) == [log_file]
    error = errors.ServiceError("no")
    error.__cause__ = ValueError(KEY)
    assert KEY in everything_about(error)


def test_the_key_is_kept_when_a_redirection_holds_it(lab, tmp_path):
    reply = Reply(302, {}, {"location": f"http://elsewhere.example/?{KEY}"})
    lab.server.inject("submit", "answer", reply=reply)
    with pytest.raises(errors.ServiceError) as caught:
        lab.run()
    assert KEY not in everything_about(caught.value)
    assert files_with_the_key(tmp_path) == []
