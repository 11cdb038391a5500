"""What was measured of optimizers, templates and training, in words.

Each function reads the results of one benchmark and returns a piece of a sentence.
"""

from typing import Any, NamedTuple

import numpy as np

from benchmarks.blocks import results, span
from benchmarks.optimizers.table import TITLES, Found, entries, measured
from benchmarks.practice.summary import told


def main_job() -> str:
    runs = [run for run in results("training")["runs"] if run["way"] == "qstore train"]
    first = runs[0]
    return (
        f"test accuracy {first['test_accuracy']:.2f}; logistic regression "
        f"{first['logistic_regression']:.2f}; majority class {first['majority']:.2f}; "
        f"{first['circuits']} circuits in {first['jobs']} jobs; "
        f"{span((run['seconds'] for run in runs), '.0f')} s in {len(runs)} runs"
    )


def breast_cancer() -> str:
    accuracies: dict[str, list[str]] = {}
    budgets: dict[str, int] = {}
    runs = results("training")["runs"]
    for run in runs:
        accuracies.setdefault(run["way"], []).append(f"{run['test_accuracy']:.2f}")
        budgets[run["way"]] = run["budget_circuits"]
    kept = "within" if all(run["within_budget"] for run in runs) else "NOT ALL within"
    return (
        f"test accuracy {'; '.join(', '.join(one) for one in accuracies.values())}; {kept} the "
        f"printed budgets of {' and '.join(str(one) for one in budgets.values())} circuits"
    )


def ansatz(name: str) -> dict[str, Any]:
    (found,) = (one for one in results("templates")["ansaetze"] if one["ansatz"] == name)
    return dict(found)


TEXTBOOK = "textbook: RY, RZ, CNOT, linear"


def templates() -> str:
    plain, ours, short = (
        ansatz(name) for name in (TEXTBOOK, "TrappedIonAnsatz XX, RY, RZ", "RY, CNOT, linear")
    )
    share = ours["interaction_trained"] / plain["interaction_trained"]
    return (
        f"`TrappedIonAnsatz`: {ours['ms_gates']} entanglers instead of {plain['ms_gates']} and "
        f"{share:.2f} × the interaction of RY RZ CNOT, loss {ours['median']:.2f} against "
        f"{plain['median']:.2f}; RY CNOT reaches {short['median']:.2f} with {short['ms_gates']}"
    )


def problems() -> str:
    """What the optimizers were measured on."""
    *others, last = (title.split(",")[0] for title in (TITLES[name] for name in measured()))
    return f"{', '.join(others)} and {last}"


class Ratio(NamedTuple):
    """What an optimizer of ours took for a target, beside others."""

    target: str
    success: float
    ratio: float

    def __str__(self) -> str:
        return {np.inf: "never", 0.0: "only ours"}.get(self.ratio, f"{self.ratio:.2f}")


def _hit(found: list[Found], label: str) -> Found | None:
    return next((one for one in found if one.label == label), None)


def ratios(label: str, measure: str, other: str | None = None) -> list[Ratio]:
    """Ours over the best peer, tuned or not, or over another of ours, for each target."""
    made = []
    for name, part in measured().items():
        for target, value in enumerate(part["targets"]):
            ours = entries(part, "ours", target, measure)
            peers = entries(part, "tuned", target, measure)
            peers = sorted(peers + entries(part, "untuned", target, measure), key=lambda o: o.cost)
            own, peer = _hit(ours, label), _hit(ours, other) if other else (peers or [None])[0]
            ratio = own.cost / peer.cost if own and peer else np.inf if peer else 0.0
            made.append(Ratio(f"{TITLES[name]} to {value:g}", own.success if own else 0.0, ratio))
    return made


def reached(found: list[Ratio]) -> str:
    """Which targets some runs miss."""
    missed = [f"{one.target} ({100 * one.success:.0f} %)" for one in found if one.success < 0.995]
    return "all runs reach all targets" + (f" but {', '.join(missed)}" if missed else "")


def local_model() -> str:
    circuits, trips = ratios("LocalModel", "circuits"), ratios("LocalModel", "round trips")
    shown = [str(one) for one in circuits]
    pairs = ", ".join(" / ".join(shown[k : k + 2]) for k in range(0, len(shown), 2))
    return (
        f"circuits to the loose / fine target {pairs} ×; round trips "
        f"{span(one.ratio for one in trips)} ×; {reached(circuits)}; from seeds that no "
        f"setting was chosen on, {fresh_success()}"
    )


def fresh_success() -> str:
    """How often the classifier's targets are reached from other seeds than those in the table."""
    rows = measured()["classifier"]["fresh ours"]["LocalModel"]["targets"]
    rates = " / ".join(f"{row['success']:.0%}" for row in rows)
    return f"{rates} of the runs reach the classifier's targets".replace("%", " %")


def shots_taken(optimizer: str) -> str:
    """What an optimizer takes beside the best tuned peer of each target."""
    found = ratios(optimizer, "shots")
    likely = [one for one in found if one.success >= 0.5]
    rare = [one.target for one in found if one.success < 0.5]
    told = (
        f"{span(one.ratio for one in likely)} × the shots of the best tuned peer, fewer on "
        f"{sum(one.ratio < 1 for one in likely)} of {len(found)} targets"
    )
    return told + (f"; less than half of the runs reach {', '.join(rare)}" if rare else "")


def adaptive() -> str:
    found = [one for one in ratios("Adaptive", "circuits", "SPSA") if 0 < one.ratio < np.inf]
    return (
        f"{span(one.ratio for one in found)} × the circuits of `SPSAOptimizer()` alone, "
        f"fewer on {sum(one.ratio < 1 for one in found)} of {len(found)} targets"
    )


