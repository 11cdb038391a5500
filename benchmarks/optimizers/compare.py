"""Circuits, shots and round trips until a target is reached: our optimizers and their peers.

    .venv/bin/python -m benchmarks.optimizers.compare --seeds 20
    .venv/bin/python -m benchmarks.optimizers.compare --problems tfim h2 --only ours

Each part is merged into ``benchmarks/results/optimizers.json``. The expected running cost of a
target is what all runs took until they reached it or were ended, over the number that reached it.
Whether it is reached is decided by the exact loss at what the optimizer reports after each step,
which the optimizer never sees.
"""

import argparse
import fcntl
import json
import tempfile
import time
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.optimizers.ours import OURS
from benchmarks.optimizers.peers import UNTUNED, NotApplicableError, Run, Settings, grids
from benchmarks.optimizers.problems import BudgetSpent, Oracle, Problem, all_problems

RESULTS = Path(__file__).parents[1] / "results" / "optimizers.json"
MEASURES = ("circuits", "shots", "round trips")
# Circuits of a run. One that is sparing with shots goes on until it has used SHOTS_PER_CIRCUIT
# for each of them, at most to LONGER times as many circuits.
LIMITS = {"heisenberg": 9000, "classifier": 8000, "moons": 8000, "lih": 9000, "tfim_wide": 9000}
LIMIT = 3000
SHOTS_PER_CIRCUIT, LONGER = 250, 4
FIRST_TUNING_SEED = 1000
KEYS = tuple((target, column) for target in range(2) for column in range(len(MEASURES)))
# Runs without any success after which an optimizer is given up, but where everybody's are rare.
HOPELESS, RARE = 5, ("random_words",)
# A tuned peer is measured on all seeds where tuning left it within this of the best tuned one.
WITHIN = 2.0


class _Enough(Exception):  # noqa: N818 (nothing is wrong)
    """The run has reached all there is to reach."""


def run_once(problem: Problem, run: Run, shots: int, seed: int) -> dict[str, Any]:
    """One run from its start to its limit, or to an eighth of it with all targets reached.

    Returns:
        ``hits``: what each target took, or None; ``end``: what all took; ``final``: the last loss;
        ``seconds``: of which ``exact`` is not part.
    """
    limit = LIMITS.get(problem.name, LIMIT)
    oracle = Oracle(problem, seed=seed, shots=shots, limit=LONGER * limit)
    hits: list[list[int] | None] = [None] * len(problem.targets)
    final, outside = problem.exact(problem.start(seed)), 0.0

    def report(params: Any) -> None:
        nonlocal final, outside
        before = time.perf_counter()
        final = problem.exact(np.asarray(params, dtype=float))
        outside += time.perf_counter() - before
        for index, target in enumerate(problem.targets):
            if hits[index] is None and final <= target:
                hits[index] = _cost(oracle)
        circuits = min(oracle.counts.executions, oracle.counts.shots / SHOTS_PER_CIRCUIT)
        if circuits >= limit or (all(hits) and oracle.counts.executions >= limit / 8):
            raise _Enough

    started = time.perf_counter()
    try:
        run(oracle, problem.start(seed), seed, report)
    except (BudgetSpent, _Enough):
        pass
    except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
        print(f"    {problem.name} seed {seed}: {type(error).__name__}: {str(error)[:90]}")
    seconds = time.perf_counter() - started - outside
    return {"hits": hits, "end": _cost(oracle), "final": final, "seconds": seconds}


def _cost(oracle: Oracle) -> list[int]:
    return [int(n) for n in (oracle.counts.executions, oracle.counts.shots, oracle.counts.batches)]


def running_cost(costs: np.ndarray, reached: np.ndarray) -> np.ndarray:
    """Cost of all runs over the number that reached the target; infinite if none did."""
    successes = reached.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(successes > 0, costs.sum(axis=-1) / successes, np.inf)


