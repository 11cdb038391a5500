"""Several backends behind one device."""

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore import errors
from pennylane_qstore.emulator import EmulatorOptions, create_app
from pennylane_qstore.execution.service import BackendInfo
from tests.faults.server import FaultServer
from tests.loopback import serving

DEAD = "http://127.0.0.1:9"
RATES = {"1q": 1e-6, "2q": 1e-4, "minimum": 1.0, "unit": "usd"}


def tape(angle, shots=2000):
    gates = [qml.RX(angle, 0), qml.CNOT([0, 1])]
    return qml.tape.QuantumScript(gates, [qml.probs(wires=[0, 1])], shots=shots)


def expected(angle):
    return np.array([np.cos(angle / 2) ** 2, 0, 0, np.sin(angle / 2) ** 2])


@pytest.fixture
def service():
    with serving(create_app(EmulatorOptions(seed=1))) as (url, _):
        yield url


@pytest.fixture
def fleet(service, tmp_path):
    def make(*backends, **options):
        entries = [
            {"base_url": service} | (entry if isinstance(entry, dict) else {"backend": entry})
            for entry in backends
        ]
        options = {"api_key": "key", "cache": tmp_path, "progress": False, "rates": RATES} | options
        return qml.device("qstore.ionq", wires=2, backend=entries, **options)

    return make


@pytest.fixture
def queues(monkeypatch):
    """Queue of each backend in seconds; None where it is not available."""
    known = {}

    async def backends(service):
        return tuple(
            BackendInfo(
                name, "available" if wait is not None else "unavailable", 29, None, wait or 0
            )
            for name, wait in known.items()
        )

    monkeypatch.setattr("pennylane_qstore.execution.HttpService.backends", backends)
    return known


def where(device):
    return [placement.backend for placement in device.placements]


def test_a_function_sends_each_tape_where_it_says(fleet):
    device = fleet(
        "qpu.forte-1",
        "simulator",
        route=lambda tape: "qpu.forte-1" if tape.shots.total_shots > 1000 else "simulator",
    )
    tapes = [tape(0.3, 500), tape(1.2, 4000), tape(2.0, 500), tape(2.9, 4000)]
    with qml.Tracker(device) as tracker:
        results = device.execute(tapes)
    assert where(device) == ["simulator", "qpu.forte-1", "simulator", "qpu.forte-1"]
    for result, angle in zip(results, (0.3, 1.2, 2.0, 2.9), strict=True):
        np.testing.assert_allclose(result, expected(angle), atol=0.1)
    assert tracker.totals["jobs"] == 2
    assert device.ledger.spent.amount("usd") > 0


def test_circuits_are_compiled_for_the_backend_that_runs_them(fleet):
    device = fleet("qpu.aria-1", "qpu.forte-1")
    entanglers = [member.target.entangler for member in device.members.values()]
    assert entanglers == ["ms", "zz"]


def test_a_qnode_and_its_gradient_run_on_several_backends(fleet):
    device = fleet("simulator", {"backend": "simulator"}, cache=False)
    assert list(device.members) == ["simulator", "simulator#2"]

    @qml.qnode(device, shots=None)
    def circuit(x):
        qml.RX(x, 0)
        qml.CNOT([0, 1])
        return qml.expval(qml.Z(1))

    x = qml.numpy.array(0.4, requires_grad=True)
    assert circuit(x) == pytest.approx(np.cos(0.4), abs=1e-9)
    assert qml.grad(circuit)(x) == pytest.approx(-np.sin(0.4), abs=1e-9)


def test_an_address_that_is_dead_is_passed_over_and_said(fleet):
    device = fleet({"backend": "simulator", "base_url": DEAD}, "simulator")
    (result,) = device.execute([tape(0.7, None)])
    np.testing.assert_allclose(result, expected(0.7), atol=1e-9)
    (placement,) = device.placements
    assert placement.backend == "simulator#2"
    assert [name for name, _ in placement.passed] == ["simulator"]


def test_a_long_queue_is_passed_over(fleet, queues):
    queues |= {"qpu.forte-1": 900.0, "qpu.forte-enterprise-1": 10.0, "simulator": 0.0}
    device = fleet("qpu.forte-1", "qpu.forte-enterprise-1", max_queue_wait=60)
    device.execute([tape(0.5)])
    (placement,) = device.placements
    assert placement.backend == "qpu.forte-enterprise-1"
    assert "900 s" in placement.passed[0][1]


def test_the_fastest_is_the_one_that_is_expected_to_finish_soonest(fleet, queues):
    queues |= {"qpu.forte-1": 50.0, "qpu.forte-enterprise-1": 10.0}
    device = fleet("qpu.forte-1", "qpu.forte-enterprise-1", route="fastest")
    device.execute([tape(0.5)])
    assert where(device) == ["qpu.forte-enterprise-1"]


def test_a_simulator_takes_what_was_meant_for_a_machine_only_if_it_may(fleet, queues):
    queues |= {"qpu.forte-1": None, "simulator": 0.0}
    with pytest.raises(errors.UnknownBackendError, match="not available"):
        fleet("qpu.forte-1", "simulator").execute([tape(0.5)])
    device = fleet("qpu.forte-1", "simulator", simulator_fallback=True)
    device.execute([tape(0.5)])
    assert where(device) == ["simulator"]


def test_all_backends_share_the_budget(fleet):
    device = fleet("qpu.aria-1", "qpu.forte-1", budget=13, route=lambda tape: "qpu.forte-1")
    device.execute([tape(0.1)])  # the emulator charges its minimum of 12.4166 usd
    with pytest.raises(errors.BudgetExceededError):
        device.execute([tape(0.3)])
    assert all(member.ledger is device.ledger for member in device.members.values())


