import json
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import threading

import pytest

from pennylane_qstore.reporting import InvalidRecordError, RunLog, read_log


def test_records_are_read_in_the_order_in_which_they_were_written(tmp_path, two_batches):
    log = RunLog(tmp_path / "run.jsonl")
    for batch in two_batches:
        log.append(batch)
    RunLog(str(log.path), fsync=True).append(two_batches[0])
    content = read_log(log.path)
    assert content.records == (*two_batches, two_batches[0])
    assert content.torn_lines == ()


def test_the_file_is_private_and_has_one_line_a_record(tmp_path, two_batches):
    log = RunLog(tmp_path / "run.jsonl")
    old = os.umask(0)
    try:
        for batch in two_batches:
            log.append(batch)
    finally:
        os.umask(old)
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert log.path.read_bytes().count(b"\n") == 2


def test_a_log_can_be_cut_anywhere_without_harm_to_other_records(tmp_path, two_batches, caplog):
    whole = RunLog(tmp_path / "whole.jsonl")
    for batch in two_batches:
        whole.append(batch)
    data = whole.path.read_bytes()
    first = data.index(b"\n") + 1
    for length in range(first, len(data), 37):
        cut = RunLog(tmp_path / f"{length}.jsonl")
        cut.path.write_bytes(data[:length])
        caplog.clear()
        before = read_log(cut.path)
        assert before.records == (two_batches[0],)
        assert before.torn_lines == (() if length == first else (2,))
        assert ("line 2" in caplog.text) == (length > first)
        cut.append(two_batches[1])
        assert read_log(cut.path).records == tuple(two_batches)


def test_a_last_line_without_its_end_counts_as_cut_short(tmp_path, two_batches):
    log = RunLog(tmp_path / "run.jsonl")
    log.append(two_batches[0])
    log.path.write_bytes(log.path.read_bytes()[:-1])
    assert read_log(log.path).torn_lines == (1,)


def test_bytes_that_are_no_text_are_left_out(tmp_path, two_batches):
    log = RunLog(tmp_path / "run.jsonl")
    log.path.write_bytes(b"\xff\xfe\x00\n\n")
    log.append(two_batches[0])
    content = read_log(log.path)
    assert (content.records, content.torn_lines) == ((two_batches[0],), (1,))


def test_a_whole_line_that_is_no_record_is_refused_with_its_number(tmp_path, two_batches):
    log = RunLog(tmp_path / "run.jsonl")
    log.append(two_batches[0])
    log.path.write_bytes(log.path.read_bytes() + b'{"loss": 3}\n')
    with pytest.raises(InvalidRecordError, match=r"run\.jsonl, line 2: no record"):
        read_log(log.path)


def test_texts_with_line_ends_stay_on_one_line(tmp_path, record):
    batch = record(errors=("a\nb\u2028c\x85d",), packing="\r\n")
    log = RunLog(tmp_path / "run.jsonl")
    log.append(batch)
    assert read_log(log.path).records == (batch,)


def test_a_missing_log_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_log(tmp_path / "none.jsonl")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_an_error(record):
    with pytest.raises(OSError, match="space"):
        RunLog("/dev/full").append(record())


def test_no_file_stays_open(tmp_path, record):
    log = RunLog(tmp_path / "run.jsonl")
    log.append(record())
    before = len(os.listdir("/proc/self/fd"))
    for number in range(100):
        log.append(record(number))
    assert len(os.listdir("/proc/self/fd")) == before


def _append(path, batches):
    for batch in batches:
        RunLog(path).append(batch)


def test_threads_and_processes_append_whole_lines(tmp_path, record):
    path = tmp_path / "run.jsonl"
    shares = [[record(n, packing=str(i) * 5000) for n in range(50)] for i in range(4)]
    spawn = multiprocessing.get_context("fork")
    workers = [spawn.Process(target=_append, args=(path, share)) for share in shares[:2]]
    workers += [threading.Thread(target=_append, args=(path, share)) for share in shares[2:]]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    content = read_log(path)
    assert content.torn_lines == ()
    for i, share in enumerate(shares):
        assert [r for r in content.records if r.packing[0] == str(i)] == share


WRITER = """
import json
import sys
from pennylane_qstore.reporting import RunLog, read_record
batch = read_record(json.loads(sys.argv[2]))
print("ready", flush=True)
while True:
    RunLog(sys.argv[1]).append(batch)
"""


def test_a_killed_writer_leaves_a_log_that_reads(tmp_path, record):
    path = tmp_path / "run.jsonl"
    batch = record(packing="x" * 20_000)
    command = [sys.executable, "-c", WRITER, str(path), json.dumps(batch.to_dict())]
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            while not path.exists() or path.stat().st_size < 200_000:
                assert writer.poll() is None
            writer.send_signal(signal.SIGKILL)
    RunLog(path).append(batch)
    content = read_log(path)
    assert set(content.records) == {batch}
    assert content.records[-1] == batch
    assert len(content.torn_lines) <= 3