def summarize(runs: list[dict[str, Any]], n_targets: int = 2) -> dict[str, Any]:
    """Expected running costs with bootstrapped 95 % intervals, success rates, final loss."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(runs), (1000, len(runs)))
    targets = []
    for index in range(n_targets):
        reached = np.array([one["hits"][index] is not None for one in runs])
        costs = np.array([one["hits"][index] or one["end"] for one in runs], dtype=float)
        row: dict[str, Any] = {"success": float(reached.mean())}
        for column, measure in enumerate(MEASURES):
            again = running_cost(costs[drawn, column], reached[drawn])
            low, high = np.quantile(again, [0.025, 0.975], method="nearest")
            mean = float(running_cost(costs[:, column], reached))
            row[measure] = [_rounded(one) for one in (mean, low, high)]
        targets.append(row)
    finals = np.array([one["final"] for one in runs])
    return {
        "seeds": len(runs),
        "targets": targets,
        "final": [round(float(q), 4) for q in np.quantile(finals, [0.5, 0.25, 0.75])],
        "seconds_per_run": round(float(np.mean([one["seconds"] for one in runs])), 2),
    }


def _rounded(value: float) -> float | None:
    return None if not np.isfinite(value) else float(f"{value:.4g}")


def many(problem: Problem, setting: tuple[Run, int], seeds: Iterable[int]) -> list[dict[str, Any]]:
    """One run for each seed; no more than HOPELESS of them if none reaches anything."""
    given_up = HOPELESS if problem.name not in RARE else np.inf
    found: list[dict[str, Any]] = []
    for seed in seeds:
        found.append(run_once(problem, *setting, seed))
        if len(found) >= given_up and not any(any(one["hits"]) for one in found):
            break
    return found


def tune(problem: Problem, settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Runs of all settings on seeds that are not used otherwise.

    Two seeds for all; two more for those among the best quarter in a target and measure.
    """
    first = range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + 2)
    more = range(FIRST_TUNING_SEED + 2, FIRST_TUNING_SEED + 4)
    runs = {label: many(problem, setting, first) for label, setting in settings.items()}
    n_kept = max(1, len(settings) // 4)
    kept: set[str] = set()
    for key in KEYS:
        kept.update(sorted(runs, key=lambda one: _rank(runs[one], *key))[:n_kept])
    return {label: runs[label] + many(problem, settings[label], more) for label in sorted(kept)}


def _rank(runs: list[dict[str, Any]], target: int, column: int) -> tuple[float, float]:
    reached = np.array([one["hits"][target] is not None for one in runs])
    costs = np.array([(one["hits"][target] or one["end"])[column] for one in runs], dtype=float)
    return float(running_cost(costs, reached)), float(np.mean([one["final"] for one in runs]))


# ---------------------------------------------------------------------- parts and their merging
def load(path: Path = RESULTS) -> dict[str, Any]:
    """What has been measured so far."""
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    return {"benchmark": "optimizers", "results": {}}


def merge(problem: Problem, kind: str, label: str, entry: dict[str, Any]) -> None:
    """Write one entry beside what is there; parts may be measured by several processes."""
    with (Path(tempfile.gettempdir()) / "qstore-optimizers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _write(problem, kind, label, entry)


def _write(problem: Problem, kind: str, label: str, entry: dict[str, Any]) -> None:
    content = load()
    content["date"] = datetime.now(UTC).date().isoformat()  # of the last part
    content["packages"] = _versions()
    part = content["results"].setdefault(problem.name, {"targets": list(problem.targets)})
    part["targets"] = list(problem.targets)
    part["n_params"], part["limit"] = problem.n_params, LIMITS.get(problem.name, LIMIT)
    part.setdefault(kind, {})[label] = entry
    text = json.dumps(content, indent=1, allow_nan=False)
    temporary = RESULTS.with_suffix(".part")
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(RESULTS)


def _versions() -> dict[str, str]:
    found = {}
    for name in ("pennylane", "qiskit-algorithms", "qiskit", "numpy", "scipy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def measure_plain(problem: Problem, kind: str, settings: Settings, seeds: range) -> None:
    """Each setting as it is; other seeds than the first ones are kept apart."""
    kind = f"fresh {kind}" if seeds.start else kind
    for label, setting in settings.items():
        try:
            summary = summarize(many(problem, setting, seeds))
        except NotApplicableError as error:
            merge(problem, kind, label, {"not applicable": str(error)})
            continue
        merge(problem, kind, label, {**summary, "shots": setting[1]})
        show(problem, f"{kind}: {label}", summary)


def measure_tuned(problem: Problem, peers: dict[str, Settings], seeds: int) -> None:
    """Each peer with its best setting for each target and measure."""
    runs, picks = {}, {}
    for label, settings in peers.items():
        try:
            tried = tune(problem, settings)
        except NotApplicableError as error:
            merge(problem, "tuned", label, {"not applicable": str(error)})
            continue
        runs[label] = tried
        picks[label] = {key: min(tried, key=lambda one: _rank(tried[one], *key)) for key in KEYS}
    best = {
        key: min(_rank(runs[label][picks[label][key]], *key)[0] for label in runs) for key in KEYS
    }
    for label, chosen in picks.items():
        summaries = {}
        for name in sorted(set(chosen.values())):
            costs = [
                (_rank(runs[label][name], *key)[0], best[key])
                for key in KEYS
                if chosen[key] == name
            ]
            close = any(np.isfinite(cost) and cost <= WITHIN * least for cost, least in costs)
            found = many(problem, peers[label][name], range(seeds)) if close else runs[label][name]
            summaries[name] = summarize(found)
            show(problem, f"tuned: {label} ({name}; {len(found)} seeds)", summaries[name])
        named = {f"{target} {MEASURES[column]}": chosen[target, column] for target, column in KEYS}
        merge(problem, "tuned", label, {"picks": named, "settings": summaries})


def show(problem: Problem, label: str, summary: dict[str, Any]) -> None:
    cells = [
        f"{row['success']:4.0%} " + "/".join(_short(row[measure][0]) for measure in MEASURES)
        for row in summary["targets"]
    ]
    seconds = summary["seconds_per_run"]
    print(f"{problem.name:12} {label:58} {' | '.join(cells)}  ({seconds} s)", flush=True)


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if value < 1e4 else f"{value / 1000:.0f}k"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0, help="another for a check")
    parser.add_argument("--problems", nargs="*", default=list(all_problems()))
    parser.add_argument("--only", nargs="*", default=["ours", "untuned", "tuned"])
    parser.add_argument("--optimizers", nargs="*", help="labels; all by default")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    warnings.simplefilter("ignore")

    def wanted(settings: dict[str, Any]) -> dict[str, Any]:
        return {
            label: one
            for label, one in settings.items()
            if not options.optimizers or label in options.optimizers
        }

    for name in options.problems:
        problem = all_problems()[name]
        if "ours" in options.only:
            measure_plain(problem, "ours", wanted(OURS), seeds)
        if "untuned" in options.only:
            measure_plain(problem, "untuned", wanted(UNTUNED), seeds)
        if "tuned" in options.only:
            measure_tuned(problem, wanted(grids()), options.seeds)


if __name__ == "__main__":
    main()
