"""The measured tables of ``docs/optimizers.md`` from ``benchmarks/results/optimizers.json``.

python -m benchmarks.pages
"""

from typing import Any, NamedTuple

from benchmarks.blocks import ROOT, results
from benchmarks.optimizers.compare import MEASURES, load

DOCUMENT = ROOT / "docs" / "optimizers.md"
TITLES = {
    "tfim": "TFIM, 6 qubits",
    "h2": "H2, 4 qubits",
    "maxcut": "MaxCut, 8 qubits",
    "classifier": "classifier",
    "heisenberg": "Heisenberg, 6 qubits",
    "xxz_hva": "XXZ, shared angles",
    "random_words": "random Pauli words",
    "moons": "two moons",
    "lih": "LiH, 6 qubits",
    "tfim_wide": "TFIM, 8 qubits, 64 parameters",
}
RECOMMENDED = {"circuits": "LocalModel", "shots": "LocalModel, shots", "round trips": "LocalModel"}


class Found(NamedTuple):
    """What one optimizer took for one target in one measure."""

    label: str
    cost: float
    low: float
    high: float
    success: float
    seeds: int


def entries(part: dict[str, Any], kind: str, target: int, measure: str) -> list[Found]:
    """All optimizers of a kind, cheapest first; those that never got there are left out."""
    found = []
    for label, entry in part.get(kind, {}).items():
        summary = entry
        if "picks" in entry:
            summary = entry["settings"][entry["picks"][f"{target} {measure}"]]
        if "targets" not in summary:
            continue
        row = summary["targets"][target]
        if row[measure][0] is None:
            continue
        low, high = (float("inf") if one is None else one for one in row[measure][1:])
        found.append(Found(label, row[measure][0], low, high, row["success"], summary["seeds"]))
    return sorted(found, key=lambda one: one.cost)


def number(value: float) -> str:
    """Three digits, thousands as k and millions as M."""
    if value == float("inf"):
        return "∞"
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= 10 * size or (value >= size and letter == "M"):
            return f"{value / size:.3g}{letter}"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _cell(found: list[Found]) -> str:
    if not found:
        return "–"
    best = found[0]
    few = "" if best.seeds >= 20 else f", {best.seeds} seeds"
    return f"{number(best.cost)} {best.label.replace('PennyLane ', '')}{few}"


def _ratio(own: list[Found], peer: list[Found]) -> str:
    if not own:
        return "never"
    if not peer:
        return "only ours"
    ratio = own[0].cost / peer[0].cost
    return f"**{ratio:.2f}**" if ratio <= 1 else f"{ratio:.2f}"


