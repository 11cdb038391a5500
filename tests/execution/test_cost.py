import threading
from functools import partial

import anyio
import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennylane_qstore.emulator import EmulatorOptions, create_app
from pennylane_qstore.errors import InvalidOptionError, MalformedResultError, QStoreError
from pennylane_qstore.execution.cost import (
    FREE,
    BudgetExceededError,
    Cost,
    Estimate,
    JobCost,
    JobShape,
    Ledger,
    Rates,
    estimate_jobs,
    parse_estimate,
    parse_job_cost,
    read_rates,
    service_estimator,
)

USD = partial(Cost.of, unit="usd")
QPU = "qpu.forte-1"
NEW = {
    "estimate_context": {"backend": QPU, "shots": 1000, "1q_gates": 3, "2q_gates": 1},
    "estimated_at": "2026-09-10T00:00:00Z",
    "estimated_unit": "usd",
    "rate_card": {
        "id": "rc-1",
        "rates": [
            {
                "sku": "s",
                "unit": "gates",
                "cost_1q_gate": 0.0001,
                "cost_2q_gate": 0.001,
                "job_cost_minimum": 10.0,
            }
        ],
    },
    "estimated_total_cost": 10.0,
    "estimated_execution_time": 96250,
    "current_predicted_queue_time": 397577,
}
BY_TIME = {
    "estimated_unit": "credit",
    "rate_card": {"id": "r", "rates": [{"sku": "s", "unit": "compute_second", "unit_cost": 2.5}]},
    "estimated_total_cost": 7,
    "estimated_execution_time": 2800,
    "current_predicted_queue_time": 0,
    "estimated_quantum_compute_time_us": 2_800_000,
}
OLD = {
    "input_values": {"backend": QPU},
    "cost_unit": "credit",
    "rate_information": {
        "organization": "o",
        "cost_1q_gate": 0.0001,
        "cost_2q_gate": 0.001,
        "job_cost_minimum": 10.0,
    },
    "estimated_cost": 12.5,
}
cents = st.integers(0, 10**6).map(lambda n: n / 100)


def shape(n_1q=(3,), n_2q=(1,), shots=1000, backend=QPU, **options):
    return JobShape(backend, tuple(n_1q), tuple(n_2q), shots, 2, **options)


# Amounts


@given(st.lists(cents))
def test_amounts_add_up_to_the_cent(amounts):
    total = sum(map(USD, amounts), Cost())
    assert total.amount("usd") == sum(round(100 * a) for a in amounts) / 100


def test_units_are_kept_apart_and_zeros_left_out():
    total = USD(1.5) + Cost.of(2, "credit") + Cost.of(0, "eur")
    assert total.amounts == (("credit", 2.0), ("usd", 1.5))
    assert str(total) == "2 credit + 1.5 usd"
    assert str(Cost()) == "0"
    assert not USD(0)


def test_costs_of_one_unit_are_ordered_and_of_two_are_not():
    assert Cost() < USD(1) < USD(2) <= USD(2)
    assert USD(3) >= Cost()
    with pytest.raises(InvalidOptionError, match="1 usd and 2 credit"):
        _ = USD(1) < Cost.of(2, "credit")


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf"), True, "1", None, 10**400])
def test_what_is_no_amount_of_money_is_refused(amount):
    with pytest.raises(InvalidOptionError, match="no amount"):
        USD(amount)


# Rates of the user


def test_rates_are_read_from_a_mapping_with_numbers_of_any_kind():
    given = {"1q": np.float32(0.5), "2q": np.int64(2), "minimum": 3, "unit": "credit"}
    assert read_rates(given) == Rates(0.5, 2, 3, "credit")
    assert read_rates({"1q": 0, "2q": 1}) == Rates(0, 1, 0.0, "usd")
    assert read_rates(Rates(1, 2)) == Rates(1, 2)


@pytest.mark.parametrize(
    "rates",
    [
        {},
        {"1q": 1},
        {"1q": 1, "2q": 2, "3q": 3},
        {"1q": -1, "2q": 2},
        {"1q": 1, "2q": "2"},
        {"1q": 1, "2q": 2, "minimum": float("nan")},
        {"1q": 1, "2q": 2, "unit": ""},
        {"1q": 1, "2q": 2, "unit": 5},
        [1, 2],
        None,
    ],
)
def test_rates_that_cannot_work_are_refused(rates):
    with pytest.raises(InvalidOptionError, match="rates"):
        read_rates(rates)


