"""Write the measured tables of ``docs/site/training.md`` from ``benchmarks/results``.

python -m benchmarks.practice.page
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.practice import architecture, few_shot, transfer

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "site" / "training.md"
TABLES: dict[str, tuple[str, Callable[[Any], list[str]]]] = {
    "transfer": ("arms", transfer.rows),
    "architecture": ("arms", architecture.rows),
    "few_shot": ("accuracy", few_shot.rows),
}


def table(name: str) -> str:
    """The table of one study, from its results."""
    key, rows = TABLES[name]
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    return "\n".join(rows(content["results"][key]))


def filled(text: str) -> str:
    """A page with its tables between ``<!-- table: name -->`` and ``<!-- end -->`` renewed."""

    def renew(found: re.Match[str]) -> str:
        return f"{found[1]}\n{table(found[2])}\n<!-- end -->"

    return re.sub(r"(<!-- table: (\w+) -->)\n.*?<!-- end -->", renew, text, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