def overhead() -> str:
    steps = results("optimizer_overhead")["per_step"]
    names = [name for name in steps if name.startswith(("SPSA", "second-order"))]
    spsa = span((steps[name]["median_ms"] for name in names), ".1f")
    model = steps["LocalModelOptimizer"]
    circuits = steps["LocalModelOptimizer, single circuits, core"]
    return (
        f"SPSA {spsa} ms; `LocalModelOptimizer` {model['median_ms'] / 1000:.1f} s, "
        f"at the 90 % quantile {model['quantile_90_ms'] / 1000:.1f} s, and "
        f"{circuits['median_ms'] / 1000:.1f} s for a loss over data"
    )


def shots(problem: str, method: str) -> dict[str, Any]:
    return dict(results("optimizer_shots")[problem]["methods"][method])


def difference(problem: str, method: str) -> str:
    """How far a method ends from the best uniform number of shots."""
    found = shots(problem, method)
    low, high = found["difference_interval"]
    return f"{found['difference_to_best_uniform']:+.3f} ({low:+.3f} to {high:+.3f})"


def constant_shots() -> str:
    total = results("optimizer_shots")["tfim"]["total_shots"]
    losses = (
        f"{shots('tfim', f'SPSA uniform {n}')['mean_loss']:.2f} with {n}"
        for n in (30, 100, 300, 1000)
    )
    return f"mean loss after {total:,} shots in all {', '.join(losses)} each"


def planned_shots() -> str:
    parts = []
    for problem in ("tfim", "h2"):
        small, large = (
            difference(problem, f"SPSA schedule {name}") for name in ("50/100/200", "500/1000/2000")
        )
        parts.append(f"on {TITLES[problem]}, 50/100/200 shots {small}, 500/1000/2000 {large}")
    return "; ".join(parts)


def allocated_shots() -> str:
    return "; ".join(f"{TITLES[p]} {difference(p, 'icans, weighted')}" for p in ("tfim", "h2"))


def transfer_arm(name: str) -> str:
    runs = results("transfer")["arms"][name]
    accuracy = told([run["test_accuracy"] for run in runs], 3)
    if "circuits" not in runs[0]:
        return accuracy
    taken = [run["circuits_to_target"] or np.inf for run in runs]
    n_reached = int(np.isfinite(taken).sum())
    return f"{n_reached} of {len(runs)} runs reach 85 %, test accuracy {accuracy}"


def transfer() -> str:
    return (
        f"cold start: {transfer_arm('cold start')}; pre-trained on another pair of digits: "
        f"{transfer_arm('pre-trained on 4/9, all parameters')}; on the same pair: "
        f"{transfer_arm('pre-trained on 7/9, readout only')}; logistic regression: "
        f"{transfer_arm('logistic regression, no circuit')}"
    )


def frozen_transfer() -> str:
    return transfer_arm("pre-trained on 4/9, readout only")


def architecture_arm(name: str, key: str, digits: int = 2) -> str:
    return told([run[key] for run in results("architecture")["arms"][name]], digits)


SEARCH, WIDE = "search, then training", "fixed: 2 layers, linear, RY RZ"


def architecture() -> str:
    return (
        f"score {architecture_arm(SEARCH, 'score')} with "
        f"{architecture_arm(SEARCH, 'entangling_gates', 1)} entangling gates; fixed layers "
        f"{architecture_arm(WIDE, 'score')} with {architecture_arm(WIDE, 'entangling_gates', 1)}"
    )


def noise_costs() -> str:
    parts = []
    for name, runs in results("architecture")["arms"].items():
        if name.startswith("fixed"):
            lost = told([run["energy"] - run["energy_without_noise"] for run in runs])
            parts.append(f"{lost} with {runs[0]['entangling_gates']} entangling gates")
    return ", ".join(parts)


def search_budget() -> str:
    settings, arms = (results("architecture")[key] for key in ("settings", "arms"))
    most = max(run["circuits"] for run in arms[SEARCH])
    return f"at most {most} of {settings['circuits']} circuits in {len(arms[SEARCH])} searches"


def few_shot() -> str:
    parts = []
    for task, arms in results("few_shot")["accuracy"].items():
        circuit, plain = (
            told(arms[arm], 3)
            for arm in ("circuit, 32 trained angles", "nearest prototype on the features")
        )
        parts.append(f"{task}: circuit {circuit}, nearest prototypes without one {plain}")
    return "; ".join(parts)


def images() -> str:
    found = results("fashion_mnist_digits")
    parts = []
    for name in ("quantum", "PCA + linear, 13 components", "MLP"):
        runs = [run for run in found["runs"] if run["model"] == name]
        exact = [run["exact"]["test_accuracy"] for run in runs]
        parts.append(f"{name} ({runs[0]['n_params']} parameters) {np.mean(exact):.2f}")
    runs = [run for run in found["runs"] if run["model"] == "quantum"]
    sampled = np.mean([run["1000 shots"]["test_accuracy"] for run in runs])
    circuits = runs[0]["circuits_by_parameter_shift"]
    return (
        f"test accuracy on {found['data']}: {', '.join(parts)}; with 1000 shots {sampled:.2f}; "
        f"training by parameter shift would have taken {circuits / 1e6:.1f} M circuits"
    )


def depth() -> str:
    parts = []
    for name, way in results("depth")["chain"]["ways"].items():
        value, error = way["mean_and_standard_error"]["validation"]
        parts.append(f"{name} {value:.3f} ± {error:.3f}")
    return f"energy of the chain: {', '.join(parts)}"