@pytest.mark.parametrize(
    ("job", "lowest", "cost"),
    [
        (shape((3,), (1,), 1000), 10, 11.3),  # gates cost 1.3: max(10, 1.3) and 10 + 1.3
        (shape((3, 3), (1, 1), 1000), 10, 22.6),
        (shape((100,), (10,), 1000), 20, 30),  # gates cost 20: max(10, 20) and 10 + 20
        (shape((100, 3), (10, 1), 1000), 21.3, 41.3),
    ],
)
def test_the_budget_counts_the_largest_reading_of_the_terms(job, lowest, cost):
    estimate = estimate_jobs([job], Rates(0.0001, 0.001, 10))
    assert (estimate.lowest, estimate.cost) == (USD(lowest), USD(cost))
    assert str(estimate) == f"{lowest} usd to {cost} usd"


sizes = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 200)), min_size=1, max_size=5)


@given(sizes, st.integers(1, 5000), st.sampled_from([0.0, 12.4166, 97.5]))
def test_no_reading_of_the_terms_lies_outside_the_estimate(gates, shots, minimum):
    rates = Rates(0.00022, 0.000975, minimum)
    estimate = estimate_jobs([shape(*zip(*gates, strict=True), shots)], rates)
    prices = [shots * (0.00022 * one + 0.000975 * two) for one, two in gates]
    readings = [
        max(minimum, sum(prices)),
        minimum + sum(prices),
        sum(max(minimum, price) for price in prices),
        sum(minimum + price for price in prices),
    ]
    low, high = estimate.lowest.amount("usd"), estimate.cost.amount("usd")
    assert low == pytest.approx(min(readings))
    assert high == pytest.approx(max(readings))


def test_simulators_are_free_without_asking():
    def ask(job):
        raise AssertionError(f"asked about {job}")

    assert estimate_jobs([shape(backend="simulator")], ask) == FREE
    assert estimate_jobs([], ask) == FREE
    assert anyio.run(service_estimator, [shape(backend="simulator")], ask)


def test_a_shape_with_unequal_lists_is_refused():
    with pytest.raises(InvalidOptionError, match="2 circuits"):
        shape((1, 2), (1,))


# Answers of the service


def test_both_forms_of_an_estimate_are_read():
    rates = Rates(0.0001, 0.001, 10.0)
    assert parse_estimate(NEW) == Estimate(
        USD(10), USD(10), rates, execution_s=96.25, queue_s=397.577
    )
    ten = Cost.of(12.5, "credit")
    assert parse_estimate(OLD) == Estimate(ten, ten, Rates(0.0001, 0.001, 10.0, "credit"))
    seven = Cost.of(7, "credit")
    assert parse_estimate(BY_TIME) == Estimate(seven, seven, None, 2.5, 2.8, 0.0)


def test_parts_that_the_service_may_leave_out_are_not_missed():
    only = {"estimated_unit": "usd", "estimated_total_cost": 3}
    assert parse_estimate(only) == Estimate(USD(3), USD(3))
    assert parse_estimate(only | {"rate_card": {"id": "r", "rates": []}}).rates is None
    assert parse_estimate({"cost_unit": "usd", "estimated_cost": 3}) == Estimate(USD(3), USD(3))
    odd = {"id": "r", "rates": [{"sku": "s", "unit": "per_moon"}]}
    assert parse_estimate(only | {"rate_card": odd}).rates is None


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "12 usd",
        {},
        {"estimated_total_cost": 3},
        {"estimated_unit": "usd", "estimated_total_cost": "3"},
        {"estimated_unit": "usd", "estimated_total_cost": -3},
        {"estimated_unit": "usd", "estimated_total_cost": None},
        NEW | {"rate_card": "free"},
        NEW | {"rate_card": {"rates": ["free"]}},
        NEW | {"rate_card": {"rates": 3}},
        NEW | {"rate_card": {"rates": [{"unit": "gates", "cost_1q_gate": 1}]}},
        NEW | {"rate_card": {"rates": [{"unit": "compute_second"}]}},
        NEW | {"estimated_execution_time": "soon"},
        OLD | {"cost_unit": None},
        OLD | {"rate_information": 5},
    ],
)
def test_a_malformed_estimate_is_quoted(payload):
    with pytest.raises(MalformedResultError) as raised:
        parse_estimate(payload)
    assert str(payload)[:100] in str(raised.value)


def test_what_a_job_cost_is_read_with_or_without_its_parts():
    entry = {"value": 12.4, "unit": "usd"}
    both = {"dry_run": True, "estimated_cost": entry, "cost": {"value": 2, "unit": "credit"}}
    assert parse_job_cost(both) == JobCost(USD(12.4), Cost.of(2, "credit"), True)
    assert parse_job_cost({"dry_run": False}) == JobCost(None, None)
    assert parse_job_cost({"estimated_cost": entry, "cost": None}) == JobCost(USD(12.4), None)
    # An amount of zero was charged; that is more than nothing being known.
    assert parse_job_cost({"cost": {"value": 0, "unit": "usd"}}).actual == Cost()


