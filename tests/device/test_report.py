"""What a device reports of its batches, in numbers, text, HTML and a log."""

import json
import logging
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore import cli, errors
from pennylane_qstore.reporting import STAGES, read_log, summarize
from tests.faults import client
from tests.faults.server import KEY, Fate

pytestmark = pytest.mark.usefixtures("in_time")


def numbers_of(device):
    return device.report().to_dict()


@pytest.mark.parametrize("backend", ["simulator", "qpu.forte-1"])
@pytest.mark.parametrize("mode", ["multicircuit", "concurrent"])
def test_totals_are_those_of_the_tracker_and_of_the_service(connect, server, backend, mode):
    shots = None if backend == "simulator" else 100
    device = connect(backend=backend, batch_mode=mode)
    with qml.Tracker(device) as tracker:
        device.execute(client.tapes(4, shots))
        device.execute(client.tapes(6, shots))
        device.execute(client.tapes(6, shots))
    found = numbers_of(device)
    n_cached = 10 if backend == "simulator" else 0
    assert found["batches"] == tracker.totals["batches"] == 3
    assert found["circuits"] == tracker.totals["executions"] == 16
    assert found["shots"] == tracker.totals.get("shots", 0) == 16 * (shots or 0)
    assert found["client"]["jobs"] == tracker.totals["jobs"] == len(server.jobs)
    assert found["circuit_cache"]["hits"] == tracker.totals["cache_hits"] == n_cached
    assert found["client"]["circuits_run"] == tracker.totals["circuits"] == 16 - n_cached
    assert found["client"]["polls"] == server.count("job")
    backends = server.count("backends")  # asked by the device for its target, outside of batches
    assert found["client"]["requests"] == len(server.requests) - backends
    assert found["backends"] == {backend: 3}


def test_gates_are_those_that_were_sent(connect, server):
    device = connect()
    device.execute(client.tapes(4))
    gates = [
        gate
        for job in server.jobs.values()
        for entry in job.body["input"]["circuits"]
        for gate in entry["circuit"]
    ]
    two = sum("targets" in gate for gate in gates)
    found = numbers_of(device)["native_compiler"]
    assert (found["gates_1q"], found["gates_2q"]) == (len(gates) - two, two)


def test_stages_add_up_to_the_wall_time(connect, server):
    device = connect(batch_mode="multicircuit")
    device.execute(client.tapes(1, start=2.0))  # connections are open now
    server.job_s, server.wire.latency_s = 0.3, 0.002
    before = numbers_of(device)
    began = time.perf_counter()
    device.execute(client.tapes(5))
    wall = time.perf_counter() - began
    found = numbers_of(device)
    assert sum(found["stages"].values()) == pytest.approx(found["total_time"], abs=1e-6)
    assert set(found["stages"]) == set(STAGES)
    assert all(found["stages"][stage] > before["stages"][stage] for stage in STAGES)
    record = device.report().records[1]
    # Preprocessing to native tapes comes before the batch, and is all that is not in it.
    assert 0.5 * wall < record.seconds <= wall
    assert record.stages.wait > 0.15
    assert record.stages.submit > 0.002
    assert record.stages.other < 0.5 * record.seconds


def test_a_submitted_batch_is_reported_when_it_is_collected(connect, server):
    device = connect()
    handle = device.submit(client.tapes(3))
    assert numbers_of(device)["batches"] == 0
    while not handle.done():
        time.sleep(0.001)
    handle.result(10)
    handle.result(10)
    found = numbers_of(device)
    assert (found["batches"], found["circuits"], found["client"]["jobs"]) == (1, 3, 1)
    assert sum(found["stages"].values()) == pytest.approx(found["total_time"], abs=1e-6)


def test_a_handle_that_waits_for_its_user_counts_no_time(connect):
    device = connect()
    began = time.monotonic()
    handle = device.submit(client.tapes(1))
    while not handle.done():
        time.sleep(0.001)
    busy = time.monotonic() - began
    time.sleep(0.3)
    handle.result(10)
    assert device.report().records[0].seconds < busy + 0.2


def test_gradients_are_reported(connect):
    device = connect()

    @qml.qnode(device)
    def circuit(x):
        qml.RX(x, 0)
        return qml.expval(qml.Z(0))

    with qml.Tracker(device) as tracker:
        qml.grad(circuit)(pnp.array(0.3, requires_grad=True))
    found = numbers_of(device)
    assert found["circuits"] == tracker.totals["executions"]
    assert found["client"]["jobs"] == tracker.totals["jobs"]
    assert found["errors"] == 0


def test_templates_are_counted(connect):
    device = connect()
    device.execute(client.tapes(4))
    device.execute(client.tapes(2, start=1.0))
    found = numbers_of(device)["circuit_cache"]
    assert found["template_misses"] == 1
    assert found["template_hits"] >= 1


def test_the_report_is_json_text_and_html(connect):
    device = connect(backend="qpu.forte-1")
    device.execute(client.tapes(2, 50))
    report = device.report()
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()
    html, text = report._repr_html_(), str(report)
    for word in ("throughput", "compile", "Packing", "Cache", "Compiler", "Client", "Cost", "usd"):
        assert word in text
        assert word in html
    assert "<script" not in html


