"""The measured table of ``docs/site/mitigation.md``."""

from benchmarks.blocks import ROOT, results

PAGE = ROOT / "docs" / "site" / "mitigation.md"


def tables() -> dict[str, list[str]]:
    """Errors of every method at every number of shots."""
    rows = results("mitigation")["rows"]
    budgets = [key for key in rows[0] if key.isdecimal()]
    head = " | ".join(f"{int(budget):,} shots" for budget in budgets)
    lines = [f"| noise | method | {head} |", "|---|---|" + "--:|" * len(budgets)]
    for row in rows:
        cells = (f"{error:.4f} ± {uncertainty:.4f}" for error, uncertainty in map(row.get, budgets))
        lines.append(f"| {row['machine']} | {row['method']} | {' | '.join(cells)} |")
    return {"mitigation": lines}