def test_a_job_that_waits_too_long_is_canceled_before_another_backend_gets_it(tmp_path):
    with (
        serving(create_app(EmulatorOptions(seed=1, queue_s=3600))) as (slow, _),
        serving(create_app(EmulatorOptions(seed=1))) as (fast, _),
    ):
        device = qml.device(
            "qstore.ionq",
            wires=2,
            backend=[
                {"backend": "simulator", "base_url": slow},
                {"backend": "simulator", "base_url": fast},
            ],
            api_key="key",
            cache=tmp_path,
            progress=False,
            max_queue_wait=0.05,
        )
        (result,) = device.execute([tape(0.7, None)])
    np.testing.assert_allclose(result, expected(0.7), atol=1e-9)
    assert where(device) == ["simulator#2"]
    states = {one.state for one in device.journal.submissions(everything=True)}
    assert states == {"canceled", "collected"}


@pytest.mark.parametrize(
    ("backends", "options", "match"),
    [
        ([{"base_url": "http://x"}], {}, "mapping with 'backend'"),
        ([{"backend": "simulator", "shots": 3}], {}, "mapping with 'backend'"),
        (["simulator"], {"route": "slowest"}, "route='slowest'"),
    ],
)
def test_what_cannot_work_is_refused(backends, options, match):
    with pytest.raises(errors.InvalidOptionError, match=match):
        qml.device("qstore.ionq", wires=1, backend=backends, api_key="key", **options)


def test_a_route_to_nowhere_is_named(fleet):
    device = fleet("simulator", route=lambda tape: "nowhere")
    with pytest.raises(errors.InvalidOptionError, match="nowhere.*simulator"):
        device.execute([tape(0.1)])


@pytest.mark.parametrize("action", ["submit", "retrieve"])
def test_what_works_on_one_backend_says_so(fleet, action):
    with pytest.raises(errors.InvalidOptionError, match=r"members\[name\]"):
        getattr(fleet("simulator"), action)([tape(0.1)])


def test_what_was_accepted_is_not_sent_elsewhere(fleet, monkeypatch):
    device = fleet("simulator", {"backend": "simulator"}, cache=False)
    first, second = (member._backend._service for member in device.members.values())

    async def broken(job_id):
        raise errors.ConnectionFailedError("the line is dead")

    monkeypatch.setattr(first, "get_job", broken)
    with pytest.raises(errors.ConnectionFailedError, match="dead") as caught:
        device.execute([tape(0.7, None)])
    assert caught.value.under_way
    assert (first.counts["POST"], second.counts["POST"]) == (1, 0)


def test_the_time_limit_holds_for_all_backends(tmp_path):
    with serving(create_app(EmulatorOptions(seed=1, queue_s=3600))) as (slow, _):
        device = qml.device(
            "qstore.ionq",
            wires=2,
            backend=[{"backend": "simulator", "base_url": slow}],
            api_key="key",
            cache=tmp_path,
            progress=False,
            timeout=1,
        )
        with pytest.raises(errors.BatchTimeoutError) as caught:
            device.execute([tape(0.7, None)])
    assert len(caught.value.job_ids) == 1


def test_a_batch_is_divided_so_that_all_finish_at_the_same_time(fleet, queues):
    unit_s = 0.02  # the device waits as long as it expects to
    queues |= {"qpu.forte-1": 4 * unit_s, "qpu.forte-enterprise-1": unit_s}
    device = fleet("qpu.forte-1", "qpu.forte-enterprise-1", route="balanced")
    for member, per_circuit in zip(device.members.values(), (1.0, 2.0), strict=True):
        for n in (1, 2, 4, 8, 16):
            member.controller.observe(n, unit_s * (4.0 + per_circuit * n), n_parallel=1)
    angles = np.linspace(0.1, 3.0, 30)
    results = device.execute([tape(angle) for angle in angles])
    assert sorted(set(where(device))) == ["qpu.forte-1", "qpu.forte-enterprise-1"]
    n_first, n_second = map(where(device).count, device.members)
    seconds = [4.0 + 4.0 + 1.0 * n_first, 1.0 + 4.0 + 2.0 * n_second]
    assert abs(seconds[0] - seconds[1]) <= 2.0  # one circuit of the slower
    for result, angle in zip(results, angles, strict=True):
        np.testing.assert_allclose(result, expected(angle), atol=0.1)


def test_a_queue_is_counted_once(fleet, queues):
    queues |= {"qpu.forte-1": 50.0, "qpu.forte-enterprise-1": 100.0}
    device = fleet("qpu.forte-1", "qpu.forte-enterprise-1", route="fastest")
    device.execute([tape(0.5)])
    assert 50.0 < float(device.placements[0].reason.split()[-2]) < 60.0


def test_each_backend_has_its_own_key(tmp_path):
    first, second = FaultServer(), FaultServer()
    first.key, second.key = "key-of-the-first", "key-of-the-second"
    entries = [
        {"backend": "simulator", "base_url": server.url, "api_key": server.key}
        for server in (first, second)
    ]
    turns = iter(["simulator", "simulator#2", "simulator#2", "simulator"])
    try:
        device = qml.device(
            "qstore.ionq",
            wires=2,
            backend=entries,
            route=lambda _: next(turns),
            cache=tmp_path,
            progress=False,
        )
        angles = [0.3, 0.7, 1.2, 2.0]
        results = device.execute([tape(angle, None) for angle in angles])
    finally:
        first.close()
        second.close()
    for result, angle in zip(results, angles, strict=True):
        np.testing.assert_allclose(result, expected(angle), atol=1e-9)
    for server in (first, second):
        keys = {request.headers.get("authorization") for request in server.requests}
        assert keys == {f"apiKey {server.key}"}
        assert sum(len(job.circuits) for job in server.jobs.values()) == 2
