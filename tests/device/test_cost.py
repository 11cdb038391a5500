"""What a device says, sets aside and counts of money; prices are the test server's own."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore import errors
from pennylane_qstore.emulator import create_app
from pennylane_qstore.execution.cost import Cost
from tests.faults import client
from tests.faults.server import Fate, refusal
from tests.loopback import serving

QPU = "qpu.forte-1"
SHOTS = 1000
RATES = {"1q": 2e-5, "2q": 3e-3, "minimum": 5.0, "unit": "usd"}
SERVICE = {"1q": 1e-4, "2q": 1e-3, "minimum": 1.0}
"""Prices of :mod:`tests.faults.server`."""


pytestmark = pytest.mark.usefixtures("in_time")


@pytest.fixture
def connect(connect):
    """Devices on a machine that share a cache and a journal."""
    return lambda **options: connect(**{"backend": QPU} | options)


def sent(server):
    """One-qubit and two-qubit gates of each circuit that was posted."""
    found = []
    for job in server.jobs.values():
        for entry in job.body["input"].get("circuits") or [job.body["input"]]:
            two = sum("targets" in gate for gate in entry["circuit"])
            found.append((len(entry["circuit"]) - two, two))
    return found


def priced(gates, rates, shots=SHOTS):
    """Cost of the gates of each circuit, without the minimum."""
    return [shots * (one * rates["1q"] + two * rates["2q"]) for one, two in gates]


def usd(cost):
    assert set(cost.units) <= {"usd"}
    return cost.amount("usd")


# Estimates


def test_the_users_rates_price_the_gates_that_are_sent(connect, server):
    device, circuits = connect(rates=RATES), client.tapes(4, SHOTS)
    estimate = device.estimate(circuits)
    assert server.jobs == {}
    assert server.count("estimate") == 0
    device.execute(circuits)
    gates = priced(sent(server), RATES)
    assert len(gates) == 4
    assert usd(estimate.cost) == pytest.approx(sum(gates) + 4 * 5.0)
    assert usd(estimate.lowest) == pytest.approx(max(5.0, sum(gates)))
    assert usd(device.ledger.estimated) == pytest.approx(usd(estimate.cost))
    assert server.count("estimate") == 0


def test_the_service_is_asked_where_the_user_gives_no_rates(connect, server):
    device, circuits = connect(), client.tapes(4, SHOTS)
    estimate = device.estimate(circuits)
    assert server.jobs == {}
    assert server.count("estimate") == 1
    device.execute(circuits)
    gates = priced(sent(server), SERVICE)
    assert usd(estimate.cost) == pytest.approx(sum(max(1.0, own) for own in gates))
    (asked, *_) = (one for one in server.requests if one.kind == "estimate")
    assert asked.query["backend"] == [QPU]
    assert asked.query["shots"] == [str(SHOTS)]
    assert (int(asked.query["1q_gates"][0]), int(asked.query["2q_gates"][0])) == max(sent(server))


def test_one_tape_costs_as_much_as_a_list_of_it(connect):
    device = connect()
    assert device.estimate(client.tape(0.3, SHOTS)) == device.estimate([client.tape(0.3, SHOTS)])


def test_shots_are_priced_separately(connect, server):
    device = connect(rates=RATES | {"minimum": 0.0})
    few, many = device.estimate(client.tape(0.3, 100)), device.estimate(client.tape(0.3, 900))
    both = device.estimate([client.tape(0.3, 100), client.tape(0.3, 900)])
    assert usd(many.cost) == pytest.approx(9 * usd(few.cost))
    assert usd(both.cost) == pytest.approx(usd(few.cost) + usd(many.cost))


@pytest.mark.parametrize("mode", ["multicircuit", "concurrent"])
def test_a_batch_asks_for_estimates_once(connect, server, mode):
    connect(batch_mode=mode).execute(client.tapes(5, SHOTS))
    assert server.count("estimate") == 1


def test_simulators_cost_nothing_and_are_not_asked(connect, server):
    device = connect(backend="simulator", budget=0, rates=RATES)
    assert device.estimate(client.tapes(3)).cost == Cost()
    client.run(device, client.tapes(3))
    assert device.ledger.spent == Cost()
    assert server.count("estimate") + server.count("cost") == 0


def test_the_embedded_emulator_costs_nothing():
    device = qml.device("qstore.ionq", wires=2, budget=0)
    client.run(device, client.tapes(2))
    assert device.estimate(client.tapes(2)).cost == Cost()
    assert device.ledger.spent == Cost()


def test_the_emulators_rate_card_is_read(tmp_path):
    with serving(create_app()) as (url, _):
        device = client.connect(f"{url}/v0.4", tmp_path / "results", backend=QPU)
        estimate = device.estimate(client.tapes(2, SHOTS))
        device.execute(client.tapes(2, SHOTS))
        assert estimate.cost > Cost()
        assert estimate.lowest <= device.ledger.spent <= estimate.cost


def test_who_runs_sampled_noise_on_the_simulator_pays_nothing(connect, server):
    device = connect(backend="simulator", noise_model="forte-1", budget=0)
    device.execute(client.tapes(2, SHOTS))
    assert device.ledger.spent == Cost()


# The budget


def test_a_budget_refuses_before_anything_is_sent(connect, server):
    device = connect(budget=19.9, rates=RATES | {"1q": 0.0, "2q": 0.0})
    with pytest.raises(errors.BudgetExceededError, match="Nothing was sent") as caught:
        device.execute(client.tapes(4, SHOTS))
    assert (caught.value.estimate, caught.value.budget, caught.value.unit) == (20.0, 19.9, "usd")
    assert (caught.value.spent, caught.value.reserved) == (0.0, 0.0)
    assert server.jobs == {}
    assert device.ledger.reserved == Cost()
    assert device.journal.submissions() == []


@pytest.mark.parametrize("mode", ["multicircuit", "concurrent"])
def test_a_budget_counts_the_batch_however_it_is_packed(connect, server, mode):
    device = connect(budget=3.5, batch_mode=mode)
    with pytest.raises(errors.BudgetExceededError) as caught:
        device.execute(client.tapes(4, 10))
    assert caught.value.estimate == 4.0
    assert server.jobs == {}
    device.execute(client.tapes(3, 10))
    assert len(server.paid()) == 3


def test_a_budget_counts_what_was_spent(connect, server):
    device = connect(budget=1.02)
    device.execute(client.tapes(1, 10))
    spent = usd(device.ledger.spent)
    assert spent == pytest.approx(0.001 * sum(map(sum, sent(server))))
    assert device.ledger.reserved == Cost()
    device.execute(client.tapes(1, 10, start=1.0))
    device.execute(client.tapes(1, 10, start=1.5))
    with pytest.raises(errors.BudgetExceededError) as caught:
        device.execute(client.tapes(1, 10, start=2.0))
    assert caught.value.spent == pytest.approx(0.001 * sum(map(sum, sent(server))))
    assert len(server.jobs) == 3
    with pytest.raises(errors.BudgetExceededError):
        device.execute(client.tapes(1, 10))  # a new sample of the first


def test_what_the_cache_has_needs_no_budget(connect, server):
    circuits = client.tapes(3, 10)
    connect().execute(circuits)
    device = connect(budget=0)
    device.execute(circuits)
    assert len(server.jobs) == 1


def test_a_service_that_does_not_say_what_it_spent_counts_as_estimated(connect, server, caplog):
    server.inject("cost", "answer", reply=refusal(404, "Not Found", "no cost"), times=99)
    device = connect()
    with caplog.at_level(logging.WARNING, "pennylane_qstore"):
        device.execute(client.tapes(3, 10))
    assert device.ledger.spent == Cost.of(3.0, "usd")
    assert "no cost" in caplog.text


def test_without_an_estimate_nothing_is_sent_under_a_budget(connect, server):
    server.inject("estimate", "answer", reply=refusal(404, "Not Found", "no estimates"), times=99)
    with pytest.raises(errors.ServiceError, match="no estimates"):
        connect(budget=100).execute(client.tapes(1, 10))
    assert server.jobs == {}
    connect().execute(client.tapes(1, 10))
    assert len(server.jobs) == 1


def test_without_an_estimate_nothing_is_sent_while_somebody_approves_costs(connect, server):
    server.inject("estimate", "answer", reply=refusal(404, "Not Found", "no estimates"), times=99)
    device = connect()
    unpriced = pytest.raises(errors.ServiceError, match="no estimates")
    with device.ledger.approval(lambda total: None), unpriced:
        device.execute(client.tapes(1, 10))
    assert server.jobs == {}


def test_threads_do_not_pass_the_budget_together(connect, server):
    device = connect(budget=3, batch_mode="concurrent")
    server.inject("cost", "answer", reply=refusal(404, "Not Found", "no cost"), times=99)
    barrier = threading.Barrier(8)

    def one(i):
        barrier.wait()
        try:
            device.execute(client.tapes(1, 10, start=0.1 + i))
        except errors.BudgetExceededError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        accepted = sum(pool.map(one, range(8)))
    assert accepted == len(server.paid()) <= 3
    assert usd(device.ledger.spent) == accepted
    assert device.ledger.reserved == Cost()


def test_a_refused_submission_gives_its_money_back(connect, server):
    server.inject("submit", "answer", reply=refusal(400, "Bad Request", "no"), times=9)
    device = connect(budget=10)
    with pytest.raises(errors.ServiceError):
        device.execute(client.tapes(2, 10))
    assert (device.ledger.reserved, device.ledger.spent) == (Cost(), Cost())


def test_a_failed_job_costs_what_the_service_says(connect, server):
    server.fates = [Fate("failed")]
    device = connect(budget=10)
    with pytest.raises(errors.JobFailedError):
        device.execute(client.tapes(1, 10))
    assert device.ledger.reserved == Cost()
    assert usd(device.ledger.spent) == pytest.approx(0.001 * sum(map(sum, sent(server))))


def test_money_stays_set_aside_for_jobs_that_are_left(connect, server):
    server.fates = [Fate("started")]
    device = connect(budget=10)
    client.give_up(server, device, client.tapes(2, 10))
    assert device.ledger.reserved == Cost.of(2.0, "usd")
    with pytest.raises(errors.BudgetExceededError) as caught:
        device.execute(client.tapes(9, 10, start=1.0))
    assert caught.value.reserved == 2.0
    server.heal()
    device.retrieve(list(server.jobs))
    assert device.ledger.reserved == Cost()
    assert usd(device.ledger.spent) == pytest.approx(0.001 * sum(map(sum, sent(server))))


def test_a_job_of_an_earlier_run_is_charged_once(connect, server):
    server.fates = [Fate("started")]
    client.give_up(server, connect(), client.tapes(2, 10))
    server.heal()
    device = connect(budget=10)
    device.execute(client.tapes(2, 10))
    assert usd(device.ledger.spent) == pytest.approx(0.001 * sum(map(sum, sent(server))))
    assert len(server.jobs) == 1


def test_a_canceled_job_gives_its_money_back(connect, server):
    server.fates = [Fate("started")]
    device = connect(budget=10)
    device.submit(client.tapes(2, 10)).cancel()
    assert device.ledger.reserved == Cost()


def test_rates_in_another_currency_than_the_services_stay_usable(connect, server):
    device = connect(budget=100, rates=RATES | {"unit": "eur"})
    for start in (0.1, 0.2):
        device.execute(client.tapes(1, 10, start=start))
    assert device.ledger.spent.units == ("eur",)


# Dry runs


@pytest.fixture
def dry(connect):
    return connect(dry_run=True, rates=RATES, seed=3)


def test_a_dry_run_prices_and_posts_nothing(dry, connect, server):
    circuits = client.tapes(3, SHOTS)
    found = np.array(dry.execute(circuits))
    assert server.count("submit") == 0
    assert np.abs(found - client.truth(circuits)).max() < 5 * 0.5 / np.sqrt(SHOTS)
    assert dry.ledger.estimated == connect(rates=RATES).estimate(circuits).cost > Cost()
    assert dry.ledger.spent == Cost()


def test_a_dry_submission_posts_nothing(dry, server):
    circuits = client.tapes(3, SHOTS)
    handle = dry.submit(circuits)
    found = np.array(handle.result(10))
    assert np.abs(found - client.truth(circuits)).max() < 5 * 0.5 / np.sqrt(SHOTS)
    assert server.count("submit") == 0
    assert handle.job_ids == ()
    handle.cancel()


@pytest.mark.parametrize("diff_method", ["best", "parameter-shift", "spsa"])
def test_a_dry_run_prices_a_gradient(dry, server, diff_method):
    @qml.set_shots(200)
    @qml.qnode(dry, diff_method=diff_method)
    def circuit(x):
        qml.RX(x[0], 0)
        qml.RY(x[1], 1)
        qml.CNOT([0, 1])
        return qml.expval(qml.Z(1))

    with qml.Tracker(dry) as tracker:
        gradient = qml.grad(circuit)(pnp.array([0.3, 0.4], requires_grad=True))
    assert np.isfinite(gradient).all()
    assert server.count("submit") == 0
    assert dry.ledger.estimated >= Cost.of(5.0 * 2, "usd")
    assert tracker.totals["estimated_cost_usd"] == pytest.approx(usd(dry.ledger.estimated))
    assert "cost_usd" not in tracker.totals
    cost = dry.report().to_dict()["cost"]
    assert cost["estimated"]["usd"] == pytest.approx(usd(dry.ledger.estimated))


@pytest.mark.parametrize("how", ["execute", "submit"])
def test_a_dry_run_says_when_the_budget_would_not_do(connect, server, how):
    device = connect(dry_run=True, budget=9, rates=RATES)
    getattr(device, how)(client.tapes(1, SHOTS))
    with pytest.raises(errors.BudgetExceededError):
        getattr(device, how)(client.tapes(1, SHOTS))


def test_a_dry_run_leaves_no_trace(dry, connect, server):
    dry.execute(client.tapes(2, SHOTS))
    assert dry.journal.submissions(everything=True) == []
    assert len(dry.cache) == 0
    with pytest.raises(errors.JournalError):
        connect().retrieve("")


def test_a_dry_run_asks_the_service_for_prices(connect, server):
    device = connect(dry_run=True)
    device.execute(client.tapes(2, 10))
    assert device.ledger.estimated == Cost.of(2.0, "usd")
    assert {request.method for request in server.requests} == {"GET"}


# What is told


def test_the_tracker_counts_what_was_spent_and_estimated(connect):
    device = connect()
    with qml.Tracker(device) as tracker:
        device.execute(client.tapes(2, 10))
        device.submit(client.tapes(2, 10, start=1.0)).result(10)
    assert tracker.totals["estimated_cost_usd"] == 4.0
    assert tracker.totals["cost_usd"] == pytest.approx(usd(device.ledger.spent))
    assert tracker.totals["jobs"] == 2
    assert tracker.totals["circuits"] == 4
    cost = device.report().to_dict()["cost"]
    assert cost["estimated"]["usd"] == tracker.totals["estimated_cost_usd"]
    assert cost["spent"]["usd"] == pytest.approx(tracker.totals["cost_usd"])


def test_what_the_cache_saved_is_told(connect, server):
    circuits = client.tapes(2, 10)
    connect().execute(circuits)
    device = connect()
    device.execute(circuits)
    spent = pytest.approx(0.001 * sum(map(sum, sent(server))))
    assert device.cache.stats().cost_saved["usd"] == spent
    assert usd(device.ledger.saved) == spent
    assert device.report().to_dict()["cost"]["saved"]["usd"] == spent
    assert device.report().to_dict()["circuit_cache"]["saved_seconds"] > 0
    assert device.ledger.spent == Cost()


def test_threads_that_share_a_job_pay_it_once(connect, server):
    device, circuits = connect(), client.tapes(6, 10)
    server.wire.latency_s = 0.003
    barrier = threading.Barrier(6)

    def one(circuit):
        barrier.wait()
        return device.execute([circuit])

    with qml.Tracker(device) as tracker, ThreadPoolExecutor(6) as pool:
        list(pool.map(one, circuits))
    assert len(server.jobs) < 6
    spent = 0.001 * sum(map(sum, sent(server)))
    numbers = device.report().to_dict()
    assert usd(device.ledger.spent) == pytest.approx(spent)
    assert numbers["cost"]["spent"]["usd"] == pytest.approx(spent)
    assert numbers["client"]["jobs"] == len(server.jobs) == tracker.totals["jobs"]
    assert tracker.totals["cost_usd"] == pytest.approx(spent)