@pytest.mark.parametrize(
    "payload", [None, [], {"cost": 3}, {"cost": {"value": 3}}, {"cost": {"unit": "usd"}}]
)
def test_a_malformed_cost_is_quoted(payload):
    with pytest.raises(MalformedResultError) as raised:
        parse_job_cost(payload)
    assert str(payload) in str(raised.value)


def price_by(answer_to, jobs):
    """Estimates jobs with a service that answers so, and returns what it was asked as well."""
    asked = []

    async def ask(query):
        asked.append(dict(query))
        return answer_to(query)

    return estimate_jobs(jobs, anyio.run(service_estimator, jobs, ask)), asked


def test_the_service_is_asked_once_for_all_circuits_of_a_batch():
    jobs = [shape((3, 5), (1, 0)), shape((1,), (9,)), shape(backend="simulator")]
    estimate, asked = price_by(lambda query: NEW, jobs)
    assert asked == [
        {
            "backend": QPU,
            "type": "ionq.circuit.v1",
            "qubits": "2",
            "shots": "1000",
            "1q_gates": "5",
            "2q_gates": "9",
            "error_mitigation": "false",
        }
    ]
    assert (estimate.lowest, estimate.cost) == (USD(20), USD(30))
    assert estimate.execution_s == 3 * 96.25
    assert estimate.queue_s == 397.577


@given(sizes, st.booleans())
def test_a_service_that_adds_its_minimum_charges_no_more_than_estimated(gates, adds):
    def answer(query):
        g = 1000 * (0.0001 * int(query["1q_gates"]) + 0.001 * int(query["2q_gates"]))
        return NEW | {"estimated_total_cost": 10 + g if adds else max(10, g)}

    estimate, _ = price_by(answer, [shape(*zip(*gates, strict=True))])
    prices = [1000 * (0.0001 * one + 0.001 * two) for one, two in gates]
    charged = sum(10 + price if adds else max(10, price) for price in prices)
    assert estimate.cost.amount("usd") >= charged - 1e-9
    assert estimate.lowest.amount("usd") <= max(10, sum(prices)) + 1e-9
    if len(gates) == 1:
        assert estimate.cost.amount("usd") == pytest.approx(charged)


def test_a_service_that_charges_less_than_its_rates_lowers_the_lowest_estimate():
    answer = NEW | {"estimated_total_cost": 15}
    estimate, _ = price_by(lambda query: answer, [shape((100,), (10,))])
    assert (estimate.lowest, estimate.cost) == (USD(15), USD(20))


def test_where_time_is_charged_every_circuit_counts_as_the_largest():
    estimate, _ = price_by(lambda query: BY_TIME, [shape((1, 2), (1, 2))])
    assert (estimate.lowest, estimate.cost) == (Cost(), Cost.of(14, "credit"))


def test_the_emulator_answers_both_questions():
    async def check():
        transport = httpx.ASGITransport(create_app(EmulatorOptions()))
        headers = {"Authorization": "apiKey k"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://e/v0.4", headers=headers
        ) as client:

            async def ask(query):
                return (await client.get("/jobs/estimate", params=query)).json()

            jobs = [shape((100,), (200,))]
            estimate = estimate_jobs(jobs, await service_estimator(jobs, ask))
            assert estimate.cost == estimate.lowest == USD(217)  # 1000 (100 .00022 + 200 .000975)
            gate = {"gate": "gpi", "target": 0, "phase": 0}
            circuit = {"gateset": "native", "qubits": 1, "circuit": [gate]}
            body = {"type": "ionq.circuit.v1", "input": circuit, "backend": "simulator"}
            job_id = (await client.post("/jobs", json=body)).json()["id"]
            answer = (await client.get(f"/jobs/{job_id}/cost")).json()
            assert parse_job_cost(answer).estimated is None

    anyio.run(check)


# The budget


def test_a_batch_that_would_pass_the_budget_is_refused_and_told_why():
    ledger = Ledger(100)
    ledger.settle(ledger.reserve(USD(50)), USD(40))
    ledger.reserve(USD(30))
    with pytest.raises(BudgetExceededError, match=r"30.5 usd, after 40 usd spent and 30 usd") as e:
        ledger.reserve(Estimate(USD(30.5), USD(1)))
    assert isinstance(e.value, QStoreError)
    assert isinstance(e.value, ValueError)
    facts = (e.value.estimate, e.value.spent, e.value.reserved, e.value.budget, e.value.unit)
    assert facts == (30.5, 40, 30, 100, "usd")
    assert ledger.reserved == USD(30)
    ledger.reserve(USD(30))