def test_a_device_that_did_nothing_says_so(connect):
    report = connect().report()
    assert "none was run" in str(report)
    assert json.loads(json.dumps(report.to_dict()))["batches"] == 0
    assert report._repr_html_()


def test_an_error_is_recorded(connect, server):
    server.fates = [Fate("failed", "BadCalibration")]
    device = connect()
    with pytest.raises(errors.JobFailedError):
        device.execute(client.tapes(1))
    found = numbers_of(device)
    assert found["errors"] == 1
    assert "BadCalibration" in found["last_errors"][0]
    assert "BadCalibration" in str(device.report())


@pytest.mark.parametrize("how", ["execute", "submit"])
def test_an_error_in_place_is_recorded_once_for_its_job(connect, server, how):
    server.fates = [Fate(), Fate("failed", "BadCalibration")]
    device = connect(on_error="partial", batch_mode="multicircuit", max_circuits_per_job=2)
    if how == "execute":
        device.execute(client.tapes(4))
    else:
        device.submit(client.tapes(4)).result(10)
    found = numbers_of(device)
    assert found["errors"] == 1
    assert "BadCalibration" in found["last_errors"][0]
    assert found["circuits"] == 4


def test_an_error_of_a_submission_is_recorded(connect, server):
    server.fates = [Fate("failed", "BadCalibration")]
    device = connect()
    handle = device.submit(client.tapes(1))
    for _ in range(2):
        with pytest.raises(errors.JobFailedError):
            handle.result(10)
    assert numbers_of(device)["errors"] == 1


def test_a_batch_from_the_cache_was_not_packed(connect):
    device = connect()
    device.execute(client.tapes(3))
    device.execute(client.tapes(3))
    assert sum(numbers_of(device)["packing"].values()) == 1


def test_threads_count_every_batch_once(connect):
    device = connect()

    def one(i):
        return device.execute(client.tapes(2, start=0.1 + 0.5 * i))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(16)))
    found = numbers_of(device)
    assert (found["batches"], found["circuits"]) == (16, 32)
    assert found["busy_time"] <= found["total_time"] + 1e-9
    assert sum(found["stages"].values()) == pytest.approx(found["total_time"], abs=1e-5)


# The log


def test_the_log_says_what_the_report_says(connect, tmp_path):
    path = tmp_path / "logs" / "run.jsonl"
    device = connect(backend="qpu.forte-1", log=path)
    device.execute(client.tapes(2, 50))
    device.execute(client.tapes(3, 50, start=1.0))
    content = read_log(path)
    assert content.torn_lines == ()
    assert summarize(content.records).to_dict() == numbers_of(device)
    assert all("time" in json.loads(line) for line in path.read_text().splitlines())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KEY not in path.read_text()


def test_devices_append_to_one_log(connect, tmp_path):
    path = tmp_path / "run.jsonl"
    for start in (0.1, 0.5):
        connect(log=str(path)).execute(client.tapes(1, start=start))
    devices = [connect(log=path) for _ in range(4)]
    barrier = threading.Barrier(4)

    def one(i):
        barrier.wait()
        devices[i].execute(client.tapes(1, start=1.0 + i))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))
    assert len(read_log(path).records) == 6


def test_the_log_has_errors_too(connect, server, tmp_path):
    server.fates = [Fate("failed", "BadCalibration")]
    path = tmp_path / "run.jsonl"
    with pytest.raises(errors.JobFailedError):
        connect(log=path).execute(client.tapes(1))
    assert "BadCalibration" in read_log(path).records[0].errors[0]


def test_a_log_that_cannot_be_written_costs_no_results(connect, tmp_path, caplog):
    circuits = client.tapes(2)
    device = connect(log=tmp_path)
    with caplog.at_level(logging.WARNING, "pennylane_qstore"):
        found = device.execute(circuits)
    np.testing.assert_allclose(np.array(found), client.truth(circuits), atol=1e-9)
    assert "could not be recorded" in caplog.text
    assert numbers_of(device)["batches"] == 1


def test_where_no_log_can_be_is_said_at_once(connect, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(errors.InvalidOptionError, match="log="):
        connect(log=tmp_path / "file" / "run.jsonl")


# The command


def test_the_command_prints_what_the_device_reports(connect, tmp_path, capsys):
    path = tmp_path / "run.jsonl"
    device = connect(log=path)
    device.execute(client.tapes(2))
    assert cli.main(["report", str(path)]) == 0
    assert capsys.readouterr().out.strip() == str(device.report()).strip()


@pytest.mark.parametrize("content", [None, '{"schema": 1}\n', "[1]\n"])
def test_the_command_names_what_it_cannot_read(tmp_path, capsys, content):
    path = tmp_path / "run.jsonl"
    if content is not None:
        path.write_text(content)
    assert cli.main(["report", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("qstore: error:")
    assert str(path) in err
