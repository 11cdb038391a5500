"""``qstore jobs``: what an interrupted run left, seen and settled from the command line."""

import os
import re
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest

from pennylane_qstore import cli
from pennylane_qstore.execution.journal import CANCELED, CLAIMED, Entry, Journal, Submission
from tests.faults import client
from tests.faults.server import KEY, Fate

pytestmark = pytest.mark.usefixtures("in_time")


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def qstore(directory, capsys, monkeypatch):
    """Runs ``qstore jobs``; gives its exit code, and what it printed, where the key never is."""
    monkeypatch.setenv("IONQ_API_KEY", KEY)

    def run(*words, journal=directory):
        capsys.readouterr()
        where = [] if journal is None else ["--journal", str(journal)]
        code = cli.main(["jobs", *map(str, words), *where])
        out, err = capsys.readouterr()
        assert KEY not in out + err
        return code, out, err

    return run


@pytest.fixture
def interrupted(connect, server):
    """A run of three circuits that was given up while its job was running."""
    server.fates = [Fate("started")]
    return client.give_up(server, connect(), client.tapes(3))


def test_an_empty_journal_has_no_jobs(qstore, directory):
    for words in ([], ["list"], ["list", "--all"], ["collect"]):
        code, out, _ = qstore(*words)
        assert code == 0
        assert out == f"no open jobs in {directory}\n"


def test_open_jobs_are_listed(qstore, interrupted):
    code, out, err = qstore()
    (line,) = out.splitlines()
    assert (code, err) == (0, "")
    assert re.match(rf"{interrupted} +sent +simulator +3 circuits +exact +0\.\d s ago$", line)
    assert interrupted in qstore("list")[1]


def test_samples_show_their_shots(qstore, connect):
    connect(backend="qpu.forte-1").execute(client.tapes(2, 50))
    assert "no open jobs" in qstore()[1]
    _, out, _ = qstore("list", "--all")
    assert re.search(r"collected +qpu\.forte-1 +2 circuits +50 shots", out)


@pytest.mark.parametrize(
    ("age", "shown"), [(3, "3.0 s"), (90, "1.5 min"), (7200, "2.0 h"), (3 * 86400, "3.0 d")]
)
def test_ages_are_told_in_fitting_units(qstore, directory, age, shown):
    journal = Journal(directory, clock=lambda: time.time() - age)
    mark = "f" * 64
    assert journal.claim([Submission(mark, "http://x", "simulator", None, (Entry("key", 1),))])
    assert f"{shown} ago" in qstore()[1]


def test_collected_jobs_make_the_rerun_free(qstore, connect, server, interrupted):
    server.heal()
    code, out, err = qstore("collect")
    assert (code, out, err) == (0, f"{interrupted}: 3 results are in the cache\n", "")
    n_requests = len(server.requests)
    found = connect().execute(client.tapes(3))
    np.testing.assert_allclose(np.array(found), client.truth(client.tapes(3)), atol=1e-9)
    assert len(server.requests) == n_requests
    assert "no open jobs" in qstore()[1]


def test_collected_samples_are_those_of_the_job(qstore, connect, server):
    server.fates = [Fate("started")]
    client.give_up(server, connect(backend="qpu.forte-1"), client.tapes(2, 500))
    server.heal()
    assert qstore("collect", *server.jobs)[0] == 0
    found = np.array(connect(backend="qpu.forte-1").execute(client.tapes(2, 500)))
    assert set(server.paid().values()) == {1}
    assert len(server.jobs) == 1
    counts = next(iter(server.jobs.values())).outcomes()
    assert [max(row) for row in np.rint(500 * found)] == [max(one.values()) for one in counts]


def test_collecting_one_job_leaves_the_others(qstore, connect, server, interrupted):
    server.fates = [Fate("started")]
    job_id = client.give_up(server, connect(), client.tapes(1, start=1.0))
    server.heal()
    assert qstore("collect", interrupted)[1] == f"{interrupted}: 3 results are in the cache\n"
    (line,) = qstore()[1].splitlines()
    assert job_id in line


def test_a_job_that_is_not_finished_stays_open(qstore, interrupted):
    code, out, err = qstore("collect", "--timeout", "0.02")
    assert code == 2
    assert interrupted in out + err
    assert "within 0.02 s" in out + err
    assert interrupted in qstore()[1]


def test_a_failed_job_is_said_and_closed(qstore, connect, server):
    server.fates = [Fate("started")]
    job_id = client.give_up(server, connect(), client.tapes(1))
    next(iter(server.jobs.values())).fate = Fate("failed", "BadCalibration")
    next(iter(server.jobs.values())).ends_at = 0.0
    code, out, err = qstore("collect")
    assert code == 2
    assert "BadCalibration" in out + err
    assert job_id in out + err
    assert "no open jobs" in qstore()[1]


def test_one_failure_does_not_keep_the_others_from_being_collected(qstore, connect, server):
    server.fates = [Fate("started")] * 2
    for start in (0.1, 1.0):
        client.give_up(server, connect(), client.tapes(1, start=start))
    first, second = server.jobs.values()
    first.fate, second.fate = Fate("failed", "BadCalibration"), Fate()
    code, out, _ = qstore("collect")
    assert code == 2
    assert f"{second.job_id}: 1 results are in the cache" in out
    connect().execute(client.tapes(1, start=1.0))
    assert len(server.jobs) == 2


