"""What was submitted, on disk."""

import multiprocessing
import os
import signal
import sqlite3
import stat
import subprocess
import sys

import pytest

from pennylane_qstore.errors import JournalError
from pennylane_qstore.execution import journal as journals
from pennylane_qstore.execution.journal import Entry, Journal, Submission
from pennylane_qstore.native import Bit

URL = "https://api.example/v0.4"


def submission(mark, *keys, service=URL):
    return Submission(mark, service, "simulator", 100, tuple(Entry(key, 2) for key in keys))


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal")


def test_a_submission_reads_back_as_it_was_written(journal):
    circuits = (Entry("a", 3, (Bit((2,)), Bit((0, 1), True))), Entry("b", 1))
    one = Submission("m", URL, "qpu.forte-1", 500, circuits, sharpen=True)
    assert journal.claim([one])
    journal.move("m", journals.SENT, job_id="job-1")
    found = journal.get("m")
    assert found == journal.by_job("job-1") == journal.submissions()[0]
    assert (found.circuits, found.shots, found.backend) == (circuits, 500, "qpu.forte-1")
    assert (found.state, found.job_id, found.sharpen) == ("sent", "job-1", True)


def test_sending_begins_only_while_the_claim_is_held(journal):
    journal.claim([submission("m", "a")])
    assert journal.begin("m")
    assert not journal.begin("m")
    journal.claim([submission("n", "b")])
    journal.move("n", journals.REFUSED)
    assert not journal.begin("n")


def test_a_circuit_is_claimed_once(journal):
    assert journal.claim([submission("m", "a", "b")])
    assert not journal.claim([submission("n", "c"), submission("o", "b")])
    assert [one.mark for one in journal.submissions()] == ["m"]
    assert journal.claim([submission("p", "a", service="https://elsewhere/v0.4")])


@pytest.mark.parametrize("end", ["collected", "failed", "canceled", "refused"])
def test_what_has_ended_gives_its_claims_up(journal, end):
    journal.claim([submission("m", "a")])
    journal.move("m", end)
    assert journal.holding(URL, ["a"]) == []
    assert journal.claim([submission("n", "a")])
    assert journal.get("m").state == end


@pytest.mark.parametrize("state", ["claimed", "sending", "lost", "sent"])
def test_what_is_open_holds_its_claims(journal, state):
    journal.claim([submission("m", "a", "b"), submission("n", "c")])
    journal.move("m", state)
    assert [one.mark for one in journal.holding(URL, ["b", "x"])] == ["m"]
    assert not journal.claim([submission("o", "a")])


def test_thousands_of_keys_are_looked_for_at_once(journal):
    keys = [f"k{number}" for number in range(3000)]
    journal.claim([submission("m", *keys)])
    assert [one.mark for one in journal.holding(URL, keys)] == ["m"]


def test_only_what_ended_long_ago_is_forgotten(tmp_path):
    now = [1000.0]
    journal = Journal(tmp_path, clock=lambda: now[0])
    journal.claim([submission("old", "a"), submission("open", "b"), submission("new", "c")])
    journal.move("old", journals.COLLECTED)
    now[0] = 2000.0
    journal.move("new", journals.FAILED)
    assert journal.clean(before=1500.0) == 1
    assert {one.mark for one in journal.submissions(everything=True)} == {"open", "new"}


def test_a_submission_of_this_process_is_not_abandoned_until_it_is_stale(tmp_path):
    now = [1000.0]
    journal = Journal(tmp_path, clock=lambda: now[0])
    journal.claim([submission("m", "a")])
    assert not journal.is_abandoned(journal.get("m"))
    now[0] += journals.STALE_S + 1
    assert journal.is_abandoned(journal.get("m"))
    journal.move("m", journals.SENT, job_id="j")
    assert not journal.is_abandoned(journal.get("m"))
    journal.move("m", journals.LOST)
    assert journal.is_abandoned(journal.get("m"))


CLAIM_AND_WAIT = """
import sys, time
from pathlib import Path
from pennylane_qstore.execution.journal import Entry, Journal, Submission
journal = Journal(Path(sys.argv[1]))
journal.claim([Submission("m", "u", "simulator", 1, (Entry("a", 1),))])
journal.move("m", "sending")
print("ready", flush=True)
time.sleep(60)
"""


def test_what_a_killed_process_was_sending_is_abandoned(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", CLAIM_AND_WAIT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    journal = Journal(tmp_path)
    (left,) = journal.holding("u", ["a"])
    assert not journal.is_abandoned(left)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert journal.is_abandoned(left)
    assert left.state == "sending"


def test_what_another_machine_is_sending_is_not_abandoned(journal, monkeypatch):
    monkeypatch.setattr(journals.platform, "node", lambda: "elsewhere")
    journal.claim([submission("m", "a")])
    monkeypatch.undo()
    assert not journal.is_abandoned(journal.get("m"))


def _claim_all(directory, number, won):
    journal = Journal(directory)
    won.put([key for key in range(40) if journal.claim([submission(f"{number}-{key}", str(key))])])


def test_processes_never_claim_the_same_circuit(tmp_path):
    context = multiprocessing.get_context("fork")
    Journal(tmp_path).submissions()
    won = context.Queue()
    workers = [context.Process(target=_claim_all, args=(tmp_path, n, won)) for n in range(4)]
    for worker in workers:
        worker.start()
    claimed = [key for _ in workers for key in won.get(timeout=60)]
    for worker in workers:
        worker.join()
    assert sorted(claimed) == list(range(40))


def test_the_files_are_private(tmp_path):
    directory = tmp_path / "deep" / "journal"
    Journal(directory).claim([submission("m", "a")])
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"\x80\x04cos\nsystem\n", b"no database" * 1000])
def test_a_file_that_is_no_journal_stops_before_anything_is_sent(tmp_path, content):
    (tmp_path / "journal.db").write_bytes(content)
    with pytest.raises(JournalError, match=r"journal\.db"):
        Journal(tmp_path)
    assert (tmp_path / "journal.db").read_bytes() == content


def test_a_link_is_not_followed(tmp_path):
    target = tmp_path / "elsewhere"
    target.write_bytes(b"")
    (tmp_path / "journal.db").symlink_to(target)
    with pytest.raises(JournalError):
        Journal(tmp_path)
    assert target.read_bytes() == b""


def test_a_row_that_is_none_is_named(journal):
    database = sqlite3.connect(journal.directory / "journal.db")
    journal.claim([submission("m", "a")])
    database.execute("UPDATE submissions SET circuits = '[[1]]'")
    database.commit()
    with pytest.raises(JournalError, match="cannot be used"):
        journal.submissions()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(JournalError, match="journal=False"):
        Journal(tmp_path / "journal")
