import numpy as np
import pennylane as qml
import pytest

pytest.importorskip("sklearn")

from benchmarks import depth
from benchmarks.optimizers import peers, shots
from benchmarks.optimizers.compare import summarize
from benchmarks.optimizers.problems import BudgetSpent, Oracle, all_problems
from benchmarks.optimizers.table import number
from pennylane_qstore.optimize.core.query import Counts


def _first(run: peers.Run, name: str, steps: int = 1) -> tuple[Oracle, np.ndarray]:
    """The oracle and the report after some steps of a peer."""
    problem, seen = all_problems()[name], []
    oracle = Oracle(problem, seed=0)

    def report(params: np.ndarray) -> None:
        seen.append(np.asarray(params, dtype=float))
        if len(seen) == steps:
            raise BudgetSpent

    with pytest.raises(BudgetSpent):
        run(oracle, problem.start(0), 0, report)
    return oracle, seen[-1]


def test_the_expected_running_cost_charges_successes_for_failures() -> None:
    hit = {"hits": [[100, 1000, 10], None], "end": [300, 3000, 30], "final": -1.0, "seconds": 0.0}
    miss = {"hits": [None, None], "end": [400, 4000, 40], "final": 0.0, "seconds": 0.0}
    found = summarize([hit, miss, hit])
    loose, fine = found["targets"]
    assert loose["success"] == pytest.approx(2 / 3)
    assert loose["circuits"][0] == (100 + 400 + 100) / 2
    assert loose["round trips"][0] == (10 + 40 + 10) / 2
    assert loose["circuits"][1] <= 300 <= (loose["circuits"][2] or np.inf)
    assert fine["circuits"] == [None, None, None]
    assert found["final"][0] == -1.0


@pytest.mark.parametrize(
    ("run", "circuits", "trips"),
    [
        # Two groups of terms; 24 parameters in one gate each.
        (peers.pennylane_spsa(), 2 * 2, 2),
        (peers.gradient_descent(qml.AdamOptimizer), 2 * (2 * 24 + 1), 2),
        (peers.natural_gradient(), 2 * (2 * 24 + 1) + 4, 3),
        (peers.rotosolve(), 2 * (1 + 2 + 23 * 3), 1 + 2 + 23 * 3),
        # Two losses and four overlaps, then two losses to decide.
        (peers.pennylane_qnspsa(), 2 * 2 + 4 + 2 * 2, 2),
        (peers.gcans(), 2 * (2 * 24 + 1), 1),
    ],
)
def test_a_step_of_a_peer_is_counted_as_its_code_works(
    run: peers.Run, circuits: int, trips: int
) -> None:
    oracle, _ = _first(run, "tfim")
    assert (oracle.counts.executions, oracle.counts.batches) == (circuits, trips)


def test_gradient_descent_on_the_oracle_follows_the_exact_gradient() -> None:
    problem = all_problems()["tfim"]
    run = peers.gradient_descent(qml.GradientDescentOptimizer, stepsize=0.1)
    _, found = _first(run, "tfim")
    expected = problem.start(0) - 0.1 * problem.exact_gradient(problem.start(0))
    assert found == pytest.approx(expected, abs=0.05)


def test_shot_adaptive_gradients_from_single_shots_have_the_exact_mean() -> None:
    problem = all_problems()["tfim"]
    draw = (20_000, np.random.default_rng(3))
    single = peers._shots_of(problem, problem.observable, problem.start(1), draw)
    error = single.std(axis=0) / np.sqrt(len(single)) + 1e-12
    assert np.all(
        np.abs(single.mean(axis=0) - problem.exact_gradient(problem.start(1))) < 5 * error
    )


def test_shots_of_shot_adaptive_are_those_that_it_uses() -> None:
    oracle, _ = _first(peers.shot_adaptive(min_shots=10), "tfim")
    assert oracle.counts == Counts(2 * 2 * 24, 2 * 2 * 24 * 10, 2)


def test_numbers_are_short() -> None:
    found = [number(one) for one in (3.14, 42.4, 1234.0, 12_345.0, 2.5e6, float("inf"))]
    assert found == ["3.1", "42", "1234", "12.3k", "2.5M", "∞"]


def test_the_energy_that_deeper_circuits_are_trained_on_is_that_of_its_chain():
    circuit, chain = depth.Circuit.whole(2), depth.Chain()
    params = np.random.default_rng(1).uniform(-1, 1, circuit.n_angles)
    energy = chain.cost(circuit, np.random.default_rng(2))
    found = [energy(params) for _ in range(200)]
    exact = depth.problem_of(circuit, chain.terms, False).exact(params)
    assert np.mean(found) == pytest.approx(exact, abs=5 * np.std(found) / np.sqrt(200))
    assert 0 < np.std(found) < 0.2


@pytest.mark.parametrize("name", ["uniform 30", "SPSA uniform 30", "icans"])
@pytest.mark.parametrize("problem", ["tfim", "h2"])
def test_equal_totals_are_spent_with_equal_and_with_weighted_shots(name: str, problem: str) -> None:
    methods, total, found = shots.methods(), 40_000, {}
    for oracle in (shots.EqualOracle, shots.WeightedOracle):
        make, _ = methods[name]
        asked = oracle(all_problems()[problem], seed=1)
        found[oracle] = shots.run(asked.problem, make, asked, total)
    spent = [one["shots"] for one in found.values()]
    assert 0.8 * total < min(spent) <= max(spent) <= total
    assert len({one["round_trips"] for one in found.values()}) == 1 or name == "icans"