def test_what_is_released_can_be_spent_again():
    ledger = Ledger(10)
    first = ledger.reserve(USD(10))
    ledger.release(first)
    ledger.release(first)
    second = ledger.reserve(USD(10))
    ledger.settle(second, None)
    ledger.release(second)
    assert (ledger.spent, ledger.estimated, ledger.reserved) == (USD(10), USD(10), Cost())
    with pytest.raises(KeyError):
        ledger.settle(second, None)
    assert ledger.spent == USD(10)


def test_estimated_spent_and_saved_are_kept_apart():
    ledger = Ledger()
    ledger.settle(ledger.reserve(USD(5)), USD(4))
    ledger.reserve(USD(3))
    ledger.charge(Cost.of(2, "credit"))
    ledger.save(USD(7))
    assert ledger.estimated == USD(8)
    assert ledger.spent == USD(4) + Cost.of(2, "credit")
    assert ledger.saved == USD(7)


def test_a_job_that_was_charged_nothing_spends_nothing():
    ledger = Ledger(10)
    ledger.settle(ledger.reserve(USD(10)), Cost())
    assert (ledger.spent, ledger.estimated) == (Cost(), USD(10))
    ledger.reserve(USD(10))


def test_a_cost_above_its_estimate_counts_against_the_budget():
    ledger = Ledger(10, "usd")
    ledger.settle(ledger.reserve(USD(5)), USD(9))
    with pytest.raises(BudgetExceededError):
        ledger.reserve(USD(2))


def test_a_budget_in_another_unit_is_refused():
    with pytest.raises(InvalidOptionError, match="the budget is in usd, but costs are 1 credit"):
        Ledger(10, "usd").reserve(Cost.of(1, "credit"))
    ledger = Ledger(10)
    ledger.reserve(USD(1))
    assert ledger.unit == "usd"
    with pytest.raises(InvalidOptionError, match="in usd"):
        ledger.reserve(Cost.of(1, "credit"))


def test_what_is_free_passes_any_budget():
    ledger = Ledger(0)
    ledger.settle(ledger.reserve(FREE), Cost())
    with pytest.raises(BudgetExceededError):
        ledger.reserve(USD(0.01))


@pytest.mark.parametrize("budget", [-1, float("nan"), float("inf"), "10", True])
def test_a_budget_that_is_no_amount_is_refused(budget):
    with pytest.raises(InvalidOptionError, match="budget"):
        Ledger(budget)
    with pytest.raises(InvalidOptionError, match="unit"):
        Ledger(1, "")


def test_threads_together_never_pass_the_budget():
    ledger = Ledger(100, "usd")
    refused = []

    def spend():
        for _ in range(50):
            try:
                ledger.settle(ledger.reserve(USD(0.4)), USD(0.4))
            except BudgetExceededError:
                refused.append(1)

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.spent == USD(100)
    assert len(refused) == 400 - 250


@given(st.lists(st.tuples(cents, cents, st.sampled_from(["settle", "release", "keep"]))), cents)
def test_reserved_and_spent_never_pass_the_budget_by_a_reservation(steps, budget):
    ledger = Ledger(budget, "usd")
    for estimated, share, action in steps:
        before = ledger.spent + ledger.reserved
        try:
            reservation = ledger.reserve(USD(estimated))
        except BudgetExceededError:
            assert round(100 * (before + USD(estimated)).amount("usd")) > round(100 * budget)
            continue
        assert (ledger.spent + ledger.reserved).amount("usd") <= budget or not estimated
        if action == "settle":
            ledger.settle(reservation, USD(min(share, estimated)))
        elif action == "release":
            ledger.release(reservation)


def test_whoever_approves_sees_all_that_would_be_spent_and_may_refuse_it():
    ledger, seen = Ledger(), []
    first = ledger.reserve(Cost.of(1, "usd"))
    ledger.settle(first, Cost.of(2, "usd"))

    def approve(total):
        seen.append(total)
        if total > Cost.of(6, "usd"):
            raise InvalidOptionError("too much")

    assert not ledger.limited
    with ledger.approval(approve):
        assert ledger.limited
        ledger.reserve(Cost.of(4, "usd"))
        ledger.reserve(Cost())
        with pytest.raises(InvalidOptionError, match="too much"):
            ledger.reserve(Cost.of(1, "usd"))
    assert seen == [Cost.of(6, "usd"), Cost.of(7, "usd")]
    assert not ledger.limited
    ledger.reserve(Cost.of(1, "usd"))
    assert ledger.reserved == Cost.of(5, "usd")