def recommended(results: dict[str, Any], measure: str) -> list[str]:
    """Our recommended optimizer beside the best peers, one line for each target."""
    lines = [
        f"| target | ours, {measure} | 95 % interval | success | best tuned peer | ratio "
        "| best untuned peer | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, part in results.items():
        if RECOMMENDED[measure] not in part.get("ours", {}):
            lines.append(f"| {TITLES[name]} | not measured | | | | | | |")
            continue
        for target, value in enumerate(part["targets"]):
            own = [
                one
                for one in entries(part, "ours", target, measure)
                if one.label == RECOMMENDED[measure]
            ]
            # The untuned settings are settings, too.
            untuned = entries(part, "untuned", target, measure)
            tuned = sorted(
                entries(part, "tuned", target, measure) + untuned, key=lambda one: one.cost
            )
            interval = f"{number(own[0].low)}–{number(own[0].high)}" if own else ""
            mine = number(own[0].cost) if own else "never"
            success = f"{own[0].success:.0%}" if own else "0%"
            lines.append(
                f"| {TITLES[name]}, {value:g} | {mine} | {interval} | {success} | {_cell(tuned)} "
                f"| {_ratio(own, tuned)} | {_cell(untuned)} | {_ratio(own, untuned)} |"
            )
    return lines


def everything(results: dict[str, Any], measure: str) -> list[str]:
    """Every optimizer and problem: cost for the loose and the fine target."""
    rows: dict[tuple[str, str], list[str]] = {}
    kinds = {"ours": "", "untuned": " (as it comes)", "tuned": " (tuned)"}
    for kind in kinds:
        for part in results.values():
            for label in part.get(kind, {}):
                rows.setdefault((kind, label), [])
    for part in results.values():
        for (kind, label), row in rows.items():
            cells = []
            for target in range(2):
                hit = [one for one in entries(part, kind, target, measure) if one.label == label]
                mark = "" if not hit or hit[0].success >= 0.95 else f" ({hit[0].success:.0%})"
                cells.append(number(hit[0].cost) + mark if hit else "–")
            there = part.get(kind, {}).get(label)
            usable = there is not None and "not applicable" not in there
            row.append(" / ".join(cells) if usable else "")
    lines = [
        "| | " + " | ".join(TITLES[name] for name in results) + " |",
        "|---|" + "---|" * len(results),
    ]
    for (kind, label), row in rows.items():
        shown = f"**{label}**" if kind == "ours" else label + kinds[kind]
        lines.append(f"| {shown} | " + " | ".join(row) + " |")
    return lines


def spsa_family(results: dict[str, Any]) -> list[str]:
    """Our SPSA beside Qiskit's, which calibrates itself too."""
    lines = [
        "| target | circuits: ours / Qiskit | ratio | round trips: ours / Qiskit | ratio "
        "| success: ours / Qiskit |",
        "|---|---|---|---|---|---|",
    ]
    for name, part in results.items():
        for target, value in enumerate(part["targets"]):
            cells = []
            for measure in ("circuits", "round trips"):
                own = [one for one in entries(part, "ours", target, measure) if one.label == "SPSA"]
                peers = entries(part, "untuned", target, measure)
                peer = [one for one in peers if one.label == "Qiskit SPSA"]
                values = [number(one[0].cost) if one else "never" for one in (own, peer)]
                cells += [" / ".join(values), _ratio(own, peer)]
            success = [
                part.get(kind, {}).get(label, {}).get("targets")
                for kind, label in (("ours", "SPSA"), ("untuned", "Qiskit SPSA"))
            ]
            if None in success:
                continue
            rates = " / ".join(f"{one[target]['success']:.0%}" for one in success)
            lines.append(f"| {TITLES[name]}, {value:g} | {' | '.join(cells)} | {rates} |")
    return lines


def best_of_ours(results: dict[str, Any]) -> list[str]:
    """The cheapest of ours for each target, by what is to be saved."""
    lines = ["| target | circuits | shots | round trips |", "|---|---|---|---|"]
    for name, part in results.items():
        for target, value in enumerate(part["targets"]):
            cells = [_cell(entries(part, "ours", target, measure)) for measure in MEASURES]
            lines.append(f"| {TITLES[name]}, {value:g} | {' | '.join(cells)} |")
    return lines


def losses(results: dict[str, Any]) -> list[str]:
    """Sentences about every target that the recommended setting does not win."""
    lines = []
    for measure in MEASURES:
        for name, part in results.items():
            if RECOMMENDED[measure] not in part.get("ours", {}):
                continue
            for target, value in enumerate(part["targets"]):
                own = [
                    one
                    for one in entries(part, "ours", target, measure)
                    if one.label == RECOMMENDED[measure]
                ]
                peers = entries(part, "tuned", target, measure)
                peers = sorted(
                    peers + entries(part, "untuned", target, measure), key=lambda one: one.cost
                )
                least = 0.5 if measure == "round trips" else 1.0
                if not peers or (own and own[0].cost <= least * peers[0].cost):
                    continue
                mine = f"{number(own[0].cost)}" if own else "never"
                lines.append(
                    f"- {measure}, {TITLES[name]} to {value:g}: {mine}, "
                    f"{peers[0].label} {number(peers[0].cost)}"
                )
    return lines


def held_out(results: dict[str, Any]) -> list[str]:
    """Our recommended optimizer beside peers as they come, where no peer was tuned."""
    lines = [
        "| target | circuits: ours | success | best peer as it comes | ratio "
        "| round trips: ours | best peer | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, part in results.items():
        if RECOMMENDED["circuits"] not in part.get("ours", {}):
            continue
        for target, value in enumerate(part["targets"]):
            cells = []
            for measure in ("circuits", "round trips"):
                own = [
                    one
                    for one in entries(part, "ours", target, measure)
                    if one.label == RECOMMENDED[measure]
                ]
                peers = entries(part, "untuned", target, measure)
                cells.append(number(own[0].cost) if own else "never")
                if measure == "circuits":
                    cells.append(f"{own[0].success:.0%}" if own else "0%")
                cells += [_cell(peers), _ratio(own, peers)]
            lines.append(f"| {TITLES[name]}, {value:g} | {' | '.join(cells)} |")
    return lines


def fresh(results: dict[str, Any]) -> list[str]:
    """Runs from seeds that nothing was settled on: circuits and round trips to both targets."""
    lines = [
        "| | circuits | success | round trips |",
        "|---|---|---|---|",
    ]
    for name, part in results.items():
        for kind in ("fresh ours", "fresh untuned"):
            for label in part.get(kind, {}):
                cells = []
                for measure in ("circuits", "round trips"):
                    hits = [
                        _hit(entries(part, kind, target, measure), label) for target in range(2)
                    ]
                    cells.append(" / ".join(number(one.cost) if one else "–" for one in hits))
                rates = [row["success"] for row in part[kind][label]["targets"]]
                success = " / ".join(f"{rate:.0%}" for rate in rates)
                lines.append(f"| {TITLES[name]}: {label} | {cells[0]} | {success} | {cells[1]} |")
    return lines


def reused() -> list[str]:
    """Circuits to the loose and the fine target where a gradient serves several steps."""
    lines = [
        "| | " + " | ".join(f"{k} step{'s' * (k > 1)} a gradient" for k in (1, 2, 4, 8)) + " |"
    ]
    lines.append("|---|" + 4 * "---|")
    for name, part in results("optimizer_reuse")["problems"].items():
        for label, columns in part.items():
            cells = [" / ".join(map(_to_target, targets)) for targets in columns.values()]
            lines.append(f"| {TITLES[name]}, {label} | {' | '.join(cells)} |")
    return lines


def perfect(parts: dict[str, Any]) -> list[str]:
    """Points that BFGS tries with exact gradients, beside round trips of the model."""
    lines = ["| target | exact gradients | round trips of `LocalModel` |", "|---|---|---|"]
    for name, rows in results("optimizer_exact")["problems"].items():
        for target, row in enumerate(rows):
            own = _hit(entries(parts[name], "ours", target, "round trips"), "LocalModel")
            some = f"{number(row['points'])}{_rate(row['success'])}" if row["points"] else "never"
            ours = f"{number(own.cost)}{_rate(own.success)}" if own else "never"
            value = parts[name]["targets"][target]
            lines.append(f"| {TITLES[name]}, {value:g} | {some} | {ours} |")
    return lines


def _rate(success: float) -> str:
    return f" ({success:.0%})" if success < 0.95 else ""


def _to_target(row: dict[str, Any]) -> str:
    cost = row["circuits"][0]
    return "–" if cost is None else f"{number(cost)} ({row['success']:.0%})"


def _hit(found: list[Found], label: str) -> Found | None:
    return next((one for one in found if one.label == label), None)


def measured(*, held_out: bool = False) -> dict[str, Any]:
    """The problems that peers were tuned for, or those that they were not, by name."""
    results = load()["results"]
    known = {name: results[name] for name in TITLES if name in results}
    return {name: part for name, part in known.items() if ("tuned" in part) != held_out}


def sections() -> dict[str, list[str]]:
    """The text of each marked section."""
    results, others = measured(), measured(held_out=True)
    made = {f"recommended {measure}": recommended(results, measure) for measure in MEASURES}
    made["ours"] = best_of_ours(results)
    made["held out"] = held_out(others)
    made["fresh"] = fresh(results | others)
    made["spsa"] = spsa_family(results | others)
    made["reused"] = reused()
    made["perfect"] = perfect(results | others)
    made["everything"] = everything(results | others, "circuits")
    made["losses"] = losses(results) or ["Nowhere in these measurements."]
    return made