def test_results_lie_where_they_are_asked_for(qstore, server, tmp_path, directory):
    elsewhere = tmp_path / "cache of the run"
    options = {"base_url": server.url, "api_key": KEY, "backend": "simulator", "wires": 2}

    def connect(**more):
        return client.qml.device(
            "qstore.ionq", cache=str(elsewhere), journal=directory, **options | more
        )

    server.fates = [Fate("started")]
    client.give_up(server, connect(), client.tapes(1))
    server.heal()
    assert qstore("collect", "--cache", elsewhere)[0] == 0
    connect().execute(client.tapes(1))
    assert len(server.jobs) == 1


def test_the_users_own_directories_are_the_default(qstore, server):
    def connect(**more):
        return client.qml.device(
            "qstore.ionq", wires=2, base_url=server.url, backend="simulator", **more
        )

    server.fates = [Fate("started")]
    job_id = client.give_up(server, connect(), client.tapes(1))
    assert job_id in qstore(journal=None)[1]
    server.heal()
    assert qstore("collect", journal=None)[0] == 0
    connect().execute(client.tapes(1))
    assert len(server.jobs) == 1


def test_canceled_jobs_are_canceled_at_the_service(qstore, connect, server, interrupted):
    code, out, _ = qstore("cancel", interrupted)
    assert (code, out) == (0, f"{interrupted}: canceled\n")
    assert server.jobs[interrupted].fate.status == "canceled"
    assert "no open jobs" in qstore()[1]
    connect().execute(client.tapes(3))
    assert len(server.jobs) == 2


def test_a_job_that_has_finished_cannot_be_canceled_and_is_not_paid_again(
    qstore, connect, server, interrupted
):
    server.heal()
    _, out, _ = qstore("cancel", interrupted)
    assert out == f"{interrupted}: completed\n"
    connect().execute(client.tapes(3))
    assert len(server.jobs) == 1


def test_forgotten_jobs_are_submitted_again(qstore, connect, server, interrupted):
    code, out, _ = qstore("forget", interrupted)
    assert (code, out) == (0, f"{interrupted}: forgotten\n")
    assert connect().journal.by_job(interrupted).state == CANCELED
    assert server.count("cancel") == 0
    assert "no open jobs" in qstore()[1]
    connect().execute(client.tapes(3))
    assert len(server.jobs) == 2


@pytest.mark.parametrize("action", ["cancel", "forget"])
def test_nothing_is_given_up_without_being_named(qstore, server, interrupted, action):
    code, out, err = qstore(action)
    assert (code, out) == (2, "")
    assert f"qstore jobs {action} needs job ids" in err
    assert server.count("cancel") == 0
    assert interrupted in qstore()[1]


@pytest.mark.parametrize("action", ["list", "collect", "cancel", "forget"])
def test_an_unknown_job_is_an_error(qstore, server, interrupted, action):
    n_requests = len(server.requests)
    code, out, err = qstore(action, interrupted, "no-such-job")
    assert (code, out) == (2, "")
    assert err.startswith("qstore: error: no-such-job: not in ")
    assert len(server.requests) == n_requests
    assert interrupted in qstore()[1]


def test_a_submission_without_an_id_is_named_by_its_mark(qstore, directory):
    journal = Journal(directory)
    mark = "a" * 64 + "-0123456789abcdef"
    assert journal.claim([Submission(mark, "http://x", "simulator", None, (Entry("key", 1),))])
    assert journal.get(mark).state == CLAIMED
    shown = qstore()[1].split()[0]
    assert mark.endswith(shown)
    assert "has no job id" in qstore("collect", shown)[1]
    assert "has no job id" in qstore("cancel", shown)[1]
    assert qstore("forget", shown)[0] == 0
    assert journal.get(mark).state == CANCELED


def test_clean_forgets_what_ended_long_ago(qstore, connect, server, interrupted):
    connect().execute(client.tapes(1, start=2.0))
    assert qstore("clean")[1] == "0 ended jobs forgotten\n"
    assert re.fullmatch(r"[1-9] ended jobs forgotten\n", qstore("clean", "--older-than", "0")[1])
    (line,) = qstore("list", "--all")[1].splitlines()
    assert interrupted in line
    connect().execute(client.tapes(1, start=2.0))
    assert len(server.jobs) == 2


def test_without_a_key_nothing_is_asked(qstore, server, interrupted, monkeypatch):
    monkeypatch.delenv("IONQ_API_KEY")
    n_requests = len(server.requests)
    assert interrupted in qstore()[1]
    code, out, err = qstore("collect")
    assert (code, out) == (2, "")
    assert "IONQ_API_KEY" in err
    assert len(server.requests) == n_requests


def test_a_wrong_key_is_said(qstore, interrupted, monkeypatch):
    monkeypatch.setenv("IONQ_API_KEY", "another-key")
    code, out, err = qstore("collect")
    assert code == 2
    assert "401" in out + err
    assert "another-key" not in out + err
    assert interrupted in qstore()[1]


def test_a_journal_that_is_none_is_an_error(qstore, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "journal.db").write_bytes(b"this is no database at all" * 50)
    code, out, err = qstore(journal=tmp_path / "bad")
    assert (code, out) == (2, "")
    assert "journal" in err


def test_the_command_itself(connect, server, directory, interrupted):
    server.heal()
    environment = os.environ | {"IONQ_API_KEY": KEY}
    program = "from pennylane_qstore.cli import main; raise SystemExit(main())"
    found = subprocess.run(
        [sys.executable, "-c", program, "jobs", "--journal", str(directory)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode == 0
    assert interrupted in found.stdout
    assert KEY not in found.stdout + found.stderr


def test_what_is_collected_was_sent_once(qstore, connect, server, interrupted):
    server.heal()
    for _ in range(2):
        qstore("collect", interrupted)
    connect().execute(client.tapes(3))
    assert Counter(server.paid().values()) == {1: 3}
